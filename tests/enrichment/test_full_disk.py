"""A full disk, or a locked ledger: a paid answer is kept and stored as soon as there is room."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_checks import assert_ledger_agrees, rows
from manual_run import UNLIMITED
from requests_of_tests import FORM, people_of_the_directory, requests_for

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.enrichment.dispatcher import Outcome
from clodura_pipeline.enrichment.session import open_session
from clodura_pipeline.ledger import Ledger, LedgerError, Totals
from clodura_pipeline.ledger.engines.sqlite import SqliteDatabase
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Policy, Run
from clodura_pipeline.sandbox import Fault, Sandbox

Start = Callable[..., Sandbox]
QUICK = Policy(UNLIMITED, Budget(0), timeout_seconds=1.0, max_workers=3)
PEOPLE = people_of_the_directory(4, "person")


def opened(path: Path) -> Ledger:
    return Ledger(path, Clock(), FORM)


def fill(ledger: Ledger) -> tuple[sqlite3.Connection, int]:
    """Allow the file no page more than it has; its connection, and the limit before."""
    assert isinstance(ledger.database, SqliteDatabase)
    connection = ledger.database._connection
    before = connection.execute("PRAGMA max_page_count").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return connection, before


def run_on_a_full_disk(
    sandbox: Sandbox, path: Path, room_after: float | None, policy: Policy = QUICK
) -> tuple[list[Outcome], str]:
    """Call while the disk is full; room is made after so many seconds, or never. The outcomes, or the error."""
    outcomes: list[Outcome] = []
    settings = ClientSettings(sandbox.base_url, "sandbox-key", 1.0, 3)
    clock = Clock()
    with Ledger(path, clock, FORM) as ledger:
        requests = requests_for(PEOPLE)
        try:
            with open_session(ledger, settings, Run("run", "run", 0), policy, clock) as session:
                connection, before = fill(ledger)

                def make_room() -> None:
                    connection.execute(f"PRAGMA max_page_count = {before}")

                if room_after is not None:
                    threading.Timer(room_after, make_room).start()
                outcomes += session.dispatcher.dispatch([requests], lambda: None, 1.0)
        except LedgerError as error:
            return outcomes, str(error)
    return outcomes, ""


def test_a_paid_answer_waits_for_room_on_a_full_disk(start: Start, ledger_path: Path) -> None:
    # Answers of some hundred kB each: they need pages that the file does not have.
    sandbox = start(faults=(Fault("huge_body"),), huge_body_bytes=300_000)
    began = time.monotonic()
    outcomes, error = run_on_a_full_disk(sandbox, ledger_path, room_after=1.0)
    assert error == ""
    assert time.monotonic() - began >= 1.0
    assert [outcome.state for outcome in outcomes] == ["person"] * 4
    assert sandbox.wait_until_idle()
    assert assert_ledger_agrees(ledger_path, sandbox.call_log) == Totals(4, 0, 8, 0)
    assert min(row[0] for row in rows(ledger_path, "SELECT length(raw) FROM attempts")) > 300_000


def test_a_disk_that_stays_full_ends_the_run_with_its_remedy_and_lists_the_doubt(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.rules.policy.LEASE_MARGIN_SECONDS", 0.5)
    monkeypatch.setattr("clodura_pipeline.enrichment.caller.MAX_STORE_RETRY_SECONDS", 1.5)
    sandbox = start(faults=(Fault("huge_body"),), huge_body_bytes=300_000)
    outcomes, error = run_on_a_full_disk(sandbox, ledger_path, None, replace(QUICK, timeout_seconds=0.5))
    assert outcomes == []
    assert "disk is full" in error
    assert "Free space in CLODURA_STATE_DIR" in error
    assert len(sandbox.call_log.enrich_calls) == 1  # no other call was made meanwhile
    with opened(ledger_path) as ledger:
        ledger.start_run(Run("later", "later", 0))
    total = assert_ledger_agrees(ledger_path, sandbox.call_log)
    assert (total.charged, total.at_risk) == (0, 2)


def test_a_paid_answer_waits_for_a_process_that_keeps_the_ledger_locked_beyond_the_lease(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.rules.policy.LEASE_MARGIN_SECONDS", 0.1)
    monkeypatch.setattr("clodura_pipeline.ledger.engines.sqlite.BUSY_SECONDS", 0.2)
    sandbox = start(latency_seconds=0.4)
    policy = replace(QUICK, timeout_seconds=0.6)
    settings = ClientSettings(sandbox.base_url, "sandbox-key", policy.timeout_seconds, 1)
    clock = Clock()
    locked_at: list[float] = []
    with Ledger(ledger_path, clock, FORM) as ledger:
        requests = requests_for(PEOPLE[:1])

        def lock_until_the_lease_has_ended() -> None:
            until = time.monotonic() + 5
            while not sandbox.call_log.enrich_calls:  # a balance in flight is no call
                assert time.monotonic() < until
                time.sleep(0.01)
            with closing(sqlite3.connect(ledger_path, isolation_level=None)) as concurrent:
                concurrent.execute("BEGIN IMMEDIATE")
                locked_at.append(time.monotonic())
                time.sleep(0.4 + 2 * policy.lease_seconds)

        with open_session(ledger, settings, Run("run", "run", 0), policy, clock) as session:
            locking = threading.Thread(target=lock_until_the_lease_has_ended)
            locking.start()
            (outcome,) = session.dispatcher.dispatch([requests], lambda: None, 1.0)
            locking.join()
            assert time.monotonic() - locked_at[0] > 2 * policy.lease_seconds
    assert outcome.state == "person"
    assert assert_ledger_agrees(ledger_path, sandbox.call_log) == Totals(1, 0, 2, 0)
