"""A ledger that several hosts share: slow and broken networks, a server that restarts, and no secret in any message."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clocks import FakeClock
from dispatch_process import Job, run_job, start_process
from ledger_checks import assert_ledger_agrees, change, rows, sums
from manual_run import UNLIMITED, ManualRun
from postgres_server import PostgresServer, running_server
from requests_of_tests import FORM, people_of_the_directory
from tcp_proxy import TcpProxy

from clodura_pipeline.enrichment.session import Session
from clodura_pipeline.ledger import Ledger, LedgerError, LedgerUrl, Totals
from clodura_pipeline.ledger.engines.postgresql import _CONNECT, _Cursor
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run
from clodura_pipeline.sandbox import Sandbox

Start = Callable[..., Sandbox]
FAST = Policy(UNLIMITED, Budget(0), timeout_seconds=5.0, max_workers=6)
PEOPLE = people_of_the_directory(60)


@pytest.fixture
def url(postgres: PostgresServer) -> LedgerUrl:
    return postgres.new_ledger()


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[TcpProxy]:
    with TcpProxy(postgres.socket_folder) as running:
        yield running


def test_windows_hold_at_the_server_when_the_database_is_far_away(
    start: Start, url: LedgerUrl, proxy: TcpProxy, tmp_path: Path
) -> None:
    proxy.delay_seconds = 0.004
    sandbox = start(latency_seconds=0.02)
    policy = replace(FAST, limits=Limits(15, 0, 0, jitter_seconds=0.25))
    near = Job(sandbox.base_url, url, PEOPLE[:22], "near", policy=policy)
    far = replace(near, ledger=proxy.before(url), people=PEOPLE[22:44], run_id="far")
    processes = [start_process(job, tmp_path) for job in (near, far)]
    assert all(len(process.end(60.0)["outcomes"]) == 22 for process in processes)
    sandbox.wait_until_idle()
    stamps = sorted(row[0] for row in rows(url, "SELECT stamp FROM sends WHERE attempt_id IS NOT NULL"))
    arrived = sorted(call.arrived_at for call in sandbox.call_log.enrich_calls)
    assert len(stamps) == len(arrived) == 44
    uneven = max(arrival - stamp for stamp, arrival in zip(stamps, arrived, strict=True))
    assert sandbox.call_log.max_calls_within(max(0.01, 1.25 - max(0.0, uneven))) <= 15
    assert_ledger_agrees(url, sandbox.call_log)


def test_a_connection_that_is_cut_loses_no_answer_and_lets_no_call_leave_meanwhile(
    start: Start, url: LedgerUrl, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.engines.postgresql.RECONNECT_SECONDS", 0.3)
    sandbox = start(latency_seconds=0.05)
    seen: list[int] = []

    def cut_once(_session: Session, _outcome: object) -> None:
        if len(seen) == 0:
            proxy.cut()
            time.sleep(0.3)  # calls that had left by then have arrived
            seen.append(len(sandbox.call_log.enrich_calls))
            time.sleep(1.5)
            seen.append(len(sandbox.call_log.enrich_calls))
            proxy.mend()

    ran = run_job(Job(sandbox.base_url, proxy.before(url), PEOPLE, policy=FAST), on_outcome=cut_once)
    assert ran.stopped is None
    assert ran.progress.answered == len(PEOPLE)
    assert seen[0] == seen[1], "calls left while the ledger was away"
    assert set(sandbox.call_log.calls_by_contact().values()) == {1}
    # A permit whose commit was cut off is in doubt, and its call was not made.
    total = assert_ledger_agrees(url, sandbox.call_log)
    assert total.charged == sandbox.call_log.charged


def test_a_ledger_that_stays_away_ends_the_run_with_the_reason_and_the_next_run_finishes(
    start: Start, url: LedgerUrl, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.engines.postgresql.RECONNECT_SECONDS", 0.2)
    monkeypatch.setattr("clodura_pipeline.enrichment.caller.MAX_STORE_RETRY_SECONDS", 1.0)
    caplog.set_level(logging.DEBUG)
    sandbox = start(latency_seconds=0.05)
    job = Job(sandbox.base_url, proxy.before(url), PEOPLE[:20], policy=FAST)
    with pytest.raises(LedgerError) as caught:
        run_job(job, on_outcome=lambda _session, _outcome: proxy.cut())
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "cannot be reached" in str(caught.value)
    assert "sesame" not in said
    made = len(sandbox.call_log.enrich_calls)
    change(url, "UPDATE attempts SET lease_until = lease_until - 60")  # so that the test waits less
    ran = run_job(replace(job, ledger=url, run_id="next"))
    assert ran.stopped is None
    assert {"person", "organisation", "no_match"} >= {str(state) for state in ran.states}
    assert made <= 1 + FAST.max_workers
    assert audit_ledger(url).sound


def test_a_server_that_restarts_in_the_middle_of_two_runs_costs_nothing(
    start: Start, tmp_path: Path, memory: Path
) -> None:
    sandbox = start(latency_seconds=0.05)
    with running_server(memory / "postgres") as server:
        url = server.new_ledger()
        jobs = [Job(sandbox.base_url, url, PEOPLE, f"host-{n}", policy=replace(FAST, max_workers=3)) for n in range(2)]
        processes = [start_process(job, tmp_path) for job in jobs]
        until = time.monotonic() + 30
        while len(sandbox.call_log.enrich_calls) < 15:
            assert time.monotonic() < until
            time.sleep(0.01)
        server.restart()
        done = [process.end(60.0) for process in processes]
        assert [each["stopped"] for each in done] == [None, None]
        assert audit_ledger(url).sound
        assert_ledger_agrees(url, sandbox.call_log)
    assert sandbox.call_log.bought_more_than_once() == {}


def test_a_process_that_freezes_in_a_transaction_gives_the_ledger_back(
    url: LedgerUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "clodura_pipeline.ledger.engines.postgresql._SESSION", b"SET idle_in_transaction_session_timeout = '300ms'"
    )
    clock = Clock()
    with Ledger(url, clock, FORM) as frozen, Ledger(url, clock, FORM) as other:
        with pytest.raises(LedgerError), frozen.transaction() as cursor:
            cursor.execute("INSERT INTO undated_files VALUES ('half', 'done')")
            assert other.totals() == Totals()  # waits until the server has ended the other one's session
            cursor.execute("SELECT 1").fetchone()
        assert frozen.totals() == Totals()
    assert rows(url, "SELECT * FROM undated_files") == []


@pytest.mark.parametrize("off_seconds", [-86_400.0, 7_200.0])
def test_a_host_whose_clock_is_wrong_counts_on_the_same_windows_days_and_leases(
    url: LedgerUrl, off_seconds: float
) -> None:
    clock, wrong = FakeClock(), FakeClock(monotonic=77.0)
    wrong.jump(off_seconds)
    policy = replace(FAST, limits=Limits(0, 2, 3, 0.05))
    with Ledger(url, clock, FORM) as here, Ledger(url, wrong, FORM) as there:
        one, other = ManualRun(here, clock, "one", policy), ManualRun(there, wrong, "other", policy)
        one.call("a", "person")
        permit = other.permitted("b")
        assert permit.send_at == wrong.now  # by its own clock
        assert one.permit("b") == other.permit("b")  # in flight, for both
        assert getattr(one.permit("c"), "seconds", 0) == getattr(other.permit("c"), "seconds", 1) > 59
        for each in (clock, wrong):
            each.go_on(61)
        other.call("c", "person")
        assert rows(url, "SELECT DISTINCT usage_date FROM attempts") == [("2026-11-22",)]
        assert "3 of 3 calls" in getattr(one.permit("d"), "reason", "")
        assert here.read_clock().day == there.read_clock().day == "2026-11-22"


def test_threads_that_wait_for_the_server_come_back_together(url: LedgerUrl, proxy: TcpProxy) -> None:
    with Ledger(proxy.before(url), Clock(), FORM) as ledger:
        proxy.cut()
        threading.Timer(0.5, proxy.mend).start()
        found: list[Totals] = []
        threads = [threading.Thread(target=lambda: found.append(ledger.totals())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert found == [Totals()] * 4


@pytest.mark.parametrize(
    "transaction",
    [
        lambda ledger: ledger.start_run(Run("another", "another", 0)).run_id,
        lambda ledger: ledger.changes_since(0).ledger_id,
        lambda ledger: ledger.end_run(ledger.start_run(Run("run", "run", 0)), None),
    ],
    ids=["start_run", "changes_since", "end_run"],
)
def test_a_transaction_whose_connection_is_cut_is_made_again(
    url: LedgerUrl, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch, transaction: Callable[[Ledger], object]
) -> None:
    cuts: list[int] = []
    execute = _Cursor.execute

    def cut_before_a_statement(cursor: _Cursor, statement: str, *parameters: Any) -> Any:
        if not cuts and ("runs" in statement or "FROM attempts WHERE sequence" in statement):
            cuts.append(1)
            proxy.cut()
            threading.Timer(0.3, proxy.mend).start()
        return execute(cursor, statement, *parameters)

    with Ledger(proxy.before(url), Clock(), FORM) as ledger:
        expected = transaction(ledger)
        monkeypatch.setattr(_Cursor, "execute", cut_before_a_statement)
        assert transaction(ledger) == expected
        assert cuts
    assert audit_ledger(url).sound


def test_a_path_that_swallows_what_is_sent_is_taken_for_lost(
    url: LedgerUrl, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.engines.postgresql.SILENCE_SECONDS", 0.3)
    monkeypatch.setitem(_CONNECT, "connect_timeout", 2)
    with Ledger(proxy.before(url), Clock(), FORM) as ledger:
        proxy.swallows = True
        threading.Timer(0.6, lambda: setattr(proxy, "swallows", False)).start()
        began = time.monotonic()
        assert ledger.totals() == Totals()
        assert 0.3 < time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://ada:sesame@127.0.0.1:1/ledger", "cannot be reached"),
        ("postgresql://ada:sesame@no-such-host.invalid/ledger", "cannot be reached"),
        ("postgresql://ada:sesame@127.0.0.1:port/ledger", "cannot be reached"),
    ],
)
def test_a_server_that_is_not_there_is_named_without_user_or_password(
    url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.engines.postgresql.RECONNECT_SECONDS", 0.0)
    with pytest.raises(LedgerError, match=words) as caught:
        Ledger(LedgerUrl(url), Clock(), FORM)
    said = "".join(traceback.format_exception(caught.value))
    assert "sesame" not in said
    assert "ada" not in str(caught.value)


def test_a_newer_ledger_and_one_that_is_missing_are_refused(url: LedgerUrl) -> None:
    with pytest.raises(LedgerError, match="There is no ledger at postgresql://"):
        audit_ledger(url)
    Ledger(url, Clock(), FORM).close()
    assert sums(url) == Totals()
    change(url, "UPDATE schema_version SET version = 99")
    with pytest.raises(LedgerError, match="version 99"):
        Ledger(url, Clock(), FORM)
