"""Opens the working database: one process at a time, closed on every path, never held during a call."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
from filelock import FileLock, Timeout

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.private_files import ONLY_FOR_OWNER, make_private_folder
from clodura_pipeline.warehouse.erasure.compaction import compact
from clodura_pipeline.warehouse.published.analysts_file import attach_analysts_file
from clodura_pipeline.warehouse.state import get_state, set_state
from clodura_pipeline.warehouse.tables.columns import COPIED, PUBLISHED, RAW_CONTACTS, VALIDATED_CONTACTS
from clodura_pipeline.warehouse.tables.ledger_tables import LEDGER_TABLES_DDL

LOCK_TIMEOUT_SECONDS = 600.0
MOST_MEMORY_BYTES = 3 * 2**28  # 0.75 GiB; frames that are cleaned at the same time take as much again
SCHEMA_VERSION = 2  # raised with a change of the tables below, and a migration to it
_INTERNAL_TABLES = """
CREATE TABLE IF NOT EXISTS unreadable_records (
    file_date DATE, source_file VARCHAR, source_row BIGINT, reason VARCHAR, record JSON);
CREATE TABLE IF NOT EXISTS landed_files (
    source_file VARCHAR PRIMARY KEY, validated BOOLEAN, signature VARCHAR, version VARCHAR,
    encoding_is_doubtful BOOLEAN);
CREATE TABLE IF NOT EXISTS contact_people (source_file VARCHAR, source_row BIGINT, person_key BIGINT);
CREATE TABLE IF NOT EXISTS people_requests (
    person_key BIGINT, linkedin_url VARCHAR, email VARCHAR, first_name VARCHAR, last_name VARCHAR,
    organisation_name VARCHAR, organisation_linkedin_url VARCHAR, set_aside VARCHAR[],
    sent_ids VARCHAR[], other_ids VARCHAR[]);
CREATE TABLE IF NOT EXISTS person_aliases (person_key BIGINT, survivor BIGINT);
CREATE TABLE IF NOT EXISTS suppressed_people (person_key BIGINT);
CREATE TABLE IF NOT EXISTS eligibility (
    file_date DATE, person_key BIGINT, source_file VARCHAR, source_row BIGINT, decision VARCHAR, purpose VARCHAR,
    pending_code VARCHAR, pending_reason VARCHAR);
CREATE TABLE IF NOT EXISTS pending_reasons (person_key BIGINT, pending_code VARCHAR, pending_reason VARCHAR);
CREATE TABLE IF NOT EXISTS agreements (id BIGINT, agreement VARCHAR, reasons VARCHAR[]);
CREATE TABLE IF NOT EXISTS ledger_runs (
    run_id VARCHAR, range_start VARCHAR, range_end VARCHAR, started_at DOUBLE, ended_at DOUBLE, max_credits BIGINT,
    stop_reason VARCHAR);
CREATE TABLE IF NOT EXISTS working_state (name VARCHAR PRIMARY KEY, value VARCHAR);
"""
_VERSION = "schema_version"


class DatabaseFile(Protocol):
    """A DuckDB file and the way to open it, such as Dagster's DuckDBResource."""

    database: str

    def get_connection(self) -> contextlib.AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The open database; closed at the end of the context."""
        ...


class DatabaseBusy(UserFixableError):
    """Another run kept the working database for too long."""


class NewerDatabase(UserFixableError):
    """A newer version of the package made the working database."""


@contextlib.contextmanager
def working_database(resource: DatabaseFile, why: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """The open working database with all its tables, under the lock that all runs share.

    Raises:
        DatabaseBusy: another run held the lock for ten minutes.
        NewerDatabase: this version does not know its tables.
        NotCompacted: see `compaction.compact`.
    """
    path = Path(resource.database)
    make_private_folder(path.parent)
    lock = FileLock(path.with_suffix(".lock"), mode=0o600)
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
    except Timeout:
        raise DatabaseBusy(
            f"Another run has held the working database for {LOCK_TIMEOUT_SECONDS:.0f} s. Nothing is lost. Find the "
            f"run that hangs in the Dagster UI and terminate it{why and f' ({why} waits)'}. File: {path}"
        ) from None
    usual_umask = os.umask(ONLY_FOR_OWNER)  # the file, and what DuckDB writes beside it, hold contact data
    try:
        with resource.get_connection() as connection:
            connection.execute("SET python_enable_replacements = false")
            connection.execute("SET TimeZone = 'UTC'")
            memory_bytes = min(MOST_MEMORY_BYTES, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
            connection.execute(f"SET memory_limit = '{memory_bytes}B'")  # beyond it DuckDB spills beside the file
            _create_tables(connection, path)
            attach_analysts_file(connection, path.with_name("analysts.duckdb"))
            yield connection
            compact(connection, path)
    finally:
        os.umask(usual_umask)
        lock.release()


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
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> tuple[Any, ...] | None:
    """The first row of a query; None when there is none.

    Not `fetchone()`: DuckDB 2.0 then holds the result open and refuses other queries on the connection.
    """
    rows = connection.execute(sql, list(parameters)).fetchall()
    return rows[0] if rows else None


def scalar(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> int:
    """The one number that a query returns; 0 for NULL."""
    row = first_row(connection, sql, parameters)
    return int(row[0] or 0) if row else 0


def _create_tables(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Create all tables when the file has none yet. A run opens it often: looking costs a fifth of creating."""
    try:
        version = int(get_state(connection, _VERSION) or 0)
    except duckdb.CatalogException:
        version = 0
    if version > SCHEMA_VERSION:
        raise NewerDatabase(
            f"The working database was written by a newer clodura_pipeline (version {version}, this one knows "
            f"{SCHEMA_VERSION}). Nothing was changed and no call was made. Install that version again. File: {path}"
        )
    if version == SCHEMA_VERSION:
        return
    with transaction(connection):
        for table in {*PUBLISHED} - {*COPIED} if version == 1 else ():  # since version 2 they have a file of their own
            connection.execute(f"DROP TABLE IF EXISTS {table.name}")
        create_tables(connection)
        set_state(connection, _VERSION, str(SCHEMA_VERSION))


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of the working database that is not there yet."""
    for table in (RAW_CONTACTS, VALIDATED_CONTACTS, *COPIED):
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({table.ddl()})")
    connection.execute(_INTERNAL_TABLES)
    connection.execute(LEDGER_TABLES_DDL)
