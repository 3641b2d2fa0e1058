"""A ledger in a PostgreSQL database, for the processes of any number of hosts."""

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from clodura_pipeline.ledger.engines.database import (
    BUSY_SECONDS,
    Address,
    Cursor,
    LedgerDatabase,
    LedgerError,
    LedgerUnavailable,
    LedgerUnreachable,
    LedgerUrl,
    Row,
)
from clodura_pipeline.ledger.engines.schema import SCHEMA_VERSION

RECONNECT_SECONDS = 10.0
"""For so long after the connection was lost, a transaction waits for the server to come back: a restart takes less."""
_RECONNECT_PAUSE_SECONDS = 0.2
SILENCE_SECONDS = 120.0
"""A server that says nothing for so long during a transaction is taken for lost: something on the way may go on
acknowledging what it no longer forwards. Longer than any wait for a lock."""
_BEGIN = (
    b"BEGIN ISOLATION LEVEL READ COMMITTED; "
    b"SELECT pg_advisory_xact_lock(1131179876, hashtext(current_schema())); "  # a number for this program's locks
)
# A host that vanishes holds the lock until the server notices: within these times.
_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "clodura_pipeline",
    "client_encoding": "utf8",  # also where the database was created without an encoding
}
_SESSION = (
    f"SET lock_timeout = '{BUSY_SECONDS:.0f}s'; SET idle_in_transaction_session_timeout = '{BUSY_SECONDS:.0f}s'; "
    "SET client_min_messages = error"
).encode()


class _Row(tuple[Any, ...]):
    """A row whose columns are read by place or by name."""

    places: dict[str, int]

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self.places[key] if isinstance(key, str) else key)


def _row_factory(cursor: psycopg.Cursor[Any]) -> Any:
    return _row_type(tuple(column.name for column in cursor.description or ()))


@lru_cache(maxsize=512)
def _row_type(names: tuple[str, ...]) -> type[_Row]:
    return type("Row", (_Row,), {"places": {name: place for place, name in enumerate(names)}})


@lru_cache(maxsize=512)
def _translated(statement: str) -> bytes:
    return statement.replace("%", "%%").replace("?", "%s").encode()


class _Connection(psycopg.Connection[Any]):
    """A connection that is lost when the server has been silent for too long."""

    silence_seconds = math.inf

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        return super().wait(_unless_silent(gen, self.silence_seconds), *args, **kwargs)


