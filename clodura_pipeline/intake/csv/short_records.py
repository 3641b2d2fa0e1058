"""Takes records that are shorter than the header: many programs leave out the empty cells at the end of a line.

A line break within a cell that is not quoted tears a record into short ones as well, and these would be read as other
people; so what may be a piece of a torn record stays unreadable.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from clodura_pipeline.intake.cell_table import CellTable
from clodura_pipeline.intake.csv.layout import Layout
from clodura_pipeline.intake.csv.records import fields_of, wrong_width
from clodura_pipeline.intake.headers.header_row import ADDRESS, columns_found, find_header
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings
from clodura_pipeline.intake.headers.spellings import header_spellings
from clodura_pipeline.intake.unreadable import UnreadableRecord

_TORN = ": is there a line break within a cell, which is then to be quoted?"
_MAX_PIECES = 20  # lines that a cell without quotes may have
_ADDRESSES = ("email", "linkedin_url")
_NO_ADDRESSES = ("first_name", "last_name", "full_name", "organisation_name")


class _Short(NamedTuple):
    record: UnreadableRecord
    fields: list[str]


def read_short_records(cells: CellTable, layout: Layout, spellings: Spellings) -> None:
    """Move the short records that are surely whole from the unreadable ones to the rows, their missing cells empty."""
    width = len(layout.match.headers)
    short = [one for record in cells.unreadable if (one := _short(record, layout.delimiter, width))]
    if not short:
        return
    whole, torn = _whole_and_torn(short, cells, layout.match, spellings)
    read = {one.record.source_row for one in whole}
    cells.unreadable = [
        replace(record, reason=record.reason + _TORN) if record.source_row in torn else record
        for record in cells.unreadable
        if record.source_row not in read
    ]
    for one in whole:
        cells.add(one.record.source_row, one.fields + [""] * (width - len(one.fields)))
    cells.flush()


def _short(record: UnreadableRecord, delimiter: str, width: int) -> _Short | None:
    if "\n" in record.text or "\r" in record.text:  # a quote astray may hold lines together
        return None
    fields = fields_of(record.text, delimiter)
    fits = 0 < len(fields) < width and record.reason == wrong_width(len(fields), width)
    return _Short(record, fields) if fits else None


def _whole_and_torn(
    short: Sequence[_Short], cells: CellTable, match: HeaderMatch, spellings: Spellings
) -> tuple[list[_Short], set[int]]:
    """The short records that are whole, and the source rows of those that may be pieces of torn ones."""
    named = max(position for position, header in enumerate(match.headers, start=1) if header.strip())
    faulty = {record.source_row for record in cells.unreadable} - {one.record.source_row for one in short}
    # Addresses under their headers: the cells before them have not moved. Under names: the second piece of a torn one.
    right, wrong = _positions(match, _ADDRESSES), _positions(match, _NO_ADDRESSES)
    anchored = [_has_address(one.fields, right) for one in short]
    torn = _pieces(short, anchored, named) | _pieces(short, anchored, len(match.headers))
    whole = []
    for one, sure in zip(short, anchored, strict=True):
        row = one.record.source_row
        if len(one.fields) >= named:  # only columns without a header are missing
            whole.append(one)
        elif _is_header(one.fields, spellings):
            break  # of another table: what stands below it is read under the wrong names
        elif row in torn or _has_address(one.fields, wrong):
            continue
        elif sure or (len(one.fields) > 1 and faulty.isdisjoint((row - 1, row + 1))):
            whole.append(one)
    return whole, torn - {one.record.source_row for one in whole}


def _pieces(short: Sequence[_Short], anchored: Sequence[bool], width: int) -> set[int]:
    """The source rows of short records in succession that make a full record together, and not all have an address."""
    torn: set[int] = set()
    for first in range(len(short)):
        fields = len(short[first].fields)
        for last in range(first + 1, min(first + _MAX_PIECES, len(short))):
            if short[last].record.source_row != short[last - 1].record.source_row + 1:
                break
            fields += len(short[last].fields) - 1
            if fields > width:
                break
            if fields == width and not all(anchored[first : last + 1]):
                torn.update(one.record.source_row for one in short[first : last + 1])
    return torn


def _positions(match: HeaderMatch, columns: Sequence[str]) -> list[int]:
    return [position for column in columns for position in match.columns.get(column, ())]


def _has_address(fields: Sequence[str], positions: Sequence[int]) -> bool:
    """Whether an address or a profile stands at one of the positions."""
    return any(
        position < len(fields) and bool(ADDRESS.search(fields[position]) or "linkedin." in fields[position].lower())
        for position in positions
    )


def _is_header(fields: Sequence[str], spellings: Spellings) -> bool:
    """Whether a record is rather the header of another table."""
    if any("@" in field or any(map(str.isdigit, field)) for field in fields):
        return False  # nearly all records
    known = header_spellings(spellings)
    if sum(known.meaning_of(field)[1] is not None for field in fields) < 2:
        return False
    found = find_header([fields], spellings)
    return found is not None and columns_found(found[1]) > 1
