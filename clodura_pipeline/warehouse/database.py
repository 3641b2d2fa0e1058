"""Opens the working database: one process at a time, closed on every path, never held during a call."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import duckdb
from filelock import FileLock, Timeout

from clodura_pipeline.warehouse.erasure.rebuild import (
    execute_in_a_fresh_process,
    parquet_folder,
    quoted,
    remove,
    removed_at_the_end,
)
from clodura_pipeline.warehouse.tables import (
    CONTACT_ROWS,
    CREDIT_USAGE,
    ENRICHED_CONTACTS,
    ENRICHMENT_PLAN,
    IDENTITY_CONFLICTS,
    LIST_REPORT,
    PUBLICATION,
    RAW_CONTACTS,
    REJECTED_CONTACTS,
    SOURCE_FILES,
    VALIDATED_CONTACTS,
)

LOCK_TIMEOUT_SECONDS = 600.0
SCHEMA_VERSION = 1  # to be raised with a change of the tables below, and a migration to it
_TABLES = (
    RAW_CONTACTS,
    VALIDATED_CONTACTS,
    REJECTED_CONTACTS,
    CONTACT_ROWS,
    ENRICHED_CONTACTS,
    CREDIT_USAGE,
    ENRICHMENT_PLAN,
    SOURCE_FILES,
    IDENTITY_CONFLICTS,
    LIST_REPORT,
    PUBLICATION,
)
_INSIDE = """
CREATE TABLE IF NOT EXISTS unreadable_records (
    file_date DATE, source_file VARCHAR, source_row BIGINT, reason VARCHAR, record JSON);
CREATE TABLE IF NOT EXISTS landed_files (
    source_file VARCHAR PRIMARY KEY, validated BOOLEAN, size_bytes BIGINT, modified_ns BIGINT);
CREATE TABLE IF NOT EXISTS contact_people (source_file VARCHAR, source_row BIGINT, person_key BIGINT);
CREATE TABLE IF NOT EXISTS people_questions (
    person_key BIGINT, linkedin_url VARCHAR, email VARCHAR, first_name VARCHAR, last_name VARCHAR,
    organisation_name VARCHAR, organisation_linkedin_url VARCHAR, set_aside VARCHAR[]);
CREATE TABLE IF NOT EXISTS suppressed_people (person_key BIGINT);
CREATE TABLE IF NOT EXISTS pending_reasons (person_key BIGINT, reason VARCHAR);
CREATE TABLE IF NOT EXISTS person_aliases (person_key BIGINT, survivor BIGINT);
CREATE TABLE IF NOT EXISTS working_state (name VARCHAR PRIMARY KEY, value VARCHAR);
"""


class DatabaseFile(Protocol):
    """A DuckDB file and the way to open it, such as Dagster's DuckDBResource."""

    database: str

    def get_connection(self) -> contextlib.AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The open database; closed at the end of the context."""
        ...


class DatabaseBusy(Exception):
    """Another run kept the working database for too long."""


class NewerDatabase(Exception):
    """A newer version of the package made the working database."""


class NotCompacted(Exception):
    """What was removed from the working database may still stand in its file; the message says what to do."""


@contextlib.contextmanager
def working_database(resource: DatabaseFile, why: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """The open working database with all its tables, under the lock that all runs share.

    Raises:
        DatabaseBusy: another run held the lock for ten minutes.
        NewerDatabase: this version does not know its tables.
        NotCompacted: see `want_compaction`.
    """
    path = Path(resource.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
    except Timeout:
        raise DatabaseBusy(
            f"Another run has held {path.name} for {LOCK_TIMEOUT_SECONDS:.0f} s{why and f' while {why} waits'}. "
            "Look for a run that hangs in the Dagster UI and terminate it."
        ) from None
    try:
        remove(parquet_folder(path))  # a process that was killed left it
        with resource.get_connection() as connection:
            connection.execute("SET python_enable_replacements = false")
            connection.execute("SET TimeZone = 'UTC'")
            _make_tables(connection, path)
            _removals_when_first_opened.setdefault(_path_of(connection), _removals_at_first(connection))
            yield connection
            compaction_wanted = get_state(connection, _COMPACT) is not None
            if compaction_wanted:
                _export(connection, path)
        if compaction_wanted:
            _put_in_place(path)
    finally:
        lock.release()


_VERSION = "schema_version"
_COMPACT = "compaction_wanted"
_COMPACT_ONCE_BUILT = "compaction_wanted_once_built"
_REMOVALS = "removals"
_removals_when_first_opened: dict[str, int] = {}
"""By file. Of the process, as its memory is."""


def want_compaction(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the file written anew when the database is closed: DuckDB leaves the bytes of deleted rows where they are.

    Remembered in the database, so that it is made up for when this process is killed before. What was removed may
    stand in the analysts' tables too until these are built anew, so that building them asks for it once more.
    """
    set_state(connection, _COMPACT, "1")
    set_state(connection, _COMPACT_ONCE_BUILT, "1")
    set_state(connection, _REMOVALS, str(_removals(connection) + 1))


