"""Who is in the ledger and by which key: people called for, joined when they turn out to be one person."""

import functools
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from clocks import FakeClock
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_checks import assert_totals_are_the_sums, owners, partition, rows
from manual_run import FREE, VERDICTS, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.clodura.answers.reader import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.verdicts import RawAnswer, State, Verdict
from clodura_pipeline.ledger import Address, Ledger, Permit
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.people import EnrichmentRequest, keys_of, recall, register
from clodura_pipeline.ledger.person_key import PERSON_KEY_SQL, person_key
from clodura_pipeline.ledger.rules.eligibility import Answered, InFlight
from clodura_pipeline.ledger.rules.policy import Budget, Limits
from clodura_pipeline.ledger.rules.stops import Stop


def with_ids(manual: ManualRun, *sent: str, others: Sequence[str] = ()) -> EnrichmentRequest:
    """A request that sends these canonical identifiers, the strongest first."""
    request = replace(manual.request(sent[0]), sent_ids=sent, other_ids=tuple(others))
    return replace(request, person_key=person_key(sent[0]))


def naming(profile: str) -> Verdict:
    """A person's answer that names a profile."""
    person = Person("p", linkedin_url=profile)
    return replace(VERDICTS["person"], enrichment=Enrichment(Found.PERSON, person, Organisation(), None))


# Keys


@functools.cache
def database() -> duckdb.DuckDBPyConnection:
    """One for all lists: to make it takes longer than all their keys."""
    return duckdb.connect()


@settings(deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=20))
@example(["em:ada@x.example", "li:ada", "", "nc:zo\u00eb l\u00f3pez \u4e2d\u6587"])
def test_sql_computes_the_same_key_as_python(identifiers: list[str]) -> None:
    known = [each.encode("utf-8", "replace").decode() for each in identifiers]
    known = [each.replace("\x00", "") for each in known]
    query = f"SELECT {PERSON_KEY_SQL.format('name')} FROM (SELECT unnest($names) AS name)"
    computed = [row[0] for row in database().execute(query, {"names": known}).fetchall()]
    assert computed == [person_key(each) for each in known]
    assert all(0 <= key < 2**63 for key in computed)


def test_a_key_never_changes_between_versions() -> None:
    assert person_key("em:ada@x.example") == 6_086_481_868_491_004_226


# Who is in the ledger


@pytest.mark.parametrize(
    "policy",
    [replace(FREE, budget=Budget(1)), replace(FREE, limits=Limits(0, 0, 1))],
    ids=["no budget", "the day's calls are made"],
)
def test_only_people_with_a_permitted_call_are_in_the_ledger(manual: ManualRun, policy: object) -> None:
    manual.call("a", "person")
    later = manual.new_run("later", policy)  # pyright: ignore[reportArgumentType]
    assert isinstance(later.permit("b"), Stop)
    assert manual.permit("a") == Answered(State.PERSON)
    assert len(rows(manual.ledger.address, "SELECT 1 FROM people")) == 1
    assert owners(manual.ledger.address, "em:a@x.example", "em:b@x.example") == {
        "em:a@x.example": person_key("em:a@x.example")
    }


def test_registering_a_person_again_changes_nothing(manual: ManualRun) -> None:
    request = with_ids(manual, "li:a", "em:a", others=["em:old"])
    for _ in range(3):
        manual.call(request, "unavailable")
    assert partition(manual.ledger.address) == {frozenset({"li:a", "em:a", "em:old"})}
    assert rows(manual.ledger.address, "SELECT person_key, alias_of FROM people")[0][:] == (person_key("li:a"), None)
    with manual.ledger.transaction() as tx:
        assert {register(tx, request, recall(tx, request)) for _ in range(2)} == {person_key("li:a")}


