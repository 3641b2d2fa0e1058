"""Finds the objects that are people in JSON values: in lists at any depth, under keys, or laid out as columns.

All records are looked at before the first is read, and a list is judged by the names in all of its objects and in those
around it. A list that is a property of one person (addresses, phones, tags, former employers) stays with that person.
What could be either, and would lose somebody if it were misjudged, is refused with the reason.
"""

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clodura_pipeline.intake.headers.matching import Spellings, match_headers
from clodura_pipeline.intake.json.parsing import Object, flatten
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


@dataclass
class Shape:
    """What is known of a file's records, or of the objects in a list: their names, and their own lists of objects."""

    names: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)  # what the objects around the list say of themselves
    lists: dict[str, "Shape"] = field(default_factory=dict)
    people: tuple[str, ...] = ()  # the lists of people; without one, the objects are the people

    def learn(self, record: Any) -> None:
        """Note the names in a record and in all that is within it."""
        if not isinstance(record, dict):
            return
        if not any(isinstance(inner, list | dict) for inner in record.values()):
            self.names.update(record)
            return
        texts = flatten(_without_lists(record))
        self.names.update(texts)
        own = {name for name, text in texts.items() if text and text.strip() and not _COMPANY_PAGE.search(text)}
        for path, listed in _lists_within(record):
            if not any(isinstance(one, dict) for one in listed):
                self.names.add(path)
                continue
            inner = self.lists.setdefault(path, Shape())
            inner.parents |= own
            for one in listed:
                inner.learn(one)

    def decide(self, spellings: Spellings, *, whole_file: bool = False) -> None:
        """Find the lists of people; an object that is a `whole_file` has no other records."""
        found: set[str] = set()
        unclear: set[str] = set()
        for path, inner in self.lists.items():
            match = match_headers(sorted(inner._all_names()), spellings)
            parents = match_headers(sorted(inner.parents), spellings)
            if match.usable and _holds_people(path, match.columns, parents.columns, parents_usable=parents.usable):
                found.add(path)
            elif match.usable and _IDENTIFIES.isdisjoint(parents.columns):
                unclear.add(path)
        found = found or (unclear if whole_file else set())
        if len(found) > 1 and not all(map(_called_people, found)):
            raise UnreadableFile(
                f"holds several lists that may be contacts ({', '.join(sorted(found))}); write the contacts as one list"
            )
        self.people = tuple(sorted(found))
        for path in found:
            self.lists[path].decide(spellings)

    def _all_names(self) -> set[str]:
        return self.names | {f"{path}.{name}" for path, inner in self.lists.items() for name in inner._all_names()}


def people_in(record: Any, shape: Shape, spellings: Spellings, *, page: bool) -> Iterator[tuple[Any, str | None]]:
    """The people within a record, or itself; with the reason beside what cannot be read.

    What stands around the lists of a `page` says nothing of each of its people.
    """
    if not isinstance(record, dict):
        yield record, None
    elif not shape.people:
        yield from _people_of_columns(record, spellings)
    elif all(_at(record, path) is _ABSENT for path in shape.people):
        yield record, f"has no list {shape.people[0]!r}, as other records of the file have"
    else:
        parent = {} if page else {f"{_PARENT}{name}": text for name, text in flatten(_without_lists(record)).items()}
        for path in shape.people:
            listed = _at(record, path)
            for one in listed if isinstance(listed, list) else [] if listed in (None, _ABSENT) else [listed]:
                person = {**one, **parent} if isinstance(one, dict) else one
                yield from people_in(person, shape.lists[path], spellings, page=False)


def objects_by_key(content: Object, spellings: Spellings) -> list[Object]:
    """The records of an object that holds one under each key, with the key beside them; none where it does not.

    A key may be an id or only a number in order, so it is no contact's id; a key without a digit is rather a name of a
    part of one record.
    """
    if not all(isinstance(one, dict) and any(map(str.isdigit, key)) and "@" not in key for key, one in content.items()):
        return []
    names = sorted({name for inner in content.values() for name in flatten(inner)})
    return [{**inner, _KEY: key} for key, inner in content.items()] if match_headers(names, spellings).usable else []


def _holds_people(path: str, names: Collection[str], parents: Collection[str], *, parents_usable: bool) -> bool:
    """Whether a list of objects with these columns, within an object with those, is one of people."""
    person, identified = not _IDENTIFIES.isdisjoint(parents), not _IDENTIFIES.isdisjoint(names)
    name = path.rpartition(".")[2]
    if _called_people(path) or name.lower() in _COLLECTIONS:
        if person and identified:
            raise UnreadableFile(
                f"holds lists of contacts ({path}) within records that look like contacts themselves; "
                "write all contacts as one list"
            )
        return not person and (identified or _called_people(path) or not parents_usable)
    if person or _PROPERTY.search(name):
        return False
    return identified and (not _NAMES.isdisjoint(names) or not parents_usable)


def _lists_within(record: Object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """The lists of an object with their paths, also those in objects within it, and not those within a list."""
    for name, inner in record.items():
        if "." not in name and isinstance(inner, list):
            yield f"{prefix}{name}", inner
        elif "." not in name and isinstance(inner, dict) and depth < _MAX_DEPTH:
            yield from _lists_within(inner, f"{prefix}{name}.", depth + 1)


def _people_of_columns(record: Object, spellings: Spellings) -> Iterator[tuple[Any, str | None]]:
    """The people of an object whose values are columns; one person has several addresses, but not several names."""
    columns = {
        name: inner
        for name, inner in record.items()
        if isinstance(inner, list) and len(inner) > 1 and not any(isinstance(one, list | dict) for one in inner)
    }
    known = match_headers(sorted(columns), spellings).columns if len(columns) > 1 else ()
    if (_NAMES | {"contact_id"}).isdisjoint(known) or len({len(column) for column in columns.values()}) > 1:
        yield record, None
    elif len(columns) < len(record):
        yield record, "holds several people in lists side by side; write an object for each"
    else:
        yield from ((dict(zip(columns, row, strict=True)), None) for row in zip(*columns.values(), strict=True))


def _called_people(path: str) -> bool:
    """Whether a list is called by what people in lists are called: contacts, key_contacts, contacts.edges."""
    names = path.split(".")
    while len(names) > 1 and names[-1].lower() in _COLLECTIONS:
        names.pop()
    words = _WORD.findall(names[-1])
    return bool(words) and words[-1].lower() in _PEOPLE


def _at(record: Any, path: str) -> Any:
    """What stands at a path, or `_ABSENT` where there is nothing, not even an empty list."""
    for name in path.split("."):
        if not isinstance(record, dict) or name not in record:
            return _ABSENT
        record = record[name]
    return record


def _without_lists(value: Any) -> Any:
    """An object and those within it, without their lists: a page may hold long ones."""
    if isinstance(value, dict):
        return {name: _without_lists(inner) for name, inner in value.items() if not isinstance(inner, list)}
    return value
