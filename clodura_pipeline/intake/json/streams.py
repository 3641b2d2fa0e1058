"""Takes JSON text apart into values, one by one, with what cannot be parsed told beside them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from clodura_pipeline.intake.decoding import Text, shown
from clodura_pipeline.intake.json.flat import Object, put
from clodura_pipeline.intake.landed_rows import UnreadableFile

_SPACE = re.compile(r"[ \t\r\n,]*")
_WHOLE = re.compile(r"(-?\d+)\.0+")


def _pairs(pairs: list[tuple[str, Any]]) -> Object:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    result = {}
    for name, value in pairs:  # the same name twice: the second is kept beside the first, not in its place
        put(result, name, value)
    return result


def _number(written: str) -> str:
    found = _WHOLE.fullmatch(written)
    return found[1] if found else written


# Numbers stay as they are written: an id of 20 digits is no float, and 00 after the point is not lost.
DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_number, parse_int=str, parse_constant=lambda _: None, strict=False
)


def parsed(line: str) -> Any:
    """The value a text holds; ValueError with nothing of the text in it where there is none."""
    try:
        return DECODER.decode(line)
    except json.JSONDecodeError as trouble:
        raise ValueError(f"{trouble.msg.lower()} at character {trouble.pos + 1}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


Item = tuple[Any, str | None, str]  # the value, or why there is none, and how it was written


def lines(text: Text) -> Iterator[Item]:
    for line in text.lines():
        written = line.strip().removeprefix("\ufeff")
        if not written:
            continue
        if text.broken(written):
            yield None, f"has bytes that are not valid {text.encoding}", shown(written)
            continue
        try:
            yield parsed(written), None, written
        except ValueError as trouble:
            yield None, f"is not valid JSON: {trouble}", written


def elements(whole: str, text: Text, start: int = 1) -> Iterator[Item]:
    """The elements of a list one by one: the whole list as Python objects would take ten times the file's size.

    From `start` 0, values that follow each other without a list around them, as jq writes them.
    """
    at = _SPACE.match(whole, start).end()  # type: ignore[union-attr]
    while not (whole.startswith("]", at) if start else at == len(whole)):
        try:
            value, end = DECODER.raw_decode(whole, at)
        except (json.JSONDecodeError, RecursionError) as trouble:
            place = trouble.pos if isinstance(trouble, json.JSONDecodeError) else at
            raise UnreadableFile(invalid(whole, place)) from None
        written = whole[at:end]
        if text.broken(written):
            yield None, f"has bytes that are not valid {text.encoding}", shown(written)
        else:
            yield value, None, written
        at = _SPACE.match(whole, end).end()  # type: ignore[union-attr]
    if whole[at + 1 :].strip():
        raise UnreadableFile(invalid(whole, at + 1))


def invalid(whole: str, place: int) -> str:
    line = whole.count("\n", 0, place) + 1
    ends = " (the file ends there: was it copied completely?)" if place >= len(whole.rstrip()) else ""
    return (
        f"is not valid JSON from line {line}, column {place - whole.rfind(chr(10), 0, place)} on{ends}; export it again"
    )
