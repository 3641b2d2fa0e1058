"""Reads the records of CSV and its relatives: in C where a stretch of the file is clean, else one by one."""

from clodura_pipeline.intake.csv.clean_csv import read_clean
from clodura_pipeline.intake.csv.tokens import Lines, records
from clodura_pipeline.intake.decoding import Text, is_utf8, shown
from clodura_pipeline.intake.header_row import Layout
from clodura_pipeline.intake.landed_rows import Cells
from clodura_pipeline.intake.row_builder import CellsBuilder

# Bytes that are read at once. A fault costs the speed of its block only: 4 MB take 0.05 s in C and 0.2 s in Python.
_BLOCK = 1 << 22


def read_cells(text: Text, layout: Layout, block_size: int = _BLOCK) -> Cells:
    """The cells of a text and what is at fault in it, block by block. A block begins where a record does."""
    width = len(layout.match.headers)
    builder = CellsBuilder(width)
    at, row = layout.start, 1
    while at < len(text.utf8):
        end = text.utf8.find(b"\n", at + block_size) + 1 or len(text.utf8)
        block = text.utf8[at:end]
        table = read_clean(block, layout.delimiter, width, row) if text.sound or is_utf8(block) else None
        if table is None:
            at, row = read_carefully(text, layout, builder, at, end, row)
        else:
            builder.add_table(table)
            at, row = end, row + table.height
    return builder.cells()


def read_carefully(text: Text, layout: Layout, builder: CellsBuilder, at: int, end: int, row: int) -> tuple[int, int]:
    """Read the records that begin between two bytes; returns the byte and the number of the record after them."""
    lines = Lines(text.lines(at))
    for record in records(lines, layout.delimiter, layout.match.names):
        if text.broken(record.text):
            builder.refuse(row, f"has bytes that are not valid {text.encoding}", shown(record.text))
        elif record.fault:
            builder.refuse(row, record.fault, record.text)
        else:
            builder.add(row, record.fields)
        row += 1
        if at + lines.taken >= end:
            break
    return at + lines.taken, row
