"""Neither the key nor a person is in an exception, a log, a repr or a stop reason; the key is in no file."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from asking_process import Job, Ran, ask, profile_of
from ledger_helpers import UNLIMITED, FakeClock, rows

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.enrichment.dispatcher import Outcome, Progress
from clodura_pipeline.enrichment.session import Session
from clodura_pipeline.ledger import Ledger, LedgerProblem
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.ledger.rules.requests import Question
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
        reprs.append(f"{outcome!r} {outcome} {session!r} {session.progress!r} {outcome.question!r}")
        raise RuntimeError("as an asset would that fails while it notes an outcome")

    ran = Ran([], Progress(), None)
    job = Job(sandbox.base_url, ledger_path, [PERSON], api_key=KEY, policy=POLICY)
    with pytest.raises(RuntimeError) as caught:
        ask(job, ran=ran, tell=tell)
    reasons = [outcome.pending_reason for outcome in ran.outcomes]
    assert_unmarked(f"{reprs} {reasons} {ran.stopped!r} {job.policy!r}")
    assert_unmarked("".join(traceback.format_exception(caught.value)))
    assert_unmarked(caplog.text)
    assert caplog.records  # urllib3 logs each request: there was something to search
    assert len(sandbox.books.view().enrich_calls) >= 1
    for path in ledger_path.parent.iterdir():
        assert KEY.encode() not in path.read_bytes()


def test_text_that_no_database_can_hold_is_asked_about_and_shown_nowhere(start: Start, ledger_path: Path) -> None:
    sandbox = start(api_key=KEY)
    odd = replace(PERSON, first_name="Zaphod\ud800", organisation_name="heart-of-gold\x00")
    ran = ask(Job(sandbox.base_url, ledger_path, [odd], api_key=KEY, policy=POLICY))
    assert ran.states == ["no_match"]


def test_an_answer_that_no_database_can_hold_is_kept(start: Start, ledger_path: Path) -> None:
    sandbox = start(api_key=KEY, faults=(Fault("garbage_200", matching="zaphod"),))
    ran = ask(Job(sandbox.base_url, ledger_path, [PERSON], api_key=KEY, policy=POLICY))
    assert ran.states == ["unrecognised"]


def test_a_problem_with_the_ledger_shows_nobody(memory: Path) -> None:
    with Ledger(memory / "ledger.sqlite", FakeClock(), profile_of) as ledger:
        run = ledger.start_run("run", "run", 0)
        nobody = Question(999, PERSON, date(2026, 11, 22), "people.csv")
        with pytest.raises(LedgerProblem) as caught:
            ledger.permit(nobody, run, POLICY)
        assert_unmarked(f"{caught.value!r} {nobody!r} {ledger!r}")
        assert_unmarked("".join(traceback.format_exception(caught.value)))


@pytest.mark.parametrize("broken", ["identify", "answer"])
def test_what_our_own_code_trips_over_costs_no_answer(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A fault in the code that reads answers: the bytes are kept all the same, and nothing of them is shown."""

    target = (
        "asking_process.profile_of" if broken == "identify" else "clodura_pipeline.clodura.verdicts.read_enrichment"
    )
    sandbox = start(api_key=KEY)
    monkeypatch.setattr(target, _trip)
    people = [Identifiers(email=person.email) for person in sandbox.directory if person.answer == "person"][:6]
    ran = ask(Job(sandbox.base_url, ledger_path, people, api_key=KEY, policy=replace(POLICY, max_workers=1)))
    assert ran.progress.unrecognised == 5
    assert ran.stopped
    assert_unmarked(ran.stopped.reason)
    attempts = rows(ledger_path, "SELECT state, raw, at_risk_credits FROM attempts")
    assert [row["state"] for row in attempts] == ["unrecognised"] * 5
    assert all(row["raw"].startswith(b"{") and row["at_risk_credits"] == 2 for row in attempts)


def _trip(*_: object) -> str | None:
    raise ZeroDivisionError("Zaphod Beeblebrox")