def tables_are_built(connection: duckdb.DuckDBPyConnection) -> None:
    """The analysts' tables show nothing any more of what was removed before; see `want_compaction`."""
    if get_state(connection, _COMPACT_ONCE_BUILT) is not None:
        connection.execute("DELETE FROM working_state WHERE name = ?", [_COMPACT_ONCE_BUILT])
        set_state(connection, _COMPACT, "1")


def removed_since_first_opened(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether this process's memory may hold rows that were removed, by it or by another process; see `afresh`."""
    return _removals(connection) != _removals_when_first_opened.get(_path_of(connection))


def _removals(connection: duckdb.DuckDBPyConnection) -> int:
    return int(get_state(connection, _REMOVALS) or 0)


def _removals_at_first(connection: duckdb.DuckDBPyConnection) -> int:
    """As at no time, when a process ended before what it had removed was out of the file: it is read from there."""
    pending = [get_state(connection, name) for name in (_COMPACT, _COMPACT_ONCE_BUILT)]
    return _removals(connection) if pending == [None, None] else -1


def _path_of(connection: duckdb.DuckDBPyConnection) -> str:
    row = first_row(connection, "SELECT path FROM duckdb_databases() WHERE database_name = current_database()")
    return row[0] if row else ""


def _export(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write down what is left of the database, which is then closed."""
    with _not_compacted(path):
        connection.execute(f"EXPORT DATABASE {quoted(parquet_folder(path))} (FORMAT parquet)")
        connection.execute("CHECKPOINT")  # no .wal may be left beside the file that takes its place


def _put_in_place(path: Path) -> None:
    """Put a file that never held what was removed in the place of the closed database."""
    fresh = path.with_name(f".{path.name}.new")
    with _not_compacted(path), removed_at_the_end(parquet_folder(path)) as folder:
        fresh.unlink(missing_ok=True)
        execute_in_a_fresh_process(
            [
                f"ATTACH {quoted(fresh)} AS fresh",
                "USE fresh",
                f"IMPORT DATABASE {quoted(folder)}",
                f"DELETE FROM working_state WHERE name = {quoted(_COMPACT)}",
                "CHECKPOINT fresh",
            ],
            spill=folder,
        )
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)


@contextlib.contextmanager
def _not_compacted(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        with contextlib.suppress(OSError):
            path.with_name(f".{path.name}.new").unlink(missing_ok=True)
        raise NotCompacted(
            f"What was removed from {path} may still stand in its file, which could not be written anew: {error}. Make "
            "room in CLODURA_STATE_DIR and run again; nothing is lost, and nothing is asked again."
        ) from error


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """BEGIN to COMMIT; rolled back when the body raises."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def first_row(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None
) -> tuple[Any, ...] | None:
    """The first row of a query; None when there is none.

    Not `fetchone()`: DuckDB 2.0 then holds the result open and refuses other queries on the connection.
    """
    rows = connection.execute(sql, parameters or []).fetchall()
    return rows[0] if rows else None


def scalar(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None) -> int:
    """The one number that a query returns; 0 for NULL."""
    row = first_row(connection, sql, parameters)
    return int(row[0] or 0) if row else 0


def get_state(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """A remembered value of the working database."""
    row = first_row(connection, "SELECT value FROM working_state WHERE name = ?", [name])
    return row[0] if row else None


def set_state(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Remember a value."""
    connection.execute("INSERT OR REPLACE INTO working_state VALUES (?, ?)", [name, value])


def _make_tables(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """All tables, when the file has none yet. A run opens it some twenty times: looking costs a fifth of creating."""
    try:
        version = int(get_state(connection, _VERSION) or 0)
    except duckdb.CatalogException:
        version = 0
    if version > SCHEMA_VERSION:
        raise NewerDatabase(
            f"{path} was written by a newer version of clodura_pipeline (its tables have version {version}, this one "
            f"knows {SCHEMA_VERSION}). Install that version again; nothing was changed and nothing asked."
        )
    if version == SCHEMA_VERSION:
        return
    with transaction(connection):
        for table in _TABLES:
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({table.ddl()})")
        connection.execute(_INSIDE)
        set_state(connection, _VERSION, str(SCHEMA_VERSION))
