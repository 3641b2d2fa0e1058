"""Finds the objects that are people in JSON values: in lists at any depth, under keys, or laid out as columns.

A list that is a property of one person (addresses, phones, tags, former employers) stays with that person. What could
be either, and would lose somebody if it were misjudged, is refused with the reason.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings, match_headers
from clodura_pipeline.intake.json.flattening import Object, flatten, names_within
from clodura_pipeline.intake.unreadable import UnreadableFile

_MAX_DEPTH = 3  # objects around a list
_PARENT = "parent_record."  # no spelling of a header begins so: an account's name and id are never a contact's
_KEY = "object_key"
_LISTS = {
    kind: words.split()
    for kind, words in tomllib.loads(Path(__file__).with_name("list_names.toml").read_text(encoding="utf-8")).items()
}
_PEOPLE, _COLLECTIONS = frozenset(_LISTS["people"]), frozenset(_LISTS["collections"])
_PROPERTY = re.compile("|".join(_LISTS["properties"]), re.IGNORECASE)
_IDENTIFIES = frozenset({"first_name", "last_name", "email", "linkedin_url"})
_NAMES = frozenset({"first_name", "last_name", "full_name"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_COMPANY_PAGE = re.compile(r"linkedin\.\w+/(?:company|school|showcase)/", re.IGNORECASE)
_ABSENT = object()

Trail = tuple[str, ...]  # the lists that a record is within


class PeopleLists:
    """Which lists within the records of a file are lists of people; `learn` sees every record before they are read."""

    def __init__(self, spellings: Spellings) -> None:
        self._match = lru_cache(maxsize=4096)(lambda names: match_headers(sorted(names), spellings))
        self.paths: dict[Trail, set[str]] = {}
        self._whole_file = False

    def learn(self, record: Any, trail: Trail = (), *, whole_file: bool = False) -> None:
        """Look for lists of people in a record and in each person; one that is a `whole_file` has no other records."""
        if not isinstance(record, dict) or not any(isinstance(inner, list | dict) for inner in record.values()):
            return
        self._whole_file |= whole_file
        lists = dict(self._usable_lists(record))
        own = self._own_meaning(record)
        found = {path for path, listed in lists.items() if self._holds_people(own, path, listed)}
        if whole_file and not found and _IDENTIFIES.isdisjoint(own.columns):
            found = set(lists)
        known = self.paths.get(trail, set()) | found
        if len(known) > 1 and not all(map(_called_people, known)):
            raise _several_lists(known)
        if known:
            self.paths[trail] = known
        for path in known:
            listed = _at(record, path)
            for one in listed if isinstance(listed, list) else ():
                self.learn(one, (*trail, path))

    def people_in(self, record: Any, trail: Trail = ()) -> Iterator[tuple[Any, str | None]]:
        """The people within a record, or itself; with the reason beside what cannot be read."""
        paths = sorted(self.paths.get(trail, ()))
        if not isinstance(record, dict):
            yield record, None
        elif not paths:
            yield from self._people_of_columns(record)
        elif all(_at(record, path) is _ABSENT for path in paths):
            yield record, f"has no list {paths[0]!r}, as other records of the file have"
        else:
            page = self._whole_file and not trail  # what stands around all records says nothing of each
            parent = {} if page else {f"{_PARENT}{name}": text for name, text in _own_texts(record).items()}
            for path in paths:
                listed = _at(record, path)
                for one in listed if isinstance(listed, list) else [] if listed in (None, _ABSENT) else [listed]:
                    yield from self.people_in({**one, **parent} if isinstance(one, dict) else one, (*trail, path))

    def objects_by_key(self, content: Object) -> list[Object]:
        """The records of an object that holds one under each key, with the key beside them; none where it does not.

        A key may be an id or only a number in order, so it is no contact's id; a key without a digit is rather a name
        of a part of one record.
        """
        keyed = content and all(
            isinstance(inner, dict) and any(map(str.isdigit, key)) and "@" not in key for key, inner in content.items()
        )
        if not keyed or self._meaning([content]).usable or not self._meaning(list(content.values())).usable:
            return []
        return [{**inner, _KEY: key} for key, inner in content.items()]

    def _holds_people(self, own: HeaderMatch, path: str, listed: list[Any]) -> bool:
        children = self._meaning(listed).columns.keys()
        person, identified = not _IDENTIFIES.isdisjoint(own.columns), not _IDENTIFIES.isdisjoint(children)
        if _called_people(path) or path.lower().rpartition(".")[2] in _COLLECTIONS:
            if person and identified:
                raise UnreadableFile(
                    f"holds lists of contacts ({path}) within records that look like contacts themselves; "
                    "write all contacts as one list"
                )
            return not person and (identified or _called_people(path) or not own.usable)
        if person or _PROPERTY.search(path.rpartition(".")[2]):
            return False
        return identified and (not _NAMES.isdisjoint(children) or not own.usable)

    def _usable_lists(self, record: Object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
        """The lists of objects that say who somebody is, with their paths; not those within a list."""
        for name, inner in record.items():
            path = f"{prefix}{name}"
            if "." in name:
                continue
            if isinstance(inner, dict) and depth < _MAX_DEPTH:
                yield from self._usable_lists(inner, f"{path}.", depth + 1)
            elif isinstance(inner, list) and self._meaning(inner).usable:
                yield path, inner

    def _own_meaning(self, record: Object) -> HeaderMatch:
        """What an object says of itself, and not only in its lists; a company's page is no person's profile."""
        texts = _own_texts(record)
        said = (name for name, text in texts.items() if text and text.strip() and not _COMPANY_PAGE.search(text))
        return self._match(frozenset(said))

    def _meaning(self, values: list[Any]) -> HeaderMatch:
        return self._match(names_within(values))

    def _people_of_columns(self, record: Object) -> Iterator[tuple[Any, str | None]]:
        """The people of an object whose values are columns; one person has several addresses, but not several names."""
        columns = {name: inner for name, inner in record.items() if _is_column(inner)}
        named = len(columns) > 1 and not (_NAMES | {"contact_id"}).isdisjoint(self._match(frozenset(columns)).columns)
        if not named or len({len(column) for column in columns.values()}) > 1:
            yield record, None
        elif len(columns) < len(record):
            yield record, "holds several people in lists side by side; write an object for each"
        else:
            yield from ((dict(zip(columns, row, strict=True)), None) for row in zip(*columns.values(), strict=True))


def _several_lists(paths: Iterable[str]) -> UnreadableFile:
    return UnreadableFile(
        f"holds several lists that may be contacts ({', '.join(sorted(paths))}); write the contacts as one list"
    )


def _called_people(path: str) -> bool:
    """Whether a list is called by what people in lists are called: contacts, key_contacts, contacts.edges."""
    names = path.split(".")
    while len(names) > 1 and names[-1].lower() in _COLLECTIONS:
        names.pop()
    words = _WORD.findall(names[-1])
    return bool(words) and words[-1].lower() in _PEOPLE


def _is_column(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and not any(isinstance(one, list | dict) for one in value)


def _at(record: Any, path: str) -> Any:
    """What stands at a path, or `_ABSENT` where there is nothing, not even an empty list."""
    for name in path.split("."):
        if not isinstance(record, dict) or name not in record:
            return _ABSENT
        record = record[name]
    return record


def _own_texts(record: Object) -> dict[str, str | None]:
    """The texts and numbers of an object and of those within it, without its lists: a page may hold long ones."""
    return flatten(_without_lists(record))


def _without_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_lists(inner) for name, inner in value.items() if not isinstance(inner, list)}
    return value
