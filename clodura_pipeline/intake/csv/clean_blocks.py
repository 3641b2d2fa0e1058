"""Reads delimited text that is proven free of faults, in C; whatever is not proven is left to the careful way."""

import codecs
import re

import polars as pl
import pyarrow as pa
import pyarrow.csv

from clodura_pipeline.intake.cell_table import ROW, cell_columns


def read_clean(block: bytes, delimiter: str, width: int, first_row: int) -> pl.DataFrame | None:
    """The cells of valid UTF-8 that begins with a record, or None where anything in it could be read in two ways.

    Records are counted twice: as lines of the proven shape before, and as rows after.
    """
    if not delimiter.isascii():
        return None
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
