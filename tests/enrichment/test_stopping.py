"""Stopping: no new calls, those in flight are awaited and stored; a second interruption ends it at once."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dispatch_process import INTERRUPTED_EXIT, Job, Ran, run_job, start_process
from ledger_checks import assert_ledger_agrees, rows, sums
from manual_run import UNLIMITED
from requests_of_tests import FORM, people_of_the_directory, requests_for

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.enrichment.dispatcher import Outcome, Progress
from clodura_pipeline.enrichment.session import Session, open_session
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run
from clodura_pipeline.ledger.rules.stops import StopKind
from clodura_pipeline.sandbox import Fault, Sandbox

Start = Callable[..., Sandbox]
QUICK = Policy(UNLIMITED, Budget(0), timeout_seconds=3.0, max_workers=6)
MANY = people_of_the_directory(120)


class Interrupted(BaseException):
    """As Dagster's own: no `Exception`, so that nothing swallows it."""


def settled_calls(path: Path) -> int:
    return rows(path, "SELECT count(*) FROM attempts WHERE state <> 'sent' AND answered_at IS NOT NULL")[0][0]


def assert_all_stored(sandbox: Sandbox, path: Path) -> None:
    """Every call that the server saw has its answer in the ledger: nothing in doubt, nothing in flight."""
    assert sandbox.wait_until_idle()
    calls = len(sandbox.call_log.enrich_calls)
    time.sleep(0.3)
    assert len(sandbox.call_log.enrich_calls) == calls, "a call was made after the end"
    assert settled_calls(path) == calls
    total = assert_ledger_agrees(path, sandbox.call_log)
    assert (total.reserved, total.at_risk) == (0, 0)


@pytest.mark.parametrize("after", [1, 20])
def test_an_interrupted_consumer_makes_no_new_calls_and_stores_those_in_flight(
    start: Start, ledger_path: Path, after: int
) -> None:
    sandbox = start(latency_seconds=0.15)
    calls_then: list[int] = []

    def interrupt(_session: Session, _outcome: Outcome) -> None:
        if len(ran.outcomes) == after:
            calls_then.append(len(sandbox.call_log.enrich_calls))
            raise Interrupted

    ran = Ran([], Progress(), None)
    with pytest.raises(Interrupted):
        run_job(Job(sandbox.base_url, ledger_path, MANY, policy=QUICK), ran=ran, on_outcome=interrupt)
    assert_all_stored(sandbox, ledger_path)
    # Those that were permitted at the time of the interruption may still have left.
    assert len(sandbox.call_log.enrich_calls) <= calls_then[0] + QUICK.max_workers
    assert rows(ledger_path, "SELECT stop_kind FROM runs")[0][0] == "interrupted"
    sandbox.options = replace(sandbox.options, latency_seconds=0.0)
    rest = run_job(Job(sandbox.base_url, ledger_path, MANY, "rest", policy=QUICK))
    assert rest.stopped is None
    assert sandbox.wait_until_idle()
    assert set(sandbox.call_log.calls_by_contact().values()) == {1}


def test_a_session_that_ends_while_outcomes_are_unread_makes_no_new_calls(start: Start, ledger_path: Path) -> None:
    sandbox = start(latency_seconds=0.1)
    kept: list[Iterator[Outcome]] = []
    clock = Clock()
    settings = ClientSettings(sandbox.base_url, "sandbox-key", 3.0, 6)
    with Ledger(ledger_path, clock, FORM) as ledger:
        requests = requests_for(MANY)
        with open_session(ledger, settings, Run("run", "run", 0), QUICK, clock) as session:
            kept.append(session.dispatcher.dispatch([requests], lambda: None, 1.0))
            next(kept[0])
        assert session.dispatcher.stopped
        assert session.dispatcher.stopped.kind is StopKind.INTERRUPTED
        assert_all_stored(sandbox, ledger_path)
    assert list(kept[0])  # each person left over has an outcome with its reason


def test_a_call_that_waits_for_its_window_is_not_made_after_the_stop(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    policy = replace(QUICK, limits=Limits(2, 0, 0))
    began = time.monotonic()

    def interrupt(_session: Session, _outcome: Outcome) -> None:
        raise Interrupted  # the balance and this call fill the window of a second

    with pytest.raises(Interrupted):
        run_job(Job(sandbox.base_url, ledger_path, MANY, policy=policy), on_outcome=interrupt)
    assert time.monotonic() - began < 1.0
    assert len(sandbox.call_log.enrich_calls) == 1
    assert_all_stored(sandbox, ledger_path)


def interrupt_again(sandbox: Sandbox, path: Path, *after_seconds: float, latency_seconds: float = 2.0) -> None:
    """Call, interrupt when at least four calls are in flight, and interrupt again while they are awaited."""
    main = threading.main_thread().ident
    assert main
    timers: list[threading.Timer] = []

    def interrupt(_session: Session, _outcome: Outcome) -> None:
        sandbox.options = replace(sandbox.options, latency_seconds=latency_seconds)
        time.sleep(0.3)
        if sandbox.call_log.in_flight >= 4:
            for seconds in after_seconds:
                timers.append(threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGUSR1)))
                timers[-1].start()
            raise Interrupted

    def again(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, again)
    try:
        with pytest.raises(Interrupted):
            run_job(Job(sandbox.base_url, path, MANY, policy=QUICK), on_outcome=interrupt)
        assert timers
        assert all(timer.finished.is_set() for timer in timers), "it ended before the last interruption"
    finally:
        for timer in timers:
            timer.cancel()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("after_seconds", [[0.05], [0.05 * number for number in range(1, 13)]], ids=["two", "many"])
