"""Writes the analysts' file: a new file with all tables and their comments, swapped in whole."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.private_files import replace_file
from clodura_pipeline.warehouse.database import first_row, transaction
from clodura_pipeline.warehouse.erasure.compaction import (
    analysts_file_holds_removed_rows,
    note_analysts_file_rewritten,
    remove_folder,
    write_again,
)
from clodura_pipeline.warehouse.published.analysts_file import (
    DESCRIBED,
    STORAGE_VERSION,
    analysts_path,
    detached_analysts_file,
)
from clodura_pipeline.warehouse.published.dictionary import described_views
from clodura_pipeline.warehouse.published.views import NEW_SINCE, VIEWS
from clodura_pipeline.warehouse.state import get_state, set_state, version_of
from clodura_pipeline.warehouse.tables.columns import PUBLISHED
from clodura_pipeline.warehouse.tables.table import quoted

PUBLISHED_MODE = 0o440
"""Who may open the published file unless a setting says otherwise: owner and group, to read."""


class PublicationError(UserFixableError):
    """The published file cannot be written or read."""


def publish(
    connection: duckdb.DuckDBPyConnection, target: Path, mode: int = PUBLISHED_MODE, parquet_dir: Path | None = None
) -> bool:
    """Copy the file of the analysts' tables and swap the copy in for `target`, which stays whole at every moment.

    The caller holds the lock and has brought the tables up to date. Readers that have the old file open keep its
    state; new ones see the new one.

    Returns:
        False when `target` already shows a later state of the same ledger, which is left alone.

    Raises:
        PublicationError: disk full, or the folder cannot be written.
    """
    if _shows_later(connection, target):
        return False
    fresh = target.with_name(f".{target.name}.new")
    try:
        if not target.parent.exists():
            target.parent.mkdir(parents=True)
            target.parent.chmod(0o755)  # others may be allowed to open the file in it
        fresh.unlink(missing_ok=True)
        _describe(connection)
        if analysts_file_holds_removed_rows(connection):
            built = analysts_path(connection)
            rewritten = write_again(connection, "analysts", built, STORAGE_VERSION, _descriptions())
            with detached_analysts_file(connection):
                replace_file(rewritten, built, built.stat().st_mode)
            note_analysts_file_rewritten(connection)
        with detached_analysts_file(connection) as built:
            shutil.copyfile(built, fresh)
        _swap(fresh, target, mode)
        if parquet_dir is not None:
            _write_parquet(connection, parquet_dir, mode)
    except (OSError, duckdb.IOException) as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise PublicationError(
            f"The published file could not be written: {error}. The earlier file is unchanged and no answer is lost. "
            f"Free space or fix the folder's permissions, then materialize published_database. File: {target}"
        ) from error
    return True


def _shows_later(connection: duckdb.DuckDBPyConnection, target: Path) -> bool:
    """Whether the file shows the same ledger at a later sequence: the ledger here was restored from a back-up."""
    query = "SELECT ledger_id, ledger_sequence FROM publication"
    ours = first_row(connection, query)
    shown = query_published(target, query)
    return bool(ours and shown and ours[0] == shown[0][0] and shown[0][1] > ours[1])


def _describe(connection: duckdb.DuckDBPyConnection) -> None:
    """Views, the macro and comments, where they are not those of this version yet."""
    statements = list(_descriptions())
    version = version_of(repr(statements))
    if get_state(connection, DESCRIBED) == version:
        return
    search_path = connection.execute("SELECT current_setting('search_path')").fetchall()[0][0]
    connection.execute("USE analysts")
    try:
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
    finally:
        connection.execute(f"SET search_path = '{search_path}'")
    set_state(connection, DESCRIBED, version)


def _descriptions() -> Iterator[str]:
    for view in VIEWS:
        yield f"CREATE OR REPLACE VIEW {view.name} AS {view.query}"
    yield NEW_SINCE
    for kind, described in (("TABLE", PUBLISHED), ("VIEW", described_views())):
        for table in described:
            yield f"COMMENT ON {kind} {table.name} IS {quoted(table.meaning)}"
            for column in table.columns:
                yield f'COMMENT ON COLUMN {table.name}."{column.name}" IS {quoted(column.meaning)}'


def _swap(fresh: Path, target: Path, mode: int) -> None:
    # A .wal beside the old file is of another read-write session; DuckDB would replay it onto the new file.
    wal = target.with_name(target.name + ".wal")
    wal.unlink(missing_ok=True)
    replace_file(fresh, target, mode)
    wal.unlink(missing_ok=True)


def _write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path, mode: int) -> None:
    """A Parquet file per published table, replaced as a set."""
    fresh, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("new", "old"))
    remove_folder(fresh)
    remove_folder(old)
    fresh.mkdir(parents=True)
    for table in PUBLISHED:
        file = fresh / f"{table.name}.parquet"
        connection.execute(f"COPY analysts.{table.name} TO {quoted(file)} (FORMAT parquet)")
        file.chmod(mode)
    fresh.chmod(0o755)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    remove_folder(old)


def paid_answers_shown(target: Path) -> int:
    """How many paid answers a published file shows; 0 when there is none.

    Raises:
        PublicationError: it cannot be read.
    """
    if not target.is_file():
        return 0
    try:
        rows = _query(target, "SELECT count(*) FROM enriched_contacts WHERE match_status IN ('person', 'organisation')")
    except duckdb.Error as error:
        raise PublicationError(
            f"The published file cannot be read ({type(error).__name__}). It may show paid answers, so no call is "
            f"made. Close the session that has it open for writing, or move a damaged file away. File: {target}"
        ) from error
    return rows[0][0]


def query_published(target: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on a published file; none when there is no file, or it cannot be read."""
    if not target.is_file():
        return []
    try:
        return _query(target, query)
    except duckdb.Error:
        return []


def _query(target: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(duckdb.connect(target, read_only=True)) as connection:
        return connection.execute(query).fetchall()


@dataclass(frozen=True)
class PublishedFile:
    """A contact file as the published file knows it."""

    file_date: date
    status: str
    content_hash: str | None
    loaded_at: datetime | None


def published_files(target: Path) -> dict[str, PublishedFile]:
    """The contact files that a published file lists, by path; none when it is not there or cannot be read."""
    rows = query_published(
        target,
        "SELECT source_file, file_date, status, content_hash, loaded_at FROM source_files WHERE file_date IS NOT NULL",
    )
    return {row[0]: PublishedFile(*row[1:]) for row in rows}


def oldest_day_to_query(target: Path) -> date | None:
    """The oldest day with people that an ordinary run would still call for; None when there are none."""
    rows = query_published(
        target,
        "SELECT min(r.file_date) FROM contact_rows r JOIN enriched_contacts e USING (source, contact_id) "
        "WHERE e.match_status = 'pending' OR (e.match_status = 'ambiguous' AND e.pending_code <> 'answer_lost_twice')",
    )
    return rows[0][0] if rows else None
