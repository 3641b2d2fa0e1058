"""Takes JSON text apart into values, with the reason beside what cannot be parsed, and lays values flat."""

import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from clodura_pipeline.intake.encodings.decoding import Text, shown
from clodura_pipeline.intake.unreadable import UnreadableFile

Object = dict[str, Any]
WHOLE_LIST = "[]"
_HEAD = 1 << 16
_MAX_DEPTH = 100  # levels of a record; exports of contacts have about ten
_MAX_FLAT_DEPTH = 6  # objects within objects; what lies deeper is kept as JSON text
# Objects around a record that say nothing of it: those of Elasticsearch, Airbyte and n8n.
_ENVELOPES = frozenset({"_source", "_airbyte_data", "json"})
_TOO_DEEP = "is nested too deeply"
_SPACE = re.compile(r"[ \t\r\n,]*")
_ONLY_ZEROS = re.compile(r"\.0+$")
_BEGINS_JSON = re.compile(r'\[\s*(?:[\[{"\]\d-]|true|false|null)|\{\s*["}]')


class ParsedValue(NamedTuple):
    """A value, or the fault instead of it, and how it was written."""

    value: Any
    fault: str | None
    written: str


def looks_like_json(text: Text, name: str) -> bool:
    """Whether a text is meant as JSON: by how it begins, or by the file's name and some of its lines."""
    start = text.utf8[:_HEAD].decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    if _BEGINS_JSON.match(start):
        return True
    named = ".json" in name.lower() or ".ndjson" in name.lower()
    return named and (start[:1] in "[{" or _has_line_of_object(start))


def is_json_lines(whole: str) -> bool:
    """JSON Lines have an object on a line of its own, and more lines; the first may be broken."""
    return _has_line_of_object(whole) and not isinstance(_parsed(whole.strip())[0], dict)


def parse_lines(text: Text) -> Iterator[ParsedValue]:
    """The value of each line that is not blank."""
    for line in text.lines():
        if written := line.strip().removeprefix("\ufeff"):
            yield _checked(text, written, *_parsed(written))


def parse_values(whole: str, text: Text) -> Iterator[ParsedValue]:
    """The elements of a list, or values that follow each other as jq writes them, one by one.

    The whole list as Python objects would take ten times the file's size.
    """
    listed = whole.startswith("[")
    at = _after_space(whole, int(listed))
    while not (whole.startswith("]", at) if listed else at == len(whole)):
        try:
            value, end = _DECODER.raw_decode(whole, at)
        except (json.JSONDecodeError, RecursionError) as error:
            place = error.pos if isinstance(error, json.JSONDecodeError) else at
            raise UnreadableFile(_invalid(whole, place)) from None
        yield _checked(text, whole[at:end], value, None)
        at = _after_space(whole, end)
    if whole[at + 1 :].strip():
        raise UnreadableFile(_invalid(whole, at + 1))


def _after_space(whole: str, start: int) -> int:
    found = _SPACE.match(whole, start)
    return found.end() if found else start


def _parsed(line: str) -> tuple[Any, str | None]:
    """The value of a text, or the fault instead of it, with nothing of the text."""
    try:
        return _DECODER.decode(line), None
    except json.JSONDecodeError as error:
        return None, f"is not valid JSON: {error.msg.lower()} at character {error.pos + 1}"
    except RecursionError:
        return None, f"is not valid JSON: {_TOO_DEEP}"


def _checked(text: Text, written: str, value: Any, fault: str | None) -> ParsedValue:
    if text.broken(written):
        return ParsedValue(None, f"has bytes that are not valid {text.encoding}", shown(written))
    return (
        ParsedValue(None, _TOO_DEEP, written) if _is_deeper(value, _MAX_DEPTH) else ParsedValue(value, fault, written)
    )


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie within each other on more levels."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def _has_line_of_object(text: str) -> bool:
    return any(isinstance(_parsed(line[0].strip())[0], dict) for line in islice(re.finditer(".+", text), 50))


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> Object:
    result = dict(pairs)
    if len(result) < len(pairs):  # the same name twice: the second is kept beside the first, not in its place
        result = {}
        for name, value in pairs:
            _put(result, name, value)
    return result


# Numbers stay as they are written: an id of 20 digits is no float, and 00 after the point is not lost.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_pairs,
    parse_float=partial(_ONLY_ZEROS.sub, ""),
    parse_int=str,
    parse_constant=lambda _: None,
    strict=False,
)


def _invalid(whole: str, place: int) -> str:
    line = whole.count("\n", 0, place) + 1
    ends = " (the file ends there: was it copied completely?)" if place >= len(whole.rstrip()) else ""
    return (
        f"is not valid JSON from line {line}, column {place - whole.rfind(chr(10), 0, place)} on{ends}; export it again"
    )


def flatten(value: Any, prefix: str = "", into: dict[str, str | None] | None = None, depth: int = 0) -> dict[str, Any]:
    """One level of names and texts: "company": {"name": …} is "company.name".

    Of a list, the first element stands under the list's name; a longer list is kept whole, as JSON, under "name[]".
    """
    texts: dict[str, str | None] = {} if into is None else into
    # What MongoDB writes with its type is the value itself: {"$oid": "5f1"}, {"$date": {"$numberLong": "1"}}.
    while isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
        value = next(iter(value.values()))
    if isinstance(value, dict) and (value or not prefix) and depth < _MAX_FLAT_DEPTH:
        for name, inner in value.items():
            envelope = not prefix and name in _ENVELOPES and isinstance(inner, dict) and inner
            flatten(inner, "" if envelope else f"{prefix}.{name}" if prefix else name, texts, depth + 1)
    elif isinstance(value, list) and depth < _MAX_FLAT_DEPTH:
        flatten(value[0] if value else None, prefix, texts, depth + 1)
        if len(value) > 1:
            _put(texts, f"{prefix}{WHOLE_LIST}", json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict | list):
        _put(texts, prefix, json.dumps(value, ensure_ascii=False) if value else None)
    else:
        _put(texts, prefix, str(value).lower() if isinstance(value, bool) else value)
    return texts


def _put(into: Object, name: str, value: Any) -> None:
    """Add a value; beside another of the same name, and never in its place."""
    unique, number = name, 1
    while unique in into:
        number += 1
        unique = f"{name}_{number}"
    into[unique] = value