def test_one_stop_that_arrives_as_several_signals_puts_nothing_in_doubt(
    start: Start, ledger_path: Path, after_seconds: list[float]
) -> None:
    sandbox = start()
    interrupt_again(sandbox, ledger_path, *after_seconds)
    assert_all_stored(sandbox, ledger_path)


def test_a_second_interruption_ends_at_once_and_records_the_doubt(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    interrupt_again(sandbox, ledger_path, 1.2, latency_seconds=2.8)
    total = sums(ledger_path)
    assert total.reserved > 0  # in flight, and in doubt when the leases end
    assert total.reserved <= 2 * QUICK.max_workers
    assert sandbox.wait_until_idle(4.0)
    assert total.charged <= sandbox.call_log.charged <= total.charged + total.reserved


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_process_gracefully(start: Start, ledger_path: Path, tmp_path: Path, number: int) -> None:
    sandbox = start(latency_seconds=0.2)
    process = start_process(Job(sandbox.base_url, ledger_path, MANY, policy=QUICK), tmp_path)
    wait_for_calls(sandbox, 10)
    os.kill(process.pid, number)
    done = process.end(10.0)
    assert process.exit_code == INTERRUPTED_EXIT
    assert_all_stored(sandbox, ledger_path)
    assert done["stopped"]["kind"] == "interrupted"
    assert done["progress"]["calls"] == len(sandbox.call_log.enrich_calls)


def wait_for_calls(sandbox: Sandbox, calls: int, seconds: float = 20.0) -> None:
    """Until the server has seen so many calls."""
    until = time.monotonic() + seconds
    while len(sandbox.call_log.enrich_calls) < calls:
        assert time.monotonic() < until, "the process did not get going"
        time.sleep(0.01)


def test_an_error_of_the_batches_ends_the_run_with_that_error_and_all_answers(start: Start, ledger_path: Path) -> None:
    sandbox = start(latency_seconds=0.02)
    clock = Clock()
    settings = ClientSettings(sandbox.base_url, "sandbox-key", 3.0, 6)
    with Ledger(ledger_path, clock, FORM) as ledger:
        requests = requests_for(MANY)

        def batches() -> Iterator[list[object]]:
            yield requests[:20]  # pyright: ignore[reportReturnType]
            raise KeyError("a fault of the caller's")

        with (
            pytest.raises(KeyError),
            open_session(ledger, settings, Run("run", "run", 0), QUICK, clock) as session,
        ):
            list(session.dispatcher.dispatch(batches(), lambda: None, 1.0))  # pyright: ignore[reportArgumentType]
    assert_all_stored(sandbox, ledger_path)


def test_an_empty_list_makes_no_call_and_ends(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    assert run_job(Job(sandbox.base_url, ledger_path, [], policy=QUICK)).outcomes == []
    assert sandbox.call_log.enrich_calls == ()


def test_one_session_may_dispatch_several_times(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    clock = Clock()
    settings = ClientSettings(sandbox.base_url, "sandbox-key", 3.0, 6)
    with Ledger(ledger_path, clock, FORM) as ledger:
        requests = requests_for(MANY)
        with open_session(ledger, settings, Run("run", "run", 0), QUICK, clock) as session:
            outcomes = [
                outcome
                for begin in range(0, 120, 30)
                for outcome in session.dispatcher.dispatch([requests[begin : begin + 30]], lambda: None, 1.0)
            ]
    assert len({outcome.request.person_key for outcome in outcomes}) == 120
    assert session.dispatcher.stopped is None


def test_the_same_person_twice_in_a_list_is_called_for_once_and_answered_twice(start: Start, ledger_path: Path) -> None:
    sandbox = start(latency_seconds=0.05)
    people = [person for person in MANY[:10] for _ in range(2)]
    ran = run_job(Job(sandbox.base_url, ledger_path, people, policy=QUICK))
    assert len(ran.outcomes) == 20
    assert all(outcome.state for outcome in ran.outcomes)
    assert len(sandbox.call_log.enrich_calls) == 10


def test_progress_is_reported_during_calls_with_what_they_wait_for(start: Start, ledger_path: Path) -> None:
    sandbox = start(faults=(Fault("status_429", first_n=1),), retry_after_seconds=2)
    clock = Clock()
    settings = ClientSettings(sandbox.base_url, "sandbox-key", 3.0, 6)
    seen: list[tuple[int, str | None]] = []
    with Ledger(ledger_path, clock, FORM) as ledger:
        requests = requests_for(MANY[:1])
        with open_session(ledger, settings, Run("run", "run", 0), QUICK, clock) as session:
            list(
                session.dispatcher.dispatch(
                    [requests],
                    lambda: seen.append((session.dispatcher.progress.calls, session.caller.waiting_for)),
                    0.1,
                )
            )
    assert len(seen) >= 10
    assert any(calls == 1 and waiting and "request to slow down (429)" in waiting for calls, waiting in seen)
    assert session.caller.waiting_for is None
