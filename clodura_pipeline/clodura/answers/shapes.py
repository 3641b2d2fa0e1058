"""The values and objects of an answer, and its shape: paths, types and the columns that show them, never a value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clodura_pipeline.clodura.answers.fields import Meaning
from clodura_pipeline.clodura.answers.values import is_filled

Place = tuple[str | int, ...]
"""Keys and positions in lists, from the top of the answer."""


@dataclass(frozen=True)
class Context:
    """What the names above an object say of it.

    `part`: whose it is; `named`: a name said so. `generic`: names such as `title` and `id` count in it.
    `looked_into`: it stands where this field is expected. `money`: name of the object on credits that holds it.
    `position`: it is a job; `late`: it is read only where nothing else says the same. `beside`: it is not the contact.
    `asked`: it may repeat the request. `nameless`: a company's object without a name for it.
    """

    part: str | None = None
    named: bool = False
    generic: bool = False
    looked_into: Meaning | None = None
    money: str | None = None
    position: bool = False
    late: bool = False
    beside: bool = False
    asked: bool = False
    nameless: bool = False


@dataclass(frozen=True)
class Leaf:
    """A value that is read as a whole: its meaning (None: not known), and its text where a field takes it."""

    place: Place
    value: Any
    meaning: Meaning | None
    text: str | None = None
    late: bool = False


@dataclass(frozen=True)
class Area:
    """An object of the answer: whose it was taken for, and whether a name said so. `beside`: it was not read."""

    place: Place
    part: str | None
    named: bool
    beside: bool = False


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
