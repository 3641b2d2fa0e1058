"""Lays nested JSON flat: one level of names and texts, as a table can hold them."""

import json
from typing import Any

Object = dict[str, Any]
_DEEPEST = 6  # objects within objects; what lies deeper is kept as JSON text
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
            put(texts, f"{prefix}[]", json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict | list):
        put(texts, prefix, json.dumps(value, ensure_ascii=False) if value else None)
    else:
        put(texts, prefix, str(value).lower() if isinstance(value, bool) else value)
    return texts


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
