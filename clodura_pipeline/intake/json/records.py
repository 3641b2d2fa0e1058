"""Reads JSON (a list of objects, or an object that holds one) and JSON Lines, with nested objects laid flat."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl

from clodura_pipeline.intake.decoding import Text, is_broken, shown
from clodura_pipeline.intake.header_row import Spellings
from clodura_pipeline.intake.json.flat import flat, match_names
from clodura_pipeline.intake.json.nesting import Nesting, rows_of_columns
from clodura_pipeline.intake.json.objects import lists_of_contacts, values_by_key
from clodura_pipeline.intake.json.streams import DECODER, Item, elements, invalid, lines, parsed
from clodura_pipeline.intake.landed_rows import Cells, Reading, UnreadableFile, UnreadableRecord, landed
from clodura_pipeline.intake.refusals import no_usable_headers
from clodura_pipeline.intake.row_builder import text_table

_CHUNK = 20_000
_HEAD = 1 << 16


def looks_like_json(text: Text, name: str) -> bool:
    """Whether a text is meant as JSON: by how it begins, or by the file's name and some of its lines."""
    start = text.utf8[:_HEAD].decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    if re.match(r'\[\s*(?:[\[{"\]\d-]|true|false|null)|\{\s*["}]', start):
        return True
    named = ".json" in name.lower() or ".ndjson" in name.lower()
    return named and (start[:1] in "[{" or _some_lines_are_objects(start.split("\n")))


def read_json(text: Text, spellings: Spellings) -> Reading:
    """Every record of a JSON text. One that is no object, or no valid JSON on its line, is unreadable by itself."""
    whole = text.utf8.decode("utf-8", "surrogatepass").lstrip("\ufeff \t\r\n")
    if whole.startswith("["):
        return _reading(lambda: elements(whole, text), spellings, "JSON")
    if _is_json_lines(whole):
        del whole  # its lines are read from the bytes, and it is as large as these
        return _reading(lambda: lines(text), spellings, "JSON Lines")
    return _reading_of_object(whole, text, spellings)


def _some_lines_are_objects(lines: list[str]) -> bool:
    return any(_is_object(line) for line in lines[:50])


def _is_object(line: str) -> bool:
    try:
        return isinstance(parsed(line.strip()), dict)
    except ValueError:
        return False


def _is_json_lines(whole: str) -> bool:
    """JSON Lines have an object on a line of its own, and more lines; the first may be broken."""
    end = whole.find("\n")
    first = whole if end < 0 else whole[:end]
    if _is_object(first):
        return not whole[len(first) : len(first) + _HEAD].isspace() and len(first) < len(whole)
    top = whole[:_HEAD].split("\n")
    return _some_lines_are_objects(top[: len(top) - (len(whole) > _HEAD)]) and not _is_object(whole)


def _reading_of_object(whole: str, text: Text, spellings: Spellings) -> Reading:
    try:
        content, end = DECODER.raw_decode(whole)
    except json.JSONDecodeError as trouble:
        raise UnreadableFile(invalid(whole, trouble.pos)) from None
    except RecursionError:
        raise UnreadableFile("is JSON that is nested too deeply to be a list of contacts") from None
    rest = whole[end : end + _HEAD].lstrip()
    if rest.startswith("{"):
        return _reading(lambda: elements(whole, text, 0), spellings, "JSON objects")
    if rest:
        raise UnreadableFile(invalid(whole, end + whole[end:].index(rest[0])))
    lists = lists_of_contacts(content, spellings)
    if lists:
        named = ", ".join(repr(path) for path, _ in lists)
        format_ = f"JSON, list{'s' if len(lists) > 1 else ''} {named}"
        return _reading(lambda: _items(one for _, listed in lists for one in listed), spellings, format_)
    if rows := rows_of_columns(content):
        return _reading(lambda: _items(rows), spellings, "JSON, columns")
    if rows := values_by_key(content, spellings):
        return _reading(lambda: _items(rows), spellings, "JSON, objects by key")
    return _reading(lambda: [(content, None, whole)], spellings, "JSON")


def _items(values: Iterable[Any]) -> Iterator[Item]:
    return ((value, None, json.dumps(value)) for value in values)


def _reading(items: Callable[[], Iterable[Item]], spellings: Spellings, format_: str) -> Reading:
    nesting = Nesting(spellings)
    gathered = _gathered(items(), nesting)
    while gathered is None:  # a list of people was first seen in a late record: the earlier ones are read anew
        gathered = _gathered(items(), nesting)
    table = gathered.table()
    match = match_names(list(gathered.columns), spellings)
    if gathered.count and not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (name in the JSON objects)", surely_headers=True))
    return landed(match, Cells(table, gathered.unreadable), format_)


def _gathered(items: Iterable[Item], nesting: Nesting) -> "_Gathered | None":
    """All records of a file; None where it turns out late which lists within them are lists of people."""
    gathered = _Gathered()
    for value, fault, written in items:
        if fault:
            gathered.refuse(fault, written)
            continue
        if nesting.found_in(value) and gathered.count:
            return None
        for record, fault in nesting.people_in(value):
            own_text = written if record is value else json.dumps(record)
            row, fault = ({}, fault) if fault else _row(record, own_text)
            if fault:
                gathered.refuse(fault, own_text)
            else:
                gathered.add(row)
    return gathered


class _Gathered:
    """Rows that need not have the same names, as a table with a column for each name that occurs."""

    def __init__(self) -> None:
        self.count = 0
        self.columns: dict[str, str] = {}  # name -> column of the table
        self.unreadable: list[UnreadableRecord] = []
        self._rows: list[int] = []
        self._flat: list[dict[str, str | None]] = []
        self._tables: list[pl.DataFrame] = []

    def add(self, texts: dict[str, str | None]) -> None:
        self.count += 1
        self._rows.append(self.count)
        self._flat.append(texts)
        if len(self._rows) >= _CHUNK:
            self._flush()

    def refuse(self, reason: str, written: str) -> None:
        self.count += 1
        self.unreadable.append(UnreadableRecord(self.count, reason, shown(written)))

    def table(self) -> pl.DataFrame:
        self._flush()
        return pl.concat(self._tables, how="diagonal")

    def _flush(self) -> None:
        names = dict.fromkeys(name for row in self._flat for name in row)
        columns = [self.columns.setdefault(name, str(len(self.columns))) for name in names]
        self._tables.append(text_table(self._rows, columns, [[row.get(name) for row in self._flat] for name in names]))
        self._rows, self._flat = [], []


def _row(value: Any, written: str) -> tuple[dict[str, str | None], str | None]:
    if not isinstance(value, dict):
        return {}, "is not an object with names and values"
    row = flat(value)
    if ("\\u" in written or is_broken(written)) and any(
        is_broken(text) for pair in row.items() for text in pair if text
    ):
        return {}, "has half a character, or bytes that are no text"
    return row, None
