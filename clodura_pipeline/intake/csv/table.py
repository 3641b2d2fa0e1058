"""Reads delimited text: CSV and its relatives, in C where a stretch of the file is clean, else record by record."""

import codecs
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pyarrow.csv

from clodura_pipeline.intake.csv.layout import DELIMITERS, Layout, find_layouts
from clodura_pipeline.intake.csv.records import records
from clodura_pipeline.intake.csv.short_records import read_short_records
from clodura_pipeline.intake.encodings.decoding import Text, is_utf8, shown
from clodura_pipeline.intake.headers.matching import Spellings
from clodura_pipeline.intake.rows.cell_table import ROW, CellTable, cell_columns
from clodura_pipeline.intake.rows.landed_rows import ContactRows, LandedRows

# Bytes that are read at once. A fault costs the speed of its block only: 4 MB take 0.05 s in C and 0.2 s in Python.
_BLOCK_BYTES = 1 << 22
_SPACED = "the spaces before quoted cells are left out"


def read_csv(text: Text, spellings: Spellings, rows: LandedRows) -> ContactRows:
    """Every record of a delimited text. Tables above the one that says most are read under their own headers."""
    layouts = find_layouts(text, spellings)
    notes: tuple[str, ...] = ()
    if tight := _without_spaces_before_quotes(text.utf8, layouts[-1].delimiter):
        text, notes = replace(text, utf8=tight), (_SPACED,)
        layouts = find_layouts(text, spellings)
    for part in layouts:
        with rows.table(part.match, shown(part.header_line)) as table:
            read_cells(text if part.end is None else replace(text, utf8=text.utf8[: part.end]), part, table)
            read_short_records(table, part, spellings)
    delimiter = DELIMITERS.get(layouts[-1].delimiter, repr(layouts[-1].delimiter))
    return rows.contacts(f"CSV, {delimiter}, {text.encoding}", notes)


def read_cells(text: Text, layout: Layout, cells: CellTable, block_bytes: int = _BLOCK_BYTES) -> None:
    """The cells of a text and what is at fault in it, block by block. A block begins where a record does.

    While the cells of a block are passed on, a thread reads the next one.
    """

    def read_block(start: int, end: int, first_row: int) -> pl.DataFrame | None:
        block = text.utf8[start:end]
        is_valid = text.valid or is_utf8(block)
        return read_clean(block, layout.delimiter, len(layout.match.headers), first_row) if is_valid else None

    at, row, frame = layout.start, 1, None
    with ThreadPoolExecutor(1) as thread:
        while at < len(text.utf8):
            end = text.utf8.find(b"\n", at + block_bytes) + 1 or len(text.utf8)
            reading = thread.submit(read_block, at, end, row)
            if frame is not None:
                cells.add_frame(frame)
            frame = reading.result()
            if frame is None:
                at, row = read_records(text, layout, cells, at, end, row)
            else:
                at, row = end, row + frame.height
    if frame is not None:
        cells.add_frame(frame)
    cells.flush()


def read_records(text: Text, layout: Layout, cells: CellTable, at: int, end: int, row: int) -> tuple[int, int]:
    """Read the records that begin between two bytes; returns the byte and the number of the record after them."""
    returns_end_lines = text.utf8.endswith(b"\r", 0, layout.start)
    for record in records(text.utf8, layout.delimiter, at, layout.match.names, returns_end_lines=returns_end_lines):
        if text.broken(record.text):
            cells.refuse(row, f"has bytes that are not valid {text.encoding}", shown(record.text))
        elif record.fault:
            cells.refuse(row, record.fault, record.text)
        else:
            cells.add(row, record.fields)
        row += 1
        if record.end >= end:
            return record.end, row
    return len(text.utf8), row


def _without_spaces_before_quotes(utf8: bytes, delimiter: str) -> bytes | None:
    """The text without the space that some programs write before each quote; None where not every cell is so."""
    mark = delimiter.encode()
    spaced, tight = mark + b' "', mark + b'"'
    found = utf8.count(spaced)
    if not found or tight in utf8:
        return None
    cell = re.escape(spaced) + rb'(?:[^"]|"")*"(?= *(?:' + re.escape(mark) + rb"|[\r\n]|$))"
    whole = sum(1 for _ in re.finditer(cell, utf8))
    return utf8.replace(spaced, tight) if whole == found else None


def read_clean(block: bytes, delimiter: str, width: int, first_row: int) -> pl.DataFrame | None:
    """The cells of valid UTF-8 that begins with a record, or None where anything in it could be read in two ways.

    Records are counted twice: as lines of the proven shape before, and as rows after.
    """
    if width == 1 and _has_line_of_spaces(block):  # it is no record here, and would be one to Arrow
        return None
    if block.startswith(codecs.BOM_UTF8):  # of the second of two files joined; Arrow would drop it
        return None
    count = _count_clean_lines(block, delimiter)
    if count is None:
        return None
    names = cell_columns(width)
    if not count:
        return pl.DataFrame(schema={ROW: pl.Int64} | dict.fromkeys(names, pl.String))
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=max(len(block), 1)),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:  # a ragged row; the message quotes it, so it must not travel further
        return None
    if table.num_rows != count:
        return None
    cells = pl.DataFrame({name: pl.Series(name, table.column(name), dtype=pl.String) for name in names})
    rows = pl.int_range(first_row, first_row + count, dtype=pl.Int64, eager=True)
    return cells.insert_column(0, rows.alias(ROW))


def _has_line_of_spaces(block: bytes) -> bool:
    text = pl.Series([block], dtype=pl.Binary).cast(pl.String)
    return bool(text.str.contains(r"(?m)^(?:[\s--\r\n]|[\x1c-\x1f])+\r?$").item())


def _count_clean_lines(block: bytes, delimiter: str) -> int | None:
    """How many lines are not empty, if each is a record by itself: no quote that spans lines or stands astray."""
    returns = block.count(b"\r")
    if returns and returns != block.count(b"\r\n"):
        return None
    # What follows the last line break counts as a line here, often an empty one, as it does for the expressions.
    lines = block.count(b"\n") + 1
    some_blank = block.startswith((b"\n", b"\r")) or b"\n\n" in block or b"\n\r\n" in block
    blank = int(block.endswith(b"\n") or not block)
    if b'"' not in block and not some_blank:
        return lines - blank
    text = pl.Series([block], dtype=pl.Binary).cast(pl.String)
    if b'"' in block:
        other = re.escape(delimiter)
        cell = rf'(?:"(?:[^"\r\n]|"")*"|[^"{other}\r\n][^{other}\r\n]*)?'
        if text.str.count_matches(rf"(?m)^{cell}(?:{other}{cell})*\r?$").item() != lines:
            return None
    if some_blank:
        blank = text.str.count_matches(r"(?m)^\r?$").item()
    return lines - blank
