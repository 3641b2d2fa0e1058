"""Lays nested JSON flat: one level of names and texts, as a table can hold them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clodura_pipeline.intake.header_row import Spellings
from clodura_pipeline.intake.headers.matching import HeaderMatch, match_headers

Object = dict[str, Any]
_DEEPEST = 6  # objects within objects; what lies deeper is kept as JSON text
_WHOLE = "[]"
_DOCUMENT = "_source"  # where Elasticsearch keeps the document; what stands around it is about the search


def flat(
    value: Any, prefix: str = "", into: dict[str, str | None] | None = None, depth: int = 0
) -> dict[str, str | None]:
    """One level of names and texts: "company": {"name": …} is "company.name".

    Of a list, the first element stands under the list's name; a longer list is kept whole, as JSON, under "name[]".
    """
    texts: dict[str, str | None] = {} if into is None else into
    value = _typed(value)
    if isinstance(value, dict) and (value or not prefix) and depth < _DEEPEST:
        for name, inner in value.items():
            flat(inner, below(prefix, name, inner), texts, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        flat(value[0] if value else None, prefix, texts, depth + 1)
        if len(value) > 1:
            put(texts, whole_list(prefix), json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict | list):
        put(texts, prefix, json.dumps(value, ensure_ascii=False) if value else None)
    else:
        put(texts, prefix, str(value).lower() if isinstance(value, bool) else value)
    return texts


def whole_list(name: str) -> str:
    """Where all of a list stands, beside its first element."""
    return f"{name}{_WHOLE}"


def match_names(names: Sequence[str], spellings: Spellings) -> HeaderMatch:
    """What names mean; a whole list, kept as JSON, is no address and no name, whatever it is called."""
    meaning = match_headers(["" if name.endswith(_WHOLE) else name for name in names], spellings)
    return replace(meaning, headers=tuple(names), names=match_headers(names, spellings).names)


def below(prefix: str, name: str, inner: Any) -> str:
    """The name of a value within another: what Elasticsearch found stands as if nothing were around it."""
    if name == _DOCUMENT and not prefix and isinstance(inner, dict) and inner:
        return ""
    return f"{prefix}.{name}" if prefix else name


def _typed(value: Any) -> Any:
    """The value itself of what MongoDB writes with its type: {"$oid": "5f1"}, {"$date": {"$numberLong": "1"}}."""
    while isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith("$"):
        value = next(iter(value.values()))
    return value


def put(into: Object, name: str, value: Any) -> None:
    """Add a value; beside another of the same name, and never in its place."""
    unique, number = name, 1
    while unique in into:
        number += 1
        unique = f"{name}_{number}"
    into[unique] = value
