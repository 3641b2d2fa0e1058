"""Reads delimited text whole: every table in it, with the records that are short or oddly quoted."""

import re
from dataclasses import replace

from clodura_pipeline.intake.csv.delimited import read_cells
from clodura_pipeline.intake.csv.short_rows import with_short_rows
from clodura_pipeline.intake.decoding import Text, shown
from clodura_pipeline.intake.header_row import DELIMITERS, Layout, Spellings, find_layout
from clodura_pipeline.intake.landed_rows import Reading, joined, landed

_SPACED = "the spaces before quoted cells are left out"


def read_tables(text: Text, spellings: Spellings) -> Reading:
    """Every record of a delimited text. Tables above the one that says most are read under their own headers."""
    layout = find_layout(text, spellings)
    notes: tuple[str, ...] = ()
    if tight := _without_spaces_before_quotes(text.utf8, layout.delimiter):
        text, notes = replace(text, utf8=tight), (_SPACED,)
        layout = find_layout(text, spellings)
    readings = [_read(text, table, spellings) for table in (*layout.earlier, layout)]
    reading = joined(readings)
    return replace(reading, notes=(*notes, *reading.notes))


def _read(text: Text, layout: Layout, spellings: Spellings) -> Reading:
    delimiter = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
    format_ = f"CSV, {delimiter}, {text.encoding}"
    part = text if layout.end is None else replace(text, utf8=text.utf8[: layout.end])
    cells = with_short_rows(read_cells(part, layout), layout, spellings)
    return landed(layout.match, cells, format_, header_line=shown(layout.header_line))


def _without_spaces_before_quotes(utf8: bytes, delimiter: str) -> bytes | None:
    """The text without the space that some programs write before each quote; None where not every cell is so."""
    mark = delimiter.encode()
    spaced, tight = mark + b' "', mark + b'"'
    found = utf8.count(spaced)
    if not found or tight in utf8 or not delimiter.isascii():
        return None
    cell = re.escape(spaced) + rb'(?:[^"]|"")*"(?= *(?:' + re.escape(mark) + rb"|[\r\n]|$))"
    whole = sum(1 for _ in re.finditer(cell, utf8))
    return utf8.replace(spaced, tight) if whole == found else None
