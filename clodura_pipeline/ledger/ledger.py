"""`Ledger`: what the rest of the project does with the ledger, each method one transaction; its runs are here too."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from clodura_pipeline.ledger import attempts, balance_readings, budget, changes, erased_people, limits, people
from clodura_pipeline.ledger.engines.database import (
    Address,
    CanonicalForm,
    LedgerError,
    LedgerUnreachable,
    Transaction,
    database_at,
)
from clodura_pipeline.ledger.maintenance import reread, retention
from clodura_pipeline.ledger.maintenance.reread import Judge, RereadCounts
from clodura_pipeline.ledger.rules.clock import Clock, ClockReading
from clodura_pipeline.ledger.rules.policy import Run
from clodura_pipeline.ledger.rules.stops import Stop

Given = ParamSpec("Given")
Result = TypeVar("Result")
_ENVIRONMENTS = {"live": "the live API", "loopback": "a sandbox"}


class RecordedRun(NamedTuple):
    """A run of the past or present. Days are ISO dates, times epoch seconds; `ended_at` None: it runs, or died."""

    run_id: str
    range_start: str
    range_end: str
    started_at: float
    ended_at: float | None
    max_credits: int
    stop_reason: str | None


def start_run(tx: Transaction, run: Run) -> Run:
    """Start a run, or resume it; returns it with its watermark."""
    attempts.expire_leases(tx)
    limits.drop_old_sends(tx)
    watermark = tx.execute(
        "INSERT INTO runs (run_id, cap_scope, watermark, range_start, range_end, started_at, max_credits, sequence) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE SET max_credits = excluded.max_credits, "
        "ended_at = NULL, sequence = excluded.sequence RETURNING watermark",
        (run.run_id, run.cap_scope, attempts.newest_attempt(tx), run.first_day, run.last_day, tx.now.server,
         run.max_credits, tx.sequence),
    ).fetchone()[0]  # fmt: skip
    return replace(run, watermark=watermark)


def end_run(tx: Transaction, run: Run, stop: Stop | None) -> None:
    """Note that a run has ended, and why it stopped early if it did."""
    reason = (stop.kind, stop.reason) if stop else (None, None)
    tx.execute(
        "UPDATE runs SET ended_at = ?, stop_kind = ?, stop_reason = ?, sequence = ? WHERE run_id = ?",
        (tx.now.server, *reason, tx.sequence, run.run_id),
    )


def all_runs(tx: Transaction) -> list[RecordedRun]:
    """All runs, in the order they started."""
    rows = tx.execute(f"SELECT {', '.join(RecordedRun._fields)} FROM runs ORDER BY started_at")
    return [RecordedRun(*row) for row in rows]


def bind_environment(tx: Transaction, loopback: bool) -> None:
    """Fix, by the first run that calls, whether this ledger is of the live API or of a sandbox on this machine.

    Raises:
        LedgerError: it is of the other one.
    """
    environment = "loopback" if loopback else "live"
    known = tx.control["environment"]
    if known is None:
        tx.execute("UPDATE control SET environment = ?", (environment,))
    elif known != environment:
        raise LedgerError(
            f"This ledger holds answers of {_ENVIRONMENTS[known]}, but CLODURA_BASE_URL points to "
            f"{_ENVIRONMENTS[environment]}. The two are never mixed, and no call was made. Set CLODURA_BASE_URL back, "
            "or use another ledger (CLODURA_STATE_DIR or CLODURA_LEDGER_URL) and another CLODURA_DATABASE."
        )


def day_of_undated_file(tx: Transaction, path: str, today: str) -> str:
    """The day of a file without a date in its path: the one it was first seen on, remembered."""
    tx.execute("INSERT INTO undated_files VALUES (?, ?) ON CONFLICT (path) DO NOTHING", (path, today))
    return tx.execute("SELECT file_date FROM undated_files WHERE path = ?", (path,)).fetchone()[0]


def _in_transaction(
    function: Callable[Concatenate[Transaction, Given], Result], is_repeated: bool = True
) -> Callable[Concatenate["Ledger", Given], Result]:
    """The function as a method that runs in a transaction of its own.

    Args:
        is_repeated: once, when the connection is lost.
    """

    @functools.wraps(function)
    def method(self: "Ledger", *args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            with self.transaction() as tx:
                return function(tx, *args, **kwargs)
        except LedgerUnreachable:
            if not is_repeated:
                raise
        with self.transaction() as tx:
            return function(tx, *args, **kwargs)

    return method


class Ledger:
    """One open ledger. Threads may share it; processes open their own. Use as a context manager or close it."""

    start_run = _in_transaction(start_run)
    end_run = _in_transaction(end_run)
    bind_environment = _in_transaction(bind_environment)
    day_of_undated_file = _in_transaction(day_of_undated_file)
    all_runs = _in_transaction(all_runs)
    # What the caller does when the connection is lost depends on the call: see `enrichment.caller`.
    permit = _in_transaction(attempts.permit, is_repeated=False)
    reschedule = _in_transaction(attempts.reschedule, is_repeated=False)
    settle = _in_transaction(attempts.settle, is_repeated=False)
    release = _in_transaction(attempts.release, is_repeated=False)
    newest_attempt = _in_transaction(attempts.newest_attempt)
    start_reading = _in_transaction(balance_readings.start)
    record_reading = _in_transaction(balance_readings.record)
    seconds_until_doubts_settle = _in_transaction(balance_readings.seconds_until_doubts_settle)
    last_reading = _in_transaction(balance_readings.last)
    totals = _in_transaction(budget.totals)
    runs_over_cap = _in_transaction(budget.runs_over_cap)
    changes_since = _in_transaction(changes.changes_since)
    write_restore_marker = _in_transaction(changes.write_restore_marker)
    has_restore_marker = _in_transaction(changes.has_restore_marker)
    erase = _in_transaction(erased_people.erase)
    erased_people = _in_transaction(erased_people.erased_people)
    remove_overdue = _in_transaction(retention.remove_overdue)
    overdue = _in_transaction(retention.overdue)

    def __init__(self, address: Address, clock: Clock, form: CanonicalForm) -> None:
        """Open the ledger at an address; it is created when there is none.

        Args:
            clock: of this host; where hosts share the ledger, its database's clock decides instead.
            form: of the identifiers that callers use; a ledger of an older one is migrated to it.

        Raises:
            LedgerError: it cannot be used; the message says what to do.
        """
        self.address = address
        self.database = database_at(address)
        self.database.open(form.version)
        self._clock = clock
        self._form = form
        try:
            with self.transaction() as tx:
                limits.adopt_boot(tx)
                people.migrate(tx)
                self.ledger_id: str = tx.control["ledger_id"]
        except BaseException:
            self.database.close()
            raise

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connection."""
        self.database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed at the end of the body, rolled back when the body raises.

        It begins with the control row, what decides beside it, and the time: the database's, where hosts share it.
        """
        clock, has_own_clock, began = self._clock, self.database.has_own_clock, 0.0
        # From the arrival of the statement: the time that its transaction waited for others.
        waited = "extract(epoch FROM clock_timestamp() - statement_timestamp())::float8"
        stated = f"{clock.database_time()} AS stated, {waited} AS waited, " if has_own_clock else ""
        leases = "(SELECT min(lease_until) FROM attempts WHERE state = 'sent') AS next_lease_end"
        newest = "(SELECT stamp FROM sends ORDER BY id DESC LIMIT 1) AS newest_stamp"

        def opening() -> str:
            nonlocal began
            began = clock.monotonic()
            return f"SELECT {stated}{leases}, {newest}, control.* FROM control"

        with self.database.transaction(opening) as (cursor, control):
            local = clock.monotonic()
            if has_own_clock:
                time = control["stated"]  # no boot of a host changes it
                now = ClockReading("database", time, time, local, max(0.0, local - began - control["waited"]))
            else:
                now = ClockReading(clock.boot_id(), local, clock.wall(), local)
            offset = control["server_offset"] if control["boot_id"] == now.boot_id else None
            now = now if offset is None else replace(now, server=now.stamp + offset, is_learned=True)
            yield Transaction(cursor, control, now, self._form)

    def read_clock(self) -> ClockReading:
        """The time now, by the clocks that decide on windows, leases and days."""
        with self.transaction() as tx:
            return tx.now

    def reread(self, judge: Judge, version: str, dry_run: bool = False) -> RereadCounts | None:
        """Read kept answers again that another reader version has read; None when there are none.

        In transactions of limited size, so that concurrent runs hardly wait. See `reread.reread_some`.
        """
        with self.transaction() as tx:
            counts = reread.begin(tx, version)
        after = 0 if counts else None
        while counts and after is not None:
            with self.transaction() as tx:
                after = reread.reread_some(tx, judge, version, counts, after, dry_run)
        return counts

    def overwrite_removed(self, thoroughly: bool = False) -> bool:
        """Leave no bytes of what was removed in the ledger's files; False when other runs keep it busy."""
        return self.database.overwrite_removed(thoroughly)