def test_a_person_who_gains_a_profile_keeps_key_and_answer(manual: ManualRun) -> None:
    manual.call("ada", "person")
    assert manual.permit("ada", "linkedin") == Answered(State.PERSON)
    manual.call("bob", "no_match")
    key = person_key("em:bob@x.example")
    assert manual.request("bob", "linkedin").person_key != key
    sequence = manual.ledger.changes_since(0).sequence
    manual.call("bob", "person", "linkedin")  # a stronger combination than the one that was missed
    assert {row[0] for row in rows(manual.ledger.address, "SELECT person_key FROM attempts WHERE id > 1")} == {key}
    assert owners(manual.ledger.address, "li:bob", "em:bob@x.example") == {"li:bob": key, "em:bob@x.example": key}
    assert ("li:bob", key, 1) in manual.ledger.changes_since(sequence).identifiers
    assert manual.permit(with_ids(manual, "li:bob")) == Answered(State.PERSON)


# Joining


def test_two_people_whom_one_request_joins_share_answers_and_calls_in_flight(manual: ManualRun) -> None:
    manual.call(with_ids(manual, "em:a"), "unavailable")
    manual.call(with_ids(manual, "em:b"), "person")
    assert manual.permit(with_ids(manual, "em:a", "em:b")) == Answered(State.PERSON)
    in_flight = manual.permitted(with_ids(manual, "em:c"))
    manual.call(with_ids(manual, "em:d"), "unavailable")
    assert isinstance(manual.permit(with_ids(manual, "em:d", "em:c")), InFlight)
    manual.settle(in_flight, "no_match")
    assert manual.permit(with_ids(manual, "em:d", "em:c")) == Answered(State.NO_MATCH)


def test_the_older_key_survives_and_attempts_stay_where_they_were_made(manual: ManualRun) -> None:
    first, second, third = "em:a", "em:b", "em:c"
    for each in (first, second, third):
        manual.call(with_ids(manual, each), "unavailable")
    keys = [person_key(each) for each in (first, second, third)]
    attempts = "SELECT person_key FROM attempts ORDER BY id"
    sequence = manual.ledger.changes_since(0).sequence
    manual.call(with_ids(manual, third, second), "unavailable")
    manual.call(with_ids(manual, second, first), "unavailable")
    assert [row[0] for row in rows(manual.ledger.address, attempts)] == [*keys, keys[1], keys[0]]
    aliases = dict(tuple(row) for row in rows(manual.ledger.address, "SELECT person_key, alias_of FROM people"))
    assert aliases == {keys[0]: None, keys[1]: keys[0], keys[2]: keys[0]}
    survivors = {row[0]: row[1] for row in manual.ledger.changes_since(sequence).people}
    assert survivors[keys[1]] == survivors[keys[2]] == keys[0]
    with manual.ledger.transaction() as tx:
        assert keys_of(tx, [keys[2]]) == sorted(keys)
    assert audit_ledger(manual.ledger.address).sound


SENT = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=3, unique=True), max_size=10)


@settings(max_examples=120, deadline=None)
@given(SENT)
@example([["a"], ["b"], ["c"], ["d"], ["c", "d"], ["a", "b"], ["b", "d"]])
@example([["b", "d"], ["a", "b"], ["c", "d"], ["d"], ["c"], ["b"], ["a"]])
def test_requests_in_any_order_join_what_was_ever_in_one_of_them(requests: list[list[str]]) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder,
        Ledger(Path(folder) / "ledger.sqlite", FakeClock(), FORM) as ledger,
    ):
        manual = ManualRun(ledger, FakeClock())
        for sent in requests:
            manual.call(with_ids(manual, *sent), "unavailable")
        assert partition(ledger.address) == components(requests)
        assert_no_chains(ledger.address)
        assert_totals_are_the_sums(ledger.address)


def components(groups: Sequence[Sequence[str]]) -> set[frozenset[str]]:
    """Which of these belong together: those that were ever in one group."""
    together: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        joined = set(group).union(*(together[each] for each in group))
        for each in joined:
            together[each] = joined
    return {frozenset(part) for part in together.values() if part}


def assert_no_chains(path: Address) -> None:
    people = {row[0]: row for row in rows(path, "SELECT person_key, alias_of, added FROM people")}
    for row in people.values():
        if row["alias_of"] is not None:
            assert people[row["alias_of"]]["added"] < row["added"]
            assert people[row["alias_of"]]["alias_of"] is None


