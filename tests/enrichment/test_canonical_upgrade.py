"""A ledger written by a previous canonical form: today's applies to its past, asks nobody and joins nobody wrongly."""

import json
import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from canonical_forms import PREVIOUS, PREVIOUS_FORM, TODAY, Form, previous_address, previous_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import FREE, VERDICTS, FakeClock, assert_books_agree, assert_totals_are_the_sums, rows

from clodura_pipeline.clodura.answers import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, State
from clodura_pipeline.identity import rereading
from clodura_pipeline.identity.canonical import email_id, profile_id
from clodura_pipeline.ledger import CanonicalForm, Granted, Ledger, LedgerProblem
from clodura_pipeline.ledger.attempts import Decision
from clodura_pipeline.ledger.rules.eligibility import Known
from clodura_pipeline.ledger.rules.requests import Question, Run
from clodura_pipeline.sandbox import Sandbox, build_directory

Start = Callable[..., Sandbox]
# Not forked from here: the threads of polars do not live on in a fork.
SERVER = multiprocessing.get_context("forkserver")


@pytest.fixture(autouse=True)
def _previous_form_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "FORMER_FORMS", (PREVIOUS_FORM,))


def profile(slug: str, email: str | None = None) -> Identifiers:
    return Identifiers(linkedin_url=f"https://www.linkedin.com/in/{slug}", email=email)


class Program:
    """A program of one form that asks by hand: `ask` permits and settles, `permit` only decides."""

    def __init__(self, form: Form, path: Path, run_id: str = "run") -> None:
        self.form = form
        self.ledger = form.open(path, FakeClock())
        self.run: Run = self.ledger.start_run(run_id, run_id, 0)

    def question(self, person: Identifiers, in_conflict: Sequence[str] = ()) -> Question:
        return self.form.questions(self.ledger, [person], in_conflict)[0]

    def permit(self, person: Identifiers) -> Decision:
        return self.ledger.permit(self.question(person), self.run, FREE)

    def ask(self, person: Identifiers, found: str = "no_match", named: str | None = None) -> int:
        """The person's key, once asked and answered; `named`: the slug of the profile that the answer names."""
        question = self.question(person)
        granted = self.ledger.permit(question, self.run, FREE)
        assert isinstance(granted, Granted), granted
        answer = Person("id", linkedin_url=f"https://www.linkedin.com/in/{named}" if named else None)
        enrichment = Enrichment(Found(found), answer, Organisation(), None)
        verdict = replace(VERDICTS[found], enrichment=enrichment)
        body = json.dumps({"personId": "id", "linkedinUrl": answer.linkedin_url}).encode()
        self.ledger.settle(granted.attempt_id, verdict, RawAnswer(200, body), FREE)
        return question.person_key

    def key(self, person: Identifiers) -> int:
        return self.question(person).person_key


@pytest.fixture
def before(ledger_path: Path) -> Iterator[Program]:
    program = Program(PREVIOUS, ledger_path)
    with program.ledger:
        yield program


def upgraded(before: Program) -> Program:
    """The next program on the same ledger, with today's form."""
    before.ledger.close()
    return Program(TODAY, before.ledger.path, "next")


