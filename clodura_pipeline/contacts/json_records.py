"""Reads JSON (a list of objects, or an object that holds one) and JSON Lines, with nested objects laid flat."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from clodura_pipeline.contacts.builder import text_table
from clodura_pipeline.contacts.decoding import Text, is_broken, shown
from clodura_pipeline.contacts.headers import match_headers
from clodura_pipeline.contacts.layout import Spellings
from clodura_pipeline.contacts.records import Cells, Reading, UnreadableFile, UnreadableRecord, landed
from clodura_pipeline.contacts.refusals import no_usable_headers

_CHUNK = 20_000
_DEEPEST = 6  # objects within objects; what lies deeper is kept as JSON text
_SPACE = re.compile(r"[ \t\r\n,]*")
_WHOLE = re.compile(r"(-?\d+)\.0+")
_HEAD = 1 << 16

Object = dict[str, Any]


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
        return _reading(_elements(whole, text), spellings, "JSON")
    if _is_json_lines(whole):
        del whole
        return _reading(_lines(text), spellings, "JSON Lines")
    return _reading_of_object(whole, spellings)


def _pairs(pairs: list[tuple[str, Any]]) -> Object:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    result = {}
    for name, value in pairs:  # the same name twice: the second is kept beside the first, not in its place
        _put(result, name, value)
    return result


def _number(written: str) -> str:
    found = _WHOLE.fullmatch(written)
    return found[1] if found else written


# Numbers stay as they are written: an id of 20 digits is no float, and 00 after the point is not lost.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_number, parse_int=str, parse_constant=lambda _: None, strict=False
)


def _parsed(line: str) -> Any:
    """The value a text holds; ValueError with nothing of the text in it where there is none."""
    try:
        return _DECODER.decode(line)
    except json.JSONDecodeError as trouble:
        raise ValueError(f"{trouble.msg.lower()} at character {trouble.pos + 1}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _some_lines_are_objects(lines: list[str]) -> bool:
    return any(_is_object(line) for line in lines[:50])


def _is_object(line: str) -> bool:
    try:
        return isinstance(_parsed(line.strip()), dict)
    except ValueError:
        return False


def _is_json_lines(whole: str) -> bool:
    """JSON Lines have an object on a line of its own, and more lines; the first may be broken."""
    end = whole.find("\n")
    first = whole if end < 0 else whole[:end]
    if _is_object(first):
        return not whole[len(first) : len(first) + _HEAD].isspace() and len(first) < len(whole)
    lines = whole[:_HEAD].split("\n")
    return _some_lines_are_objects(lines[: len(lines) - (len(whole) > _HEAD)]) and not _is_object(whole)


Item = tuple[Any, str | None, str]  # the value, or why there is none, and how it was written


def _lines(text: Text) -> Iterator[Item]:
    for line in text.lines():
        written = line.strip().removeprefix("\ufeff")
        if not written:
            continue
        if text.broken(written):
            yield None, f"has bytes that are not valid {text.encoding}", shown(written)
            continue
        try:
            yield _parsed(written), None, written
        except ValueError as trouble:
            yield None, f"is not valid JSON: {trouble}", written


def _elements(whole: str, text: Text) -> Iterator[Item]:
    """The elements of a list one by one: the whole list as Python objects would take ten times the file's size."""
    at = _SPACE.match(whole, 1).end()  # type: ignore[union-attr]
    while not whole.startswith("]", at):
        try:
            value, end = _DECODER.raw_decode(whole, at)
        except (json.JSONDecodeError, RecursionError) as trouble:
            place = trouble.pos if isinstance(trouble, json.JSONDecodeError) else at
            raise UnreadableFile(_invalid(whole, place)) from None
        written = whole[at:end]
        if text.broken(written):
            yield None, f"has bytes that are not valid {text.encoding}", shown(written)
        else:
            yield value, None, written
        at = _SPACE.match(whole, end).end()  # type: ignore[union-attr]
    if whole[at + 1 :].strip():
        raise UnreadableFile(_invalid(whole, at + 1))


