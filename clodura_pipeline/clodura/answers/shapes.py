"""The shape of an answer: its paths, their types and the columns that show them; names only, never a value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clodura_pipeline.clodura.answers.nodes import Leaf, Place
from clodura_pipeline.clodura.answers.values import is_filled


@dataclass(frozen=True)
class AnswerPath:
    """A path of an answer, `[]` for lists. `column`: what shows it, as `Meaning.column`; None: not mapped."""

    path: str
    value_type: str
    filled: bool
    column: str | None


def paths_of(leaves: Iterable[Leaf]) -> tuple[AnswerPath, ...]:
    """The paths of an answer in its order. One that occurs several times in a list is listed once."""
    found: dict[tuple[str, str], AnswerPath] = {}
    for leaf in leaves:
        path, value_type = path_of(leaf.place), _type_of(leaf.value)
        filled = is_filled(leaf.value)
        column = leaf.meaning.column if leaf.meaning else None
        known = found.get((path, value_type))
        if known:
            filled, column = filled or known.filled, known.column or column
        found[path, value_type] = AnswerPath(path, value_type, filled, column)
    return tuple(found.values())


def path_of(place: Place) -> str:
    """A dotted path. A key that is no plain word may be somebody's address, as in an answer keyed by what was sent."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += "[]"
        else:
            path += "." * bool(path) + (step if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", step) else "?")
    return path


def _type_of(value: object) -> str:
    if isinstance(value, list):
        inner = sorted({_type_of(item) for item in value})
        return f"list of {' or '.join(inner)}" if inner else "list"
    names = {bool: "boolean", int: "number", float: "number", str: "text", dict: "object", type(None): "null"}
    return names[type(value)]
