"""Recognises which of a file's headers are our columns, whoever exported the file and however they are spelt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.intake.headers.spellings import (
    BESIDE_RANK,
    NAME_PARTS,
    BadSpellings,
    Known,
    Meaning,
    known_spellings,
    load_spellings,
)

__all__ = ["ABOUT_A_PERSON", "BadSpellings", "HeaderMatch", "load_spellings", "match_headers"]

# A list is one of people when it has at least one of these; a company or an id alone says nothing about a person.
ABOUT_A_PERSON = ("first_name", "last_name", "full_name", "email", "linkedin_url")
_NAMES = frozenset({"first_name", "last_name", "full_name"})
_ORGANISATION = frozenset({"organisation_name", "organisation_linkedin_url", "organisation_domain"})
Columns = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class HeaderMatch:
    """What a file's headers mean.

    `headers` are as in the file, `names` the same made unique ("Email", "Email_2"). `people` has, for each person whom
    a row may be about, the positions to take each of our columns and each part of a name from, the best first; most
    files have one, and a row is about the first of them of whom it says anything. `handles` hold bare LinkedIn handles
    and `either` the whole name or a part of it, as each row shows.
    """

    headers: tuple[str, ...]
    names: tuple[str, ...]
    people: tuple[Columns, ...]
    handles: frozenset[int] = frozenset()
    either: frozenset[int] = frozenset()

    @property
    def columns(self) -> Columns:
        """The positions that each of our columns is taken from, the best first."""
        found = {column: sum((one.get(column, ()) for one in self.people), ()) for column in LANDED_COLUMNS}
        return {column: positions for column, positions in found.items() if positions}

    @property
    def mapping(self) -> dict[str, str]:
        """The same in names, for people, with the parts of names under the column that they are joined to."""
        mapping = {}
        for column, positions in self.columns.items():
            parts = [part for part, joined_to in NAME_PARTS.items() if joined_to == column]
            joined = (position for one in self.people for part in parts for position in one.get(part, ()))
            mapping |= {self.names[position]: column for position in (*positions, *joined)}
        return mapping

    @property
    def usable(self) -> bool:
        return not self.columns.keys().isdisjoint(ABOUT_A_PERSON)


@dataclass(frozen=True)
class _Found:
    """A header with a meaning, and where it stands."""

    position: int
    meaning: Meaning


def match_headers(headers: Sequence[str], extra_spellings: Mapping[str, tuple[str, ...]] | None = None) -> HeaderMatch:
    """Find our columns among a file's headers; `extra_spellings` come before the built-in ones."""
    known = known_spellings(extra_spellings or {})
    read = [known.read(header) for header in headers]
    meanings = [meaning for _, meaning in read]
    claims = _claims(known, read)
    found = [
        _Found(position, claims.get(position, meaning))  # type: ignore[arg-type]
        for position, meaning in enumerate(meanings)
        if position in claims or meaning
    ]
    either = frozenset(position for position in claims if (own := meanings[position]) and own.column == "full_name")
    handles = frozenset(one.position for one in found if one.meaning.handle)
    people = tuple(_columns(group, known.alone) for group in _people(found, known.guests))
    return HeaderMatch(tuple(headers), _unique(headers), people, handles, either)


def _claims(known: Known, read: Sequence[tuple[str, Meaning | None]]) -> dict[int, Meaning]:
    """The headers that only the company of others gives a meaning, for columns that no header means by itself."""
    present = frozenset(key for key, _ in read)
    taken = frozenset(meaning.column for _, meaning in read if meaning)
    found = frozenset(meaning.column for _, meaning in read if meaning and not meaning.whose)
    claimed: set[str] = set()
    claims: dict[int, Meaning] = {}
    for rank, rule in enumerate(known.beside, BESIDE_RANK):
        if rule.column in taken | claimed or not rule.holds(present, found):
            continue
        for position, (key, own) in enumerate(read):
            # A guest's name is told by the guest's own headers.
            if key in rule.keys and position not in claims and not (own and own.whose):
                claimed.add(rule.column)
                claims[position] = replace(own or Meaning(rule.column, key), column=rule.column, order=(rank, 0))
    return claims


def _people(found: Sequence[_Found], guests: Sequence[str]) -> list[list[_Found]]:
    """The headers of each person whom a row names: who bought a ticket is not who came with it.

    Headers of a guest and others are one person's unless both tell the same thing. Then the guest comes first, and
    nothing of the one is used with the other; a guest of whom too little is told to be found by is left out.
    """
    groups = [[one for one in found if one.meaning.whose == whose] for whose in (*guests, "")]
    groups = [group for group in groups if group]
    kinds = [_kinds(group) for group in groups]
    if sum(map(len, kinds)) == len(frozenset[str]().union(*kinds)):
        return [list(found)]
    return [
        group
        for group, told in zip(groups, kinds, strict=True)
        if told and (not group[0].meaning.whose or _can_be_found_by(group))
    ]


def _kinds(group: Iterable[_Found]) -> frozenset[str]:
    """What is told about a person; a name in one piece or in two is the same thing."""
    told = {one.meaning.column for one in group}.intersection(ABOUT_A_PERSON)
    return frozenset("name" if column in _NAMES else column for column in told)


def _can_be_found_by(group: Iterable[_Found]) -> bool:
    columns = {one.meaning.column for one in group}
    return not columns.isdisjoint({"email", "linkedin_url"}) or not (
        columns.isdisjoint(_NAMES) or columns.isdisjoint(_ORGANISATION)
    )


def _columns(group: Sequence[_Found], alone: frozenset[str]) -> Columns:
    """The positions of each column, the best spelling first."""
    columns: Columns = {}
    for column in (*LANDED_COLUMNS, *NAME_PARTS):
        ranked = sorted(
            (one.meaning.order, one.position, one.meaning.key) for one in group if one.meaning.column == column
        )
        if not ranked or (column in NAME_PARTS and NAME_PARTS[column] not in columns and "full_name" not in columns):
            continue
        best, _, best_key = ranked[0]
        # Numbers of two systems would be taken for one another, so an id is only ever read from one of them.
        if column == "contact_id" or best_key in alone:
            ranked = [one for one in ranked if one[0] == best]
        columns[column] = tuple(position for _, position, key in ranked if key == best_key or key not in alone)
    return columns


def _unique(headers: Sequence[str]) -> tuple[str, ...]:
    """Every header once: the second "Email" is "Email_2", a column without a header "column_5"."""
    taken = {header for header in headers if header.strip()}
    used: set[str] = set()
    names = []
    for position, header in enumerate(headers, start=1):
        base = header if header.strip() else f"column_{position}"
        name, number = base, 1
        while name in used or (name != header and name in taken):
            number += 1
            name = f"{base}_{number}"
        used.add(name)
        names.append(name)
    return tuple(names)
