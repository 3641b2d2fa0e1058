"""Copies of the ledger: to another engine, to a back-up that can take its place, and to Parquet files to look at."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from clodura_pipeline.ledger.engines.database import Address, Cursor, LedgerError, database_at, exists
from clodura_pipeline.ledger.engines.schema import columns
from clodura_pipeline.ledger.engines.sqlite import SqliteDatabase
from clodura_pipeline.ledger.maintenance.audit import Audit, audit_ledger
from clodura_pipeline.private_files import flush

_ROWS_AT_A_TIME = 20_000
_EXPORTED = ("attempts", "people", "identifiers", "readings", "runs")
_TIMES = frozenset({"sent_at", "answered_at", "started_at", "ended_at", "read_at", "erased_at"})
_POLARS = {"INTEGER": pl.Int64(), "REAL": pl.Float64(), "TEXT": pl.String(), "BLOB": pl.Binary()}


def copy_ledger(source: Address, target: Address) -> Audit:
    """Copy a ledger to a place that holds none yet, and audit both ends; returns what the copy holds.

    The copy is the same ledger: no call is paid for again. Times of the source's clock mean nothing to another engine:
    see `limits.adopt_boot`.

    Raises:
        LedgerError: the source is not sound or a call is in flight in it, the target is not empty, or the copy differs.
    """
    if target.exists() if isinstance(target, Path) else exists(target):
        raise LedgerError(f"{target} exists already, and nothing was copied. Name an empty place.")
    before = audit_ledger(source)
    if not before.sound:
        raise LedgerError(f"{source} is not sound, and nothing was copied. See `clodura-pipeline ledger check`.")
    if before.reserved:
        raise LedgerError(
            f"A run is calling with {source}, and nothing was copied: its answers would be missing. End all runs, "
            "start the command again after half a minute, and start no run until it has ended."
        )
    with database_at(source).read() as cursor:
        _copy_rows(cursor, target)
    after = audit_ledger(target)
    if after != before:
        raise LedgerError(
            f"The copy differs from {source}, which is unchanged. Delete the copy, and try again while no run is "
            f"active. Copy: {target}"
        )
    return after


def backup(address: Address, target: Path) -> None:
    """Copy the ledger as it is now into a SQLite file that is not there yet; runs neither wait nor notice.

    Raises:
        LedgerError: there is no ledger, the target exists, or it cannot be written.
    """
    if target.exists():
        raise LedgerError(f"{target} exists already and is not overwritten. Name a new file.")
    partial = target.with_name(f".{target.name}.partial")
    source = database_at(address)
    try:
        with _new_file(partial), source.read() as cursor:
            if isinstance(source, SqliteDatabase):
                source.copy_to(partial)
            else:
                _copy_rows(cursor, partial)
        flush(partial)
        os.link(partial, target)  # unlike a rename, this never overwrites
        flush(target.parent)
    except FileExistsError:
        raise LedgerError(f"{target} exists already and is not overwritten. Name a new file.") from None
    except OSError as error:
        raise LedgerError(f"The back-up could not be written to {target}: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)


def export(address: Address, folder: Path, raw: bool) -> dict[str, int]:
    """Write the ledger's tables as Parquet files, all from one now; returns the rows of each.

    Args:
        raw: the bytes of the answers too.

    Raises:
        LedgerError: there is no ledger, a file exists already, or one cannot be written.
    """
    targets = {table: folder / f"{table}.parquet" for table in _EXPORTED}
    taken = [target.name for target in targets.values() if target.exists()]
    if taken:
        raise LedgerError(f"{folder} holds {', '.join(taken)} already; nothing was overwritten. Name a new folder.")
    try:
        with database_at(address).read() as cursor:
            folder.mkdir(parents=True, exist_ok=True)
            return {table: _write_parquet(cursor, table, target, raw) for table, target in targets.items()}
    except OSError as error:
        raise LedgerError(f"The export could not be written to {folder}: {error.strerror}.") from None


def _copy_rows(source: Cursor, target: Address) -> None:
    """Create a ledger and fill it with all rows of another, in one transaction."""
    database = database_at(target)
    database.open(canonical_version=0)
    try:
        with database.transaction() as (cursor, _):
            for table in ("control", "totals"):  # what every ledger is created with
                cursor.execute(f"DELETE FROM {table}")
            for table, kinds in columns().items():
                names = ", ".join(kinds)
                # The survivor of two people is older than its alias.
                order = "added" if table == "people" else "1"
                rows = source.execute(f"SELECT {names} FROM {table} ORDER BY {order}")
                statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(kinds))})"
                while some := rows.fetchmany(_ROWS_AT_A_TIME):
                    cursor.executemany(statement, [tuple(row) for row in some])
    finally:
        database.close()


def _write_parquet(cursor: Cursor, table: str, target: Path, raw: bool) -> int:
    kept = {name: _POLARS[kind] for name, kind in columns()[table].items() if raw or kind != "BLOB"}
    count = 0
    with _new_file(target), pq.ParquetWriter(target, _table([], kept).schema) as writer:
        rows = cursor.execute(f"SELECT {', '.join(kept)} FROM {table} ORDER BY 1")
        while chunk := rows.fetchmany(_ROWS_AT_A_TIME):
            writer.write_table(_table([tuple(row) for row in chunk], kept))
            count += len(chunk)
    return count


def _table(rows: list[tuple[object, ...]], kinds: dict[str, pl.DataType]) -> pa.Table:
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    times = [name for name in kinds if name in _TIMES]
    return frame.with_columns(
        (pl.col(name) * 1_000_000).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC")) for name in times
    ).to_arrow()


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[None]:
    """An empty file that only its owner may read, to write to; gone again when that fails."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
