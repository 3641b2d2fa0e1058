"""Reads delimited text, CSV and its relatives: finds delimiter and headers, then reads the cells.

A stretch of the file that is clean is read in C, any other record by record.
"""

import codecs
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import polars as pl
import pyarrow as pa
import pyarrow.csv

from clodura_pipeline.intake.csv.records import Record, read_short_records, records
from clodura_pipeline.intake.encodings.decoding import Text, is_utf8, shown
from clodura_pipeline.intake.headers import header_row
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings
from clodura_pipeline.intake.rows.landed_rows import ROW, ContactRows, LandedRows, LandedTable, cell_columns
from clodura_pipeline.intake.unreadable import UnreadableFile, UnreadableRecord

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SAMPLE_BYTES = 1 << 18
_COMPARED_ROWS = 50
_SEP_LINE = re.compile(rb'\s*"?sep=([!-/:-@\[-`{-~\t])"?[,;\t|]*\s*?(?:\r*\n|\r)', re.IGNORECASE)
# Bytes that are read at once. A fault costs the speed of its block only: 4 MB take 0.05 s in C and 0.2 s in Python.
_BLOCK_BYTES = 1 << 22
_SPACED = "the spaces before quoted cells are left out"


@dataclass(frozen=True)
class Layout:
    """A table of a delimited file: its delimiter, what its headers mean, and the bytes its records lie between."""

    delimiter: str
    match: HeaderMatch
    header_line: str
    start: int
    end: int | None


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
            read_short_records(table, part.delimiter, part.match, spellings)
    delimiter = DELIMITERS.get(layouts[-1].delimiter, repr(layouts[-1].delimiter))
    return rows.contacts(f"CSV, {delimiter}, {text.encoding}", notes)


def find_layouts(text: Text, spellings: Spellings) -> list[Layout]:
    """The tables under the delimiter with which the headers mean most: the best one, and before it those above it."""
    sample = text.utf8[:_SAMPLE_BYTES]
    if len(sample) < len(text.utf8):  # whole lines of it
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1]
        if not sample:
            raise UnreadableFile(
                f"has no line break within its first {_SAMPLE_BYTES // 1024} KB, so it is no list of contacts"
            )
    found = _SEP_LINE.match(sample)  # Excel's own line for it, above the header
    candidates, start = ([found[1].decode()], found.end()) if found else (DELIMITERS, 0)
    scored: list[tuple[tuple[int, float, int], list[Layout]]] = []
    tops: list[list[Record]] = []
    for delimiter in candidates:
        top = list(islice(records(sample, delimiter, start), header_row.SEARCHED_ROWS))
        tops.append(top)
        layouts = [
            Layout(delimiter, match, top[at].text, top[at].end, end and top[end - 1].end)
            for at, match, end in header_row.find_tables(
                [[shown(field) for field in record.fields] for record in top], spellings
            )
        ]
        if layouts:
            width = len(layouts[-1].match.headers)
            below = list(islice(records(text.utf8, delimiter, layouts[-1].start), _COMPARED_ROWS))
            evenness = sum(len(row.fields) == width for row in below) / len(below) if below else 1.0
            scored.append(((len(layouts[-1].match.columns), evenness, width), layouts))
    if not scored:
        raise UnreadableFile(_nothing_usable(tops))
    return max(scored, key=lambda one: one[0])[1]


def _nothing_usable(tops: Sequence[Sequence[Record]]) -> str:
    """Why no header was found in the first records, which are given as each delimiter parts them."""
    sound = [[record.fields for record in records] for records in tops if records and not records[0].fault]
    fault = next((records[0].fault for records in tops if records and records[0].fault), None)
    found, *below = max(sound, key=lambda records: len(records[0]), default=[[]])
    if fault and len(found) < 2:
        return f"the first line {fault}, so its headers cannot be read; fix that line"
    if len(found) > header_row.MAX_COLUMNS:
        return header_row.too_many_columns(len(found))
    return header_row.no_usable_headers([shown(field) for field in found], below=below)


def read_cells(text: Text, layout: Layout, cells: LandedTable, block_bytes: int = _BLOCK_BYTES) -> None:
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


def read_records(text: Text, layout: Layout, cells: LandedTable, at: int, end: int, row: int) -> tuple[int, int]:
    """Read the records that begin between two bytes; returns the byte and the number of the record after them."""
    returns_end_lines = text.utf8.endswith(b"\r", 0, layout.start)
    for record in records(text.utf8, layout.delimiter, at, layout.match.names, returns_end_lines=returns_end_lines):
        fault = f"has bytes that are not valid {text.encoding}" if text.broken(record.text) else record.fault
        if fault:
            cells.unreadable.append(UnreadableRecord(row, fault, shown(record.text)))
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
    if width == 1 and _as_text(block).str.contains(r"(?m)^(?:[\s--\r\n]|[\x1c-\x1f])+\r?$").item():
        return None  # a line of spaces is no record here, and would be one to Arrow
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


def _as_text(block: bytes) -> pl.Series:
    return pl.Series([block], dtype=pl.Binary).cast(pl.String)


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
    text = _as_text(block)
    if b'"' in block:
        other = re.escape(delimiter)
        cell = rf'(?:"(?:[^"\r\n]|"")*"|[^"{other}\r\n][^{other}\r\n]*)?'
        if text.str.count_matches(rf"(?m)^{cell}(?:{other}{cell})*\r?$").item() != lines:
            return None
    if some_blank:
        blank = text.str.count_matches(r"(?m)^\r?$").item()
    return lines - blank
