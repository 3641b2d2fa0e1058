"""Has a DuckDB file written by a new process, whose memory never held what was removed.

DuckDB pads the blocks it writes with what its memory held: in the file written by a process that had erased a person,
rows of that person were seen in the padding. So what is left goes through Parquet, which holds values and no padding,
into a process that reads nothing else.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

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


def parquet_folder(target: Path) -> Path:
    """The folder beside a file for what it is written from: always the same, so that a killed process leaves none."""
    return target.with_name(f".{target.name}.parquet")


@contextlib.contextmanager
def removed_at_end(folder: Path) -> Iterator[Path]:
    """The folder, removed when the body ends, also by an error."""
    try:
        yield folder
    finally:
        remove(folder)


def quoted(text: str | Path) -> str:
    """Text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def remove(folder: Path) -> None:
    """Remove a folder and all in it, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