def contents(path: Path, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    tables = tables or ("identifiers", "people", "attempts", "totals", "forgotten", "control")
    return {table: sorted(tuple(row) for row in rows(path, f"SELECT * FROM {table}")) for table in tables}


def other_spelling(person: Identifiers, number: int) -> Identifiers:
    """The same person, written as today's form can read it and the previous form could not."""
    url, email = person.linkedin_url, person.email
    if url is not None:
        slug = url.rstrip("/").rpartition("/in/")[2]
        ways = (
            f"{slug.upper().replace('%', '%25')}",
            f"{slug}/de/",
            f"{slug}/?trk=abc",
            f"%{ord(slug[0]):02X}{slug[1:]}",
        )
        url = f"https://de.linkedin.com/in/{ways[number % len(ways)]}"
    if email is not None:
        local, _, domain = email.partition("@")
        email = f"{local}+list{number}@{domain}"
    return replace(person, linkedin_url=url, email=email)


# By real asking


def test_nobody_is_asked_again_and_books_and_attempts_stay(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    directory = build_directory().people[:40]
    people = [
        Identifiers(
            linkedin_url=person.linkedin_url if number % 3 != 1 else None, email=person.email if number % 3 else None
        )
        for number, person in enumerate(directory)
    ]
    names = [
        Identifiers(first_name=p.first_name, last_name=p.last_name, organisation_name=p.organisation.name)
        for p in directory[30:]
    ]
    people = people[:30] + names
    asked = PREVIOUS.ask(ledger_path, sandbox.base_url, people, "before")
    before, books = contents(ledger_path, "attempts", "totals"), sandbox.books.view()
    assert len(books.enrich_calls) == len(people)
    respelt = [other_spelling(person, number) for number, person in enumerate(people[:30])]
    respelt += [replace(name, organisation_name=f"{name.organisation_name} Ltd.") for name in names]
    shown = TODAY.ask(ledger_path, sandbox.base_url, respelt, "after")
    assert len(sandbox.books.view().enrich_calls) == len(people)
    assert [each.state for each in shown] == [each.state for each in asked]
    assert {each.state for each in shown} >= {State.PERSON, State.NO_MATCH}
    assert contents(ledger_path, "attempts", "totals") == before
    assert_books_agree(ledger_path, books)


def test_who_was_asked_twice_under_two_spellings_is_one_and_asked_no_more(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    missed = next(person for person in build_directory().people if person.answer == "miss")
    once, again = (Identifiers(linkedin_url=f"{missed.linkedin_url}/{language}") for language in ("de", "fr"))
    third = Identifiers(linkedin_url=missed.linkedin_url)
    PREVIOUS.ask(ledger_path, sandbox.base_url, [once, again], "before")
    assert len(sandbox.books.view().enrich_calls) == 2
    shown = TODAY.ask(ledger_path, sandbox.base_url, [third, once, again], "after")
    assert [each.state for each in shown] == [State.NO_MATCH] * 3
    assert len({each.question.person_key for each in shown}) == 1
    assert len(sandbox.books.view().enrich_calls) == 2
    assert_totals_are_the_sums(ledger_path)


# Who is one


def test_two_spellings_become_one_person_who_shows_the_newer_answer(before: Program) -> None:
    older = before.ask(profile("ann-lee", "a@x.example"))
    newer = before.ask(profile("Ann-Lee/de"), "person")
    assert older != newer
    sequence = before.ledger.sequence()
    now = upgraded(before)
    assert now.permit(profile("ANN-LEE")) == Known(State.PERSON)
    assert now.permit(Identifiers(email="a+news@x.example")) == Known(State.PERSON)
    assert now.key(profile("ann-lee")) == older
    assert now.ledger.changes_since(sequence).aliases == [(newer, older)]
    assert [row[0] for row in rows(now.ledger.path, "SELECT person_key FROM attempts ORDER BY id")] == [older, newer]
    assert now.ledger.audit().sound


def test_who_was_registered_and_never_asked_shares_the_answer_of_the_other_spelling(before: Program) -> None:
    before.key(profile("Ann-Lee"))
    before.ask(profile("ANN-lee"), "person")
    now = upgraded(before)
    assert now.permit(profile("ann-lee?trk=x")) == Known(State.PERSON)


def test_an_address_joins_who_has_one_profile_among_them(before: Program) -> None:
    alone = before.ask(Identifiers(email="ann+a@x.example"))
    beside = before.ask(profile("ann", "ann@x.example"), "person")
    now = upgraded(before)
    assert now.key(profile("ann")) == now.key(Identifiers(email="ann@x.example")) == alone
    assert alone < beside
    assert now.permit(Identifiers(email="ann+b@x.example")) == Known(State.PERSON)


def test_a_profile_that_only_an_answer_named_leads_to_whoever_was_asked(before: Program) -> None:
    key = before.ask(Identifiers(email="ann@x.example"), "person", named="Ann%2DLee/de")
    now = upgraded(before)
    assert now.key(profile("ann-lee")) == key


def test_a_profile_is_read_from_the_bytes_where_the_fields_are_gone(before: Program) -> None:
    key = before.ask(Identifiers(email="ann@x.example"), "person", named="Ann/de")
    with closing(sqlite3.connect(before.ledger.path)) as connection, connection:
        connection.execute("UPDATE attempts SET answer = NULL")
        connection.execute("DELETE FROM identifiers WHERE identifier LIKE 'li:%'")
    now = upgraded(before)
    assert now.key(profile("ann")) == key


def test_a_name_at_a_company_is_read_from_what_was_sent(before: Program) -> None:
    def named(first: str, company: str) -> Identifiers:
        return Identifiers(first_name=first, last_name="Lee", organisation_name=company)

    key = before.ask(named("Zoë", "Acme GmbH"))
    now = upgraded(before)
    assert now.key(named("Zoe", "ACME")) == key
    assert now.key(named("Zoe", "Other")) != key


def test_what_cannot_be_read_any_more_still_leads_to_its_person(before: Program) -> None:
    key = before.ledger.register([("x", "nc:ann|lee|acme inc"), ("y", "em:info@x.example")])
    now = upgraded(before)
    assert now.ledger.find(["nc:ann|lee|acme inc", "em:info@x.example"]) == {
        "nc:ann|lee|acme inc": key["x"],
        "em:info@x.example": key["y"],
    }


# Who is not


def test_an_address_of_two_profiles_joins_neither_and_leads_to_neither(before: Program) -> None:
    ann = before.ask(profile("ann", "us+ann@x.example"), "person")
    ben = before.ask(profile("ben", "us+ben@x.example"), "person")
    now = upgraded(before)
    assert now.ledger.find(["em:us@x.example"]) == {}
    assert (now.key(profile("ann")), now.key(profile("ben"))) == (ann, ben)
    assert now.ledger.alias_sequence() == 0
    assert isinstance(now.permit(Identifiers(email="us@x.example")), Granted)


def test_an_address_of_two_profiles_stays_with_who_was_asked_by_it_alone(before: Program) -> None:
    before.ask(profile("ann", "us+ann@x.example"), "person")
    alone = before.ask(Identifiers(email="us+ben@x.example"), "person", named="ben")
    asked_too = before.ask(Identifiers(email="us@x.example"), "no_match")
    now = upgraded(before)
    assert now.ledger.find(["em:us@x.example", "li:ben", "li:ann"])["em:us@x.example"] == asked_too
    assert now.key(profile("ben")) == alone
    assert now.ledger.alias_sequence() == 0
    assert isinstance(now.permit(Identifiers(email="us+new@x.example")), Known)


def test_an_address_that_was_parted_from_its_profile_is_not_given_back(before: Program) -> None:
    person = profile("ann", "Ann+crm@x.example")
    granted = before.permit(person)
    assert isinstance(granted, Granted)
    before.ledger.settle(granted.attempt_id, VERDICTS["unavailable"], None, FREE)  # so the address was not asked by
    before.ledger.register([("x", "li:ann"), ("x", "em:other@x.example")])
    before.question(profile("ann"), in_conflict=[str(previous_address("Ann+crm@x.example"))])
    now = upgraded(before)
    assert now.ledger.find(["em:ann@x.example", "em:other@x.example"]).keys() == {"em:other@x.example"}


def test_an_address_that_reads_more_finely_today_is_found_from_what_was_sent(before: Program) -> None:
    """Where the previous form knew less of an address than the question tells."""
    key = before.ask(profile("ann", "ann+a@x.example"), "person")
    with closing(sqlite3.connect(before.ledger.path)) as connection, connection:
        connection.execute("UPDATE identifiers SET identifier = 'em:x.example' WHERE identifier LIKE 'em:%'")
    before.ledger.close()
    former = lambda address: [f"em:{address.partition('@')[2]}"]  # noqa: E731
    form = replace(TODAY, handed_in=replace(TODAY.handed_in, former_addresses=former))
    with form.open(before.ledger.path) as ledger:
        assert ledger.find(["em:ann@x.example"]) == {"em:ann@x.example": key}


# Forgotten people


def test_who_was_erased_under_the_previous_form_is_recognised_by_an_answer(before: Program) -> None:
    before.ledger.forget([str(previous_profile("https://www.linkedin.com/in/Ann-Zq"))])
    now = upgraded(before)
    now.ask(Identifiers(email="zq@x.example"), "person", named="Ann-Zq")
    assert rows(now.ledger.path, "SELECT question, raw, answer FROM attempts")[0][:] == (None, None, None)
    assert now.ledger.find(["em:zq@x.example"]) == {}
    assert now.ledger.audit().sound


def test_whom_todays_form_shows_to_be_somebody_erased_is_erased_too(before: Program) -> None:
    before.ask(profile("Zqx/de", "other@x.example"), "person")
    before.ask(profile("ben"), "person")
    before.ledger.forget(["li:zqx"])
    now = upgraded(before)
    assert now.ledger.find(["li:zqx", "em:other@x.example"]) == {}
    assert [row[0] for row in rows(now.ledger.path, "SELECT question IS NULL FROM attempts ORDER BY id")] == [1, 0]
    assert "li:zqx" in now.ledger.forgotten()
    assert now.ledger.totals().charged == 4
    assert now.ledger.audit().sound


# Versions


def test_an_older_program_is_refused_and_changes_nothing(before: Program) -> None:
    before.ask(profile("Ann"), "person")
    path = before.ledger.path
    upgraded(before).ledger.close()
    kept = contents(path)
    with pytest.raises(LedgerProblem, match=r"newer clodura_pipeline.*Upgrade the package"):
        PREVIOUS.open(path)
    assert contents(path) == kept


def test_a_program_that_has_the_ledger_open_stops_asking_and_stores_what_is_under_way(before: Program) -> None:
    granted = before.permit(profile("Ann"))
    assert isinstance(granted, Granted)
    question = before.question(profile("Ben"))
    with TODAY.open(before.ledger.path):
        pass
    with pytest.raises(LedgerProblem, match="newer clodura_pipeline"):
        before.question(profile("Cleo"))
    with pytest.raises(LedgerProblem, match="newer clodura_pipeline"):
        before.ledger.permit(question, before.run, FREE)
    before.ledger.settle(granted.attempt_id, VERDICTS["person"], RawAnswer(200, b"{}"), FREE)
    now = upgraded(before)
    assert now.permit(profile("ann")) == Known(State.PERSON)


def settle_naming(program: Program, granted: Granted, slug: str) -> None:
    """The answer comes, and names a profile."""
    person = Person("id", linkedin_url=f"https://www.linkedin.com/in/{slug}")
    enrichment = Enrichment(Found("person"), person, Organisation(), None)
    raw = json.dumps({"personId": "id", "linkedinUrl": person.linkedin_url}).encode()
    verdict = replace(VERDICTS["person"], enrichment=enrichment)
    program.ledger.settle(granted.attempt_id, verdict, RawAnswer(200, raw), FREE)


def test_a_profile_that_an_answer_names_to_an_older_program_is_known_in_the_new_form(before: Program) -> None:
    granted = before.permit(Identifiers(email="zq@x.example"))
    assert isinstance(granted, Granted)
    with TODAY.open(before.ledger.path) as opened:
        settle_naming(before, granted, "Ann-Zq")
        opened.register([("somebody", "em:else@x.example")])  # what the newer program does next
        assert opened.find(["li:ann-zq"])
    assert upgraded(before).permit(profile("ann-zq")) == Known(State.PERSON)


def test_who_was_erased_while_an_older_program_asked_is_erased_by_the_next_newer_one(before: Program) -> None:
    granted = before.permit(Identifiers(email="zq@x.example"))
    assert isinstance(granted, Granted)
    with TODAY.open(before.ledger.path) as opened:
        opened.forget(["li:ann-zq"])
    settle_naming(before, granted, "Ann-Zq")
    now = upgraded(before)
    assert [tuple(row) for row in rows(now.ledger.path, "SELECT question, answer, raw FROM attempts")] == [(None,) * 3]


# Processes


def _counting(form: CanonicalForm, told: Path) -> CanonicalForm:
    """The form, which notes every process that reads by it."""

    def read(spellings: Sequence[Identifiers]) -> Any:
        with told.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return form.read(spellings)

    return replace(form, read=read)


def _open_together(path: Path, told: Path, gate: Barrier) -> None:
    gate.wait(30)
    with replace(TODAY, handed_in=_counting(TODAY.handed_in, told)).open(path) as ledger:
        assert len(ledger.find(["li:ann", "li:ben"])) == 2


def test_one_of_several_processes_upgrades_and_all_go_on(before: Program, tmp_path: Path) -> None:
    before.ask(profile("Ann"))
    before.ask(profile("Ben"))
    before.ledger.close()
    told = tmp_path / "told"
    gate = SERVER.Barrier(6)
    processes = [SERVER.Process(target=_open_together, args=(before.ledger.path, told, gate)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        process.kill()
    assert [process.exitcode for process in processes] == [0] * 6
    assert len(set(told.read_text().split())) == 1


def _hang_in_the_middle(path: Path, reads: int, reached: Connection) -> None:
    left = iter(range(reads))

    def read(spellings: Sequence[Identifiers]) -> Any:
        if next(left, None) is None:
            reached.send("in the middle")
            reached.recv()  # until killed
        return TODAY.handed_in.read(spellings)

    replace(TODAY, handed_in=replace(TODAY.handed_in, read=read)).open(path)


@pytest.mark.parametrize("reads", [0, 1, 2])
def test_a_kill_in_the_middle_leaves_the_former_state(before: Program, reads: int) -> None:
    before.ask(profile("Ann", "ann@x.example"), "person", named="Ann/de")
    before.ledger.close()
    path = before.ledger.path
    kept = contents(path)
    here, there = SERVER.Pipe()
    process = SERVER.Process(target=_hang_in_the_middle, args=(path, reads, there))
    process.start()
    reached = here.poll(30)
    process.kill()
    process.join()
    assert reached
    assert contents(path) == kept
    now = Program(TODAY, path, "next")
    assert now.permit(profile("ann")) == Known(State.PERSON)


# By generated histories

SLUGS = st.sampled_from(["ann", "ben", "cleo"])
ADDRESSES = st.sampled_from([f"{name}@x.example" for name in "abcd"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), SLUGS, st.lists(ADDRESSES, max_size=2)),
        st.tuples(st.just("ask beside"), SLUGS, ADDRESSES),
        st.tuples(st.just("ask alone"), ADDRESSES, st.none() | SLUGS),
        st.tuples(st.just("conflict"), ADDRESSES, st.none()),
        st.tuples(st.just("forget"), ADDRESSES, st.none()),
    ),
    max_size=12,
)


def _live(program: Program, steps: Sequence[tuple[str, Any, Any]]) -> None:
    for kind, one, other in steps:
        ledger = program.ledger
        if _name_somebody_erased(ledger, one, other):
            continue  # such rows never come this far
        if kind == "register":
            ledger.register([("x", f"li:{one}"), *(("x", f"em:{address}") for address in other)])
        elif kind == "conflict":
            ledger.register([("x", f"em:{one}")], [f"em:{one}"])
        elif kind == "forget":
            ledger.forget([f"em:{one}"])
        else:
            person = profile(one, other) if kind == "ask beside" else Identifiers(email=one)
            if isinstance(program.permit(person), Granted):
                named = other if kind == "ask alone" else one
                _settle_newest(ledger, named)


def _name_somebody_erased(ledger: Ledger, one: str, other: Any) -> bool:
    forgotten = ledger.forgotten()
    told = [one, *(other if isinstance(other, list) else [other])]
    return any(f"{kind}:{each}" in forgotten for each in told for kind in ("li", "em"))


def _settle_newest(ledger: Ledger, named: str | None) -> None:
    answer = Person("id", linkedin_url=f"https://www.linkedin.com/in/{named}")
    verdict = replace(VERDICTS["person"], enrichment=Enrichment(Found.PERSON, answer, Organisation(), None))
    newest = ledger.newest_attempt()
    ledger.settle(newest, verdict if named else VERDICTS["no_match"], RawAnswer(200, b"{}"), FREE)


def _in_a_folder() -> Any:
    return tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_a_form_that_reads_everything_as_before_changes_nothing(steps: list[tuple[str, Any, Any]]) -> None:
    with _in_a_folder() as folder:
        path = Path(folder) / "ledger.sqlite"
        program = Program(TODAY, path)
        with program.ledger:
            _live(program, steps)
        before = contents(path, "identifiers", "people", "attempts", "totals", "forgotten")
        later = replace(TODAY, handed_in=replace(TODAY.handed_in, version=2))
        later.open(path, FakeClock()).close()
        assert contents(path, "identifiers", "people", "attempts", "totals", "forgotten") == before
        assert rows(path, "SELECT canonical_version FROM control")[0][0] == 2


@settings(max_examples=60, deadline=None)
@given(
    slug=st.from_regex(r"[A-Za-z0-9%äß_.~'!*+@,-]{1,30}", fullmatch=True),
    local=st.from_regex(r"[a-z.+_'-]{1,9}", fullmatch=True),
)
def test_an_identifier_is_a_spelling_of_itself(slug: str, local: str) -> None:
    for identifier in (profile_id(f"linkedin.com/in/{slug}"), email_id(f"{local}@gmail.com")):
        if identifier is not None:
            spelling = rereading.spelling_of(identifier)
            assert spelling is not None
            assert identifier in rereading.read_anew([spelling])[0]