# What only files said


def test_an_identifier_that_was_never_sent_passes_to_the_person_who_is_called_by_it(manual: ManualRun) -> None:
    manual.call(with_ids(manual, "li:a", others=["em:shared"]), "person")
    assert owners(manual.ledger.address, "em:shared") == {"em:shared": person_key("li:a")}
    permit = manual.permit(with_ids(manual, "em:shared"))
    assert isinstance(permit, Permit)
    assert owners(manual.ledger.address, "em:shared", "li:a") == {
        "em:shared": person_key("em:shared"),
        "li:a": person_key("li:a"),
    }
    manual.settle(permit, "no_match")
    assert manual.permit(with_ids(manual, "em:shared")) == Answered(State.NO_MATCH)


def test_what_files_say_takes_no_identifier_from_a_person(manual: ManualRun) -> None:
    manual.call(with_ids(manual, "em:a"), "person")
    manual.call(with_ids(manual, "em:b", others=["em:a"]), "person")
    assert partition(manual.ledger.address) == {frozenset({"em:a"}), frozenset({"em:b"})}
    assert manual.permit(with_ids(manual, "em:a")) == Answered(State.PERSON)


# What answers name


@pytest.mark.parametrize("called_for", ["by profile first", "by address first"])
def test_a_profile_that_an_answer_names_joins_the_person_who_had_it(manual: ManualRun, called_for: str) -> None:
    by_profile, by_address = with_ids(manual, "li:ada"), manual.request("ada")
    if called_for == "by profile first":
        manual.call(by_profile, "unavailable")
    manual.call(by_address, naming("https://linkedin.com/in/ADA"))
    for request in (by_profile, by_address):
        assert manual.permit(request) == Answered(State.PERSON)
    assert partition(manual.ledger.address) == {frozenset({"li:ada", "em:ada@x.example"})}
    older = by_profile if called_for == "by profile first" else by_address
    assert set(owners(manual.ledger.address, "li:ada", "em:ada@x.example").values()) == {older.person_key}


def test_a_profile_that_files_said_and_an_answer_names_blocks_another_call(manual: ManualRun) -> None:
    request = replace(manual.request("ada"), other_ids=("li:ada",))
    manual.call(request, naming("https://linkedin.com/in/ada"))
    assert manual.permit(with_ids(manual, "li:ada")) == Answered(State.PERSON)


def test_a_profile_that_an_answer_names_joins_the_person_whose_rows_have_it(manual: ManualRun) -> None:
    manual.call(with_ids(manual, "em:b", others=["li:ada"]), "no_match")
    manual.call("ada", naming("https://linkedin.com/in/ada"))
    assert partition(manual.ledger.address) == {frozenset({"em:b", "li:ada", "em:ada@x.example"})}
    assert manual.permit(with_ids(manual, "li:ada")) == Answered(State.PERSON)


def test_a_profile_that_two_answers_name_makes_them_one_person(manual: ManualRun) -> None:
    for name in ("ada", "countess"):
        manual.call(name, naming("https://linkedin.com/in/ada"))
    assert len(partition(manual.ledger.address)) == 1
    assert audit_ledger(manual.ledger.address).sound


def test_a_profile_without_a_canonical_form_joins_nothing(manual: ManualRun) -> None:
    for name in ("a", "b"):
        manual.call(name, naming("https://example.com/no-profile"))
    assert len(partition(manual.ledger.address)) == 2


def test_an_error_in_a_canonical_form_rolls_back_the_settlement(clock: FakeClock, memory: Path) -> None:
    def fail(url: str) -> str | None:
        raise ValueError(url)

    with Ledger(memory / "ledger.sqlite", clock, replace(FORM, profile_of=fail)) as ledger:
        manual = ManualRun(ledger, clock)
        permit = manual.permitted("a")
        with pytest.raises(ValueError, match="https"):
            ledger.settle(permit.attempt_id, naming("https://x"), RawAnswer(200, b"{}"), manual.policy, "1")
        assert ledger.totals().reserved == 2  # rolled back as a whole: the caller may store the bytes alone
