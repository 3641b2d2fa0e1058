"""Turns errors in assets and checks into Dagster failures, and prints why a run failed, both without contact data."""

import contextlib
import copy
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb

from clodura_pipeline.errors import UserFixableError

# Their texts hold paths and sizes; those of DuckDB's other errors may hold the values of a row.
_DISK_ERRORS = (duckdb.IOException, duckdb.OutOfMemoryException, OSError)
_DATABASE_ERRORS = (
    duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException, duckdb.TransactionException,
)  # fmt: skip
_REBUILD = (
    "If the file is damaged, move working.duckdb, analysts.duckdb and any .wal beside them out of CLODURA_STATE_DIR: "
    "the next run builds them again from the contact files and the ledger. Leave ledger.sqlite where it is: it holds "
    "every paid answer."
)
_PACKAGE = Path(__file__).parent.parent
_BEFORE_STACK = "\n\nStack Trace:"


@contextlib.contextmanager
def failing_with_message() -> Iterator[None]:
    """Around the body of an asset or a check: an error in it fails the run with a message, not with a traceback.

    Unexpected errors are named by their type and the lines they passed: their text may hold a person's data, and the
    event log keeps it.
    """
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:  # noqa: BLE001  (each becomes a Failure)
        if isinstance(error, RuntimeError) and str(error) == "Query interrupted":
            # What DuckDB makes of a termination that arrives while it works, with the interruption swallowed.
            raise dg.DagsterExecutionInterruptedError(
                "The run was stopped from outside while tables were built. No answer is lost. Start it again."
            ) from None
        message = message_for(error)
        if not isinstance(error, (UserFixableError, *_DISK_ERRORS)):
            print(traceback_without_values(error), file=sys.stderr, flush=True)
        raise dg.Failure(message, allow_retries=False) from None


def message_for(error: Exception) -> str:
    """What happened and what to do, without contact data."""
    if isinstance(error, UserFixableError):
        return str(error)
    if isinstance(error, duckdb.IOException) and "Could not set lock" in str(error):
        return (
            f"Another program holds the working database: {error}. No answer is lost and nothing was changed. Close "
            "that program, then start the run again."
        )
    kind = type(error).__name__
    if isinstance(error, _DISK_ERRORS):
        what = f"A file could not be read or written: {error}"
    elif isinstance(error, _DATABASE_ERRORS) or type(error) is duckdb.Error:  # the bare type: a wrong checksum
        what = f"DuckDB could not use the working database ({kind}): its disk may be full, or the file damaged"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)] or frames
        line = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "an unknown line"
        return (
            f"Unexpected error {kind} at {line}. No answer is lost: all are in the ledger, and the next run continues "
            "from there. The run's compute log (stderr) has the traceback, without values: please report it."
        )
    return (
        f"{what}. No answer is lost: all are in the ledger. The published file is unchanged. Free space in "
        f"CLODURA_STATE_DIR and beside CLODURA_DATABASE or fix the permissions, then start the run again. {_REBUILD}"
    )


def traceback_without_values(error: BaseException) -> str:
    """The traceback of an error and its causes: code and lines, and of the errors only their types."""
    cause = error.__cause__ or error.__context__
    before = f"{traceback_without_values(cause)}\n\nwhich led to:\n\n" if cause else ""
    lines = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}Traceback (most recent call last):\n{lines}{type(error).__name__} (text left out)"


class ConsoleLogger(logging.Logger):
    """A logger; one named "dagster" prints the reason of a failure once, and without its stack.

    The event log keeps everything. Dagster 1.13.27 prints each failure twice, with 30 lines of its own code, and a line
    for every step that could not start because of it: 90 lines for one wrong key. Loggers that `Definitions` name are
    used only by runs whose config names them, so this class is set as the one Dagster makes its console logger from.
    """

    def handle(self, record: logging.LogRecord) -> None:
        """Print a record, or leave it out."""
        text = record.getMessage()
        if self.name == "dagster":
            if "Dependencies for step " in text or "Steps failed: [" in text:
                return  # the step that failed has given the reason
            if _BEFORE_STACK in text:
                record = copy.copy(record)  # the event log gets the same one
                record.msg, record.args = " ".join(text.partition(_BEFORE_STACK)[0].split()), None
        super().handle(record)
