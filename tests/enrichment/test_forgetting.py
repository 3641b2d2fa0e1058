"""The ledger's part of retention and of people's wishes: what goes, what stays, and that nobody is asked again."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_helpers import FREE, VERDICTS, Desk, FakeClock, assert_totals_are_the_sums, rows

from clodura_pipeline.clodura.answers import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, State, Verdict
from clodura_pipeline.ledger import Erased, Granted, Ledger, Removed, Retention
from clodura_pipeline.ledger.rules.eligibility import Held, Known
from clodura_pipeline.ledger.rules.policy import Refresh

DAY = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def desk(path: Path, clock: FakeClock) -> Desk:
    return Desk(Ledger(path, clock, lambda url: f"li:{url.rsplit('/', 1)[1]}"), clock)


def answer(slug: str) -> Verdict:
    """An answer that tells a marked title and the profile of whoever was found."""
    person = Person(job_title="Keeper of the zqtitle", linkedin_url=f"https://linkedin.com/in/{slug}")
    return replace(VERDICTS["person"], enrichment=Enrichment(Found.PERSON, person, Organisation(), None))


def ask(desk: Desk, name: str, slug: str | None = None) -> None:
    granted = desk.granted(name)
    raw = RawAnswer(200, b'{"personTitle": "Keeper of the zqtitle"}')
    desk.ledger.settle(granted.attempt_id, answer(slug or name), raw, FREE)


def kept(path: Path) -> list[tuple[object, ...]]:
    return [
        tuple(row) for row in rows(path, "SELECT state, raw IS NOT NULL, answer IS NOT NULL FROM attempts ORDER BY id")
    ]


def bytes_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_whoever_is_erased_is_not_asked_again_and_the_books_stay(desk: Desk, path: Path) -> None:
    ask(desk, "zqann")
    ask(desk, "ben")
    before = desk.ledger.totals()
    question = desk.question("zqann")
    assert desk.ledger.forget(["email:zqann@x.example"]) == Erased(people=1, identifiers=2, calls=1)
    assert desk.ledger.wipe(thoroughly=True)
    assert desk.ledger.totals() == before
    assert_totals_are_the_sums(path)
    assert desk.ledger.audit().sound
    assert b"zqann" not in bytes_of(path)
    assert b"ben@x.example" in bytes_of(path)
    refresh = replace(FREE, refresh=Refresh(0, 0), settle_doubts=True)
    assert isinstance(desk.ledger.permit(question, desk.run, refresh), Held)
    assert kept(path) == [("person", 0, 0), ("person", 1, 1)]


def test_every_key_and_identifier_of_a_person_goes(desk: Desk, path: Path) -> None:
    ask(desk, "zqann")
    ask(desk, "zqann-at-home", slug="zqann")  # the answer shows them to be one
    assert desk.ledger.forget(["email:zqann-at-home@x.example"]) == Erased(people=1, identifiers=3, calls=2)
    assert desk.ledger.wipe(thoroughly=True)
    assert b"zqann" not in bytes_of(path)
    forgotten = desk.ledger.forgotten()
    assert all(known in forgotten for known in ("email:zqann@x.example", "li:zqann"))
    assert "email:somebody@x.example" not in forgotten


def test_who_is_erased_while_a_call_is_under_way_leaves_nothing_of_its_answer(desk: Desk, path: Path) -> None:
    granted = desk.granted("zqann")
    desk.ledger.forget(["email:zqann@x.example"])
    raw = RawAnswer(200, b'{"personTitle": "Keeper of the zqtitle"}')
    assert desk.ledger.settle(granted.attempt_id, answer("zqann"), raw, FREE).state is State.PERSON
    assert desk.ledger.wipe()
    assert kept(path) == [("person", 0, 0)]
    assert desk.ledger.totals().charged == 2
    assert desk.ledger.audit().sound
    assert b"zqann" not in bytes_of(path)
    assert b"zqtitle" not in bytes_of(path)


def test_an_answer_that_names_somebody_erased_is_erased_as_it_comes(desk: Desk, path: Path) -> None:
    desk.ledger.forget(["li:zqann"])
    ask(desk, "another-address-of-hers", slug="zqann")
    ask(desk, "ben")
    assert desk.ledger.wipe()
    assert kept(path) == [("person", 0, 0), ("person", 1, 1)]
    assert "email:another-address-of-hers@x.example" in desk.ledger.forgotten()
    assert b"another-address" not in bytes_of(path)
    assert desk.ledger.audit().sound


def test_the_hash_of_a_question_cannot_be_tried_out_after_erasing(desk: Desk, path: Path) -> None:
    ask(desk, "zqann")
    desk.ledger.forget(["email:zqann@x.example"])
    assert rows(path, "SELECT question_hash, question FROM attempts")[0][:] == ("", None)
    marks = rows(path, "SELECT mark FROM forgotten")
    assert len(marks) == 2
    other = Ledger(path.with_name("other.sqlite"), desk.clock, lambda _: None)
    other.forget(["email:zqann@x.example"])
    assert not {mark[0] for mark in marks} & {m[0] for m in rows(other.path, "SELECT mark FROM forgotten")}


def test_overdue_answers_go_and_are_never_bought_again(desk: Desk, path: Path, clock: FakeClock) -> None:
    ask(desk, "old")
    desk.asked("old-miss", "no_match")
    desk.asked("old-riddle", "unrecognised")
    clock.go_on(2 * DAY)
    ask(desk, "young")
    before, sequence = desk.ledger.totals(), desk.ledger.sequence()
    one_day = Retention(raw_days=1, field_days=1)
    assert desk.ledger.overdue(one_day)[0] == Removed(raw=3, fields=1, unread=1)
    assert desk.ledger.remove_overdue(one_day) == Removed(raw=3, fields=1, unread=1)
    assert desk.ledger.wipe()
    assert not desk.ledger.overdue(one_day)[0]
    assert kept(path) == [("person", 0, 0), ("no_match", 0, 0), ("unrecognised", 0, 0), ("person", 1, 1)]
    assert [row["id"] for row in desk.ledger.changes_since(sequence).attempts] == [1, 2, 3]
    assert desk.ledger.totals() == before
    assert desk.ledger.audit().sound
    later = desk.new_run("later")
    for name in ("old", "old-miss", "old-riddle"):
        assert isinstance(later.permit(name), Known), name


def test_raw_answers_and_fields_have_terms_of_their_own_and_0_keeps_for_good(
    desk: Desk, path: Path, clock: FakeClock
) -> None:
    ask(desk, "old")
    clock.go_on(1_000 * DAY)
    assert not desk.ledger.remove_overdue(Retention())
    assert kept(path) == [("person", 1, 1)]
    assert desk.ledger.remove_overdue(Retention(raw_days=30)) == Removed(raw=1)
    assert kept(path) == [("person", 0, 1)]
    assert desk.ledger.remove_overdue(Retention(field_days=30)) == Removed(fields=1)
    assert kept(path) == [("person", 0, 0)]


def test_the_day_of_the_strict_mode_is_24_hours(desk: Desk, clock: FakeClock) -> None:
    ask(desk, "somebody")
    strict = Retention(raw_days=1, field_days=1)
    clock.go_on(DAY - 1)
    assert not desk.ledger.overdue(strict)[0]
    clock.go_on(1)
    assert desk.ledger.overdue(strict)[0] == Removed(raw=1, fields=1)


def test_wiping_says_when_another_run_reads(
    desk: Desk, path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.maintenance._WIPE_SECONDS", 0.3)
    ask(desk, "old")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM attempts").fetchall()
        clock.go_on(2 * DAY)
        desk.ledger.remove_overdue(Retention(1, 1))
        assert not desk.ledger.wipe()
    assert desk.ledger.wipe()
    assert b"zqtitle" not in bytes_of(path)


def test_a_question_to_somebody_erased_under_an_old_plan_never_leaves(desk: Desk) -> None:
    question = desk.question("zqann")
    desk.ledger.forget(["email:zqann@x.example"])
    with_more = replace(question, identifiers=Identifiers(linkedin_url="https://linkedin.com/in/zqann"))
    for each in (question, with_more):
        assert not isinstance(desk.ledger.permit(each, desk.run, FREE), Granted)
