"""Who has which key: partitions that depend on no order, joins whose older key survives, aliases that never chain."""

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from asking_process import profile_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_helpers import Desk, FakeClock, partition, rows

from clodura_pipeline.clodura.answers import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.verdicts import Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.eligibility import Known, UnderWay

Groups = Sequence[tuple[str, str]]
PAIRS = st.lists(
    st.tuples(st.sampled_from([f"label {n}" for n in range(6)]), st.sampled_from([f"email:{n}" for n in range(9)])),
    max_size=20,
)


def pairs(*groups: str) -> list[tuple[str, str]]:
    """Each word is a group, each of its letters an identifier."""
    return [(f"{place}:{word}", letter) for place, word in enumerate(groups) for letter in word]


def expected(batches: Iterable[Groups]) -> set[frozenset[str]]:
    """The connected components of identifiers that were ever in one group."""
    groups: dict[tuple[int, str], set[str]] = defaultdict(set)
    for place, batch in enumerate(batches):
        for label, identifier in batch:
            groups[place, label].add(identifier)
    parts: list[set[str]] = []
    for group in groups.values():
        touching = [part for part in parts if part & group]
        parts = [part for part in parts if not part & group] + [group.union(*touching)]
    return {frozenset(part) for part in parts}


def assert_no_chains(path: Path) -> None:
    people = dict(tuple(row) for row in rows(path, "SELECT person_key, alias_of FROM people"))
    for key, survivor in people.items():
        if survivor is not None:
            assert survivor < key
            assert people[survivor] is None


@pytest.mark.parametrize(
    ("batches", "keys"),
    [
        ([("a", "b")], [{"a": 1, "b": 2}]),
        ([("ab",), ("a",), ("b",)], [{"ab": 1}, {"a": 1}, {"b": 1}]),
        ([("a", "b"), ("ab",)], [{"a": 1, "b": 2}, {"ab": 1}]),
        ([("a", "b", "c"), ("bc",), ("ab",), ("c",)], [{"a": 1, "b": 2, "c": 3}, {"bc": 2}, {"ab": 1}, {"c": 1}]),
        ([("a", "b", "c", "d"), ("cd", "ab"), ("bd",)], [{"d": 4}, {"cd": 3, "ab": 1}, {"bd": 1}]),
        ([("ab", "bc")], [{"ab": 1, "bc": 1}]),
        ([("a",), ("ab", "bc", "cd", "x")], [{"a": 1}, {"ab": 1, "bc": 1, "cd": 1, "x": 2}]),
        ([("aa",)], [{"aa": 1}]),
        ([()], [{}]),
    ],
)
def test_keys_are_given_kept_and_joined(
    ledger: Ledger, ledger_path: Path, batches: list[tuple[str, ...]], keys: list[dict[str, int]]
) -> None:
    for groups, wanted in zip(batches, keys, strict=True):
        given_keys = {label.partition(":")[2]: key for label, key in ledger.register(pairs(*groups)).items()}
        assert {**given_keys, **wanted} == given_keys
    assert_no_chains(ledger_path)


@settings(max_examples=120, deadline=None)
@given(batches=st.lists(PAIRS, min_size=1, max_size=4), data=st.data())
@example(batches=[[("a", "1"), ("b", "1"), ("b", "2")]], data=None)
def test_who_belongs_together_depends_on_no_order(batches: list[Groups], data: st.DataObject | None) -> None:
    shuffled = batches
    if data is not None:
        shuffled = [data.draw(st.permutations(batch)) for batch in data.draw(st.permutations(batches))]
    for order in (
        batches,
        shuffled,
        [[(f"{n} {label}", name) for n, batch in enumerate(batches) for label, name in batch]],
    ):
        with (
            tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder,
            Ledger(Path(folder) / "ledger.sqlite", FakeClock(), profile_of) as ledger,
        ):
            for batch in order:
                keys = ledger.register(batch)
                assert set(keys) == {label for label, _ in batch}
                assert ledger.register(batch) == keys
            assert partition(ledger.path) == expected(batches)
            assert_no_chains(ledger.path)


def found(profile: str) -> Verdict:
    enrichment = Enrichment(Found.PERSON, Person("p", linkedin_url=profile), Organisation(), None)
    return Verdict(State.PERSON, "ok", Next.GO_ON, 2, cost_basis="content", enrichment=enrichment)


def test_an_answer_that_names_a_profile_joins_who_had_it_and_nobody_is_bought_twice(desk: Desk) -> None:
    desk.ledger.register([("by profile", "linkedin:ada")])
    desk.settle(desk.granted("ada"), found("https://linkedin.com/in/ADA"))
    keys = desk.ledger.register([("profile", "linkedin:ada"), ("email", "email:ada@x.example")])
    assert keys == {"profile": 1, "email": 1}
    assert desk.permit("ada") == Known(State.PERSON)


def test_joined_people_share_what_is_known_and_what_is_under_way(desk: Desk) -> None:
    desk.question("a")
    desk.asked("b", "person")
    granted = desk.granted("c")
    desk.ledger.register([("x", "email:a@x.example"), ("x", "email:b@x.example")])
    assert desk.permit("a") == Known(State.PERSON)
    desk.question("d")
    desk.ledger.register([("y", "email:d@x.example"), ("y", "email:c@x.example")])
    assert isinstance(desk.permit("d"), UnderWay)
    desk.settle(granted, "no_match")
    assert desk.permit("d") == Known(State.NO_MATCH)


def test_attempts_stay_where_they_were_made(desk: Desk, ledger_path: Path) -> None:
    desk.question("a")
    desk.asked("b", "person")
    before = rows(ledger_path, "SELECT person_key FROM attempts")[0][0]
    sequence = desk.ledger.sequence()
    desk.ledger.register([("x", "email:a@x.example"), ("x", "email:b@x.example")])
    assert rows(ledger_path, "SELECT person_key FROM attempts")[0][0] == before == 2
    assert desk.ledger.changes_since(sequence).aliases == [(2, 1)]


def test_a_profile_that_no_canonical_form_is_known_for_joins_nobody(desk: Desk) -> None:
    desk.settle(desk.granted("a"), found("https://example.com/nobody"))
    desk.settle(desk.granted("b"), found("https://example.com/nobody"))
    assert desk.ledger.alias_sequence() == 0


def test_what_a_canonical_form_trips_over_does_not_undo_what_was_stored(clock: FakeClock, memory: Path) -> None:
    def identify(url: str) -> str | None:
        raise ValueError(url)

    with Ledger(memory / "ledger.sqlite", clock, identify) as ledger:
        desk = Desk(ledger, clock)
        granted = desk.granted("a")
        with pytest.raises(ValueError, match="https"):
            ledger.settle(granted.attempt_id, found("https://x"), RawAnswer(200, b"{}"), desk.policy)
        assert ledger.totals().reserved == 2  # rolled back as a whole: the caller may store the bytes alone


def test_registering_many_people_takes_seconds_at_most(ledger: Ledger) -> None:
    many = [(f"{n}", f"email:{n}@x.example") for n in range(20_000)]
    assert len(set(ledger.register(many).values())) == 20_000