def _unless_silent(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """The driver's steps of a statement: resumed with 0, every tenth of a second, while nothing arrives."""
    heard_at = time.monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > seconds:
                raise psycopg.OperationalError("the server is silent")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value


class _Cursor:
    """The statements of one transaction, with `?` for parameters."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Any:
        return self._connection.execute(_translated(statement), parameters)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> None:
        self._connection.cursor().executemany(_translated(statement), rows)


class PostgresDatabase(LedgerDatabase):
    """A connection that is made again when it was lost.

    READ COMMITTED with one advisory lock per transaction: each statement sees all that was committed before the lock
    was taken, which is all there is. A stricter level would take its snapshot before it waits for the lock, and fail
    where this one decides rightly. Statements are not pipelined: the server does not see that a process which froze in
    the middle of a pipeline is idle in its transaction, and would leave it the lock.
    """

    address: LedgerUrl
    has_own_clock = True
    engine_query = "SELECT 'PostgreSQL ' || current_setting('server_version')"
    driver_error = psycopg.Error

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._lost_at: float | None = None
        self._connection: _Connection | None = None

    def overwrite_removed(self, thoroughly: bool) -> bool:
        with self._errors_in_words(), contextlib.closing(self._connect()) as connection:
            connection.execute(b"SET lock_timeout = '10s'")
            try:
                connection.execute(b"VACUUM (FULL)" if thoroughly else b"VACUUM")
            except errors.LockNotAvailable:
                return False
            return True

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def _connect(self) -> _Connection:
        connection = _Connection.connect(self.address.url, autocommit=True, row_factory=_row_factory, **_CONNECT)
        connection.execute(_SESSION)
        session = _Cursor(connection)
        if session.execute("SELECT coalesce(current_schema(), 'public')").fetchone()[0] == "public":
            # Its tables lie beside those of others (Dagster has a `runs` too), unless the URL names a schema.
            connection.execute(b"CREATE SCHEMA IF NOT EXISTS clodura_ledger; SET search_path = clodura_ledger")
        if session.execute("SHOW synchronous_commit").fetchone()[0] == "off":
            connection.execute("SET synchronous_commit = on")  # what is committed is paid for
        return connection

    def _begin(self, opening: Callable[[], str]) -> tuple[Cursor, Row]:
        """As in the base class, on a new connection when the former is lost."""
        while True:
            try:
                if self._connection is None or not _is_idle(self._connection):
                    self.close()  # also what an interruption left half-way: the server rolls it back
                    self._connection = self._connect()
                    self._connection.silence_seconds = SILENCE_SECONDS
                results = self._connection.execute(_BEGIN + opening().encode())
                while results.nextset():
                    pass
                self._lost_at = None
                return _Cursor(self._connection), results.fetchone()
            except psycopg.Error as error:
                self.close()
                if not isinstance(self._in_words(error), LedgerUnreachable):
                    raise
                self._lost_at = self._lost_at or time.monotonic()
                if time.monotonic() - self._lost_at >= RECONNECT_SECONDS:
                    raise
            time.sleep(_RECONNECT_PAUSE_SECONDS)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Cursor]:
        with contextlib.closing(self._connect()) as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield _Cursor(connection)

    def _read_schema_version(self, cursor: Cursor) -> int:
        if cursor.execute("SELECT to_regclass('schema_version')").fetchone()[0] is None:
            return 0
        return cursor.execute("SELECT version FROM schema_version").fetchone()[0]

    def _write_schema_version(self, cursor: Cursor) -> None:
        cursor.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        cursor.execute("DELETE FROM schema_version")
        cursor.execute("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))

    def _in_words(self, error: Exception) -> Exception:
        """The driver's own words can hold the user, the password and people's data."""
        if isinstance(error, psycopg.DataError):
            return ValueError(f"PostgreSQL cannot store a value ({type(error).__name__})")
        words = str(error)
        if getattr(error, "sqlstate", None) is None and "password" in words:
            error = errors.InvalidPassword()
        elif getattr(error, "sqlstate", None) is None and "does not exist" in words:
            error = errors.InvalidCatalogName() if "database" in words else errors.InvalidPassword()
        for kinds, kind, advice in _ADVICE:
            if isinstance(error, kinds):
                return kind(f"The ledger cannot be used: {advice}. Ledger: {self.address}")
        return LedgerError(f"The ledger cannot be used: {type(error).__name__} of PostgreSQL. Ledger: {self.address}")


def _is_idle(connection: psycopg.Connection[Any]) -> bool:
    return not connection.broken and connection.info.transaction_status == TransactionStatus.IDLE


_ADVICE = (
    ((errors.InvalidPassword, errors.InvalidAuthorizationSpecification), LedgerError,
     "the server refused the user or the password. Check CLODURA_LEDGER_URL"),
    ((errors.InvalidCatalogName,), LedgerError, "the database does not exist. Create it, or check CLODURA_LEDGER_URL"),
    ((errors.InsufficientPrivilege,), LedgerError,
     "its user lacks a right. The user needs CREATE on the database, and owns the ledger's tables"),
    ((errors.DiskFull,), LedgerUnavailable, "the server's disk is full. Free space there"),
    ((errors.LockNotAvailable,), LedgerUnavailable,
     f"another process kept it locked for {BUSY_SECONDS:.0f} s. End that process or wait for it"),
    ((errors.QueryCanceled,), LedgerUnavailable, "a statement took longer than the server allows. Look for its load"),
    ((errors.ReadOnlySqlTransaction, psycopg.OperationalError, psycopg.InterfaceError), LedgerUnreachable,
     "the server cannot be reached, or the connection was lost. Check that it runs, and CLODURA_LEDGER_URL"),
)  # fmt: skip
"""What to do, most specific first. Why a connection is refused, the driver says only in words."""
