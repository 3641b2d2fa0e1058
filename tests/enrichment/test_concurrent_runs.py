"""Several processes on one ledger: limits, caps and "never paid twice" hold over all of them, and each finishes."""

import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dispatch_process import Job, run_job, start_process
from ledger_checks import assert_ledger_agrees, change, rows, sums
from manual_run import UNLIMITED
from requests_of_tests import FORM, people_of_the_directory, request_for

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.ledger import Address, Ledger, Totals
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run
from clodura_pipeline.sandbox import Sandbox
from clodura_pipeline.sandbox.call_log import most_within

Start = Callable[..., Sandbox]
FAST = Policy(UNLIMITED, Budget(0), timeout_seconds=5.0, max_workers=8)


def together(jobs: Sequence[Job], folder: Path) -> list[dict[str, Any]]:
    """Run jobs at once, each in its own process; what each printed at its end."""
    processes = [start_process(job, folder) for job in jobs]
    try:
        printed = [process.end(40.0) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.exit_code for process in processes] == [0] * len(jobs), printed
    return printed


def shuffled(people: Sequence[Identifiers], seed: int) -> list[Identifiers]:
    order = list(people)
    random.Random(seed).shuffle(order)
    return order


def test_two_processes_with_the_same_people_call_for_each_once_and_both_finish(
    start: Start, address: Address, tmp_path: Path
) -> None:
    people = people_of_the_directory(200)
    sandbox = start(latency_seconds=0.01, latency_jitter_seconds=0.03)
    jobs = [Job(sandbox.base_url, address, shuffled(people, n), f"run-{n}", policy=FAST) for n in range(2)]
    done = together(jobs, tmp_path)
    call_log = sandbox.call_log
    assert set(call_log.calls_by_contact().values()) == {1}
    assert len(call_log.enrich_calls) == 200
    assert assert_ledger_agrees(address, call_log).charged == call_log.charged
    for each in done:
        states = dict(each["outcomes"])
        assert len(states) == 200
        assert None not in states.values()
        assert each["stopped"] is None
    calls = [each["progress"]["calls"] for each in done]
    assert sum(calls) == 200
    assert min(calls) >= 10, "one of them starved"


def test_caps_hold_to_the_credit_over_all_processes(start: Start, address: Address, tmp_path: Path) -> None:
    people = people_of_the_directory(120, "person")
    sandbox = start(latency_seconds=0.02)
    policy = replace(FAST, budget=Budget(0, per_day_credits=75, min_balance_credits=0))
    jobs = [
        Job(
            sandbox.base_url,
            address,
            people[40 * n : 40 * n + 40],
            f"run-{n}",
            "root" if n < 2 else None,
            policy=policy,
        )
        for n in range(3)
    ]
    jobs = [replace(job, max_credits=30) for job in jobs]
    done = together(jobs, tmp_path)
    assert {each["stopped"]["kind"] for each in done} <= {"run_budget", "day_budget"}
    assert (
        sandbox.call_log.charged == 60
    )  # two runs of one root share 30, the third has 30 of its own; the day's 75 hold
    assert sums(address).charged == 60
    more = run_job(replace(jobs[0], run_id="more", cap_scope="more", policy=policy))
    assert more.stopped
    assert more.stopped.kind == "day_budget"
    assert sandbox.call_log.charged == 74


