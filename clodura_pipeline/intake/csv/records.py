"""Takes delimited text apart into records, so that a faulty record costs no other record its place."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

QUOTE = '"'
# The longest quoted cell that is read; CRMs hold less in one field: HubSpot 65,536 characters, Salesforce 131,072,
# Excel 32,767. A longer one makes its record unreadable.
MAX_CELL_CHARS = 262_144
MAX_LINE_CHARS = 1 << 20
# How far the end of a quoted cell is looked for; once it was not there, no further than a cell that is read.
_SEARCHED_CHARS = 1 << 23


class Record(NamedTuple):
    """One record: its fields, or the fault that keeps it from being read, and the text it was written as."""

    fields: list[str]
    fault: str | None
    text: str


class Lines:
    """Physical lines that can be given back, with a count of the bytes of UTF-8 taken for good.

    `end_in_return`: the file's lines end in \\r, as on an old Mac, so that no \\r is part of a cell without quotes.
    """

    def __init__(self, lines: Iterator[str], *, end_in_return: bool = False) -> None:
        self._lines = lines
        self.end_in_return = end_in_return
        self._returned: deque[str] = deque()
        self.taken = 0
        self.max_cell_chars = _SEARCHED_CHARS

    def take(self) -> str | None:
        line = self._returned.popleft() if self._returned else next(self._lines, None)
        if line is not None:
            self.taken += _size(line)
        return line

    def give_back(self, lines: list[str]) -> None:
        self._returned.extendleft(reversed(lines))
        self.taken -= sum(map(_size, lines))


def _size(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode("utf-8", "surrogatepass"))


class _Split(NamedTuple):
    fields: list[str]
    at: int  # where the field that stopped the split begins
    found: int  # from where a closing quote is still to be found
    problem: str | None


_START = _Split([], 0, 0, None)


def records(lines: Lines, delimiter: str, headers: tuple[str, ...] | None = None) -> Iterator[Record]:
    """Records from `lines`; with `headers`, records of another width carry a fault. Blank lines are no records."""
    width = len(headers) if headers else None
    while (line := lines.take()) is not None:
        body = _body(line)
        if "\r" in body and (lines.end_in_return or not _fits(body, delimiter, width)):
            # Where lines end in \n and one is whole with \r, this is part of a cell, as Python's csv module and pandas
            # write it.
            lines.give_back(list(io.StringIO(line, newline="")))
            continue
        if len(body) > MAX_LINE_CHARS:
            record = Record([], f"is a line of more than {MAX_LINE_CHARS:,} characters", _cut(body))
        elif QUOTE not in body:
            if delimiter not in body and (not body or body.isspace()):
                continue
            record = Record(body.split(delimiter), None, body)
        else:
            record = _simple(body, delimiter) or _quoted(line, lines, delimiter, headers)
        if width is not None and record.fault is None and len(record.fields) != width:
            record = _fitted(record, width)
        yield record


def _body(text: str) -> str:
    """A line without its ending; \\r\\r\\n is what Windows makes of \\r\\n when it takes it for text."""
    return text.removesuffix("\n").rstrip("\r")


def _fits(body: str, delimiter: str, width: int | None) -> bool:
    if width is None or len(body) > MAX_CELL_CHARS:
        return False
    split = _split(body, delimiter, _START)
    return split.problem is None and len(split.fields) == width


def _simple(body: str, delimiter: str) -> Record | None:
    """A line that is a whole, well-formed record, by the standard library's reader: it is four times as fast."""
    try:
        return Record(next(csv.reader((body,), delimiter=delimiter, strict=True)), None, body)
    except csv.Error:
        return None


def _fitted(record: Record, width: int) -> Record:
    surplus = record.fields[width:]
    if surplus and not any(map(str.strip, surplus)):
        return record._replace(fields=record.fields[:width])
    more = ": is a delimiter within a cell, which is then to be quoted?" if surplus else ""
    return record._replace(fault=wrong_width(len(record.fields), width) + more)


def wrong_width(count: int, width: int) -> str:
    """The fault of a record that has not as many fields as the header."""
    return f"has {count} field{'' if count == 1 else 's'} where the header has {width}"


