"""Reads delimited text that is proven free of faults, in C; whatever is not proven is left to the careful way."""

import codecs
import re

import polars as pl
import pyarrow as pa
import pyarrow.csv

from clodura_pipeline.contacts.records import ROW, Cells, cell_columns

_BLOCK = 1 << 23


def read_clean(utf8: bytes, start: int, delimiter: str, width: int) -> Cells | None:
    """The cells of valid UTF-8 from a byte on, or None where anything in it could be read in two ways.

    Records are counted twice: as lines of the proven shape before, and as rows after.
    """
    if width < 2 or not delimiter.isascii():  # with one column, a line of spaces would be a record to Arrow
        return None
    if utf8.startswith(codecs.BOM_UTF8, start):  # of the second of two files joined; Arrow would drop it
        return None
    lines = _count_clean_lines(utf8, start, delimiter)
    if lines is None:
        return None
    names = cell_columns(width)
    if not lines:
        return Cells(pl.DataFrame(schema={ROW: pl.Int64} | dict.fromkeys(names, pl.String)))
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(utf8).slice(start)),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:  # a ragged row; the message quotes it, so it must not travel further
        return None
    if table.num_rows != lines:
        return None
    cells = pl.DataFrame({name: pl.Series(name, table.column(name), dtype=pl.String) for name in names})
    return Cells(cells.insert_column(0, pl.int_range(1, lines + 1, dtype=pl.Int64, eager=True).alias(ROW)))


def _count_clean_lines(utf8: bytes, start: int, delimiter: str) -> int | None:
    """How many lines are not empty, if each is a record by itself: no quote that spans lines or stands astray."""
    returns = utf8.count(b"\r", start)
    if returns and returns != utf8.count(b"\r\n", start):
        return None
    # What follows the last line break counts as a line here, often an empty one, as it does for the expressions.
    lines = utf8.count(b"\n", start) + 1
    quoted = utf8.find(b'"', start) >= 0
    first_blank = utf8.startswith((b"\n", b"\r"), start)
    some_blank = first_blank or utf8.find(b"\n\n", start) >= 0 or utf8.find(b"\n\r\n", start) >= 0
    if not quoted and not some_blank:  # nearly always; the expressions take a second for 100 MB
        return lines - (utf8.endswith(b"\n") or len(utf8) <= start)
    text = pl.Series([utf8[start:]], dtype=pl.Binary).cast(pl.String)
    if quoted:
        other = re.escape(delimiter)
        cell = rf'(?:"(?:[^"\r\n]|"")*"|[^"{other}\r\n][^{other}\r\n]*)?'
        if text.str.count_matches(rf"(?m)^{cell}(?:{other}{cell})*\r?$").item() != lines:
            return None
    blank = text.str.count_matches(r"(?m)^\r?$").item() if some_blank else int(utf8.endswith(b"\n"))
    return lines - blank
