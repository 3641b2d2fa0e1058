"""The database that a ledger is kept in: what every engine guarantees, and the errors they share.

LedgerError                 the ledger cannot be used
├── NoLedger                there is none yet
└── LedgerUnavailable       not now: locked, or its disk is full
    └── LedgerUnreachable   the connection to its server is lost, and may come back
"""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer
from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.ledger.engines.migrations import MIGRATIONS
from clodura_pipeline.ledger.engines.schema import SCHEMA_VERSION, create_tables
from clodura_pipeline.ledger.rules.clock import ClockReading

_MAX_AFTER_OTHERS_SECONDS = 1.0
"""A request that would have to leave later than this, so as not to overtake another, waits and is decided on again."""
BUSY_SECONDS = 30.0
"""How long a transaction waits for those of other processes."""


class LedgerError(UserFixableError):
    """The ledger cannot be used."""


class NoLedger(LedgerError):
    """There is no ledger at this address."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be written now: it is locked, or its disk is full. Trying again may help."""


class LedgerUnreachable(LedgerUnavailable):
    """The connection to the ledger's server is lost. It may come back, and nothing is decided meanwhile."""


@dataclass(frozen=True)
class LedgerUrl:
    """Where a ledger on PostgreSQL is. As text it has neither user nor password nor parameters."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


Address = Path | LedgerUrl
"""Where a ledger is: a SQLite file, or a PostgreSQL database."""
Row = Any
"""A row of a result: its columns are read by place or by name."""


class Cursor(Protocol):
    """Executes statements in one transaction: written once, in SQL that all engines read, with `?` for parameters."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Any: ...
    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object: ...


@dataclass(frozen=True)
class CanonicalForm:
    """A canonical form of identifiers, handed in: what stores them knows no spellings.

    `identifiers_of`: for each request, its canonical profile, e-mail address and name at a company, None where there is
    none. `profile_of`: the canonical identifier of a LinkedIn profile's address, None when it is none.
    """

    version: int
    identifiers_of: Callable[[Sequence[Identifiers]], Iterable[tuple[str | None, str | None, str | None]]]
    profile_of: Callable[[str], str | None]


class Transaction:
    """The statements of one transaction (see `Cursor`), and what it knows from its first one on.

    `control`: the row that controls all calls, as it was then, with `next_lease_end` of the calls in flight and
    `newest_stamp` of the windows. `now`: the time in the transaction: this orders the times of several processes.
    """

    def __init__(self, cursor: Cursor, control: Row, now: ClockReading, form: CanonicalForm) -> None:
        self.execute, self.executemany = cursor.execute, cursor.executemany
        self.control, self.now, self.form = control, now, form

    def leaving(self, ahead_seconds: float) -> ClockReading:
        """When a request that is permitted now may leave: so far from now, and not before those permitted earlier."""
        newest = self.control["newest_stamp"]
        after_others = 0.0 if newest is None else newest - self.now.sent_stamp
        return self.now.later(max(0.0, ahead_seconds, min(after_others, _MAX_AFTER_OTHERS_SECONDS)))

    def insert(self, table: str, values: Mapping[str, object]) -> int:
        """Insert a row; returns its id, the next one."""
        statement = (
            f"INSERT INTO {table} (id, {', '.join(values)}) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM {table}), "
            f"{', '.join('?' * len(values))}) RETURNING id"
        )
        return self.execute(statement, tuple(values.values())).fetchone()[0]

    def learn_server_time(self, answer: RawAnswer, sent_stamp: float | None = None) -> None:
        """Take over Clodura's clock from an answer, for this transaction and later ones."""
        learned = self.now.corrected_by(answer, sent_stamp)
        if learned is not self.now:
            offset = learned.server - learned.stamp
            self.execute("UPDATE control SET server_offset = ? WHERE boot_id = ?", (offset, learned.boot_id))
            self.now = learned

    @cached_property
    def sequence(self) -> int:
        """The ledger's sequence, raised once by a transaction that changes what readers should see."""
        return self.execute("UPDATE control SET sequence = sequence + 1 RETURNING sequence").fetchone()[0]


