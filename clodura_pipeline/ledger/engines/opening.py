"""Opens a ledger's database by its address: SQLite, or PostgreSQL when its driver is installed."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from clodura_pipeline.ledger.engines import sqlite
from clodura_pipeline.ledger.engines.database import Address, Cursor, LedgerDatabase, LedgerError


def open_database(address: Address, canonical_version: int) -> LedgerDatabase:
    """Open a ledger's database; its tables are created when there are none.

    Args:
        canonical_version: of the identifiers in a ledger that is created.

    Raises:
        LedgerError: it cannot be used; the message says what to do.
    """
    if isinstance(address, Path):
        return sqlite.SqliteDatabase(address, canonical_version)
    return _postgresql().PostgresDatabase(address, canonical_version)


@contextlib.contextmanager
def open_to_read(address: Address) -> Iterator[Cursor]:
    """One consistent, read-only state of an existing ledger; no run waits for it.

    Raises:
        LedgerError: there is none, it cannot be reached, it is damaged, or it is of a newer version.
    """
    reading = sqlite.open_to_read(address) if isinstance(address, Path) else _postgresql().open_to_read(address)
    with reading as cursor:
        yield cursor


def exists(address: Address) -> bool:
    """Whether there is a ledger. Raises `LedgerError` when its server cannot be reached."""
    return address.is_file() if isinstance(address, Path) else _postgresql().exists(address)


def engine_of(address: Address) -> tuple[str, float]:
    """Name and version of an existing ledger's engine, and the seconds that a statement takes there."""
    name, query = (
        ("SQLite", "SELECT sqlite_version()") if isinstance(address, Path) else ("PostgreSQL", "SHOW server_version")
    )
    with open_to_read(address) as cursor:
        version = cursor.execute(query).fetchone()[0]
        began = time.perf_counter()
        cursor.execute("SELECT 1 FROM control").fetchone()
        return f"{name} {version}", time.perf_counter() - began


def _postgresql() -> ModuleType:
    try:
        from clodura_pipeline.ledger.engines import postgresql
    except ImportError:
        raise LedgerError(
            "CLODURA_LEDGER_URL needs PostgreSQL's driver, which is not installed. No call was made. Install "
            "clodura-pipeline[postgres]."
        ) from None
    return postgresql
