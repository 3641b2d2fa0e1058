"""`Ledger`: what the rest of the project does with the ledger, each method one transaction."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from clodura_pipeline.ledger import (
    attempts,
    balance_readings,
    budget,
    changes,
    erased_people,
    limits,
    people,
    runs,
    undated_files,
)
from clodura_pipeline.ledger.engines.database import (
    Address,
    CanonicalForm,
    LedgerUnreachable,
    Transaction,
    database_at,
)
from clodura_pipeline.ledger.maintenance import reread, retention
from clodura_pipeline.ledger.maintenance.reread import Judge, RereadCounts
from clodura_pipeline.ledger.rules.clock import Clock, ClockReading

Given = ParamSpec("Given")
Result = TypeVar("Result")


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

    start_run = _in_transaction(runs.start_run)
    end_run = _in_transaction(runs.end_run)
    bind_environment = _in_transaction(runs.bind_environment)
    day_of_undated_file = _in_transaction(undated_files.day_of_undated_file)
    all_runs = _in_transaction(runs.all_runs)
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
