"""`Ledger`: what the rest of the project does with the ledger, each method one transaction."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clodura_pipeline.clodura.balance import Balance
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict
from clodura_pipeline.ledger import attempts, balance, budget, identifier_migration, reread, server_time
from clodura_pipeline.ledger.attempts import Decision, Permit, Settled
from clodura_pipeline.ledger.balance import BalanceReading, StartedReading
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.connection import LedgerError, connect, ledger_error
from clodura_pipeline.ledger.identifier_migration import CanonicalForm
from clodura_pipeline.ledger.maintenance import Maintenance
from clodura_pipeline.ledger.people import current_sequence, next_sequence
from clodura_pipeline.ledger.reread import Judge, RereadCounts
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Policy
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest, Run
from clodura_pipeline.ledger.rules.stops import Stop
from clodura_pipeline.ledger.server_time import ClockReading

# What readers need of an attempt: without the bytes of its answer.
ATTEMPT_COLUMNS = (
    "id", "person_key", "run_id", "cap_scope", "file_date", "source_file", "purpose", "combination", "strength",
    "request", "request_hash", "sent_at", "usage_date", "state", "detail", "http_status", "reserved_credits",
    "charged_credits", "at_risk_credits", "cost_basis", "answered_at", "answer", "lease_until", "shape_id",
)  # fmt: skip
PERSON_COLUMNS = ("person_key", "survivor", "added", "is_erased")


@dataclass(frozen=True, repr=False)
class Changes:
    """What changed in the ledger after a sequence, as rows, from one consistent state.

    `attempts`: `ATTEMPT_COLUMNS`; `people`: `PERSON_COLUMNS`; `identifiers`: all identifiers of these people, as
    (identifier, person key, whether a call sent it or an answer named it). `shapes`: all shapes of answers, as (id,
    JSON of [path, value type, filled, column]). `sequence`: what they are complete up to.
    """

    ledger_id: str
    sequence: int
    attempts: Sequence[tuple[object, ...]]
    people: Sequence[tuple[object, ...]]
    identifiers: Sequence[tuple[object, ...]]
    shapes: Sequence[tuple[object, ...]]


class Ledger(Maintenance):
    """One open ledger. Threads may share it; processes open their own. Use as a context manager or close it."""

    def __init__(self, path: Path, clock: Clock, form: CanonicalForm) -> None:
        """
        Args:
            form: of the identifiers that callers use; a ledger of an older one is migrated to it.

        Raises:
            LedgerError: it cannot be used; the message says what to do.
        """
        self.path = path
        self._clock = clock
        self._form = form
        self._lock = threading.RLock()
        self._connection = connect(path, form.version)
        try:
            with self._transaction() as cursor:
                server_time.adopt_boot(cursor, clock)
                identifier_migration.migrate(cursor, form)
                self.ledger_id: str = cursor.execute("SELECT ledger_id FROM control").fetchone()[0]
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # Runs

    def start_run(self, run_id: str, cap_scope: str, max_credits: int, first_day: str = "", last_day: str = "") -> Run:
        """Start a run, or resume it. Its watermark decides what "starts after it was sent" means.

        Args:
            cap_scope: what `max_credits` counts over: the backfill, or the root run.
        """
        with self._transaction() as cursor:
            now = server_time.read_clock(cursor, self._clock)
            attempts.expire_leases(cursor, now)
            server_time.drop_old_sends(cursor, now)
            watermark = cursor.execute(
                "INSERT INTO runs (run_id, cap_scope, watermark, range_start, range_end, started_at, max_credits, "
                "sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE SET "
                "max_credits = excluded.max_credits, ended_at = NULL, sequence = excluded.sequence RETURNING watermark",
                (run_id, cap_scope, attempts.newest_attempt(cursor), first_day, last_day, now.server, max_credits,
                 next_sequence(cursor)),
            ).fetchone()[0]  # fmt: skip
            return Run(run_id, cap_scope, watermark, max_credits)

    def end_run(self, run: Run, stop: Stop | None) -> None:
        """Note that a run has ended, and why it stopped early if it did."""
        with self._transaction() as cursor:
            now = server_time.read_clock(cursor, self._clock).server
            reason = (stop.kind, stop.reason) if stop else (None, None)
            cursor.execute(
                "UPDATE runs SET ended_at = ?, stop_kind = ?, stop_reason = ?, sequence = ? WHERE run_id = ?",
                (now, *reason, next_sequence(cursor), run.run_id),
            )

    def runs(self) -> list[tuple[object, ...]]:
        """All runs: run_id, range_start, range_end, started_at, ended_at, max_credits, stop_reason."""
        with self._transaction() as cursor:
            columns = "run_id, range_start, range_end, started_at, ended_at, max_credits, stop_reason"
            return [tuple(row) for row in cursor.execute(f"SELECT {columns} FROM runs ORDER BY started_at")]

    def bind_environment(self, loopback: bool) -> None:
        """Fix, by the first run that calls, whether this ledger is of the live API or of a sandbox on this machine.

        Raises:
            LedgerError: it is of the other one.
        """
        environment = "loopback" if loopback else "live"
        names = {"live": "the live API", "loopback": "a sandbox"}
        with self._transaction() as cursor:
            known = cursor.execute("SELECT environment FROM control").fetchone()[0]
            if known is None:
                cursor.execute("UPDATE control SET environment = ?", (environment,))
            elif known != environment:
                raise LedgerError(
                    f"This ledger holds answers of {names[known]}, but CLODURA_BASE_URL points to "
                    f"{names[environment]}. The two are never mixed, and no call was made. Set CLODURA_BASE_URL back, "
                    f"or use another CLODURA_STATE_DIR and CLODURA_DATABASE. Ledger: {self.path}"
                )

    # Calls

    def permit(self, request: EnrichmentRequest, run: Run, policy: Policy) -> Decision:
        """Decide in one transaction whether a call may be made; if so it is written as sent."""
        with self._transaction() as cursor:
            identifier_migration.require_version(cursor, self._form)
            return attempts.permit(cursor, self._clock, request, run, policy)

    def reschedule(self, attempt_id: int, policy: Policy, ahead_seconds: float) -> Permit | Wait | None:
        """Move a permit that could not be used at once to `ahead_seconds` from now; None: it must not be used."""
        with self._transaction() as cursor:
            return attempts.reschedule(cursor, self._clock, attempt_id, policy, ahead_seconds)

    def settle(
        self, attempt_id: int, verdict: Verdict, raw: RawAnswer | None, policy: Policy, reader_version: str
    ) -> Settled:
        """Write what a call came to, in one transaction, before anything else is done with the answer."""
        profile_of = self._form.profile_of
        with self._transaction() as cursor:
            return attempts.settle(cursor, self._clock, attempt_id, verdict, raw, policy, reader_version, profile_of)

    def release(self, attempt_id: int, detail: str) -> None:
        """A permitted call never left: free what it held."""
        with self._transaction() as cursor:
            attempts.release(cursor, attempt_id, detail)

    def reread(self, judge: Judge, version: str, dry_run: bool = False) -> RereadCounts | None:
        """Read kept answers again that another reader version has read; None when there are none.

        In transactions of limited size, so that concurrent runs hardly wait. See `reread.reread_some`.
        """
        with self._transaction() as cursor:
            if not reread.is_needed(cursor, version):
                return None
            counts = RereadCounts(without_bytes=reread.without_bytes(cursor, version))
        after: int | None = 0
        while after is not None:
            with self._transaction() as cursor:
                now = server_time.read_clock(cursor, self._clock)
                profile_of = self._form.profile_of
                after = reread.reread_some(cursor, now, judge, version, profile_of, counts, after, dry_run)
        return counts

    # Balance

    def start_reading(
        self, policy: Policy, ahead_seconds: float = 0.0, instead_of: StartedReading | None = None
    ) -> StartedReading | Wait | Stop | None:
        """Start a balance reading `ahead_seconds` from now; None while a call is in flight. See `balance.start`."""
        with self._transaction() as cursor:
            now = server_time.read_clock(cursor, self._clock)
            attempts.expire_leases(cursor, now)
            return balance.start(cursor, now, policy, now.later(ahead_seconds), instead_of)

    def record_reading(
        self, run: Run, started: StartedReading, read: Balance, answer: RawAnswer | None
    ) -> BalanceReading:
        """Write a balance reading and what it proves. `answer`: where it was read, for the server's time."""
        with self._transaction() as cursor:
            server_time.learn_server_time(cursor, self._clock, answer)
            return balance.record(cursor, run.run_id, started, read)

    def seconds_until_doubts_settle(self) -> float:
        """How long Clodura may still work on a call whose answer was lost."""
        with self._transaction() as cursor:
            return balance.seconds_until_doubts_settle(cursor, server_time.read_clock(cursor, self._clock))

    def knows_balance(self) -> bool:
        """Whether any reading ever had a balance."""
        with self._transaction() as cursor:
            query = "SELECT 1 FROM readings WHERE credits IS NOT NULL LIMIT 1"
            return cursor.execute(query).fetchone() is not None

    def last_reading(self) -> BalanceReading | None:
        """The newest balance reading; None when there is none."""
        with self._transaction() as cursor:
            return balance.last(cursor)

    # Files

    def day_of_undated_file(self, path: str, today: str) -> str:
        """The day of a file without a date in its path: the one it was first seen on, remembered."""
        with self._transaction() as cursor:
            cursor.execute("INSERT INTO undated_files VALUES (?, ?) ON CONFLICT (path) DO NOTHING", (path, today))
            return cursor.execute("SELECT file_date FROM undated_files WHERE path = ?", (path,)).fetchone()[0]

    # Reading

    def changes_since(self, sequence: int) -> Changes:
        """All attempts and people that changed after a sequence."""
        with self._transaction() as cursor:
            attempts.expire_leases(cursor, server_time.read_clock(cursor, self._clock))
            people = (
                "SELECT person_key, coalesce(alias_of, person_key), added, erased_at IS NOT NULL FROM people "
                "WHERE sequence > ?"
            )
            identifiers = (
                "SELECT identifier, person_key, from_call FROM identifiers WHERE person_key IN "
                "(SELECT person_key FROM people WHERE sequence > ?)"
            )
            changed = f"SELECT {', '.join(ATTEMPT_COLUMNS)} FROM attempts WHERE sequence > ? ORDER BY id"
            found = [
                [tuple(row) for row in cursor.execute(query, (sequence,))] for query in (changed, people, identifiers)
            ]
            shapes = [tuple(row) for row in cursor.execute("SELECT shape_id, shape FROM answer_shapes")]
            return Changes(self.ledger_id, current_sequence(cursor), found[0], found[1], found[2], shapes)

    def totals(self, scope: str = "all") -> Totals:
        """Sums of a scope: 'all', 'day:<date>', 'run:<cap scope>'."""
        with self._transaction() as cursor:
            return budget.totals(cursor, scope)

    def runs_over_cap(self) -> list[tuple[str, float, int]]:
        """Runs and backfills whose charged and at-risk credits exceed their cap: (cap scope, credits, cap)."""
        with self._transaction() as cursor:
            return budget.runs_over_cap(cursor)

    def days_over(self, cap: int) -> list[tuple[str, float]]:
        """UTC days whose charged and at-risk credits exceed a cap: (day, credits)."""
        with self._transaction() as cursor:
            return budget.days_over(cursor, cap)

    def read_clock(self) -> ClockReading:
        """The time now, by the clocks that decide on windows, leases and days."""
        with self._transaction() as cursor:
            return server_time.read_clock(cursor, self._clock)

    def newest_attempt(self) -> int:
        """Id of the newest attempt; 0 when there is none."""
        with self._transaction() as cursor:
            return attempts.newest_attempt(cursor)

    def sequence(self) -> int:
        """The sequence of the newest change."""
        with self._transaction() as cursor:
            return current_sequence(cursor)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE to COMMIT; rolled back when the body raises.

        Raises:
            LedgerError: SQLite could not do it (disk full, file damaged, locked for too long).
        """
        with self._lock:
            try:
                if self._connection.in_transaction:  # left by an interruption between two lines of this method
                    self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise ledger_error(error, self.path) from error
