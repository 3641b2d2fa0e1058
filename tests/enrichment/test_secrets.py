"""Neither the key nor a person is in an exception, a log, a repr or a stop reason; the key is in no file."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from clocks import FakeClock
from dispatch_process import Job, Ran, run_job
from ledger_checks import change, rows
from manual_run import UNLIMITED
from requests_of_tests import FORM, request_for

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.enrichment.dispatcher import Outcome, Progress
from clodura_pipeline.enrichment.session import Session
from clodura_pipeline.ledger import Ledger, LedgerError
from clodura_pipeline.ledger.rules.policy import Budget, Policy, Run
from clodura_pipeline.sandbox import EFFECTS, Fault, FaultKind, Sandbox

Start = Callable[..., Sandbox]
KEY = "marked-key-7f3a"
MARKS = (KEY, "zaphod", "Zaphod", "beeblebrox", "Beeblebrox", "heart-of-gold")
PERSON = Identifiers(
    linkedin_url="https://linkedin.com/in/zaphod-beeblebrox",
    email="zaphod@heart-of-gold.example",
    first_name="Zaphod",
    last_name="Beeblebrox",
    organisation_name="heart-of-gold",
)
POLICY = Policy(UNLIMITED, Budget(0), timeout_seconds=0.3, max_workers=2, first_backoff_seconds=0.01)


def assert_unmarked(text: str) -> None:
    for mark in MARKS:
        assert mark not in text


@pytest.mark.parametrize("fault", sorted(EFFECTS))
def test_no_failure_shows_the_key_or_a_person(
    start: Start, ledger_path: Path, caplog: pytest.LogCaptureFixture, fault: FaultKind
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox = start(
        api_key=KEY,
        faults=(Fault(fault),),
        drip_interval_seconds=0.02,
        huge_body_bytes=2_000_000,
        retry_after_seconds=500,  # longer than a run waits
    )
    reprs: list[str] = []

    def tell(session: Session, outcome: Outcome) -> None:
        reprs.append(f"{outcome!r} {outcome} {session!r} {session.dispatcher.progress!r} {outcome.request!r}")
        raise RuntimeError("as an asset would that fails while it notes an outcome")

    ran = Ran([], Progress(), None)
    job = Job(sandbox.base_url, ledger_path, [PERSON], api_key=KEY, policy=POLICY)
    with pytest.raises(RuntimeError) as caught:
        run_job(job, ran=ran, on_outcome=tell)
    reasons = [outcome.pending_reason for outcome in ran.outcomes]
    assert_unmarked(f"{reprs} {reasons} {ran.stopped!r} {job.policy!r}")
    assert_unmarked("".join(traceback.format_exception(caught.value)))
    assert_unmarked(caplog.text)
    assert caplog.records  # urllib3 logs each request: there was something to search
    assert len(sandbox.call_log.enrich_calls) >= 1
    for path in ledger_path.parent.iterdir():
        assert KEY.encode() not in path.read_bytes()


def test_text_that_no_database_can_hold_is_sent_and_shown_nowhere(start: Start, ledger_path: Path) -> None:
    sandbox = start(api_key=KEY)
    odd = replace(PERSON, first_name="Zaphod\ud800", organisation_name="heart-of-gold\x00")
    ran = run_job(Job(sandbox.base_url, ledger_path, [odd], api_key=KEY, policy=POLICY))
    assert ran.states == ["no_match"]


def test_an_answer_that_no_database_can_hold_is_kept(start: Start, ledger_path: Path) -> None:
    sandbox = start(api_key=KEY, faults=(Fault("garbage_200", matching="zaphod"),))
    ran = run_job(Job(sandbox.base_url, ledger_path, [PERSON], api_key=KEY, policy=POLICY))
    assert ran.states == ["unrecognised"]


def test_an_error_of_the_ledger_shows_no_person(memory: Path) -> None:
    with Ledger(memory / "ledger.sqlite", FakeClock(), FORM) as ledger:
        run = ledger.start_run(Run("run", "run", 0))
        request = request_for(PERSON)
        change(memory / "ledger.sqlite", "DROP TABLE sends")
        with pytest.raises(LedgerError) as caught:
            ledger.permit(request, run, POLICY)
        assert_unmarked(f"{caught.value!r} {request!r} {ledger!r}")
        assert_unmarked("".join(traceback.format_exception(caught.value)))


@pytest.mark.parametrize("broken", ["canonical form", "parser"])
def test_an_answer_is_kept_where_our_own_code_fails_on_it(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A fault in the code that reads answers: the bytes are kept all the same, and nothing of them is shown."""

    sandbox = start(api_key=KEY)
    if broken == "canonical form":
        monkeypatch.setattr("dispatch_process.FORM", replace(FORM, profile_of=_fail))
    else:
        monkeypatch.setattr("clodura_pipeline.clodura.verdicts.AnswerReader.read", _fail)
    people = [Identifiers(email=person.email) for person in sandbox.directory if person.answer == "person"][:6]
    ran = run_job(Job(sandbox.base_url, ledger_path, people, api_key=KEY, policy=replace(POLICY, max_workers=1)))
    assert ran.progress.unrecognised == 5
    assert ran.stopped
    assert_unmarked(ran.stopped.reason)
    attempts = rows(ledger_path, "SELECT state, raw, at_risk_credits FROM attempts")
    assert [row["state"] for row in attempts] == ["unrecognised"] * 5
    assert all(row["raw"].startswith(b"{") and row["at_risk_credits"] == 2 for row in attempts)


def _fail(*_: object) -> str | None:
    raise ZeroDivisionError("Zaphod Beeblebrox")
