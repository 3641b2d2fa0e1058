"""Reads delimited text: CSV and its relatives, in C where a stretch of the file is clean, else record by record."""

import re
from dataclasses import replace

from clodura_pipeline.intake.cell_table import CellTable
from clodura_pipeline.intake.csv.clean_blocks import read_clean
from clodura_pipeline.intake.csv.layout import DELIMITERS, Layout, find_layout
from clodura_pipeline.intake.csv.records import Lines, records
from clodura_pipeline.intake.csv.short_records import read_short_records
from clodura_pipeline.intake.decoding import Text, is_utf8, shown
from clodura_pipeline.intake.headers.matching import Spellings
from clodura_pipeline.intake.landed_rows import ContactRows, LandedRows

# Bytes that are read at once. A fault costs the speed of its block only: 4 MB take 0.05 s in C and 0.2 s in Python.
_BLOCK_BYTES = 1 << 22
_SPACED = "the spaces before quoted cells are left out"


def read_csv(text: Text, spellings: Spellings, rows: LandedRows) -> ContactRows:
    """Every record of a delimited text. Tables above the one that says most are read under their own headers."""
    layout = find_layout(text, spellings)
    notes: tuple[str, ...] = ()
    if tight := _without_spaces_before_quotes(text.utf8, layout.delimiter):
        text, notes = replace(text, utf8=tight), (_SPACED,)
        layout = find_layout(text, spellings)
    for part in (*layout.earlier, layout):
        table = rows.begin_table(part.match, shown(part.header_line))
        cells = CellTable(len(part.match.headers), table.write)
        read_cells(text if part.end is None else replace(text, utf8=text.utf8[: part.end]), part, cells)
        read_short_records(cells, part, spellings)
        rows.end_table(table, cells.unreadable)
    delimiter = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
    return rows.contacts(f"CSV, {delimiter}, {text.encoding}", notes)


def read_cells(text: Text, layout: Layout, cells: CellTable, block_bytes: int = _BLOCK_BYTES) -> None:
    """The cells of a text and what is at fault in it, block by block. A block begins where a record does."""
    width = len(layout.match.headers)
    at, row = layout.start, 1
    while at < len(text.utf8):
        end = text.utf8.find(b"\n", at + block_bytes) + 1 or len(text.utf8)
        block = text.utf8[at:end]
        frame = read_clean(block, layout.delimiter, width, row) if text.valid or is_utf8(block) else None
        if frame is None:
            at, row = read_records(text, layout, cells, at, end, row)
        else:
            cells.add_frame(frame)
            at, row = end, row + frame.height
    cells.flush()


def read_records(text: Text, layout: Layout, cells: CellTable, at: int, end: int, row: int) -> tuple[int, int]:
    """Read the records that begin between two bytes; returns the byte and the number of the record after them."""
    lines = Lines(text.lines(at), end_in_return=text.utf8.endswith(b"\r", 0, layout.start))
    for record in records(lines, layout.delimiter, layout.match.names):
        if text.broken(record.text):
            cells.refuse(row, f"has bytes that are not valid {text.encoding}", shown(record.text))
        elif record.fault:
            cells.refuse(row, record.fault, record.text)
        else:
            cells.add(row, record.fields)
        row += 1
        if at + lines.taken >= end:
            break
    return at + lines.taken, row


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
