"""`Ledger`: what the rest of the project does with the ledger, each method one transaction."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from clodura_pipeline.clodura.balance import Balance
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict
from clodura_pipeline.ledger import (
    attempts,
    balance,
    budget,
    changes,
    erasure,
    identifier_migration,
    limits,
    people,
    reread,
    retention,
    runs,
    server_time,
)
from clodura_pipeline.ledger.attempts import Decision, Permit, Settled
from clodura_pipeline.ledger.audit import Audit, audit_ledger
from clodura_pipeline.ledger.balance import BalanceReading, StartedReading
from clodura_pipeline.ledger.budget import Wait
from clodura_pipeline.ledger.database import Address, Cursor
from clodura_pipeline.ledger.engines import open_database
from clodura_pipeline.ledger.identifier_migration import CanonicalForm
from clodura_pipeline.ledger.reread import Judge, RereadCounts
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Policy
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest, Run
from clodura_pipeline.ledger.server_time import ClockReading, LedgerClock

Given = ParamSpec("Given")
Result = TypeVar("Result")


def _in_transaction(
    function: Callable[Concatenate[Cursor, Given], Result],
) -> Callable[Concatenate["Ledger", Given], Result]:
    """The function as a method that runs in a transaction of its own."""

    @functools.wraps(function)
    def method(self: "Ledger", *args: Given.args, **kwargs: Given.kwargs) -> Result:
        with self.database.transaction() as cursor:
            return function(cursor, *args, **kwargs)

    return method


def _at_now(
    function: Callable[Concatenate[Cursor, ClockReading, Given], Result],
) -> Callable[Concatenate["Ledger", Given], Result]:
    """The function as a method that runs in a transaction of its own, with the time in it."""

    @functools.wraps(function)
    def method(self: "Ledger", *args: Given.args, **kwargs: Given.kwargs) -> Result:
        with self.database.transaction() as cursor:
            return function(cursor, self.clock.read(cursor), *args, **kwargs)

    return method


class Ledger:
    """One open ledger. Threads may share it; processes open their own. Use as a context manager or close it."""

    start_run = _at_now(runs.start_run)
    end_run = _at_now(runs.end_run)
    bind_environment = _in_transaction(runs.bind_environment)
    day_of_undated_file = _in_transaction(runs.day_of_undated_file)
    all_runs = _in_transaction(runs.all_runs)
    release = _in_transaction(attempts.release)
    newest_attempt = _in_transaction(attempts.newest_attempt)
    start_reading = _at_now(balance.start)
    seconds_until_doubts_settle = _at_now(balance.seconds_until_doubts_settle)
    knows_balance = _in_transaction(balance.is_known)
    last_reading = _in_transaction(balance.last)
    totals = _in_transaction(budget.totals)
    runs_over_cap = _in_transaction(budget.runs_over_cap)
    days_over = _in_transaction(budget.days_over)
    changes_since = _at_now(changes.changes_since)
    write_restore_marker = _in_transaction(changes.write_restore_marker)
    has_restore_marker = _in_transaction(changes.has_restore_marker)
    sequence = _in_transaction(people.current_sequence)
    find = _in_transaction(people.find)
    erase = _at_now(erasure.erase)
    erased_people = _in_transaction(erasure.erased_people)
    remove_overdue = _at_now(retention.remove_overdue)
    overdue = _at_now(retention.overdue)

    def __init__(self, address: Address, clock: Clock, form: CanonicalForm) -> None:
        """
        Args:
            clock: of this host; where hosts share the ledger, its database's clock decides instead.
            form: of the identifiers that callers use; a ledger of an older one is migrated to it.

        Raises:
            LedgerError: it cannot be used; the message says what to do.
        """
        self.address = address
        self.database = open_database(address, form.version)
        self.clock = LedgerClock(clock, self.database.has_own_clock)
        self._form = form
        try:
            with self.database.transaction() as cursor:
                limits.adopt_boot(cursor, self.clock)
                identifier_migration.migrate(cursor, form)
                self.ledger_id = changes.ledger_id_of(cursor)
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

    def read_clock(self) -> ClockReading:
        """The time now, by the clocks that decide on windows, leases and days."""
        with self.database.transaction() as cursor:
            return self.clock.read(cursor)

    def permit(self, request: EnrichmentRequest, run: Run, policy: Policy, ahead_seconds: float = 0.0) -> Decision:
        """Decide in one transaction whether a call may be made; if so it is written as sent. See `attempts.permit`."""
        with self.database.transaction() as cursor:
            identifier_migration.require_version(cursor, self._form)
            return attempts.permit(cursor, self.clock.read(cursor), request, run, policy, ahead_seconds)

    def reschedule(self, attempt_id: int, policy: Policy, ahead_seconds: float) -> Permit | Wait | None:
        """Move a permit that could not be used at once to `ahead_seconds` from now; None: it must not be used."""
        with self.database.transaction() as cursor:
            return attempts.reschedule(cursor, self.clock.read(cursor), attempt_id, policy, ahead_seconds)

    def settle(
        self, attempt_id: int, verdict: Verdict, raw: RawAnswer | None, policy: Policy, reader_version: str
    ) -> Settled:
        """Write what a call came to, in one transaction, before anything else is done with the answer."""
        profile_of = self._form.profile_of
        with self.database.transaction() as cursor:
            now = self.clock.read(cursor)
            return attempts.settle(cursor, now, attempt_id, verdict, raw, policy, reader_version, profile_of)

    def record_reading(
        self, run: Run, started: StartedReading, read: Balance, answer: RawAnswer | None
    ) -> BalanceReading:
        """Write a balance reading and what it proves. `answer`: where it was read, for Clodura's time."""
        with self.database.transaction() as cursor:
            server_time.learn_server_time(cursor, self.clock.read(cursor), answer)
            return balance.record(cursor, run.run_id, started, read)

    def reread(self, judge: Judge, version: str, dry_run: bool = False) -> RereadCounts | None:
        """Read kept answers again that another reader version has read; None when there are none.

        In transactions of limited size, so that concurrent runs hardly wait. See `reread.reread_some`.
        """
        with self.database.transaction() as cursor:
            if not reread.is_needed(cursor, version):
                return None
            counts = RereadCounts(without_bytes=reread.without_bytes(cursor, version))
        after: int | None = 0
        while after is not None:
            with self.database.transaction() as cursor:
                now = self.clock.read(cursor)
                profile_of = self._form.profile_of
                after = reread.reread_some(cursor, now, judge, version, profile_of, counts, after, dry_run)
        return counts

    def audit(self) -> Audit:
        """Check the ledger by the rules that always hold in it; changes nothing and stops no run."""
        return audit_ledger(self.address)

    def overwrite_removed(self, thoroughly: bool = False) -> bool:
        """Leave no bytes of what was removed in the ledger's files; False when other runs keep it busy."""
        return self.database.overwrite_removed(thoroughly)
