"""Takes records that are shorter than the header: many programs leave out the empty cells at the end of a line.

A line break within a cell that is not quoted tears a record into short ones as well, and these would be read as other
people; so what may be a piece of a torn record stays unreadable.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from clodura_pipeline.intake.csv.layout import Layout
from clodura_pipeline.intake.csv.records import grammar_of, wrong_width
from clodura_pipeline.intake.headers.header_row import ADDRESS, columns_found
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings, match_headers
from clodura_pipeline.intake.rows.cell_table import CellTable
from clodura_pipeline.intake.unreadable import UnreadableRecord

_TORN = ": is there a line break within a cell, which is then to be quoted?"
_MAX_PIECES = 20  # lines that a cell without quotes may have


class _Short(NamedTuple):
    record: UnreadableRecord
    fields: list[str]
    anchored: bool  # an address stands under its header, so the cells before it have not moved
    moved: bool  # an address stands under a name's header, as in the second piece of a torn record


def read_short_records(cells: CellTable, layout: Layout, spellings: Spellings) -> None:
    """Move the short records that are surely whole from the unreadable ones to the rows, their missing cells empty."""
    match, width = layout.match, len(layout.match.headers)
    short = [one for record in cells.unreadable if (one := _short(record, layout.delimiter, match))]
    if not short:
        return
    named = max(position for position, header in enumerate(match.headers, start=1) if header.strip())
    torn = _pieces(short, named) | _pieces(short, width)
    faulty = {record.source_row for record in cells.unreadable} - {one.record.source_row for one in short}
    whole: set[int] = set()
    for record, fields, anchored, moved in short:
        row = record.source_row
        if len(fields) >= named:  # only columns without a header are missing
            whole.add(row)
        elif _is_header(fields, spellings):
            break  # of another table: what stands below it is read under the wrong names
        elif (
            row not in torn and not moved and (anchored or (len(fields) > 1 and faulty.isdisjoint((row - 1, row + 1))))
        ):
            whole.add(row)
    cells.unreadable = [
        replace(record, reason=record.reason + _TORN) if record.source_row in torn else record
        for record in cells.unreadable
        if record.source_row not in whole
    ]
    for record, fields, *_ in short:
        if record.source_row in whole:
            cells.add(record.source_row, fields + [""] * (width - len(fields)))
    cells.flush()


def _short(record: UnreadableRecord, delimiter: str, match: HeaderMatch) -> _Short | None:
    if "\n" in record.text or "\r" in record.text:  # a quote astray may hold lines together
        return None
    fields = grammar_of(delimiter).fields(record.text)
    if record.reason != wrong_width(len(fields), len(match.headers)):
        return None
    anchored = _has_address(fields, match, ("email", "linkedin_url"))
    moved = _has_address(fields, match, ("first_name", "last_name", "full_name", "organisation_name"))
    return _Short(record, fields, anchored, moved)


def _pieces(short: Sequence[_Short], width: int) -> set[int]:
    """The source rows of short records in succession that make a full record together, and not all have an address."""
    torn: set[int] = set()
    for first, one in enumerate(short):
        fields = len(one.fields)
        for last in range(first + 1, min(first + _MAX_PIECES, len(short))):
            fields += len(short[last].fields) - 1
            if fields > width or short[last].record.source_row != short[last - 1].record.source_row + 1:
                break
            pieces = short[first : last + 1]
            if fields == width and not all(piece.anchored for piece in pieces):
                torn.update(piece.record.source_row for piece in pieces)
    return torn


def _has_address(fields: Sequence[str], match: HeaderMatch, columns: Sequence[str]) -> bool:
    """Whether an address or a profile stands under one of the columns."""
    cells = (fields[at] for column in columns for at in match.columns.get(column, ()) if at < len(fields))
    return any(ADDRESS.search(cell) or "linkedin." in cell.lower() for cell in cells)


def _is_header(fields: Sequence[str], spellings: Spellings) -> bool:
    """Whether a record is rather the header of another table; nearly all records have a digit or an address."""
    if any("@" in field or any(map(str.isdigit, field)) for field in fields):
        return False
    match = match_headers(fields, spellings)
    return match.usable and columns_found(match) > 1
