"""Kept answers are read again by a new reader: state, fields and money are corrected, and no call is made."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from clocks import FakeClock
from ledger_checks import change, owners, rows, sums
from manual_run import READER_VERSION, VERDICTS, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.clodura.answers.reader import Enrichment, Found, Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import Balance, Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import Address, Ledger, Permit, StartedReading, Totals
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.eligibility import Answered

STATED = Verdict(State.UNRECOGNISED, "not JSON", Next.GO_ON, 1, cost_basis="stated")
NEW_TITLE = replace(
    VERDICTS["person"], enrichment=Enrichment(Found.PERSON, Person(job_title="Keeper"), Organisation(), None)
)
NAMES_PROFILE = replace(
    VERDICTS["person"],
    enrichment=Enrichment(Found.PERSON, Person(linkedin_url="linkedin.com/in/ada"), Organisation(), None),
)
BY_NAME = {**VERDICTS, "stated": STATED, "new title": NEW_TITLE, "names profile": NAMES_PROFILE}


def judge(raw: RawAnswer, identifiers: Identifiers) -> Verdict:
    """Reads in an answer the verdict that the test wrote into it for the new reader."""
    assert identifiers.email
    return BY_NAME[json.loads(raw.body)["now"]]


def call(manual: ManualRun, name: str, verdict: str, now: str) -> int:
    """A call that the old reader judged as `verdict`, and whose answer the new reader reads as `now`."""
    return manual.call(name, BY_NAME[verdict], body=json.dumps({"now": now}).encode())


@pytest.mark.parametrize(
    ("before", "now", "state", "money", "credits"),
    [
        ("unrecognised", "person", "person", (2, 0), 2),
        ("unrecognised", "organisation", "organisation", (1, 0), 1),
        ("unrecognised", "no_match", "no_match", (0, 0), 0),
        ("unrecognised", "stated", "unrecognised", (1, 0), 1),
        ("unrecognised", "unrecognised", "unrecognised", (0, 2), 0),
        ("organisation", "person", "person", (2, 0), 1),
        ("person", "organisation", "organisation", (1, 0), -1),
        ("person", "new title", "person", (2, 0), 0),
        ("person", "unrecognised", "unrecognised", (0, 2), -2),
        ("no_match", "no_match", "no_match", (0, 0), 0),
        ("no_match", "person", "person", (2, 0), 2),
    ],
)
def test_a_new_reader_corrects_state_and_money(
    manual: ManualRun, before: str, now: str, state: str, money: tuple[int, int], credits: int
) -> None:
    call(manual, "a", before, now)
    sent = rows(manual.ledger.address, "SELECT request, raw, answered_at, sent_at FROM attempts")
    counts = manual.ledger.reread(judge, "2")
    assert counts is not None
    assert (counts.read, counts.credits) == (1, credits)
    assert dict(counts.changes) == ({} if before == now else {(before, state): 1})
    assert rows(manual.ledger.address, "SELECT state, reader_version FROM attempts")[0][:] == (state, "2")
    assert rows(manual.ledger.address, "SELECT request, raw, answered_at, sent_at FROM attempts") == sent
    assert sums(manual.ledger.address) == Totals(1, 0, *money)
    assert audit_ledger(manual.ledger.address).sound
    assert isinstance(manual.new_run("later").permit("a"), Answered)
    assert manual.ledger.reread(judge, "2") is None


def test_fields_of_the_new_reader_are_stored_and_readers_see_them(manual: ManualRun) -> None:
    attempt = call(manual, "a", "person", "new title")
    sequence = manual.ledger.changes_since(0).sequence
    manual.ledger.reread(judge, "2")
    assert json.loads(rows(manual.ledger.address, "SELECT answer FROM attempts")[0][0])["person"] == {
        "job_title": "Keeper"
    }
    assert [row[0] for row in manual.ledger.changes_since(sequence).attempts] == [attempt]


def test_what_has_no_answer_is_left_alone(manual: ManualRun) -> None:
    for outcome in ("refused", "ambiguous", "unavailable"):
        manual.call(outcome, outcome)
    before = rows(manual.ledger.address, "SELECT * FROM attempts")
    assert manual.ledger.reread(judge, "2") is None
    assert rows(manual.ledger.address, "SELECT * FROM attempts") == before


def test_a_dry_run_changes_nothing_and_reports_what_a_real_one_reports(manual: ManualRun) -> None:
    for number, (before, now) in enumerate([("unrecognised", "person"), ("person", "new title"), ("no_match",) * 2]):
        call(manual, f"p{number}", before, now)
    content = rows(manual.ledger.address, "SELECT * FROM attempts, control")
    planned = manual.ledger.reread(judge, "2", dry_run=True)
    assert rows(manual.ledger.address, "SELECT * FROM attempts, control") == content
    assert planned == manual.ledger.reread(judge, "2")
    assert planned is not None
    assert dict(planned.changes) == {("unrecognised", "person"): 1, ("person", "person"): 1}
    assert str(planned) == "3 kept answers read again: 1 person -> person, 1 unrecognised -> person; +2 credits"


def test_answers_whose_bytes_are_gone_are_counted_and_left_alone(manual: ManualRun) -> None:
    for name in ("kept", "removed"):
        call(manual, name, "organisation", "person")
    change(manual.ledger.address, "UPDATE attempts SET raw = NULL WHERE id = 2")  # as retention does
    counts = manual.ledger.reread(judge, "2")
    assert counts is not None
    assert (counts.read, counts.without_bytes) == (1, 1)
    assert "1 are left as they were" in str(counts)
    assert sums(manual.ledger.address) == Totals(2, 0, 3, 0)


@pytest.mark.parametrize(("now", "charged"), [("person", 0), ("organisation", 0), ("unrecognised", 0), ("stated", 1)])
def test_a_call_that_a_balance_proved_free_stays_free_unless_its_answer_states_a_cost(
    manual: ManualRun, now: str, charged: int
) -> None:
    read_balance(manual, 100)
    call(manual, "a", "unrecognised", now)
    read_balance(manual, 100)
    assert sums(manual.ledger.address) == Totals(1, 0, 0, 0)
    manual.ledger.reread(judge, "2")
    manual.ledger.reread(lambda raw, identifiers: VERDICTS["unrecognised"], "3")
    manual.ledger.reread(judge, "4")
    assert sums(manual.ledger.address) == Totals(1, 0, charged, 0)
    assert audit_ledger(manual.ledger.address).sound


def read_balance(manual: ManualRun, credits: float) -> None:
    started = manual.ledger.start_reading(manual.policy)
    assert isinstance(started, StartedReading)
    manual.ledger.record_reading(manual.run, started, Balance(credits, "pool"), None)


def test_a_profile_that_the_new_reader_finds_joins_its_people(manual: ManualRun) -> None:
    manual.call("ada", "unavailable", "linkedin")
    call(manual, "countess", "unrecognised", "names profile")
    manual.ledger.reread(judge, "2")
    assert len(set(owners(manual.ledger.address, "li:ada", "em:ada@x.example", "em:countess@x.example").values())) == 1
    assert manual.permit("ada", "linkedin") == Answered(State.PERSON)


def test_nothing_of_erased_people_is_read_or_comes_back(manual: ManualRun) -> None:
    call(manual, "gone", "organisation", "person")
    call(manual, "named", "unrecognised", "names profile")
    manual.ledger.erase(["em:gone@x.example", "li:ada"])
    counts = manual.ledger.reread(judge, "2")
    assert counts is not None
    assert counts.read == 1
    assert [row[:] for row in rows(manual.ledger.address, "SELECT raw, answer FROM attempts")] == [(None, None)] * 2
    assert audit_ledger(manual.ledger.address).sound


# Kills, and runs at the same time


MANY = 10


def fill(address: Address) -> None:
    with Ledger(address, FakeClock(), FORM) as ledger:
        manual = ManualRun(ledger, FakeClock())
        for number in range(MANY):
            call(manual, f"p{number}", "unrecognised", "person")


# At the first, a middle and the last answer of the transactions of three, and at the last answer of all.
@pytest.mark.parametrize("killed_at", [1, 4, 5, 6, MANY])
def test_a_killed_reading_leaves_whole_corrections_and_the_next_one_finishes(
    address: Address, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.maintenance.reread.ANSWERS_AT_A_TIME", 3)
    fill(address)
    child = os.fork()
    if child == 0:
        judged = 0

        def judge_and_die(raw: RawAnswer, identifiers: Identifiers) -> Verdict:
            nonlocal judged
            judged += 1
            if judged == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return judge(raw, identifiers)

        with Ledger(address, FakeClock(), FORM) as ledger:
            ledger.reread(judge_and_die, "2")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    whole = (killed_at - 1) // 3 * 3
    assert sums(address) == Totals(MANY, 0, 2 * whole, 2 * (MANY - whole))
    with Ledger(address, FakeClock(), FORM) as ledger:
        assert audit_ledger(ledger.address).sound
        counts = ledger.reread(judge, "2")
        assert counts is not None
        assert counts.read == MANY - whole
        assert sums(address) == Totals(MANY, 0, 2 * MANY, 0)
        assert audit_ledger(ledger.address).sound


def test_concurrent_runs_call_while_answers_are_read_again(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.maintenance.reread.ANSWERS_AT_A_TIME", 2)
    fill(address)
    done = threading.Event()
    waited: list[float] = []

    def call_until_done() -> None:
        with Ledger(address, FakeClock(), FORM) as own:
            manual = ManualRun(own, FakeClock(), "concurrent")
            while not done.is_set() or not waited:
                began = time.monotonic()
                permit = manual.permit(f"new-{len(waited)}")
                waited.append(time.monotonic() - began)
                assert isinstance(permit, Permit)
                own.settle(permit.attempt_id, VERDICTS["person"], RawAnswer(200, b"{}"), manual.policy, "2")

    def judge_slowly(raw: RawAnswer, identifiers: Identifiers) -> Verdict:
        time.sleep(0.03)
        return judge(raw, identifiers)

    thread = threading.Thread(target=call_until_done)
    thread.start()
    try:
        with Ledger(address, FakeClock(), FORM) as ledger:
            counts = ledger.reread(judge_slowly, "2")
    finally:
        done.set()
        thread.join(20)
    assert counts is not None
    assert counts.read == MANY
    assert sums(address) == Totals(MANY + len(waited), 0, 2 * (MANY + len(waited)), 0)


def test_an_answer_of_the_same_reader_is_never_read_again(manual: ManualRun) -> None:
    call(manual, "a", "person", "organisation")
    fail: Callable[..., Verdict] = lambda *_: pytest.fail("read again")  # noqa: E731
    assert manual.ledger.reread(fail, READER_VERSION) is None