def _invalid(whole: str, place: int) -> str:
    line = whole.count("\n", 0, place) + 1
    ends = " (the file ends there: was it copied completely?)" if place >= len(whole.rstrip()) else ""
    return (
        f"is not valid JSON from line {line}, column {place - whole.rfind(chr(10), 0, place)} on{ends}; export it again"
    )


def _reading_of_object(whole: str, spellings: Spellings) -> Reading:
    try:
        content = _DECODER.decode(whole)
    except json.JSONDecodeError as trouble:
        raise UnreadableFile(_invalid(whole, trouble.pos)) from None
    except RecursionError:
        raise UnreadableFile("is JSON that is nested too deeply to be a list of contacts") from None
    usable = [(path, listed) for path, listed in _lists(content) if _usable(listed[0], spellings)]
    if len(usable) > 1:
        raise UnreadableFile(
            f"holds {len(usable)} lists of contacts ({', '.join(path for path, _ in usable)}); keep one in a file"
        )
    if not usable:
        return _reading([(content, None, whole)], spellings, "JSON")
    path, listed = usable[0]
    return _reading(((value, None, json.dumps(value)) for value in listed), spellings, f"JSON, list {path!r}")


def _usable(value: Any, spellings: Spellings) -> bool:
    return match_headers(list(_flat(value)), spellings).usable


def _lists(content: Any, path: str = "", depth: int = 0) -> list[tuple[str, list[Any]]]:
    """The lists that hold objects within an object, with their place; not those within a list."""
    if isinstance(content, list):
        return [(path, content)] if path and any(isinstance(one, dict) for one in content[:1]) else []
    if not isinstance(content, dict) or depth > 3:
        return []
    return [
        found
        for name, value in content.items()
        for found in _lists(value, f"{path}.{name}" if path else name, depth + 1)
    ]


def _reading(items: Iterable[Item], spellings: Spellings, format_: str) -> Reading:
    gathered = _Gathered()
    count = 0
    for count, (value, fault, written) in enumerate(items, start=1):
        row, fault = ({}, fault) if fault else _row(value, written)
        if fault:
            gathered.unreadable.append(UnreadableRecord(count, fault, shown(written)))
        else:
            gathered.add(count, row)
    table = gathered.table()
    match = match_headers(list(gathered.columns), spellings)
    if count and not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (name in the JSON objects)", surely_headers=True))
    return landed(match, Cells(table, gathered.unreadable), format_)


class _Gathered:
    """Rows that need not have the same names, as a table with a column for each name that occurs."""

    def __init__(self) -> None:
        self.columns: dict[str, str] = {}  # name -> column of the table
        self.unreadable: list[UnreadableRecord] = []
        self._rows: list[int] = []
        self._flat: list[dict[str, str | None]] = []
        self._tables: list[pl.DataFrame] = []

    def add(self, source_row: int, flat: dict[str, str | None]) -> None:
        self._rows.append(source_row)
        self._flat.append(flat)
        if len(self._rows) >= _CHUNK:
            self._flush()

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
    row = _flat(value)
    if ("\\u" in written or is_broken(written)) and any(
        is_broken(text) for pair in row.items() for text in pair if text
    ):
        return {}, "has half a character, or bytes that are no text"
    return row, None


def _flat(
    value: Any, prefix: str = "", into: dict[str, str | None] | None = None, depth: int = 0
) -> dict[str, str | None]:
    """One level of names and texts: "company": {"name": …} is "company.name".

    Of a list, the first element stands under the list's name; a longer list is kept whole, as JSON, under "name[]".
    """
    flat: dict[str, str | None] = {} if into is None else into
    if isinstance(value, dict) and (value or not prefix) and depth < _DEEPEST:
        for name, inner in value.items():
            _flat(inner, f"{prefix}.{name}" if prefix else name, flat, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        _flat(value[0] if value else None, prefix, flat, depth + 1)
        if len(value) > 1:
            _put(flat, f"{prefix}[]", json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict | list):
        _put(flat, prefix, json.dumps(value, ensure_ascii=False) if value else None)
    else:
        _put(flat, prefix, str(value).lower() if isinstance(value, bool) else value)
    return flat


def _put(into: Object, name: str, value: Any) -> None:
    unique, number = name, 1
    while unique in into:
        number += 1
        unique = f"{name}_{number}"
    into[unique] = value
