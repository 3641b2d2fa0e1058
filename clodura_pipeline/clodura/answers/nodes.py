"""The values and objects of an answer, and what the names above each say of it."""

from dataclasses import dataclass
from typing import Any

from clodura_pipeline.clodura.answers.fields import Meaning

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
