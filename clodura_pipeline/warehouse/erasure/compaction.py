"""Leaves no bytes of removed rows in DuckDB's files: they are written again by a process that never held those rows.

DuckDB keeps the bytes of removed rows until it reuses them, and pads the blocks it writes with what its memory held:
in the file written by a process that had erased a person, rows of that person were seen in the padding. So what is
left goes through Parquet, which holds values and no padding, into a new process that reads nothing else.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.private_files import replace_file
from clodura_pipeline.warehouse.state import clear_state, database_name, get_state, set_state
from clodura_pipeline.warehouse.tables.table import quoted

_WANTED = "compaction_wanted"
_PUBLISHED_ROWS_REMOVED = "published_rows_removed"
_REMOVED_AT = "rows_removed_at"
_PROCESS_STARTED_AT = time.time()
_EXECUTE = """
import json, sys, duckdb
connection = duckdb.connect(config={"temp_directory": sys.argv[1]})
try:
    for statement in json.load(sys.stdin):
        connection.execute(statement)
    connection.close()
except duckdb.IOException as error:
    sys.exit(str(error).splitlines()[0])
except duckdb.Error as error:
    sys.exit(type(error).__name__)  # its text may quote a row
"""


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
    """Whether rows were removed, or their file rewritten, after this process started: its memory may hold them."""
    return float(get_state(connection, _REMOVED_AT) or 0.0) >= _PROCESS_STARTED_AT


def compact(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Replace the working database's file, which is about to be closed, if rows were removed from it.

    Raises:
        NotCompacted: disk full, or the folder cannot be written.
    """
    if get_state(connection, _WANTED) is None:
        return
    set_state(connection, _REMOVED_AT, str(time.time()))
    try:
        done = f"DELETE FROM working_state WHERE name = {quoted(_WANTED)}"
        fresh = write_again(connection, database_name(connection), path, then=[done])
        connection.execute("CHECKPOINT")  # no .wal may be left beside the file that takes its place
        replace_file(fresh, path, path.stat().st_mode)
    except (OSError, duckdb.IOException) as error:
        raise NotCompacted(
            f"The working database could not be rewritten without the rows removed from it: {error}. They may still "
            f"stand in its file; nothing else is lost. Free space in CLODURA_STATE_DIR and run again. File: {path}"
        ) from error


def write_again(
    connection: duckdb.DuckDBPyConnection, database: str, path: Path, options: str = "", then: Iterable[str] = ()
) -> Path:
    """Have all that a database holds written to a new file beside its own, by a new process; returns its path.

    Args:
        options: of ATTACH, for the new file.
        then: statements to execute on the new file, such as comments, which DuckDB does not export.

    Raises:
        OSError, duckdb.IOException: it could not; nothing is left of it.
    """
    fresh = path.with_name(f".{path.name}.new")
    rows = path.with_name(f".{path.name}.parquet")  # always the same: what a killed process left is removed by the next
    try:
        remove_folder(rows)
        fresh.unlink(missing_ok=True)
        connection.execute(f"EXPORT DATABASE {database} TO {quoted(rows)} (FORMAT parquet)")
        first = [f"ATTACH {quoted(fresh)} AS fresh {options}", "USE fresh", f"IMPORT DATABASE {quoted(rows)}"]
        execute_in_new_process([*first, *then, "CHECKPOINT fresh"], spill=rows)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    finally:
        remove_folder(rows)
    return fresh


def execute_in_new_process(statements: Sequence[str], spill: Path) -> None:
    """Execute SQL in a process of its own, on an empty database in memory that may attach others.

    Args:
        spill: folder for what does not fit into memory.

    Raises:
        OSError: it could not; with DuckDB's message, where that is about files.
    """
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, str(spill)],
        input=json.dumps(statements),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(done.stderr.strip() or f"the process that writes it ended with {done.returncode}")


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
