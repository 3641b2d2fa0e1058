"""What reading a contact file yields: rows as landed, records that could not be read, or what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from clodura_pipeline.intake.column_selection import chosen, filled
from clodura_pipeline.intake.headers.matching import HeaderMatch

ROW = "source_row"


@dataclass(frozen=True)
class UnreadableRecord:
    """A record that could not be read: which one, why in words for people, and all that stands there."""

    source_row: int
    reason: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Reading:
    """A contact file, read: every record of it is either in `rows` or in `unreadable`."""

    rows: pl.DataFrame = field(repr=False)
    unreadable: tuple[UnreadableRecord, ...] = field(repr=False)
    records: int
    mapping: dict[str, str]
    format: str
    notes: tuple[str, ...] = ()


class UnreadableFile(Exception):
    """A file that cannot be read at all: what is wrong, where, and what to do now; never what cells hold."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Cells:
    """A file taken apart: one text column per header, in order, with the position of each record in the file."""

    table: pl.DataFrame  # source_row, then "0", "1", ... as in `cell_columns`
    unreadable: Sequence[UnreadableRecord] = ()


def cell_columns(width: int) -> list[str]:
    """The names of the text columns in `Cells.table`."""
    return [str(position) for position in range(width)]


def landed(
    match: HeaderMatch, cells: Cells, format_: str, *, header_line: str | None = None, notes: tuple[str, ...] = ()
) -> Reading:
    """Arrange a file's cells as the columns all contact files have in common.

    With `header_line`, records that repeat the header (files joined end to end) are set aside: read as a person,
    "First Name Last Name" at "Company Name" would be asked and could be paid for.
    """
    table, unreadable = cells.table, list(cells.unreadable)
    if header_line is not None and table.height:
        repeats = _repeats(match.headers)
        repeated = table.filter(repeats)[ROW].to_list()
        if repeated:
            table = table.filter(~repeats)
            unreadable += [UnreadableRecord(row, "repeats the header line", header_line) for row in repeated]
    rows = table.select(pl.col(ROW).cast(pl.Int64), *_columns(match, _named(match, table)))
    unreadable.sort(key=lambda record: record.source_row)
    return Reading(rows, tuple(unreadable), rows.height + len(unreadable), match.mapping, format_, notes)


def counted(records: int) -> str:
    """A number of records in words."""
    return f"{records} record{'' if records == 1 else 's'}"


def joined(readings: list[Reading]) -> Reading:
    """Several tables as one file, their records counted on."""
    *above, main = readings
    if not above:
        return main
    rows, unreadable, count, mapping = [], [], 0, {}
    for reading in readings:
        rows.append(reading.rows.with_columns(pl.col(ROW) + count))
        unreadable += [replace(record, source_row=record.source_row + count) for record in reading.unreadable]
        count += reading.records
        mapping |= reading.mapping
    notes = tuple(
        f"{counted(one.records)} above the header, read under a header of their own: " + ", ".join(one.mapping)
        for one in above
    )
    return Reading(pl.concat(rows), tuple(unreadable), count, mapping, main.format, notes)


_AROUND = '\ufeff" \t\r'  # what a file leaves around its headers when it is joined to another


def _repeats(headers: Sequence[str]) -> pl.Expr:
    """Whether a record is the header once more, however its letters are."""
    return pl.all_horizontal(
        pl.col(str(position)).fill_null("").str.strip_chars(_AROUND).str.to_lowercase() == text.strip(_AROUND).lower()
        for position, text in enumerate(headers)
    )


def _named(match: HeaderMatch, table: pl.DataFrame) -> list[int]:
    """The positions to keep: all but columns without a header that hold nothing, as a delimiter too many makes them."""
    unnamed = [position for position, header in enumerate(match.headers) if not header.strip()]
    if not unnamed:
        return list(range(len(match.headers)))
    held = table.select((filled(position).is_not_null().any()).alias(str(position)) for position in unnamed)
    return [
        position
        for position in range(len(match.headers))
        if position not in unnamed or (table.height and held[str(position)].item())
    ]


def _columns(match: HeaderMatch, positions: list[int]) -> list[pl.Expr]:
    expressions = chosen(match)
    first_used = {used[0] for used in match.columns.values()}
    others = [filled(position).alias(match.names[position]) for position in positions if position not in first_used]
    verbatim = [pl.col(str(position)).alias(match.names[position]) for position in positions]
    expressions.append(_json(others).alias("source_columns"))
    expressions.append(_json(verbatim).alias("record"))
    return expressions


def _json(columns: list[pl.Expr]) -> pl.Expr:
    return pl.struct(columns).struct.json_encode() if columns else pl.lit(None, pl.String)
