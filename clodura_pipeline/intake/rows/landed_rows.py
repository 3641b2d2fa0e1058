"""Arranges the cells of a contact file as landed rows: the columns that all contact files have in common.

Cells come in frames of text columns that are named by their positions, "0", "1", ..., beside `source_row`.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl
import pyarrow as pa

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.intake.headers.header_row import quoted_headers
from clodura_pipeline.intake.headers.matching import HeaderMatch
from clodura_pipeline.intake.rows.column_selection import EMAIL_ADDRESS, PROFILE, filled, select_columns
from clodura_pipeline.intake.unreadable import UnreadableRecord, escaped

ROW = "source_row"
FrameSink = Callable[[pl.DataFrame], None]
CHUNK_ROWS = 20_000  # rows that Python holds as objects at a time
LANDED_SCHEMA = {ROW: pl.Int64} | dict.fromkeys((*LANDED_COLUMNS, "source_columns", "record"), pl.String)
_SAMPLED_ROWS = 1_000
_FULL = 0.8  # share of the cells with anything that are an address
_AROUND_HEADERS = '\ufeff" \t\r'  # what a file leaves around its headers when it is joined to another


@dataclass(frozen=True)
class ContactRows:
    """All records of a contact file: each is either in `rows` or in `unreadable`.

    `rows` are empty where they were handed to a store.
    """

    rows: pl.DataFrame = field(repr=False)
    unreadable: tuple[UnreadableRecord, ...] = field(repr=False)
    records: int
    mapping: dict[str, str]
    format: str
    notes: tuple[str, ...] = ()
    encoding_is_doubtful: bool = False

    @property
    def rows_read(self) -> int:
        """How many records could be read."""
        return self.records - len(self.unreadable)


class LandedRows:
    """Collects landed rows, table by table; source rows go on from a table to the next one.

    With a `store`, rows are handed to it frame by frame and not kept, so that a large file takes little memory.
    """

    def __init__(self, store: FrameSink | None = None) -> None:
        self._frames: list[pl.DataFrame] = []
        self._store = store or self._frames.append
        self._unreadable: list[UnreadableRecord] = []
        self._mapping: dict[str, str] = {}
        self._records = 0
        self._notes: list[str] = []
        self._table_above = ""

    @contextlib.contextmanager
    def table(self, match: HeaderMatch, header_line: str | None = None) -> Iterator["LandedTable"]:
        """A table below those so far, for its cells and for the records of it that are unreadable.

        With `header_line`, records that repeat the header (files joined end to end) are set aside: read as a person,
        "First Name Last Name" at "Company Name" would be called for and could be paid for.
        """
        if self._table_above:
            self._notes.append(self._table_above)
        table = LandedTable(match, header_line, self._records, self._store)
        yield table
        table.finish()
        refused = sorted([*table.unreadable, *table.repeats], key=lambda record: record.source_row)
        self._unreadable += [replace(record, source_row=record.source_row + self._records) for record in refused]
        records = table.height + len(refused)
        self._records += records
        self._mapping |= match.mapping
        headers = quoted_headers(list(match.mapping))
        self._table_above = f"{count_of_records(records)} above the header, read under a header of their own: {headers}"
        if table.unused:
            self._notes.append(
                f"addresses or profiles in columns that are not used: {quoted_headers(table.unused)}; where they are "
                "the contacts' own, add these headers to CLODURA_HEADER_SPELLINGS"
            )

    def contacts(self, format_: str, notes: Sequence[str] = ()) -> ContactRows:
        """All rows so far, in the order of the file."""
        rows = pl.concat(self._frames) if self._frames else pl.DataFrame(schema=LANDED_SCHEMA)
        rows = rows if rows[ROW].is_sorted() else rows.sort(ROW)
        all_notes = tuple(map(escaped, (*notes, *self._notes)))
        return ContactRows(rows, tuple(self._unreadable), self._records, self._mapping, format_, all_notes)


class LandedTable:
    """Takes the records of one table, their fields or frames of these, and passes them on as landed rows."""

    def __init__(self, match: HeaderMatch, header_line: str | None, above: int, store: FrameSink) -> None:
        self.height = 0
        self.unreadable: list[UnreadableRecord] = []
        self.repeats: list[UnreadableRecord] = []
        self.unused: list[str] = []
        self._match, self._header_line, self._above, self._store = match, header_line, above, store
        self._rows: list[int] = []
        self._fields: list[Sequence[str | None]] = []
        self._columns = select_columns(match)
        self._held_back: list[pl.DataFrame] = []

    def add(self, source_row: int, fields: Sequence[str | None]) -> None:
        """Take up a record: its fields, as many as the headers."""
        self._rows.append(source_row)
        self._fields.append(fields)
        if len(self._rows) >= CHUNK_ROWS:
            self.flush()

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Pass on rows that are a frame already, after those so far."""
        self.flush()
        self.take(frame)

    def flush(self) -> None:
        """Pass on what was added and not yet passed on."""
        if self._rows:
            self.take(text_frame(self._rows, cell_columns(len(self._match.headers)), zip(*self._fields, strict=True)))
            self._rows, self._fields = [], []

    def take(self, cells: pl.DataFrame) -> None:
        """Land a frame of cells, without what repeats the header."""
        if self._header_line is not None:
            repeated = self._repeats_of_header(cells)
            self.repeats += [UnreadableRecord(row, "repeats the header line", self._header_line) for row in repeated]
            cells = cells.filter(~pl.col(ROW).is_in(repeated)) if repeated else cells
        if not self.height:
            self.unused = self._unused_addresses(cells.head(_SAMPLED_ROWS))
        self.height += cells.height
        if not all(map(str.strip, self._match.headers)):
            self._held_back.append(cells)
        else:
            self._land(cells, range(len(self._match.headers)))

    def _unused_addresses(self, cells: pl.DataFrame) -> list[str]:
        """The columns without a meaning that are full of e-mail addresses or LinkedIn profiles."""
        used = {position for one in self._match.people for positions in one.values() for position in positions}
        unused = [at for at in range(len(self._match.headers)) if at not in used and at not in self._match.lists]
        address = rf"^\s*(?:{EMAIL_ADDRESS}|{PROFILE})\s*$"
        full = cells.select(filled(at).str.contains(address).mean().alias(str(at)) >= _FULL for at in unused)
        return [self._match.names[at] for at in unused if full[str(at)].item()] if cells.height else []

    def _repeats_of_header(self, cells: pl.DataFrame) -> list[int]:
        """The source rows that are the header once more, in whatever case; nearly always the first cell shows it."""
        for position, text in enumerate(self._match.headers):
            cell = pl.col(str(position)).fill_null("").str.strip_chars(_AROUND_HEADERS)
            cells = cells.filter(cell.str.to_lowercase() == text.strip(_AROUND_HEADERS).lower())
            if not cells.height:
                break
        return cells[ROW].to_list()

    def finish(self) -> None:
        """Land what was added, without unnamed columns that are empty throughout: delimiters at line ends make them."""
        self.flush()
        kept = [
            at
            for at, header in enumerate(self._match.headers)
            if header.strip() or any(cells[str(at)].str.contains(r"\S").any() for cells in self._held_back)
        ]
        for cells in self._held_back:
            self._land(cells, kept)

    def _land(self, cells: pl.DataFrame, kept: Sequence[int]) -> None:
        names = self._match.names
        best = {used[0] for used in self._match.columns.values()}
        others = [filled(position).alias(names[position]) for position in kept if position not in best]
        verbatim = [pl.col(str(position)).alias(names[position]) for position in kept]
        source_row = pl.col(ROW).cast(pl.Int64) + self._above
        columns = [*self._columns, _json(others).alias("source_columns"), _json(verbatim).alias("record")]
        self._store(cells.select(source_row, *columns))


def cell_columns(width: int) -> list[str]:
    """The names of the text columns: "0", "1", ..., one per header, beside `source_row`."""
    return [str(position) for position in range(width)]


def text_frame(rows: Sequence[int], names: Iterable[str], columns: Iterable[Sequence[str | None]]) -> pl.DataFrame:
    """Columns of Python text as a frame; by way of Arrow, which is about four times as fast here as polars' own."""
    series = [
        pl.Series(name, pa.array(column, pa.large_string()), dtype=pl.String)
        for name, column in zip(names, columns, strict=True)
    ]
    return pl.DataFrame([pl.Series(ROW, rows, dtype=pl.Int64), *series])


def count_of_records(records: int) -> str:
    """A number of records in words."""
    return f"{records} record{'' if records == 1 else 's'}"


def _json(columns: Sequence[pl.Expr]) -> pl.Expr:
    return pl.struct(columns).struct.json_encode() if columns else pl.lit(None, pl.String)
