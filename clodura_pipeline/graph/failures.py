"""Turns whatever an asset or a check trips over into words: what happened and what to do, and nobody's data."""

import contextlib
import inspect
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import dagster as dg
import duckdb

from clodura_pipeline.clodura.client import UnsafeAddress
from clodura_pipeline.enrichment.session import RefusedToStart
from clodura_pipeline.identity.suppression import SuppressionProblem
from clodura_pipeline.intake.headers.matching import BadSpellings
from clodura_pipeline.ledger import LedgerProblem
from clodura_pipeline.warehouse.database import DatabaseBusy, NewerDatabase, NotCompacted
from clodura_pipeline.warehouse.publication import UnwritableFile

_SAY_WHAT_TO_DO = (
    BadSpellings, DatabaseBusy, LedgerProblem, NewerDatabase, NotCompacted, RefusedToStart, SuppressionProblem,
    UnsafeAddress, UnwritableFile,
)  # fmt: skip
# Their texts hold paths and sizes; those of DuckDB's other errors may hold the values of a row.
_OF_THE_DISK = (duckdb.IOException, duckdb.OutOfMemoryException, OSError)
_OF_THE_FILE = (
    duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException, duckdb.TransactionException,
)  # fmt: skip
_REBUILD = (
    "Should it be damaged: move working.duckdb and working.duckdb.wal out of CLODURA_STATE_DIR, and the next run "
    "builds it anew from the contact files and the ledger; rows of files that are gone come back only with a back-up. "
    "Leave ledger.sqlite where it is: it holds what was bought."
)
Body = TypeVar("Body", bound=Callable[..., Any])


def in_words(body: Body) -> Body:
    """Decorates the body of an asset or a check: an error in it fails the run with a sentence, not with a traceback.

    Errors that nobody foresaw are named by their type and the lines they passed: what they say may hold a person's
    data, and the event log keeps it.
    """
    if inspect.isgeneratorfunction(body):

        @wraps(body)
        def yielding(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _worded():
                yield from body(*args, **kwargs)

        return cast(Body, yielding)

    @wraps(body)
    def returning(*args: Any, **kwargs: Any) -> Any:
        with _worded():
            return body(*args, **kwargs)

    return cast(Body, returning)


@contextlib.contextmanager
def _worded() -> Iterator[None]:
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:  # noqa: BLE001  (each becomes a Failure)
        if isinstance(error, RuntimeError) and str(error) == "Query interrupted":
            # What DuckDB makes of a termination that arrives while it works, with the interruption swallowed.
            told = "The run was stopped from outside while tables were built. Start it again."
            raise dg.DagsterExecutionInterruptedError(told) from None
        raise dg.Failure(words_for(error), metadata=_where(error), allow_retries=False) from None


def words_for(error: Exception) -> str:
    """What happened and what to do, with nobody's data."""
    if isinstance(error, _SAY_WHAT_TO_DO):
        return str(error)
    kind = type(error).__name__
    if isinstance(error, _OF_THE_DISK):
        return (
            f"A file could not be read or written: {error}. Nothing is lost: answers are in the ledger, and the "
            "published file is as it was. Make room (CLODURA_STATE_DIR, CLODURA_DATABASE) or mend the folder's rights, "
            f"then start the run again. {_REBUILD}"
        )
    # A checksum that does not fit is told with the bare type.
    if isinstance(error, _OF_THE_FILE) or type(error) is duckdb.Error:
        return (
            f"DuckDB could not go on with the working database ({kind}): its disk may be full, or the file damaged. "
            "Nothing is lost: answers are in the ledger, and the published file is as it was. Make room in "
            f"CLODURA_STATE_DIR, then start the run again. {_REBUILD}"
        )
    return (
        f"An error that nobody foresaw: {kind}. What it says is not shown, as it may hold a person's data; the lines "
        "it passed are below. It is a defect worth reporting with them. Nothing is lost: answers are in the ledger, "
        "and the next run goes on from there."
    )


def _where(error: Exception) -> dict[str, str]:
    """The lines the error passed, the innermost first: code and no values."""
    passed = traceback.extract_tb(error.__traceback__)
    return {"passed": "; ".join(f"{Path(line.filename).name}:{line.lineno} {line.name}" for line in reversed(passed))}
