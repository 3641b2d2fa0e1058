"""Takes records that are shorter than the header: many programs leave out the empty cells at the end of a line.

A line break within a cell that is not quoted tears a record into short ones as well, and these would be read as other
people; so what may be a piece of a torn record stays unreadable.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

import polars as pl

from clodura_pipeline.intake.csv.tokens import fields_of, wrong_width
from clodura_pipeline.intake.header_row import ADDRESS, Layout, Spellings, find_header, matched
from clodura_pipeline.intake.headers.matching import HeaderMatch, match_headers
from clodura_pipeline.intake.landed_rows import ROW, Cells, UnreadableRecord, cell_columns
from clodura_pipeline.intake.row_builder import text_table

_TORN = ": is there a line break within a cell, which is then to be quoted?"
_ADDRESSES = ("email", "linkedin_url")
_NO_ADDRESSES = ("first_name", "last_name", "full_name", "organisation_name")


class _Short(NamedTuple):
    record: UnreadableRecord
    fields: list[str]


def with_short_rows(cells: Cells, layout: Layout, spellings: Spellings) -> Cells:
    """The cells with the short records that are surely whole, their missing cells empty."""
    width = len(layout.match.headers)
    short = [one for record in cells.unreadable if (one := _short(record, layout.delimiter, width))]
    if not short:
        return cells
    taken, torn = _judged(short, cells, layout.match, spellings)
    padded = [one.fields + [""] * (width - len(one.fields)) for one in taken]
    rows = [one.record.source_row for one in taken]
    columns = list(zip(*padded, strict=True)) or [()] * width
    table = pl.concat([cells.table, text_table(rows, cell_columns(width), columns)]).sort(ROW)
    read = set(rows)
    unreadable = [
        replace(record, reason=record.reason + _TORN) if record.source_row in torn else record
        for record in cells.unreadable
        if record.source_row not in read
    ]
    return Cells(table, unreadable)


def _short(record: UnreadableRecord, delimiter: str, width: int) -> _Short | None:
    if "\n" in record.text or "\r" in record.text:  # a quote astray may hold lines together
        return None
    fields = fields_of(record.text, delimiter)
    fits = 0 < len(fields) < width and record.reason == wrong_width(len(fields), width)
    return _Short(record, fields) if fits else None


def _judged(
    short: Sequence[_Short], cells: Cells, match: HeaderMatch, spellings: Spellings
) -> tuple[list[_Short], set[int]]:
    """The short records that are whole, and the places of those that may be pieces of torn ones."""
    named = max(position for position, header in enumerate(match.headers, start=1) if header.strip())
    faulty = {record.source_row for record in cells.unreadable} - {one.record.source_row for one in short}
    # Addresses under their headers: the cells before them have not moved. Under names: the second piece of a torn one.
    right, wrong = _positions(match, _ADDRESSES), _positions(match, _NO_ADDRESSES)
    anchored = [_has_address(one.fields, right) for one in short]
    torn: set[int] = set()
    for whole in {named, len(match.headers)}:
        torn |= _pieces(short, anchored, whole)
    taken, known = [], {}
    for one, sure in zip(short, anchored, strict=True):
        row = one.record.source_row
        if len(one.fields) >= named:  # only columns without a header are missing
            taken.append(one)
        elif _is_header(one.fields, spellings, known):
            break  # of another table: what stands below it is read under the wrong names
        elif row in torn or _has_address(one.fields, wrong):
            continue
        elif sure or (len(one.fields) > 1 and faulty.isdisjoint((row - 1, row + 1))):
            taken.append(one)
    return taken, torn - {one.record.source_row for one in taken}


def _pieces(short: Sequence[_Short], anchored: Sequence[bool], width: int) -> set[int]:
    """The places of short records in succession that make a full record together, and do not all say whose they are."""
    torn: set[int] = set()
    for start, end in _runs(short):
        if all(anchored[start:end]):
            continue
        breaks = [0, *accumulate(len(one.fields) - 1 for one in short[start:end])]  # delimiters up to each record
        unsure = [0, *accumulate(not sure for sure in anchored[start:end])]
        for first, before in enumerate(breaks):
            last = bisect_right(breaks, before + width - 1) - 1
            if last < 0 or breaks[last] != before + width - 1 or unsure[last] == unsure[first]:
                continue
            nearest = bisect_left(breaks, before + width - 1)
            torn.update(short[start + at].record.source_row for at in range(first, min(last, nearest + width)))
    return torn


def _runs(short: Sequence[_Short]) -> list[tuple[int, int]]:
    rows = [one.record.source_row for one in short]
    starts = [at for at in range(len(rows)) if not at or rows[at] != rows[at - 1] + 1]
    return list(zip(starts, [*starts[1:], len(rows)], strict=True))


def _positions(match: HeaderMatch, columns: Sequence[str]) -> list[int]:
    return [position for column in columns for position in match.columns.get(column, ())]


def _has_address(fields: Sequence[str], positions: Sequence[int]) -> bool:
    """Whether an address or a profile stands at one of the positions."""
    return any(
        position < len(fields) and bool(ADDRESS.search(fields[position]) or "linkedin." in fields[position].lower())
        for position in positions
    )


def _is_header(fields: Sequence[str], spellings: Spellings, known: dict[str, bool]) -> bool:
    """Whether a record is rather the header of another table. What single cells mean as headers is kept in `known`."""
    if any("@" in field or any(map(str.isdigit, field)) for field in fields):
        return False  # nearly all records
    understood = 0
    for field in fields:
        if field not in known:
            known[field] = bool(match_headers([field], spellings).columns)
        understood += known[field]
    found = find_header([fields], spellings) if understood > 1 else None
    return found is not None and matched(found[1]) > 1
