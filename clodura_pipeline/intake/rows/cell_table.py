"""The cells of a contact file as text columns in chunks, and the records that could not be read."""

from collections.abc import Callable, Iterable, Sequence

import polars as pl
import pyarrow as pa

from clodura_pipeline.intake.unreadable import UnreadableRecord

ROW = "source_row"
CHUNK_ROWS = 20_000  # rows that Python holds as objects at a time
MAX_COLUMNS = 2_000  # headers, or different names, of a file; wide exports of CRMs have a few hundred
FrameSink = Callable[[pl.DataFrame], None]


def cell_columns(width: int) -> list[str]:
    """The names of the text columns: "0", "1", ..., one per header, beside `source_row`."""
    return [str(position) for position in range(width)]


class CellTable:
    """Passes on records in frames: their fields, as many as the headers; keeps those that are unreadable."""

    def __init__(self, width: int, sink: FrameSink) -> None:
        self._names = cell_columns(width)
        self._sink = sink
        self._rows: list[int] = []
        self._fields: list[Sequence[str | None]] = []
        self.unreadable: list[UnreadableRecord] = []

    def add(self, source_row: int, fields: Sequence[str | None]) -> None:
        self._rows.append(source_row)
        self._fields.append(fields)
        if len(self._rows) >= CHUNK_ROWS:
            self.flush()

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Pass on rows that are a frame already, after those so far."""
        self.flush()
        self._sink(frame)

    def refuse(self, source_row: int, reason: str, text: str) -> None:
        self.unreadable.append(UnreadableRecord(source_row, reason, text))

    def flush(self) -> None:
        """Pass on what was added and not yet passed on."""
        if self._rows:
            self._sink(text_frame(self._rows, self._names, zip(*self._fields, strict=True)))
            self._rows, self._fields = [], []


def text_frame(rows: Sequence[int], names: Iterable[str], columns: Iterable[Sequence[str | None]]) -> pl.DataFrame:
    """Columns of Python text as a frame; by way of Arrow, which is about four times as fast here as polars' own."""
    series = [
        pl.Series(name, pa.array(column, pa.large_string()), dtype=pl.String)
        for name, column in zip(names, columns, strict=True)
    ]
    return pl.DataFrame([pl.Series(ROW, rows, dtype=pl.Int64), *series])
