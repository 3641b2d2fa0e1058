"""Recognises which of a file's headers are landed columns, in the spellings of many exporters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.intake.headers.spellings import (
    CONTEXTUAL_RANK,
    NAME_PARTS,
    HeaderSpellings,
    Meaning,
    header_spellings,
)

# A list is one of people when it has at least one of these; a company or an id alone says nothing about a person.
ABOUT_A_PERSON = ("first_name", "last_name", "full_name", "email", "linkedin_url")
_NAMES = frozenset({"first_name", "last_name", "full_name"})
_ORGANISATION = frozenset({"organisation_name", "organisation_linkedin_url", "organisation_domain"})
Spellings = Mapping[str, tuple[str, ...]]
Positions = dict[str, tuple[int, ...]]  # column or part of a name -> where it is taken from, the best first


@dataclass(frozen=True)
class HeaderMatch:
    """What a file's headers mean.

    `headers` are as in the file, `names` the same made unique ("Email", "Email_2"). `people` has the positions for each
    person that a row may be about; most files have one, and a row is about the first of them that it has a value for.
    `handles` hold bare LinkedIn handles, `lists` several values as JSON. `whole_or_part` hold the whole name or a part
    of it, as each row shows; full names in `family_name_first` begin with the family name.
    """

    headers: tuple[str, ...]
    names: tuple[str, ...]
    people: tuple[Positions, ...]
    handles: frozenset[int] = frozenset()
    whole_or_part: frozenset[int] = frozenset()
    lists: frozenset[int] = frozenset()
    family_name_first: frozenset[int] = frozenset()

    @cached_property
    def columns(self) -> Positions:
        """The positions that each landed column is taken from, the best first."""
        found = {column: [at for one in self.people for at in one.get(column, ())] for column in LANDED_COLUMNS}
        return {column: tuple(positions) for column, positions in found.items() if positions}

    @cached_property
    def mapping(self) -> dict[str, str]:
        """The same by header, with the parts of names under the column that they are joined to."""
        mapping = {}
        for column, positions in self.columns.items():
            parts = [part for part, joined_to in NAME_PARTS.items() if joined_to == column]
            joined = (position for one in self.people for part in parts for position in one.get(part, ()))
            mapping |= {self.names[position]: column for position in (*positions, *joined)}
        return mapping

    @property
    def usable(self) -> bool:
        """Whether the headers say who somebody is."""
        return not self.columns.keys().isdisjoint(ABOUT_A_PERSON)


_Found = tuple[int, Meaning]  # a header's position, and what it means


def match_headers(headers: Sequence[str], extra_spellings: Spellings | None = None) -> HeaderMatch:
    """Find the landed columns among a file's headers; `extra_spellings` come before the built-in ones."""
    spellings = header_spellings(extra_spellings or {})
    read = [spellings.meaning_of(header) for header in headers]
    contextual = _contextual_meanings(spellings, read)
    found = [
        (position, meaning)
        for position, (_, own) in enumerate(read)
        if (meaning := contextual.get(position, own)) is not None
    ]
    whole_or_part = frozenset(at for at in contextual if (own := read[at][1]) and own.column == "full_name")
    handles = frozenset(position for position, meaning in found if meaning.handle)
    family_first = frozenset(position for position, meaning in found if meaning.key in spellings.family_name_first)
    people = tuple(_positions(group, spellings.exclusive) for group in _people(found, spellings.guests))
    return HeaderMatch(tuple(headers), _unique(headers), people, handles, whole_or_part, family_name_first=family_first)


def _contextual_meanings(spellings: HeaderSpellings, read: Sequence[tuple[str, Meaning | None]]) -> dict[int, Meaning]:
    """The headers that only others beside them give a meaning, for columns that no header means by itself."""
    places: dict[str, list[int]] = {}
    for position, (key, _) in enumerate(read):
        places.setdefault(key, []).append(position)
    present = frozenset(places)
    taken = {meaning.column for _, meaning in read if meaning}
    found = frozenset(meaning.column for _, meaning in read if meaning and not meaning.guest)
    meanings: dict[int, Meaning] = {}
    claimed: set[str] = set()
    for rank, rule in enumerate(spellings.contextual, CONTEXTUAL_RANK):
        if rule.column in taken | claimed or not rule.holds(present, found):
            continue
        for position in sorted(at for key in rule.keys for at in places.get(key, ())):
            key, own = read[position]
            # A guest's name is in the guest's own headers.
            if position not in meanings and not (own and own.guest):
                claimed.add(rule.column)
                meanings[position] = replace(own or Meaning(rule.column, key), column=rule.column, order=(rank, 0))
    return meanings


def _people(found: Sequence[_Found], guests: Sequence[str]) -> list[list[_Found]]:
    """The headers of each person that a row names: a ticket's buyer is not its guest.

    Headers of a guest and others are one person's unless both hold the same thing. Then the guest comes first, and
    nothing of the one is used with the other; a guest with too little to be found by is left out.
    """
    groups: dict[str, list[_Found]] = {guest: [] for guest in (*guests, "")}
    for one in found:
        groups[one[1].guest].append(one)
    columns = {guest: {meaning.column for _, meaning in group} for guest, group in groups.items()}
    kinds = {  # what is known about a person; a name in one piece or in two is the same thing
        guest: {"name" if column in _NAMES else column for column in own.intersection(ABOUT_A_PERSON)}
        for guest, own in columns.items()
    }
    if sum(map(len, kinds.values())) == len(set[str]().union(*kinds.values())):
        return [list(found)]
    can_be_found = {
        guest: bool(own & {"email", "linkedin_url"}) or ("name" in own and not columns[guest].isdisjoint(_ORGANISATION))
        for guest, own in kinds.items()
    }
    return [group for guest, group in groups.items() if kinds[guest] and (not guest or can_be_found[guest])]


def _positions(group: Sequence[_Found], exclusive: frozenset[str]) -> Positions:
    """The positions of each column, the best spelling first."""
    ranked: dict[str, list[tuple[tuple[int, int], int, str]]] = {}
    for position, meaning in group:
        ranked.setdefault(meaning.column, []).append((meaning.order, position, meaning.key))
    positions: Positions = {}
    for column in (*LANDED_COLUMNS, *NAME_PARTS):
        found = sorted(ranked.get(column, ()))
        part_of_nothing = column in NAME_PARTS and NAME_PARTS[column] not in positions and "full_name" not in positions
        if not found or part_of_nothing:
            continue
        best, _, best_key = found[0]
        # Numbers of two systems would be taken for one another, so an id is only ever read from one of them.
        if column == "contact_id" or best_key in exclusive:
            found = [one for one in found if one[0] == best]
        positions[column] = tuple(at for _, at, key in found if key == best_key or key not in exclusive)
    return positions


def _unique(headers: Sequence[str]) -> tuple[str, ...]:
    """Every header once: the second "Email" is "Email_2", a column without a header "column_5"."""
    taken = {header for header in headers if header.strip()}
    used: set[str] = set()
    counts: Counter[str] = Counter()
    names = []
    for position, header in enumerate(headers, start=1):
        base = header if header.strip() else f"column_{position}"
        name = base
        while name in used or (name != header and name in taken):
            counts[base] += 1
            name = f"{base}_{counts[base] + 1}"
        used.add(name)
        names.append(name)
    return tuple(names)