def fields_of(text: str, delimiter: str) -> list[str]:
    """The fields of one record by its text; none where its quotes are at fault."""
    if QUOTE not in text:
        return text.split(delimiter)
    split = _split(text, delimiter, _START)
    return [] if split.problem else split.fields


def _quoted(line: str, lines: Lines, delimiter: str, headers: tuple[str, ...] | None) -> Record:
    """A record with quotes that may span lines."""
    taken = [line]
    size = len(line)
    split = opened = _split(_body(line), delimiter, _START)  # `opened`: before the last line came
    while split.problem == "open" and size - split.at < lines.max_cell_chars and (line := lines.take() or ""):
        taken.append(line)
        size += len(line)
        if _closing(line, 0) < len(line):
            opened, split = split, _split(_body("".join(taken)), delimiter, split)
    unfinished = split.problem == "open" or (split.problem and split.at == opened.at)
    if len(taken) > 1 and (unfinished or _swallowed(taken, split, delimiter, headers)):
        lines.give_back(taken[1:])
        lines.max_cell_chars = MAX_CELL_CHARS if size > MAX_CELL_CHARS else lines.max_cell_chars
        field = len(_split(_body(taken[0]), delimiter, _START).fields)
        return Record([], f"has a quote that is opened{_named(field, headers)} and not closed", _body(taken[0]))
    text = _body("".join(taken))
    if any(len(field) > MAX_CELL_CHARS for field in split.fields):
        return Record([], f"has a quoted cell of more than {MAX_CELL_CHARS:,} characters", _cut(text))
    return Record(split.fields, _fault(split, headers), text)


def _cut(text: str) -> str:
    """A text for keeping: of one beyond any contact, the beginning."""
    kept, length = text[:MAX_CELL_CHARS], len(text)
    return text if length == len(kept) else f"{kept}… ({length:,} characters in all)"


def _fault(split: _Split, headers: tuple[str, ...] | None) -> str | None:
    where = _named(len(split.fields), headers)
    if split.problem == "open":
        return f"has a quote that is opened{where} and not closed"
    if split.problem == "after":
        return f"has text after a closing quote{where}: quotes within a quoted cell are to be doubled"
    return None


def _named(field: int, headers: tuple[str, ...] | None) -> str:
    name = f" ({headers[field]!r})" if headers and field < len(headers) else ""
    return f" in field {field + 1}{name}"


def _swallowed(taken: list[str], split: _Split, delimiter: str, headers: tuple[str, ...] | None) -> bool:
    """Whether a quoted cell that spans lines is rather two stray quotes with whole records between them.

    Such a record looks well-formed. Text with line breaks hardly ever has exactly the delimiters of a record on every
    one of its lines; in a record that does not fit the header anyway, one such line is enough.
    """
    width = len(headers) if headers else 0
    whole = [line.count(delimiter) == width - 1 for line in taken if line.strip()]
    if not split.problem and len(split.fields) >= width and not any(map(str.strip, split.fields[width:])):
        return width >= 3 and all(whole)
    return width >= 2 and any(whole[1:])


def _split(text: str, delimiter: str, state: _Split) -> _Split:
    """Split from where `state` stopped. Quotes count only where a field begins with one; they may be doubled within."""
    fields, at, found = list(state.fields), state.at, state.found
    while True:
        if text.startswith(QUOTE, at):
            end = _closing(text, max(found, at + 1))
            if text[end : end + 1] != QUOTE:
                return _Split(fields, at, end, "open")
            following = text.find(delimiter, end + 1)
            rest = text[end + 1 : following if following >= 0 else len(text)]
            if rest.strip(" "):
                return _Split(fields, at, end, "after")
            fields.append(text[at + 1 : end].replace(QUOTE * 2, QUOTE) + rest)
        else:
            following = text.find(delimiter, at)
            fields.append(text[at : following if following >= 0 else len(text)])
        if following < 0:
            return _Split(fields, at, 0, None)
        at = following + 1


def _closing(text: str, start: int) -> int:
    """Where the next quote that is not doubled stands; without one, from where to go on looking."""
    while True:
        end = text.find(QUOTE, start)
        if end < 0:
            return len(text)
        if not text.startswith(QUOTE, end + 1):
            return end
        start = end + 2