class LedgerDatabase(ABC):
    """The database of one ledger. Threads may share it; each process has its own.

    Every engine guarantees:

    - **One decision at a time.** Between the begin and the end of a `transaction`, no transaction of another thread,
      process or host begins. A transaction sees everything that those before it committed.
    - **Committed means durable.** When `transaction` ends without an error, its changes outlive a crash of this process
      and of the database. When it ends with an error, none of them is there, or (a connection that was lost during the
      commit) all of them: repeating a transaction must do no harm.
    - **Readers see one state.** Everything read in one `read` is of the same committed state; it waits for no
      transaction, and none waits for it.
    - **Errors** of the engine are raised as `LedgerError` in words, without statements, values or secrets.
    """

    has_own_clock: ClassVar[bool]
    """Whether hosts share it, so that time is its own clock's; else all processes have one host's clock."""
    engine_query: ClassVar[str]
    """Finds the engine's name and version."""
    driver_error: ClassVar[type[Exception]]

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = threading.RLock()

    def open(self, canonical_version: int) -> None:
        """Create the tables when there are none, migrate those of an older schema, refuse those of a newer one.

        Args:
            canonical_version: of the identifiers in a ledger that is created.
        """
        with self.transaction() as (cursor, _):
            version = self._schema_version(cursor)
            if version == 0:
                create_tables(cursor, canonical_version, is_postgresql=self.has_own_clock)
            for statement in MIGRATIONS.get(version, ()):
                cursor.execute(statement)
            if version != SCHEMA_VERSION:
                self._write_schema_version(cursor)

    @contextlib.contextmanager
    def transaction(self, opening: Callable[[], str] = lambda: "SELECT 1") -> Iterator[tuple[Cursor, Row]]:
        """One transaction: committed at the end of the body, rolled back when the body raises.

        Args:
            opening: gives the statement to execute in the same round trip as its begin, when nothing of this process
                is in its way; the row it finds is handed out with the cursor.
        """
        with self._lock, self._errors_in_words():
            cursor, row = self._begin(opening)
            try:
                yield cursor, row
                cursor.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(self.driver_error):
                    cursor.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[Cursor]:
        """One consistent, read-only state of an existing ledger.

        Raises:
            NoLedger: there is none.
            LedgerError: it cannot be reached, is damaged, or is of another version.
        """
        with self._errors_in_words(), self._reading() as cursor:
            if not self._schema_version(cursor):
                raise NoLedger(f"There is no ledger at {self.address}. The first run creates it there.")
            yield cursor

    @contextlib.contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        try:
            yield
        except self.driver_error as error:
            raise self._in_words(error) from None

    def _schema_version(self, cursor: Cursor) -> int:
        """The version of its tables; 0: there are none."""
        version = self._read_schema_version(cursor)
        if version > SCHEMA_VERSION:
            raise LedgerError(
                f"The ledger is of version {version}, which is newer than this program: it reads up to version "
                f"{SCHEMA_VERSION}. Nothing was changed. Install that version or a later one. Ledger: {self.address}"
            )
        return version

    @abstractmethod
    def _begin(self, opening: Callable[[], str]) -> tuple[Cursor, Row]:
        """Begin a transaction, take the lock and execute a statement; returns the row it finds."""

    @abstractmethod
    def _reading(self) -> contextlib.AbstractContextManager[Cursor]:
        """A connection of its own, in a read-only transaction that sees one state."""

    @abstractmethod
    def _read_schema_version(self, cursor: Cursor) -> int: ...

    @abstractmethod
    def _write_schema_version(self, cursor: Cursor) -> None: ...

    @abstractmethod
    def _in_words(self, error: Exception) -> Exception:
        """The driver's error as one that says what to do."""

    @abstractmethod
    def overwrite_removed(self, thoroughly: bool) -> bool:
        """Leave no bytes of removed rows in the tables' files; False when others keep them busy.

        Args:
            thoroughly: rewrite them as a whole.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


def database_at(address: Address) -> LedgerDatabase:
    """The database at an address, not opened yet.

    Raises:
        LedgerError: PostgreSQL's driver is not installed.
    """
    if isinstance(address, Path):
        from clodura_pipeline.ledger.engines.sqlite import SqliteDatabase

        return SqliteDatabase(address)
    try:
        from clodura_pipeline.ledger.engines.postgresql import PostgresDatabase
    except ImportError:
        raise LedgerError(
            "CLODURA_LEDGER_URL needs PostgreSQL's driver, which is not installed. No call was made. Install "
            "clodura-pipeline[postgres]."
        ) from None
    return PostgresDatabase(address)


def exists(address: Address) -> bool:
    """Whether there is a ledger. Raises `LedgerError` when it cannot be read, or its server cannot be reached."""
    try:
        with database_at(address).read():
            return True
    except NoLedger:
        return False


def engine_of(address: Address) -> tuple[str, float]:
    """Name and version of an existing ledger's engine, and the seconds that a statement takes there."""
    database = database_at(address)
    with database.read() as cursor:
        began = time.perf_counter()
        return cursor.execute(database.engine_query).fetchone()[0], time.perf_counter() - began
