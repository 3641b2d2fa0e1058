"""Writes the analysts' file: a new file with all tables and their comments, swapped in whole."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from clodura_pipeline.warehouse.database import first_row, removed_since_first_opened
from clodura_pipeline.warehouse.erasure.rebuild import (
    execute_in_a_fresh_process,
    parquet_folder,
    quoted,
    remove,
    removed_at_the_end,
)
from clodura_pipeline.warehouse.tables import PUBLISHED

STORAGE_VERSION = "v1.0.0"
"""Analysts' tools lag behind: DuckDB 1.0 and later open this format."""

READ_ONLY = 0o444


class UnwritableFile(Exception):
    """The published file cannot be written; the message says what to do."""


def publish(connection: duckdb.DuckDBPyConnection, target: Path) -> bool:
    """Copy the analysts' tables into a new file and swap it in for `target`, which stays whole at every moment.

    The caller holds the lock and has brought the tables up to date. Readers that have the old file open keep its
    state; new ones see the new one.

    Returns:
        False when `target` already shows a later state of the same ledger, which is left alone.

    Raises:
        UnwritableFile: disk full, or the folder cannot be written.
    """
    if _shows_later(connection, target):
        return False
    fresh = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        _write(connection, fresh)
        _swap(fresh, target)
    except (OSError, duckdb.IOException) as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UnwritableFile(
            f"{target} could not be written: {error}. The file that was there is unchanged. Make room or mend the "
            "folder's rights (CLODURA_DATABASE), then materialize published_database; nothing is asked again."
        ) from error
    return True


def _shows_later(connection: duckdb.DuckDBPyConnection, target: Path) -> bool:
    """Whether the file shows the same ledger at a later sequence: the ledger here was restored from a back-up."""
    query = "SELECT ledger_id, ledger_sequence FROM publication"
    ours = first_row(connection, query)
    shown = ask_published(target, query)
    return bool(ours and shown and ours[0] == shown[0] and shown[1] > ours[1])


def _write(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    folder = parquet_folder(fresh)
    remove(folder)  # a process that was killed left it
    if removed_since_first_opened(connection):
        with removed_at_the_end(folder):
            folder.mkdir()
            for table in PUBLISHED:
                connection.execute(f"COPY {table.name} TO {quoted(folder / table.name)} (FORMAT parquet)")
            sources = {table.name: f"read_parquet({quoted(folder / table.name)})" for table in PUBLISHED}
            execute_in_a_fresh_process(list(_statements(fresh, sources)), spill=folder)
        return
    try:
        for statement in _statements(fresh, {table.name: table.name for table in PUBLISHED}):
            connection.execute(statement)
    finally:
        connection.execute("DETACH DATABASE IF EXISTS published")


def _statements(fresh: Path, sources: Mapping[str, str]) -> Iterator[str]:
    """What makes the file, from these sources by table name."""
    yield f"ATTACH {quoted(fresh)} AS published (STORAGE_VERSION '{STORAGE_VERSION}')"
    for table in PUBLISHED:
        names = ", ".join(table.names)
        yield f"CREATE TABLE published.{table.name} ({table.ddl()})"
        yield f"INSERT INTO published.{table.name} ({names}) SELECT {names} FROM {sources[table.name]}"
        yield f"COMMENT ON TABLE published.{table.name} IS {quoted(table.meaning)}"
        for column in table.columns:
            yield f'COMMENT ON COLUMN published.{table.name}."{column.name}" IS {quoted(column.meaning)}'
    yield "CHECKPOINT published"


def _swap(fresh: Path, target: Path) -> None:
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.chmod(READ_ONLY)
    # A .wal beside the old file is of somebody's read-write session; DuckDB would replay it onto the new file.
    wal = target.with_name(target.name + ".wal")
    wal.unlink(missing_ok=True)
    fresh.replace(target)
    wal.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def bought_answers_shown(target: Path) -> int:
    """How many bought answers a published file shows; 0 when there is none.

    Raises:
        UnwritableFile: it is there and cannot be read, so nobody can tell.
    """
    if not target.is_file():
        return 0
    try:
        rows = _ask(target, "SELECT count(*) FROM enriched_contacts WHERE match_status IN ('person', 'organisation')")
    except duckdb.Error as error:
        raise UnwritableFile(
            f"{target} cannot be read ({type(error).__name__}), so it cannot be told whether it shows bought answers. "
            "End the session that has it open for writing; or move the file away, if it is damaged or not from here."
        ) from error
    return rows[0][0]


def ask_published(target: Path, query: str) -> tuple[Any, ...] | None:
    """The first row of a query on a published file; None when there is no file, or it cannot be read."""
    rows = _ask_or_none(target, query)
    return rows[0] if rows else None


def _ask(target: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(duckdb.connect(target, read_only=True)) as connection:
        return connection.execute(query).fetchall()


def _ask_or_none(target: Path, query: str) -> list[tuple[Any, ...]] | None:
    """The rows of a query on a published file; None when there is no file, or it cannot be read."""
    if not target.is_file():
        return None
    try:
        return _ask(target, query)
    except duckdb.Error:
        return None


@dataclass(frozen=True)
class PublishedFile:
    """A contact file as the published file knows it."""

    file_date: date
    status: str
    size_bytes: int | None
    loaded_at: datetime | None


def published_files(target: Path) -> dict[str, PublishedFile]:
    """The contact files that a published file lists, by path; none when it is not there or cannot be read."""
    rows = _ask_or_none(
        target,
        "SELECT source_file, file_date, status, size_bytes, loaded_at FROM source_files WHERE file_date IS NOT NULL",
    )
    return {row[0]: PublishedFile(*row[1:]) for row in rows or ()}


def oldest_day_to_ask(target: Path) -> date | None:
    """The oldest day with people whom an ordinary run would still ask; None when there are none."""
    rows = _ask_or_none(
        target,
        "SELECT min(r.file_date) FROM contact_rows r JOIN enriched_contacts e USING (source, contact_id) "
        "WHERE e.match_status = 'pending' OR (e.match_status = 'ambiguous' AND e.pending_reason NOT LIKE '%twice%')",
    )
    return rows[0][0] if rows else None
