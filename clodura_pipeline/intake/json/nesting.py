"""Finds the lists of people within JSON records (pages, accounts with their contacts) and makes each person a record.

A list that is a property of one person (addresses, phones, tags, former employers) stays with that person. What could
be either, and would lose somebody if it were misjudged, is refused with the reason.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from clodura_pipeline.intake.header_row import Spellings
from clodura_pipeline.intake.headers.matching import HeaderMatch, match_headers
from clodura_pipeline.intake.json.flat import Object, below, flat
from clodura_pipeline.intake.landed_rows import UnreadableFile

SAMPLED = 100  # elements of a list whose names are taken together: the first may lack what the others have
_DEEPEST = 3  # objects around a list
_PARENT = "parent_record."  # no spelling of a header begins so: an account's name and id are never a contact's
_PEOPLE = frozenset(
    """
    contact contacts people person persons lead leads prospect prospects attendee attendees registrant registrants
    participant participants candidate candidates delegate delegates guest guests member members recipient recipients
    subscriber subscribers employee employees kontakt kontakte personen teilnehmer contactos contatos
    """.split()  # noqa: SIM905 - eight words a line are read more easily than one
)
_WRAPPERS = frozenset(
    """
    results result data items records hits rows value values entries list elements nodes edges docs documents content
    page pages objects
    """.split()  # noqa: SIM905 - as above
)
# Lists that belong to one person, or tell of others who are not the contacts, such as a deal's owners.
_PROPERTY = re.compile(
    r"mail|phone|fax|address|name|url|site|link|social|handle|profile|identit|tag|label|categor|group|list|segment"
    r"|org|compan|account|employ|job|work|experience|education|school|position|role|skill|note|activit|event|deal|task"
    r"|owner|rep|creat|author|user|assign|manager|host|sender|source|field|propert|relation|colleague|photo|image",
    re.IGNORECASE,
)
_OF_A_PERSON = frozenset({"first_name", "last_name", "email", "linkedin_url"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_ONE_EACH = frozenset({"contact_id", "first_name", "last_name", "full_name"})
_COMPANY_PAGE = re.compile(r"linkedin\.\w+/(?:company|school|showcase)/", re.IGNORECASE)

Trail = tuple[str, ...]  # the lists that one is within
Place = tuple[Trail, str]


class Nesting:
    """Which lists within the records of a file are lists of people, as far as it is known."""

    def __init__(self, spellings: Spellings) -> None:
        self._match = lru_cache(maxsize=4096)(lambda names: match_headers(sorted(names), spellings))
        self._places: dict[Trail, set[str]] = {}

    def found_in(self, value: Any) -> bool:
        """Look for lists of people in a record; whether there is one that was not known before."""
        return isinstance(value, dict) and self._learn(value, ())

    def people_in(self, value: Any, trail: Trail = ()) -> Iterator[tuple[Any, str | None]]:
        """The records within a record, or itself; with a fault for what is no record."""
        paths = self._places.get(trail)
        if not isinstance(value, dict):
            yield value, None
            return
        if not paths:
            yield from self._side_by_side(value)
            return
        lists = [(path, _at(value, path)) for path in sorted(paths)]
        if all(listed is _NOTHING for _, listed in lists):
            yield value, f"has no list {sorted(paths)[0]!r}, as other records of the file have"
            return
        own = {f"{_PARENT}{name}": text for name, text in _scalars(value, paths).items()}
        for path, listed in lists:
            for one in listed if isinstance(listed, list) else [] if listed in (None, _NOTHING) else [listed]:
                child = {**one, **own} if isinstance(one, dict) else one
                yield from self.people_in(child, (*trail, path))

    def _side_by_side(self, value: Object) -> Iterator[tuple[Any, str | None]]:
        """The records of one whose values are columns; one person has several addresses, but not several names."""
        lengths = {name: len(one) for name, one in value.items() if isinstance(one, list) and _is_column(one)}
        named = len(lengths) > 1 and not _ONE_EACH.isdisjoint(self._meaning(frozenset(lengths)).columns)
        if not named or len(set(lengths.values())) > 1:
            yield value, None
        elif len(lengths) < len(value):
            yield value, "holds several people in lists side by side; write an object for each"
        else:
            yield from ((row, None) for row in rows_of_columns(value) or [value])

    def usable(self, listed: list[Any]) -> bool:
        """Whether objects have names that say who somebody is."""
        return self._meaning(_names(listed)).usable

    def is_person(self, value: Object, paths: frozenset[str] = frozenset()) -> bool:
        """Whether an object says of itself who it is, and not only what its lists hold."""
        return not _OF_A_PERSON.isdisjoint(self._around(value, paths).columns)

    def may_be_people(self, path: str, listed: list[Any]) -> bool:
        """Whether a list may well be one of contacts, though its name does not say so."""
        strong = not _OF_A_PERSON.isdisjoint(self._meaning(_names(listed)).columns)
        return strong and not _PROPERTY.search(path.rpartition(".")[2])

    def _around(self, value: Object, paths: frozenset[str]) -> HeaderMatch:
        scalars = _scalars(value, paths)
        return self._meaning(frozenset(name for name, text in scalars.items() if _says_a_person(text)))

    def _meaning(self, names: frozenset[str]) -> HeaderMatch:
        return self._match(names)

    def lists_in(self, value: Any) -> list[tuple[str, list[Any]]]:
        """The lists of objects with usable names within an object."""
        return [(path, listed) for path, listed in _lists(value) if self._meaning(_names(listed)).usable]

    def _learn(self, value: Object, trail: Trail) -> bool:
        known = self._places.get(trail, set())
        new = {
            path for path, listed in self.lists_in(value) if path not in known and self._of_people(value, path, listed)
        }
        if len(known | new) > 1 and not all(is_people_list(path) for path in known | new):
            raise UnreadableFile(
                f"holds records with several lists that may be contacts ({', '.join(sorted(known | new))}); "
                "write the contacts as one list"
            )
        if new:
            self._places[trail] = known | new
        within = [
            self._learn(one, (*trail, path))
            for path in known | new
            if isinstance(listed := _at(value, path), list)
            for one in listed
            if isinstance(one, dict)
        ]
        return bool(new) or any(within)

    def _of_people(self, parent: Object, path: str, listed: list[Any]) -> bool:
        children = self._meaning(_names(listed)).columns.keys()
        strong = not _OF_A_PERSON.isdisjoint(children)
        around = self._around(parent, frozenset({path}))
        person = not _OF_A_PERSON.isdisjoint(around.columns)
        if is_people_list(path) or is_wrapper(path):
            if person and strong:
                raise UnreadableFile(
                    f"holds lists of contacts ({path}) within records that look like contacts themselves; "
                    "write all contacts as one list"
                )
            return not person and (strong or is_people_list(path) or not around.usable)
        if person or _PROPERTY.search(path.rpartition(".")[2]):
            return False
        named = bool({"first_name", "last_name", "full_name"} & children)
        return strong and (named or not around.usable)


def is_people_list(path: str) -> bool:
    """Whether a list is called by what people in lists are called: contacts, key_contacts, contacts.edges."""
    names = path.split(".")
    while len(names) > 1 and names[-1].lower() in _WRAPPERS:
        names.pop()
    words = _WORD.findall(names[-1])
    return bool(words) and words[-1].lower() in _PEOPLE


def is_wrapper(path: str) -> bool:
    """Whether a list has one of the names by which programs call whatever they list."""
    return path.lower().rpartition(".")[2] in _WRAPPERS


def rows_of_columns(value: Any) -> list[Object]:
    """The records of an object whose values are columns, of the same length; none where they are not."""
    columns = list(value.values()) if isinstance(value, dict) else []
    sound = len(columns) > 1 and all(isinstance(one, list) and _is_column(one) for one in columns)
    if not sound or len(set(map(len, columns))) > 1:
        return []
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def _is_column(listed: list[Any]) -> bool:
    return len(listed) > 1 and not any(isinstance(one, list | dict) for one in listed)


class _Nothing:
    """Stands where a record has no such list, not even an empty one."""


_NOTHING = _Nothing()


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return _NOTHING
        value = value[name]
    return value


def _lists(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """The lists that hold objects within an object, with their place; not those within a list."""
    if isinstance(value, list):
        if path and any(isinstance(one, dict) for one in islice(value, SAMPLED)):
            yield path, value
    elif isinstance(value, dict) and depth <= _DEEPEST:
        for name, inner in value.items():
            if isinstance(inner, list | dict) and inner and "." not in name:
                yield from _lists(inner, f"{path}.{name}" if path else name, depth + 1)


def _names(listed: list[Any]) -> frozenset[str]:
    names: set[str] = set()
    for one in islice(listed, SAMPLED):
        if isinstance(one, dict):
            _gather_names(one, "", names, 0)
    return frozenset(names)


def _gather_names(value: Object, prefix: str, names: set[str], depth: int) -> None:
    for name, inner in value.items():
        full = below(prefix, name, inner)
        if isinstance(inner, dict) and inner and depth < _DEEPEST:
            _gather_names(inner, full, names, depth + 1)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict) and depth < _DEEPEST:
            _gather_names(inner[0], full, names, depth + 1)
        else:
            names.add(full)


def _scalars(value: Object, paths: Collection[str]) -> dict[str, str | None]:
    """The texts and numbers of an object and of those within it, without its lists: a page may hold long ones."""

    def kept(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {name: kept(one) for name, one in inner.items() if not isinstance(one, list)}
        return inner

    if not any(isinstance(inner, list | dict) for inner in value.values()):
        return flat(value)
    first = {path.partition(".")[0] for path in paths}
    texts = flat(kept(value))
    return {name: text for name, text in texts.items() if name not in first}


def _says_a_person(text: str | None) -> bool:
    return text is not None and bool(text.strip()) and not _COMPANY_PAGE.search(text)
