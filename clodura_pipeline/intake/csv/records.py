"""Takes delimited text apart into records, so that a faulty record costs no other record its place.

Records that are shorter than the header are taken too: many programs leave out the empty cells at the end of a line.
A line break within a cell that is not quoted tears a record into short ones as well, and these would be read as other
people; so what may be a piece of a torn record stays unreadable.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from clodura_pipeline.intake.headers.header_row import ADDRESS, MAX_COLUMNS
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings, match_headers
from clodura_pipeline.intake.rows.landed_rows import LandedTable
from clodura_pipeline.intake.unreadable import UnreadableRecord

# The longest quoted cell that is read; CRMs hold less in one field: HubSpot 65,536 characters, Salesforce 131,072,
# Excel 32,767. A longer one makes its record unreadable.
MAX_CELL_CHARS = 262_144
MAX_LINE_CHARS = 1 << 20
_MAX_RECORD_BYTES = 1 << 23  # of a record that spans lines
_LINE, _TO_NEWLINE, _BREAKS = (re.compile(pattern) for pattern in (rb"[^\r\n]*", rb"[^\n]*", rb"[\r\n]*"))
_RETURN_WITHIN_LINE = re.compile(rb"\r++[^\n]")

_TORN = ": is there a line break within a cell, which is then to be quoted?"
_MAX_PIECES = 20  # lines that a cell without quotes may have


class Record(NamedTuple):
    """One record: its fields, or the fault that keeps it from being read; its text; the byte where the next begins."""

    fields: list[str]
    fault: str | None
    text: str
    end: int = 0


class _Short(NamedTuple):
    record: UnreadableRecord
    fields: list[str]
    anchored: bool  # an address stands under its header, so the cells before it have not moved
    moved: bool  # an address stands under a name's header, as in the second piece of a torn record


class Grammar:
    """How cells are written with a delimiter: quotes count where a cell begins with one, and are doubled within."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        other = re.escape(delimiter)
        quoted = r'"(?:[^"]++|"")*+"'
        cell, cell_on_line = (rf'(?:{quoted} *|[^"{ends}][^{ends}]*+|)' for ends in (other, rf"{other}\r\n"))
        self._quoted = re.compile(quoted)
        self._whole = re.compile(rf"(?:{cell}{other})*+{cell}")
        self._complete = re.compile(rf"(?:{cell_on_line}{other}){{0,{MAX_COLUMNS}}}+")
        self._complete_bytes = re.compile(self._complete.pattern.encode())
        self._last_bytes = re.compile(rf"{cell_on_line}(?=[\r\n]|\Z)".encode())
        self._field = re.compile(rf'{other}(?:"([^"]*+(?:""[^"]*+)*+)"( *)|([^{other}]*))')

    def fields(self, text: str) -> list[str]:
        """The fields of one record by its text; none where its quotes are at fault."""
        if '"' not in text:
            return text.split(self.delimiter)
        if not self._whole.fullmatch(text):
            return []
        found = self._field.findall(self.delimiter + text)
        return [plain or quoted.replace('""', '"') + spaces for quoted, spaces, plain in found]

    def end(self, utf8: bytes, start: int) -> int:
        """Where a record ends that may span lines: with its last cell, or with the line of a cell that is at fault."""
        at = _end(self._complete_bytes, utf8, start)
        last = self._last_bytes.match(utf8, at)
        return last.end() if last else _end(_LINE, utf8, at)

    def swallows(self, text: str, width: int) -> bool:
        """Whether a quoted cell that spans lines is rather two stray quotes with whole records between them.

        Such a record looks well-formed. Text with line breaks hardly ever has exactly the delimiters of a record on
        every one of its lines; in a record that does not fit the header anyway, one such line is enough.
        """
        lines = re.split(r"[\r\n]+", text)
        whole = [line.count(self.delimiter) == width - 1 for line in lines if line.strip()]
        fields = self.fields(text)
        if len(fields) >= width and not any(map(str.strip, fields[width:])):
            return width >= 3 and all(whole)
        return width >= 2 and any(whole[1:])

    def fault(self, text: str, headers: Sequence[str]) -> str:
        """What is wrong with the quotes of a record."""
        complete = self._complete.match(text)
        at = complete.end() if complete else 0
        number = len(self.fields(text[:at]))
        where = f" in field {number}" + (f" ({headers[number - 1]!r})" if number <= len(headers) else "")
        if self._quoted.match(text, at):
            return f"has text after a closing quote{where}: quotes within a quoted cell are to be doubled"
        return f"has a quote that is opened{where} and not closed"


@lru_cache(maxsize=8)
def _grammar_of(delimiter: str) -> Grammar:
    """The grammar of cells with a delimiter, of one byte."""
    return Grammar(delimiter)


