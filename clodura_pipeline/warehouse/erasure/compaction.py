"""Leaves no bytes of removed rows in the working database's file, which DuckDB would keep until it reuses them."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.warehouse.erasure.rebuild import execute_in_new_process, parquet_folder, quoted, removed_at_end
from clodura_pipeline.warehouse.replacement import replace_file
from clodura_pipeline.warehouse.state import clear_state, database_name, get_state, set_state

_WANTED = "compaction_wanted"
_PUBLISHED_ROWS_REMOVED = "published_rows_removed"
_REMOVED_AT = "rows_removed_at"
_PROCESS_STARTED_AT = time.time()


class NotCompacted(UserFixableError):
    """Rows removed from the working database may still stand in its file."""


def want_compaction(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the file rewritten when the database is closed, because rows were removed for good.

    Remembered in the database, so that the next run does it when this process is killed before. So is that the file of
    the analysts' tables is to be rewritten before it is published.
    """
    set_state(connection, _WANTED, "1")
    set_state(connection, _PUBLISHED_ROWS_REMOVED, "1")
    set_state(connection, _REMOVED_AT, str(time.time()))


def analysts_file_holds_removed_rows(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether removed rows may stand in the file of the analysts' tables: until it is rewritten."""
    return _may_hold_removed_rows(connection) or get_state(connection, _PUBLISHED_ROWS_REMOVED) is not None


def note_analysts_file_rewritten(connection: duckdb.DuckDBPyConnection) -> None:
    """The file of the analysts' tables holds no removed rows any more; of this process, until it writes there again."""
    if not _may_hold_removed_rows(connection):
        clear_state(connection, _PUBLISHED_ROWS_REMOVED)


def _may_hold_removed_rows(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether this process's memory may hold removed rows, which DuckDB pads the blocks of files with.

    So it is when rows were removed, or their file rewritten, after this process started. See `rebuild`.
    """
    return float(get_state(connection, _REMOVED_AT) or 0.0) >= _PROCESS_STARTED_AT


def export_for_compaction(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Export the database, which is then closed, if it is to be rewritten; returns whether it was."""
    if get_state(connection, _WANTED) is None:
        return False
    set_state(connection, _REMOVED_AT, str(time.time()))
    with _not_compacted(path):
        target = quoted(parquet_folder(path))
        connection.execute(f"EXPORT DATABASE {database_name(connection)} TO {target} (FORMAT parquet)")
        connection.execute("CHECKPOINT")  # no .wal may be left beside the file that takes its place
    return True


def replace_compacted(path: Path) -> None:
    """Replace the closed database by a file that never held what was removed."""
    fresh = path.with_name(f".{path.name}.new")
    with _not_compacted(path), removed_at_end(parquet_folder(path)) as folder:
        fresh.unlink(missing_ok=True)
        execute_in_new_process(
            [
                f"ATTACH {quoted(fresh)} AS fresh",
                "USE fresh",
                f"IMPORT DATABASE {quoted(folder)}",
                f"DELETE FROM working_state WHERE name = {quoted(_WANTED)}",
                "CHECKPOINT fresh",
            ],
            spill=folder,
        )
        replace_file(fresh, path, path.stat().st_mode)


@contextlib.contextmanager
def _not_compacted(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        with contextlib.suppress(OSError):
            path.with_name(f".{path.name}.new").unlink(missing_ok=True)
        raise NotCompacted(
            f"The working database could not be rewritten without the rows removed from it: {error}. They may still "
            f"stand in its file; nothing else is lost. Free space in CLODURA_STATE_DIR and run again. File: {path}"
        ) from error
