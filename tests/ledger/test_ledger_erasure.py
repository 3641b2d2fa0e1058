"""Erasure and retention in the ledger: what goes, what stays, and that no call is made again."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from clocks import FakeClock
from ledger_checks import assert_totals_are_the_sums, rows
from manual_run import FREE, VERDICTS, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.clodura.answers.reader import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict
from clodura_pipeline.ledger import ErasureCounts, Ledger, Permit, Removed, Retention
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.eligibility import Answered, Ineligible
from clodura_pipeline.ledger.rules.policy import Refresh

DAY = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def manual(path: Path, clock: FakeClock) -> ManualRun:
    return ManualRun(Ledger(path, clock, FORM), clock)


def answer(slug: str) -> Verdict:
    """An answer with a marked title, and the profile of the person found."""
    person = Person(job_title="Keeper of the zqtitle", linkedin_url=f"https://linkedin.com/in/{slug}")
    return replace(VERDICTS["person"], enrichment=Enrichment(Found.PERSON, person, Organisation(), None))


def run_job(manual: ManualRun, name: str, slug: str | None = None) -> None:
    permit = manual.permitted(name)
    raw = RawAnswer(200, b'{"personTitle": "Keeper of the zqtitle"}')
    manual.ledger.settle(permit.attempt_id, answer(slug or name), raw, FREE, "1")


def kept(path: Path) -> list[tuple[object, ...]]:
    return [
        tuple(row) for row in rows(path, "SELECT state, raw IS NOT NULL, answer IS NOT NULL FROM attempts ORDER BY id")
    ]


def bytes_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_erased_people_are_not_called_for_again_and_the_totals_stay(manual: ManualRun, path: Path) -> None:
    run_job(manual, "zqann")
    run_job(manual, "ben")
    before = manual.ledger.totals()
    request = manual.request("zqann")
    assert manual.ledger.erase(["em:zqann@x.example"]) == ErasureCounts(people=1, identifiers=2, calls=1)
    assert manual.ledger.overwrite_removed(thoroughly=True)
    assert manual.ledger.totals() == before
    assert_totals_are_the_sums(path)
    assert audit_ledger(manual.ledger.address).sound
    assert b"zqann" not in bytes_of(path)
    assert b"ben@x.example" in bytes_of(path)
    refresh = replace(FREE, refresh=Refresh(0, 0), retry_ambiguous=True)
    assert isinstance(manual.ledger.permit(request, manual.run, refresh), Ineligible)
    assert kept(path) == [("person", 0, 0), ("person", 1, 1)]


def test_every_key_and_identifier_of_a_person_goes(manual: ManualRun, path: Path) -> None:
    run_job(manual, "zqann")
    run_job(manual, "zqann-at-home", slug="zqann")  # the answer shows them to be one
    assert manual.ledger.erase(["em:zqann-at-home@x.example"]) == ErasureCounts(people=1, identifiers=3, calls=2)
    assert manual.ledger.overwrite_removed(thoroughly=True)
    assert b"zqann" not in bytes_of(path)
    erased_people = manual.ledger.erased_people()
    assert all(known in erased_people for known in ("em:zqann@x.example", "li:zqann"))
    assert "em:another@x.example" not in erased_people


def test_a_person_erased_while_a_call_is_in_flight_leaves_nothing_of_its_answer(manual: ManualRun, path: Path) -> None:
    permit = manual.permitted("zqann")
    manual.ledger.erase(["em:zqann@x.example"])
    raw = RawAnswer(200, b'{"personTitle": "Keeper of the zqtitle"}')
    manual.ledger.settle(permit.attempt_id, answer("zqann"), raw, FREE, "1")
    assert manual.ledger.overwrite_removed()
    assert kept(path) == [("person", 0, 0)]
    assert manual.ledger.totals().charged == 2
    assert audit_ledger(manual.ledger.address).sound
    assert b"zqann" not in bytes_of(path)
    assert b"zqtitle" not in bytes_of(path)


def test_an_answer_that_names_an_erased_person_is_erased_as_it_comes(manual: ManualRun, path: Path) -> None:
    manual.ledger.erase(["li:zqann"])
    run_job(manual, "another-address-of-hers", slug="zqann")
    run_job(manual, "ben")
    assert manual.ledger.overwrite_removed()
    assert kept(path) == [("person", 0, 0), ("person", 1, 1)]
    assert "em:another-address-of-hers@x.example" in manual.ledger.erased_people()
    assert b"another-address" not in bytes_of(path)
    assert audit_ledger(manual.ledger.address).sound


def test_the_hash_of_a_request_cannot_be_tried_out_after_erasing(manual: ManualRun, path: Path) -> None:
    run_job(manual, "zqann")
    manual.ledger.erase(["em:zqann@x.example"])
    assert rows(path, "SELECT request_hash, request FROM attempts")[0][:] == ("", None)
    marks = rows(path, "SELECT mark FROM erasures")
    assert len(marks) == 2
    other = Ledger(path.with_name("other.sqlite"), manual.clock, FORM)
    other.erase(["em:zqann@x.example"])
    assert not {mark[0] for mark in marks} & {m[0] for m in rows(other.address, "SELECT mark FROM erasures")}


def test_overdue_answers_go_and_are_never_paid_for_again(manual: ManualRun, path: Path, clock: FakeClock) -> None:
    run_job(manual, "old")
    manual.call("old-miss", "no_match")
    manual.call("old-unread", "unrecognised")
    clock.go_on(2 * DAY)
    run_job(manual, "young")
    before, sequence = manual.ledger.totals(), manual.ledger.changes_since(0).sequence
    one_day = Retention(raw_days=1, field_days=1)
    assert manual.ledger.overdue(one_day) == Removed(raw=3, fields=1, unread=1)
    assert manual.ledger.remove_overdue(one_day) == Removed(raw=3, fields=1, unread=1)
    assert manual.ledger.overwrite_removed()
    assert manual.ledger.overdue(one_day) == Removed()
    assert kept(path) == [("person", 0, 0), ("no_match", 0, 0), ("unrecognised", 0, 0), ("person", 1, 1)]
    assert [row[0] for row in manual.ledger.changes_since(sequence).attempts] == [1, 2, 3]
    assert manual.ledger.totals() == before
    assert audit_ledger(manual.ledger.address).sound
    later = manual.new_run("later")
    for name in ("old", "old-miss", "old-unread"):
        assert isinstance(later.permit(name), Answered), name


def test_raw_answers_and_fields_have_terms_of_their_own_and_0_keeps_for_good(
    manual: ManualRun, path: Path, clock: FakeClock
) -> None:
    run_job(manual, "old")
    clock.go_on(1_000 * DAY)
    assert manual.ledger.remove_overdue(Retention()) == Removed()
    assert kept(path) == [("person", 1, 1)]
    assert manual.ledger.remove_overdue(Retention(raw_days=30)) == Removed(raw=1)
    assert kept(path) == [("person", 0, 1)]
    assert manual.ledger.remove_overdue(Retention(field_days=30)) == Removed(fields=1)
    assert kept(path) == [("person", 0, 0)]


def test_the_day_of_the_strict_mode_is_24_hours(manual: ManualRun, clock: FakeClock) -> None:
    run_job(manual, "another")
    strict = Retention(raw_days=1, field_days=1)
    clock.go_on(DAY - 1)
    assert manual.ledger.overdue(strict) == Removed()
    clock.go_on(1)
    assert manual.ledger.overdue(strict) == Removed(raw=1, fields=1)


def test_overwriting_reports_when_another_run_reads(
    manual: ManualRun, path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.engines.sqlite._OVERWRITE_SECONDS", 0.3)
    run_job(manual, "old")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM attempts").fetchall()
        clock.go_on(2 * DAY)
        manual.ledger.remove_overdue(Retention(1, 1))
        assert not manual.ledger.overwrite_removed()
    assert manual.ledger.overwrite_removed()
    assert b"zqtitle" not in bytes_of(path)


def test_a_request_of_an_old_plan_for_an_erased_person_is_never_sent(manual: ManualRun) -> None:
    request = manual.request("zqann")
    manual.ledger.erase(["em:zqann@x.example"])
    with_more = replace(request, identifiers=Identifiers(linkedin_url="https://linkedin.com/in/zqann"))
    for each in (request, with_more):
        assert not isinstance(manual.ledger.permit(each, manual.run, FREE), Permit)