def records(
    utf8: bytes, delimiter: str, start: int = 0, headers: Sequence[str] = (), *, returns_end_lines: bool = False
) -> Iterator[Record]:
    """Records from a byte on; with `headers`, records of another width carry a fault. Blank lines are no records.

    A \\r within a line is part of a cell where the line, up to its \\n, is whole with it, as Python's csv module and
    pandas write it; not where `returns_end_lines`, as on an old Mac.
    """
    grammar = _grammar_of(delimiter)
    split_until = len(utf8) if returns_end_lines or not headers else 0  # to there, each \r ends a line
    at = _end(_BREAKS, utf8, start)
    while at < len(utf8):
        end = _end(_LINE, utf8, at)
        newline = 0
        if at >= split_until and _RETURN_WITHIN_LINE.match(utf8, end):
            newline = _end(_TO_NEWLINE, utf8, at)
        line = _text(utf8[at:newline]) if newline and newline - at <= MAX_LINE_CHARS else ""
        if line and len(grammar.fields(line.rstrip("\r"))) == len(headers):
            end = newline
        elif utf8.find(b'"', at, end) >= 0:
            last = grammar.end(utf8, at)
            if last - at <= _MAX_RECORD_BYTES and not (
                last > end and grammar.swallows(_text(utf8[at:last]), len(headers))
            ):
                end = last
        split_until = max(split_until, newline)
        record = _record(_text(utf8[at:end]).rstrip("\r"), grammar, headers)
        at = _end(_BREAKS, utf8, end)
        if record.text.strip() or delimiter in record.text:
            yield record._replace(end=at)


def _end(pattern: re.Pattern[bytes], utf8: bytes, start: int) -> int:
    found = pattern.match(utf8, start)
    return found.end() if found else start


def _text(utf8: bytes) -> str:
    return utf8.decode("utf-8", "surrogatepass")


def _record(text: str, grammar: Grammar, headers: Sequence[str]) -> Record:
    width = len(headers)
    if len(text) > MAX_LINE_CHARS and "\n" not in text:
        return Record([], f"is a line of more than {MAX_LINE_CHARS:,} characters", _cut(text))
    fields = grammar.fields(text)
    if not fields:
        return Record([], grammar.fault(text, headers), text)
    if '"' in text and any(len(field) > MAX_CELL_CHARS for field in fields):
        return Record([], f"has a quoted cell of more than {MAX_CELL_CHARS:,} characters", _cut(text))
    surplus = fields[width:]
    if not headers or len(fields) == width:
        return Record(fields, None, text)
    if surplus and not any(map(str.strip, surplus)):
        return Record(fields[:width], None, text)
    more = ": is a delimiter within a cell, which is then to be quoted?" if surplus else ""
    return Record(fields, _wrong_width(len(fields), width) + more, text)


def _wrong_width(count: int, width: int) -> str:
    """The fault of a record that has not as many fields as the header."""
    return f"has {count} field{'' if count == 1 else 's'} where the header has {width}"


def _cut(text: str) -> str:
    return f"{text[:MAX_CELL_CHARS]}… ({len(text):,} characters in all)"


def read_short_records(cells: LandedTable, delimiter: str, match: HeaderMatch, spellings: Spellings) -> None:
    """Move the short records that are surely whole from the unreadable ones to the rows, their missing cells empty."""
    width = len(match.headers)
    short = [one for record in cells.unreadable if (one := _short(record, delimiter, match))]
    if not short:
        return
    named = max(position for position, header in enumerate(match.headers, start=1) if header.strip())
    torn = _pieces(short, named) | _pieces(short, width)
    faulty = {record.source_row for record in cells.unreadable} - {one.record.source_row for one in short}
    whole: set[int] = set()
    for record, fields, anchored, moved in short:
        row = record.source_row
        if len(fields) < named and _is_header(fields, spellings):
            break  # of another table: what stands below it is read under the wrong names
        is_whole = anchored or (len(fields) > 1 and faulty.isdisjoint((row - 1, row + 1)))
        # From `named` on, only columns without a header are missing.
        if len(fields) >= named or (is_whole and row not in torn and not moved):
            whole.add(row)
    cells.unreadable = [
        replace(record, reason=record.reason + _TORN) if record.source_row in torn else record
        for record in cells.unreadable
        if record.source_row not in whole
    ]
    for record, fields, *_ in short:
        if record.source_row in whole:
            cells.add(record.source_row, fields + [""] * (width - len(fields)))
    cells.flush()


def _short(record: UnreadableRecord, delimiter: str, match: HeaderMatch) -> _Short | None:
    if "\n" in record.text or "\r" in record.text:  # a quote astray may hold lines together
        return None
    fields = _grammar_of(delimiter).fields(record.text)
    if record.reason != _wrong_width(len(fields), len(match.headers)):
        return None
    anchored = _has_address(fields, match, ("email", "linkedin_url"))
    moved = _has_address(fields, match, ("first_name", "last_name", "full_name", "organisation_name"))
    return _Short(record, fields, anchored, moved)


def _pieces(short: Sequence[_Short], width: int) -> set[int]:
    """The source rows of short records in succession that make a full record together, and not all have an address."""
    torn: set[int] = set()
    for first, one in enumerate(short):
        fields = len(one.fields)
        for last in range(first + 1, min(first + _MAX_PIECES, len(short))):
            fields += len(short[last].fields) - 1
            if fields > width or short[last].record.source_row != short[last - 1].record.source_row + 1:
                break
            pieces = short[first : last + 1]
            if fields == width and not all(piece.anchored for piece in pieces):
                torn.update(piece.record.source_row for piece in pieces)
    return torn


def _has_address(fields: Sequence[str], match: HeaderMatch, columns: Sequence[str]) -> bool:
    """Whether an address or a profile stands under one of the columns."""
    cells = (fields[at] for column in columns for at in match.columns.get(column, ()) if at < len(fields))
    return any(ADDRESS.search(cell) or "linkedin." in cell.lower() for cell in cells)


def _is_header(fields: Sequence[str], spellings: Spellings) -> bool:
    """Whether a record is rather the header of another table; nearly all records have a digit or an address."""
    if any("@" in field or any(map(str.isdigit, field)) for field in fields):
        return False
    match = match_headers(fields, spellings)
    return match.usable and len(match.columns) > 1