@pytest.mark.parametrize(("processes", "jitter"), [(1, 0.09), (3, 0.09)])
def test_no_sliding_second_at_the_server_holds_more_than_the_limit(
    start: Start, address: Address, tmp_path: Path, processes: int, jitter: float
) -> None:
    limit, allowance = 20, 0.25
    sandbox = start(latency_seconds=0.03, latency_jitter_seconds=0.1, arrival_jitter_seconds=jitter)
    people = people_of_the_directory(51)
    policy = replace(FAST, limits=Limits(limit, 0, 0, allowance))
    share = len(people) // processes
    jobs = [
        Job(sandbox.base_url, address, people[n * share : (n + 1) * share], f"run-{n}", policy=policy)
        for n in range(processes)
    ]
    together(jobs, tmp_path)
    call_log = sandbox.call_log
    assert len(call_log.enrich_calls) == share * processes
    stamps = sorted(row[0] for row in rows(address, "SELECT stamp FROM sends WHERE attempt_id IS NOT NULL"))
    is_monotonic = isinstance(address, Path)  # on PostgreSQL, stamps are times of day
    arrived = sorted(call.arrived_monotonic if is_monotonic else call.arrived_at for call in call_log.enrich_calls)
    assert most_within(stamps, 1.0 + allowance) <= limit
    # A busy machine adds to what is injected. How unevenly calls travelled is taken from the allowance; what is left of
    # it shows at the server, where windows of so much more than a second hold the limit.
    travelled = sorted(arrival - stamp for stamp, arrival in zip(stamps, arrived, strict=True))
    # A stamp is the latest time at which a request may leave: on PostgreSQL as late as its time is uncertain.
    assert travelled[0] >= 0 or not is_monotonic
    assert travelled[len(travelled) * 3 // 4] < jitter + 0.06
    uneven = travelled[-1] - travelled[0]
    assert call_log.max_calls_within(max(0.01, 1.0 + allowance - uneven)) <= limit
    assert set(call_log.by_status()) <= {200}
    # As soon as the windows allow: not spread out over more than they require, plus starting up.
    # A decision on PostgreSQL is some thirty round trips, which take what a busy machine makes of them.
    assert arrived[-1] - arrived[0] < (1 + allowance + 0.01) * 51 / limit + (2.0 if is_monotonic else 20.0)


def test_the_reservation_of_a_process_that_hangs_ends_with_its_lease(
    start: Start, address: Address, tmp_path: Path
) -> None:
    sandbox = start(latency_seconds=30.0)
    people = people_of_the_directory(3, "person")
    policy = replace(FAST, timeout_seconds=0.5)  # its lease ends 5.5 s after it was sent
    hanging = start_process(Job(sandbox.base_url, address, people, "hangs", policy=policy), tmp_path)
    while not sandbox.call_log.enrich_calls:
        time.sleep(0.01)
    os.kill(hanging.pid, signal.SIGSTOP)
    try:
        sandbox.options = replace(sandbox.options, latency_seconds=0.0)
        change(address, "UPDATE attempts SET lease_until = lease_until - 3.5")  # so that the test waits less
        began = time.monotonic()
        capped = Job(sandbox.base_url, address, people, "concurrent", policy=policy, max_credits=6)
        ran = run_job(capped)
        longest = 4.0 if isinstance(address, Path) else 12.0
        assert 0.5 < time.monotonic() - began < longest  # it finishes its own, then waits at most the lease
        assert sorted(map(str, ran.states)) == ["person", "person", "person"]
        assert ran.stopped is None
    finally:
        hanging.kill()
    total = assert_ledger_agrees(address, sandbox.call_log)
    assert (total.charged, total.at_risk) == (6, 2)
    attempts = rows(
        address, "SELECT state, detail, purpose FROM attempts WHERE id = 1 OR purpose = 'doubt' ORDER BY id"
    )
    assert [row[:] for row in attempts] == [("ambiguous", "process_died", "new"), ("person", "ok", "doubt")]


def _permit_all(ledger: Ledger, *names: str) -> None:
    run = ledger.start_run(Run("run", "run", 0))
    for name in names:
        ledger.permit(request_for(Identifiers(email=f"{name}@x.example")), run, FAST)


def _open_and_permit(path: str, number: int, gate: str) -> None:
    while not Path(gate).exists():
        time.sleep(0.001)
    with Ledger(Path(path), Clock(), FORM) as ledger:
        _permit_all(ledger, f"own-{number}", "shared")


def test_processes_that_create_the_ledger_at_once_make_one_call_for_the_person_they_share(
    ledger_path: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    context = multiprocessing.get_context("fork")
    for round_number in range(5):
        path = ledger_path.with_name(f"{round_number}.sqlite")
        processes = [
            context.Process(target=_open_and_permit, args=(str(path), number, str(gate))) for number in range(8)
        ]
        for process in processes:
            process.start()
        gate.touch()
        for process in processes:
            process.join(30)
        gate.unlink()
        assert [process.exitcode for process in processes] == [0] * 8
        assert len({row[0] for row in rows(path, "SELECT person_key FROM identifiers")}) == 9
        assert sums(path) == Totals(calls=9, reserved=18)


def test_opening_waits_where_sqlite_does_not_wait_by_itself(ledger_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [1, 1, 1]

    class Busy(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            if "journal_mode" in sql and refusals:
                refusals.pop()
                raise sqlite3.OperationalError("database is locked")
            return super().execute(sql, *more)

    connect = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *args, **named: connect(*args, factory=Busy, **named))
        Ledger(ledger_path, Clock(), FORM).close()
    assert refusals == []
    assert rows(ledger_path, "PRAGMA journal_mode")[0][0] == "wal"


def test_threads_of_one_process_share_a_ledger(ledger_path: Path) -> None:
    with Ledger(ledger_path, Clock(), FORM) as ledger:
        errors: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for place in range(30):
                    _permit_all(ledger, f"{number}-{place}", "shared")
                    ledger.totals()
            except BaseException as error:  # noqa: BLE001
                errors.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(rows(ledger_path, "SELECT 1 FROM people")) == 241
        assert sums(ledger_path) == Totals(calls=241, reserved=482)
