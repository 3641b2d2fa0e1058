"""Takes JSON text apart into values, with the reason beside what cannot be parsed."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from clodura_pipeline.intake.encodings.decoding import Text, shown
from clodura_pipeline.intake.json.flattening import Object, put
from clodura_pipeline.intake.unreadable import UnreadableFile

_HEAD = 1 << 16
_MAX_DEPTH = 100  # levels of a record; exports of contacts have about ten
_TOO_DEEP = "is nested too deeply"
_SPACE = re.compile(r"[ \t\r\n,]*")
_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+")
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
    return _has_line_of_object(whole) and not _is_object(whole)


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


def _is_object(text: str) -> bool:
    return isinstance(_parsed(text.strip())[0], dict)


def _has_line_of_object(text: str) -> bool:
    return any(_is_object(line[0]) for line in islice(re.finditer(".+", text), 50))


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> Object:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    result = {}
    for name, value in pairs:  # the same name twice: the second is kept beside the first, not in its place
        put(result, name, value)
    return result


def _number(written: str) -> str:
    found = _WHOLE_NUMBER.fullmatch(written)
    return found[1] if found else written


# Numbers stay as they are written: an id of 20 digits is no float, and 00 after the point is not lost.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_pairs, parse_float=_number, parse_int=str, parse_constant=lambda _: None, strict=False
)


def _invalid(whole: str, place: int) -> str:
    line = whole.count("\n", 0, place) + 1
    ends = " (the file ends there: was it copied completely?)" if place >= len(whole.rstrip()) else ""
    return (
        f"is not valid JSON from line {line}, column {place - whole.rfind(chr(10), 0, place)} on{ends}; export it again"
    )
