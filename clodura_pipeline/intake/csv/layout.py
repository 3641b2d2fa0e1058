"""Finds how a delimited file is laid out: its delimiter, its header, and the tables above it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from clodura_pipeline.intake.csv.records import Record, records
from clodura_pipeline.intake.encodings.decoding import Text, shown
from clodura_pipeline.intake.headers.header_row import (
    SEARCHED_ROWS,
    columns_found,
    find_tables,
    no_usable_headers,
    too_many_columns,
)
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings
from clodura_pipeline.intake.rows.cell_table import MAX_COLUMNS
from clodura_pipeline.intake.unreadable import UnreadableFile

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SAMPLE_BYTES = 1 << 18
_COMPARED_ROWS = 50
_SEP_LINE = re.compile(rb'\s*"?sep=([!-/:-@\[-`{-~\t])"?[,;\t|]*\s*?(?:\r*\n|\r)', re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """A table of a delimited file: its delimiter, what its headers mean, and the bytes its records lie between."""

    delimiter: str
    match: HeaderMatch
    header_line: str
    start: int
    end: int | None


def find_layouts(text: Text, spellings: Spellings) -> list[Layout]:
    """The tables under the delimiter with which the headers mean most: the best one, and before it those above it."""
    sample = _sample(text)
    found = _SEP_LINE.match(sample)  # Excel's own line for it, above the header
    candidates, start = ([found[1].decode()], found.end()) if found else (DELIMITERS, 0)
    best: tuple[tuple[int, float, int], list[Layout]] | None = None
    tops: list[list[Record]] = []
    for delimiter in candidates:
        top = list(islice(records(sample, delimiter, start), SEARCHED_ROWS))
        tops.append(top)
        layouts = [
            Layout(delimiter, match, top[at].text, top[at].end, end and top[end - 1].end)
            for at, match, end in find_tables([[shown(field) for field in record.fields] for record in top], spellings)
        ]
        if layouts:
            width = len(layouts[-1].match.headers)
            score = (columns_found(layouts[-1].match), _evenness(text, layouts[-1].start, delimiter, width), width)
            best = (score, layouts) if best is None or score > best[0] else best
    if best is None:
        raise UnreadableFile(_nothing_usable(tops))
    return best[1]


def _sample(text: Text) -> bytes:
    """The beginning of a text, in whole lines."""
    if len(text.utf8) <= _SAMPLE_BYTES:
        return text.utf8
    cut = max(text.utf8.rfind(b"\n", 0, _SAMPLE_BYTES), text.utf8.rfind(b"\r", 0, _SAMPLE_BYTES)) + 1
    if not cut:
        raise UnreadableFile(
            f"has no line break within its first {_SAMPLE_BYTES // 1024} KB, so it is no list of contacts"
        )
    return text.utf8[:cut]


def _evenness(text: Text, start: int, delimiter: str, width: int) -> float:
    rows = list(islice(records(text.utf8, delimiter, start), _COMPARED_ROWS))
    return sum(len(row.fields) == width for row in rows) / len(rows) if rows else 1.0


def _nothing_usable(tops: Sequence[Sequence[Record]]) -> str:
    """Why no header was found in the first records, which are given as each delimiter parts them."""
    sound = [[record.fields for record in records] for records in tops if records and not records[0].fault]
    fault = next((records[0].fault for records in tops if records and records[0].fault), None)
    found, *below = max(sound, key=lambda records: len(records[0]), default=[[]])
    if fault and len(found) < 2:
        return f"the first line {fault}, so its headers cannot be read; fix that line"
    if len(found) > MAX_COLUMNS:
        return too_many_columns(len(found))
    return no_usable_headers([shown(field) for field in found], below=below)
