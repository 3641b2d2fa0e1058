"""Reads CSV and its relatives: in C where the file is proven clean, record by record where it is not."""

from clodura_pipeline.contacts.builder import CellsBuilder
from clodura_pipeline.contacts.clean_csv import read_clean
from clodura_pipeline.contacts.decoding import Text, shown
from clodura_pipeline.contacts.layout import DELIMITERS, Layout, Spellings, find_layout
from clodura_pipeline.contacts.records import Cells, Reading, landed
from clodura_pipeline.contacts.tokens import Lines, records


def read_delimited(text: Text, spellings: Spellings) -> Reading:
    """Every record of a delimited text."""
    layout = find_layout(text, spellings)
    cells = read_clean(text.utf8, layout.start, layout.delimiter, len(layout.match.headers)) if text.sound else None
    if cells is None:
        cells = read_carefully(text, layout)
    delimiter = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
    format_ = f"CSV, {delimiter}, {text.encoding}"
    return landed(layout.match, cells, format_, header_line=shown(layout.header_line))


def read_carefully(text: Text, layout: Layout) -> Cells:
    """The cells of any text, with what is at fault in it; agrees with `read_clean` wherever that one reads."""
    headers = layout.match.names
    builder = CellsBuilder(len(headers))
    lines = Lines(text.lines(layout.start))
    for source_row, record in enumerate(records(lines, layout.delimiter, headers), start=1):
        if text.broken(record.text):
            builder.refuse(source_row, f"has bytes that are not valid {text.encoding}", shown(record.text))
        elif record.fault:
            builder.refuse(source_row, record.fault, record.text)
        else:
            builder.add(source_row, record.fields)
    return builder.cells()
