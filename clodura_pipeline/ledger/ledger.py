"""`Ledger`: the few methods through which the rest of the project uses the ledger, each one transaction."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clodura_pipeline.clodura.balance import Balance
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict
from clodura_pipeline.ledger import attempts as calls
from clodura_pipeline.ledger import balance as readings
from clodura_pipeline.ledger import budget as money
from clodura_pipeline.ledger import past, people, registering, schema, upgrading
from clodura_pipeline.ledger import server_time as moments
from clodura_pipeline.ledger.attempts import Decision, Granted, Settled
from clodura_pipeline.ledger.balance import ReadingBegun, Reconciled
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.maintenance import Custody
from clodura_pipeline.ledger.people import Registered
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.eligibility import PastAttempt
from clodura_pipeline.ledger.rules.policy import Policy
from clodura_pipeline.ledger.rules.requests import Question, Run
from clodura_pipeline.ledger.rules.stops import Stop
from clodura_pipeline.ledger.sequence import current_sequence
from clodura_pipeline.ledger.upgrading import FIRST_FORM, CanonicalForm

Identify = calls.Identify

# Without the raw bytes and the question, which readers have no use for.
_SHOWN = (
    "id, person_key, run_id, root_run_id, file_date, source_file, purpose, combination, strength, sent_at, usage_date, "
    "state, detail, http_status, reserved_credits, charged_credits, at_risk_credits, cost_basis, answered_at, answer"
)


@dataclass(frozen=True)
class Attempts:
    """Attempts and people changed since a sequence, as rows, and the sequence they are complete up to."""

    ledger_id: str
    sequence: int
    attempts: list[sqlite3.Row]
    aliases: list[tuple[int, int]]


class Ledger(Custody):
    """One open ledger. Threads may share it; processes open their own. Use as a context manager or close it."""

    def __init__(self, path: Path, clock: Clock, identify: Identify, form: CanonicalForm = FIRST_FORM) -> None:
        """
        Args:
            identify: canonical identifier of a LinkedIn profile address, or None: answers name profiles too.
            form: of the identifiers that callers register; a ledger of a former one is brought to it.

        Raises:
            LedgerProblem: it cannot be used; the message says what to do.
        """
        self.path = path
        self._clock = clock
        self._identify = identify
        self._form = form
        self._lock = threading.RLock()
        self._registering = threading.Lock()
        self._connection = schema.connect(path, form.version)
        try:
            with self._transaction() as cursor:
                moments.enter_boot(cursor, clock)
                upgrading.bring_to_form(cursor, form, clock)
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

    # People

    def register(self, identifiers: Iterable[tuple[str, str]], in_conflict: Iterable[str] = ()) -> dict[str, int]:
        """Person key for every group of canonical identifiers, given as (group label, identifier) pairs."""
        return self.identify(identifiers, in_conflict).keys

    def identify(self, identifiers: Iterable[tuple[str, str]], in_conflict: Iterable[str]) -> Registered:
        """As `register`, and with what was found out on the way."""
        with self._registering:
            return registering.register(
                lambda: self._in_form("DEFERRED"), self._in_form, identifiers, in_conflict, self._form.addresses_of
            )

    # Runs

    def start_run(self, run_id: str, root_run_id: str, max_credits: int) -> Run:
        """Begin a run (or take it up again). Its watermark is what "starts after it was sent" is decided by."""
        with self._transaction() as cursor:
            moment = moments.now(cursor, self._clock)
            calls.expire_leases(cursor, moment)
            moments.forget_old_sends(cursor, moment)
            cursor.execute(
                "INSERT INTO runs (run_id, root_run_id, watermark, started_at, max_credits) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (run_id) DO UPDATE SET max_credits = excluded.max_credits, ended_at = NULL",
                (run_id, root_run_id, readings.newest_attempt(cursor), moment.server, max_credits),
            )
            watermark = cursor.execute("SELECT watermark FROM runs WHERE run_id = ?", (run_id,)).fetchone()[0]
            return Run(run_id, root_run_id, watermark, max_credits)

    def end_run(self, run: Run, stop: Stop | None) -> None:
        """Note that a run has ended, and why it stopped asking if it did."""
        with self._transaction() as cursor:
            cursor.execute(
                "UPDATE runs SET ended_at = ?, stop_kind = ?, stop_reason = ? WHERE run_id = ?",
                (
                    moments.now(cursor, self._clock).server,
                    stop.kind if stop else None,
                    stop.reason if stop else None,
                    run.run_id,
                ),
            )

    def enter_world(self, loopback: bool) -> None:
        """Fix, by the first call, whether this ledger is of the live API or of a stand-in on this machine.

        Raises:
            LedgerProblem: it is of the other one.
        """
        world = "loopback" if loopback else "live"
        with self._transaction() as cursor:
            known = cursor.execute("SELECT world FROM control").fetchone()[0]
            if known is None:
                cursor.execute("UPDATE control SET world = ?", (world,))
            elif known != world:
                raise schema.LedgerProblem(
                    f"This ledger ({self.path}) holds answers of the {'live API' if known == 'live' else 'sandbox'}, "
                    f"but CLODURA_BASE_URL points to the {'live API' if world == 'live' else 'sandbox'}. Answers of "
                    "the two are never mixed: set CLODURA_BASE_URL back, or use another CLODURA_STATE_DIR and "
                    "CLODURA_DATABASE."
                )

    # Calls

    def permit(self, question: Question, run: Run, policy: Policy) -> Decision:
        """Decide in one transaction whether a call may be made; if so it is written as sent."""
        with self._in_form() as cursor:
            return calls.permit(cursor, self._clock, question, run, policy)

    def stamp_again(self, attempt_id: int, policy: Policy, ahead_seconds: float) -> Granted | Wait | None:
        """Move a permit that could not be used at once to `ahead_seconds` from now; None: it must not be used."""
        with self._transaction() as cursor:
            return calls.stamp_again(cursor, self._clock, attempt_id, policy, ahead_seconds)

    def settle(self, attempt_id: int, verdict: Verdict, raw: RawAnswer | None, policy: Policy) -> Settled:
        """Write what a call came to, in one transaction, before anything else is done with the answer."""
        with self._transaction() as cursor:
            reading = upgrading.reading_of_profiles(cursor, self._form, self._identify, attempt_id)
            return calls.settle(cursor, self._clock, attempt_id, verdict, raw, policy, *reading)

    def withdraw(self, attempt_id: int, detail: str) -> None:
        """A permitted call never left: free what it held."""
        with self._transaction() as cursor:
            calls.withdraw(cursor, attempt_id, detail)

    # Balance

    def begin_reading(
        self, policy: Policy, ahead_seconds: float = 0.0, instead_of: ReadingBegun | None = None
    ) -> ReadingBegun | Wait | Stop | None:
        """Begin a balance reading, which takes its place in the windows; None while a call is under way.

        Args:
            ahead_seconds: how far from now its place is to be.
            instead_of: one that could not leave in its place, which is given up.
        """
        with self._transaction() as cursor:
            moment = moments.now(cursor, self._clock)
            calls.expire_leases(cursor, moment)
            begun = readings.begin(cursor, moment)
            return begun and calls.count_reading(cursor, moment.later(ahead_seconds), policy, begun, instead_of)

    def record_reading(self, run: Run, begun: ReadingBegun, balance: Balance, answer: RawAnswer | None) -> Reconciled:
        """Write a balance reading and what it proves. `answer`: what told it, for the server's time."""
        with self._transaction() as cursor:
            moments.learn_server_time(cursor, self._clock, answer)
            return readings.record(cursor, run.run_id, begun, balance)

    def doubts_rest_in_seconds(self) -> float:
        """How long Clodura may still be at a call whose answer was lost."""
        with self._transaction() as cursor:
            return readings.doubts_rest_in_seconds(cursor, moments.now(cursor, self._clock))

    def knows_balance(self) -> bool:
        """Whether any reading ever told a balance."""
        with self._transaction() as cursor:
            query = "SELECT 1 FROM readings WHERE credits IS NOT NULL LIMIT 1"
            return cursor.execute(query).fetchone() is not None

    def last_reading(self) -> Reconciled | None:
        """The newest balance reading; None when there is none."""
        with self._transaction() as cursor:
            return readings.last(cursor)

    # Files

    def day_of_undated_file(self, path: str, today: str) -> str:
        """The day of a file without a date in its path: the one it was first seen on, remembered."""
        with self._transaction() as cursor:
            cursor.execute("INSERT OR IGNORE INTO undated_files VALUES (?, ?)", (path, today))
            return cursor.execute("SELECT file_date FROM undated_files WHERE path = ?", (path,)).fetchone()[0]

    # Reading

    def changes_since(self, sequence: int) -> Attempts:
        """All attempts and aliases that changed after a sequence, from one consistent state."""
        with self._transaction() as cursor:
            calls.expire_leases(cursor, moments.now(cursor, self._clock))
            ledger_id, now = cursor.execute("SELECT ledger_id, sequence FROM control").fetchone()
            attempts = cursor.execute(
                f"SELECT {_SHOWN} FROM attempts WHERE sequence > ? ORDER BY id", (sequence,)
            ).fetchall()  # fmt: skip
            aliases = cursor.execute(
                "SELECT person_key, alias_of FROM people WHERE alias_of IS NOT NULL AND sequence > ?", (sequence,)
            ).fetchall()
            return Attempts(ledger_id, now, attempts, [(row[0], row[1]) for row in aliases])

    def totals(self, scope: str = "all") -> Totals:
        """Sums of a scope: 'all', 'day:<date>', 'run:<root run id>'."""
        with self._transaction() as cursor:
            return money.totals(cursor, scope)

    def runs_over_cap(self) -> list[tuple[str, int, int]]:
        """Root runs whose charged and at-risk credits exceed their cap: (run id, credits, cap)."""
        with self._transaction() as cursor:
            return money.runs_over_cap(cursor)

    def days_over(self, cap: int) -> list[tuple[str, int]]:
        """UTC days whose charged and at-risk credits exceed a cap: (day, credits)."""
        with self._transaction() as cursor:
            return money.days_over(cursor, cap)

    def today(self) -> str:
        """The UTC day by the server's clock."""
        with self._transaction() as cursor:
            return moments.now(cursor, self._clock).day

    def past_by_person(self) -> tuple[dict[int, list[PastAttempt]], float]:
        """All attempts by surviving person key, and the server's time now: what a plan decides on."""
        with self._transaction() as cursor:
            moment = moments.now(cursor, self._clock)
            calls.expire_leases(cursor, moment)
            return past.of_everybody(cursor, moment), moment.server

    def newest_attempt(self) -> int:
        """Id of the newest attempt; 0 when there is none."""
        with self._transaction() as cursor:
            return readings.newest_attempt(cursor)

    def mean_credits(self) -> dict[str, tuple[int, float]]:
        """By combination: number of readable answers so far, and what they cost on average in credits."""
        with self._transaction() as cursor:
            rows = cursor.execute(
                "SELECT combination, count(*), avg(charged_credits) FROM attempts "
                "WHERE state IN ('person', 'organisation', 'no_match') GROUP BY combination"
            )
            return {row[0]: (row[1], row[2]) for row in rows}

    def alias_sequence(self) -> int:
        """The sequence of the newest joining of two people; 0 when there was none."""
        with self._transaction() as cursor:
            return people.alias_sequence(cursor)

    def sequence(self) -> int:
        """The sequence of the newest change."""
        with self._transaction() as cursor:
            return current_sequence(cursor)

    @contextlib.contextmanager
    def _in_form(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """A transaction on a ledger that is of this program's canonical form; raises `LedgerProblem` otherwise."""
        with self._transaction(kind) as cursor:
            if kind == "IMMEDIATE":  # an older program may have brought an answer meanwhile
                upgrading.bring_to_form(cursor, self._form, self._clock)
            else:
                upgrading.require_form(cursor, self._form)
            yield cursor

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """BEGIN to COMMIT; rolled back when the body raises. Only an IMMEDIATE one may write, a DEFERRED one looks.

        Raises:
            LedgerProblem: SQLite could not do it (disk full, file damaged, locked for too long).
        """
        with self._lock:
            try:
                if self._connection.in_transaction:  # left by an interruption between two lines of this method
                    self._connection.execute("ROLLBACK")
                self._connection.execute(f"BEGIN {kind}")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise schema.problem(error, self.path) from error
