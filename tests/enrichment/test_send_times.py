"""A call leaves at the time its permit counts for: slow connections, slow commits and pauses get it another time."""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clocks import SkippingClock
from dispatch_process import Job, Ran, run_job
from ledger_checks import assert_ledger_agrees, rows, sums
from manual_run import UNLIMITED
from requests_of_tests import FORM, people_of_the_directory, requests_for
from urllib3.util import connection as urllib3_connection

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.client import ClientSettings, CloduraClient
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.enrichment.caller import Called, Caller
from clodura_pipeline.enrichment.dispatcher import Outcome, Progress
from clodura_pipeline.enrichment.session import Session
from clodura_pipeline.ledger import Ledger, Totals
from clodura_pipeline.ledger.rules.eligibility import Answered
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run
from clodura_pipeline.sandbox import Sandbox

Start = Callable[..., Sandbox]
FEW_A_SECOND = Policy(Limits(8, 0, 0, jitter_seconds=0.25), Budget(0), timeout_seconds=5.0, max_workers=8)
PEOPLE = people_of_the_directory(24)


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Does something while each connection is being set up, below everything of ours."""

    def set_up(first: Callable[[], None]) -> None:
        connect = urllib3_connection.create_connection

        def slowly(*args: Any, **kwargs: Any) -> Any:
            made = connect(*args, **kwargs)
            first()
            return made

        monkeypatch.setattr(urllib3_connection, "create_connection", slowly)

    return set_up


def test_a_slow_connection_makes_no_call_leave_later_than_its_permit(
    start: Start, ledger_path: Path, connecting: Callable[[Callable[[], None]], None]
) -> None:
    sandbox = start(latency_seconds=0.05)
    delays = iter([0.0, 0.0, *([0.4, 0.7, 0.1, 0.9] * 10)])
    connecting(lambda: time.sleep(next(delays)))
    ran = run_job(Job(sandbox.base_url, ledger_path, PEOPLE[:17], policy=FEW_A_SECOND))
    assert ran.progress.answered == 17
    assert_left_on_time(sandbox, ledger_path)


def test_a_slow_commit_makes_no_call_leave_later_than_its_permit(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowDisk(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            done = super().execute(sql, *more)
            if sql == "COMMIT":
                time.sleep(0.08)
            return done

    connect = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, factory=SlowDisk, **more))
        sandbox = start(latency_seconds=0.02)
        ran = run_job(Job(sandbox.base_url, ledger_path, PEOPLE[:8], policy=FEW_A_SECOND))
    assert ran.progress.answered == 8
    assert_left_on_time(sandbox, ledger_path)


def test_a_balance_is_read_when_its_place_in_the_windows_says(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_reading = Ledger.start_reading

    def slowly(*args: Any) -> Any:
        begun = start_reading(*args)
        time.sleep(0.4)  # its commit takes as long
        return begun

    monkeypatch.setattr(Ledger, "start_reading", slowly)
    sandbox = start()
    ran = run_job(Job(sandbox.base_url, ledger_path, PEOPLE[:1], policy=FEW_A_SECOND))
    assert ran.balance_after
    stamps = [row[0] for row in rows(ledger_path, "SELECT stamp FROM sends WHERE attempt_id IS NULL ORDER BY stamp")]
    arrived = [call.arrived_monotonic for call in sandbox.call_log.calls if call.method == "GET"]
    assert len(stamps) == len(arrived) == 2
    assert all(0 <= arrival - stamp < 0.2 for stamp, arrival in zip(stamps, arrived, strict=True))


def assert_left_on_time(sandbox: Sandbox, path: Path) -> None:
    """Every call arrived within the allowance of what its permit says, and no window at the server was passed."""
    sandbox.wait_until_idle()
    assert_ledger_agrees(path, sandbox.call_log)
    stamps = [row[0] for row in rows(path, "SELECT stamp FROM attempts ORDER BY stamp")]
    arrived = sorted(call.arrived_monotonic for call in sandbox.call_log.enrich_calls)
    assert len(stamps) == len(arrived)
    late = sorted(arrival - stamp for stamp, arrival in zip(stamps, arrived, strict=True))
    assert late[0] >= 0
    assert late[-1] <= FEW_A_SECOND.limits.jitter_seconds + 0.01
    assert late[len(late) * 3 // 4] < 0.03  # what a busy machine adds now and then is what the allowance is for
    assert sandbox.call_log.max_calls_within(1.0) <= FEW_A_SECOND.limits.per_second
    assert [
        row[0] for row in rows(path, "SELECT stamp FROM sends WHERE attempt_id IS NOT NULL ORDER BY stamp")
    ] == stamps


class Interrupted(BaseException):
    pass


def test_a_call_that_is_still_connecting_when_the_run_stops_does_not_leave(
    start: Start, ledger_path: Path, connecting: Callable[[Callable[[], None]], None]
) -> None:
    sandbox = start(latency_seconds=0.1)  # so the open connection is busy, and all others connect
    begun: list[float] = []
    stopped = threading.Event()

    def all_but_the_first_wait() -> None:
        begun.append(time.monotonic())
        assert len(begun) == 1 or stopped.wait(10)

    connecting(all_but_the_first_wait)

    def interrupt(_session: Session, _outcome: Outcome) -> None:
        until = time.monotonic() + 10
        while len(begun) < 6 and time.monotonic() < until:
            time.sleep(0.01)
        threading.Timer(0.3, stopped.set).start()
        raise Interrupted

    ran = Ran([], Progress(), None)
    policy = replace(FEW_A_SECOND, limits=UNLIMITED)
    before = threading.active_count()
    with pytest.raises(Interrupted):
        run_job(Job(sandbox.base_url, ledger_path, PEOPLE, policy=policy), ran=ran, on_outcome=interrupt)
    released = rows(ledger_path, "SELECT count(*) FROM attempts WHERE detail = 'not_sent'")[0][0]
    assert released >= 5
    total = assert_ledger_agrees(ledger_path, sandbox.call_log)
    assert (total.reserved, total.at_risk) == (0, 0)
    assert total.calls == len(sandbox.call_log.enrich_calls)
    assert threading.active_count() <= before + 10  # the sandbox's connections


@pytest.fixture
def caller(start: Start, ledger_path: Path) -> Callable[..., tuple[Sandbox, Ledger, Caller, SkippingClock]]:
    """One caller on a ledger and a sandbox, on a clock that can skip."""

    def make(policy: Policy) -> tuple[Sandbox, Ledger, Caller, SkippingClock]:
        sandbox, clock = start(), SkippingClock()
        ledger = Ledger(ledger_path, clock, FORM)
        client = CloduraClient(ClientSettings(sandbox.base_url, "sandbox-key", policy.timeout_seconds, 2))
        return (
            sandbox,
            ledger,
            Caller(ledger, client, ledger.start_run(Run("run", "run", 0)), policy, clock, AnswerReader()),
            clock,
        )

    return make


def test_a_process_that_slept_past_its_lease_does_not_pay_again_for_an_answer(
    caller: Callable[..., Any], ledger_path: Path, connecting: Callable[[Callable[[], None]], None]
) -> None:
    policy = replace(FEW_A_SECOND, limits=UNLIMITED)
    sandbox, ledger, real_caller, clock = caller(policy)
    (person,) = people_of_the_directory(1, "person")
    concurrent_runs: list[Ran] = []

    def sleep_while_a_concurrent_run_calls() -> None:
        if not concurrent_runs:
            concurrent_runs.append(Ran([], Progress(), None))
            clock.skip(policy.lease_seconds + 1)
            concurrent_runs[0] = run_job(
                Job(sandbox.base_url, ledger_path, [person], "concurrent", policy=policy), clock
            )

    connecting(sleep_while_a_concurrent_run_calls)
    (request,) = requests_for([person])
    assert real_caller.call(request, lambda: False) is None  # the call was released, not made
    assert concurrent_runs[0].states == ["person"]
    assert real_caller.call(request, lambda: False) == Answered(State.PERSON)
    assert len(sandbox.call_log.enrich_calls) == 1
    assert sums(ledger_path) == Totals(1, 0, 2, 0)
    ledger.close()


def test_a_call_that_finds_no_place_within_its_time_releases_its_permit(
    caller: Callable[..., Any], ledger_path: Path, connecting: Callable[[Callable[[], None]], None]
) -> None:
    policy = replace(FEW_A_SECOND, limits=Limits(0, 2, 0), timeout_seconds=1.0)
    sandbox, ledger, real_caller, clock = caller(policy)
    concurrent = ledger.start_run(Run("concurrent", "concurrent", 0))
    people = people_of_the_directory(4, "person")
    requests = requests_for(people)

    def fill_the_minute() -> None:
        clock.skip(70.0)  # this call's place is past; a concurrent takes what there is
        for request in requests[2:]:
            ledger.permit(request, concurrent, policy)

    connecting(fill_the_minute)
    began = time.monotonic()
    assert real_caller.call(requests[0], lambda: False) is None
    assert time.monotonic() - began < 3.0
    assert sandbox.call_log.enrich_calls == ()
    assert rows(ledger_path, "SELECT state, detail FROM attempts WHERE id = 1")[0][:] == ("not_processed", "not_sent")
    ledger.close()


def test_a_permit_that_comes_with_the_stop_is_released(caller: Callable[..., Any], ledger_path: Path) -> None:
    sandbox, ledger, real_caller, _ = caller(FEW_A_SECOND)
    (request,) = requests_for(people_of_the_directory(1, "person"))
    stopping = iter([False, True, True])  # read once before the permit, then on the open connection
    assert real_caller.call(request, lambda: next(stopping)) is None
    assert sandbox.call_log.enrich_calls == ()
    assert sums(ledger_path) == Totals()
    ledger.close()


def test_a_connection_set_up_in_time_needs_no_second_place(caller: Callable[..., Any], ledger_path: Path) -> None:
    _, ledger, real_caller, _ = caller(FEW_A_SECOND)
    (request,) = requests_for(people_of_the_directory(1, "person"))
    assert isinstance(real_caller.call(request, lambda: False), Called)
    assert rows(ledger_path, "SELECT count(*) FROM sends")[0][0] == 1
    ledger.close()
