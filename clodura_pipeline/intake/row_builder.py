"""Gathers records one by one into columns, in chunks, so that Python holds few of them at a time."""

from collections.abc import Iterable, Sequence

import polars as pl
import pyarrow as pa

from clodura_pipeline.intake.landed_rows import ROW, Cells, UnreadableRecord, cell_columns

_CHUNK = 20_000


class CellsBuilder:
    """Collects the fields of each record, which are as many as the headers, or what keeps it from being read."""

    def __init__(self, width: int) -> None:
        self._names = cell_columns(width)
        self._rows: list[int] = []
        self._fields: list[Sequence[str | None]] = []
        self._tables: list[pl.DataFrame] = []
        self._unreadable: list[UnreadableRecord] = []

    def add(self, source_row: int, fields: Sequence[str | None]) -> None:
        self._rows.append(source_row)
        self._fields.append(fields)
        if len(self._rows) >= _CHUNK:
            self._flush()

    def add_table(self, table: pl.DataFrame) -> None:
        """Add rows that are a table already, below those so far."""
        self._flush()
        self._tables.append(table)

    def refuse(self, source_row: int, reason: str, text: str) -> None:
        self._unreadable.append(UnreadableRecord(source_row, reason, text))

    def cells(self) -> Cells:
        self._flush()
        return Cells(pl.concat(self._tables), self._unreadable)

    def _flush(self) -> None:
        if self._tables and not self._rows:
            return
        columns = list(zip(*self._fields, strict=True)) if self._fields else [()] * len(self._names)
        self._tables.append(text_table(self._rows, self._names, columns))
        self._rows, self._fields = [], []


def text_table(rows: Sequence[int], names: Iterable[str], columns: Iterable[Sequence[str | None]]) -> pl.DataFrame:
    """Columns of Python text as a table; by way of Arrow, which is about four times as fast here as polars' own."""
    series = [
        pl.Series(name, pa.array(column, pa.large_string()), dtype=pl.String)
        for name, column in zip(names, columns, strict=True)
    ]
    return pl.DataFrame([pl.Series(ROW, rows, dtype=pl.Int64), *series])
