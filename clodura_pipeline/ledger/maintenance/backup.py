"""Copies of the ledger while runs go on: a back-up that can take its place, and Parquet files to look at."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from clodura_pipeline.ledger.engines import sqlite
from clodura_pipeline.ledger.engines.database import Address, Cursor, LedgerError
from clodura_pipeline.ledger.engines.opening import open_to_read
from clodura_pipeline.ledger.engines.schema import columns
from clodura_pipeline.ledger.maintenance.copying import copy_rows

ONLY_THE_OWNER = 0o600  # it holds people's data
_ROWS_AT_A_TIME = 20_000
_EXPORTED = ("attempts", "people", "identifiers", "readings", "runs")
_TIMES = frozenset({"sent_at", "answered_at", "started_at", "ended_at", "read_at", "erased_at"})
_POLARS = {"INTEGER": pl.Int64(), "REAL": pl.Float64(), "TEXT": pl.String(), "BLOB": pl.Binary()}


def backup(address: Address, target: Path) -> None:
    """Copy the ledger as it is now into a SQLite file that is not there yet; runs neither wait nor notice.

    Raises:
        LedgerError: there is no ledger, the target exists, or it cannot be written.
    """
    if target.exists():
        raise LedgerError(f"{target} exists already and is not overwritten. Name a new file.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        with _new_file(partial):
            if isinstance(address, Path):
                sqlite.copy_file(address, partial)
            else:
                with open_to_read(address) as cursor:
                    copy_rows(cursor, partial)
            _flush(partial)
            os.link(partial, target)  # unlike a rename, this never overwrites
        _flush(target.parent)
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
        with open_to_read(address) as cursor:
            folder.mkdir(parents=True, exist_ok=True)
            return {table: _write(cursor, table, target, raw) for table, target in targets.items()}
    except OSError as error:
        raise LedgerError(f"The export could not be written to {folder}: {error.strerror}.") from None


def _write(cursor: Cursor, table: str, target: Path, raw: bool) -> int:
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
    """A file that only its owner may read, from its first byte on; gone again when writing it fails."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, ONLY_THE_OWNER))
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
