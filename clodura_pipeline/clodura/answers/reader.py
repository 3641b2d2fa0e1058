"""Reads a 200 of Clodura's enrich endpoint into frozen dataclasses; the package's docstring has a table of shapes."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from itertools import takewhile
from typing import Any

from clodura_pipeline.clodura.answers.checks import (
    IDENTIFYING_FIELDS,
    agree,
    check_all_read,
    check_no_match,
    unreadable,
)
from clodura_pipeline.clodura.answers.fields import (
    CREDITS,
    ENVELOPE,
    ORGANISATION,
    PERSON,
    PLACE_FIELDS,
    AnswerFields,
    load_answer_fields,
)
from clodura_pipeline.clodura.answers.tree import AnswerTree
from clodura_pipeline.clodura.answers.values import (
    AnswerPath,
    Leaf,
    Place,
    bare,
    credits_of,
    path_of,
    paths_of,
    places_around,
    plainer,
    split_name,
    split_place,
)
from clodura_pipeline.errors import UnreadableAnswer

PARSER_VERSION = 8
"""Raised when the code of this package reads an answer differently; the table of names has a hash of its own."""


class Found(StrEnum):
    """What an answer brought. The values are stored in the ledger and shown as `match_status`."""

    PERSON = "person"
    ORGANISATION = "organisation"
    NO_MATCH = "no_match"


COST_CREDITS = {Found.PERSON: 2, Found.ORGANISATION: 1, Found.NO_MATCH: 0}


@dataclass(frozen=True, repr=False)
class Person:
    """The person of an answer; every field as text or None. Lists are joined with ", "."""

    clodura_person_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    linkedin_url: str | None = None
    job_title: str | None = None
    department: str | None = None
    seniority: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None


@dataclass(frozen=True, repr=False)
class Organisation:
    """The organisation of an answer; every field as text or None."""

    organisation_id: str | None = None
    name: str | None = None
    domain: str | None = None
    industry: str | None = None
    employee_size: str | None = None
    revenue: str | None = None
    founded_year: str | None = None
    phone: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None


@dataclass(frozen=True, repr=False)
class Enrichment:
    """A readable answer.

    `stated_credits`: its cost if the answer says so, may be fractional. `paths`: its shape, without what repeats the
    request. `contact`: the contact as Clodura sent it.
    """

    found: Found
    person: Person
    organisation: Organisation
    stated_credits: float | None
    paths: tuple[AnswerPath, ...] = ()
    contact: Any = None

    @property
    def unmapped(self) -> tuple[AnswerPath, ...]:
        """Filled paths that no column shows and no list of known names covers."""
        return tuple(path for path in self.paths if path.filled and path.column is None)

    @property
    def credits(self) -> float:
        """Its cost: as stated, else worked out from what it holds."""
        return COST_CREDITS[self.found] if self.stated_credits is None else self.stated_credits


class AnswerReader:
    """Reads answers by a table of names."""

    def __init__(self, fields: AnswerFields | None = None) -> None:
        self.fields = fields or load_answer_fields(None)
        self.version = f"{PARSER_VERSION}-{self.fields.hash}"

    def read(self, body: bytes, sent: Mapping[str, str]) -> Enrichment:
        """Read the body of a 200. Raises `UnreadableAnswer` when it is not JSON, or not understood as a whole.

        `sent`: the request's fields by Clodura's names: a value that merely repeats one of them is no evidence.
        """
        try:
            document = json.loads(body, parse_constant=lambda _: None)
            full_name = f"{sent.get('firstName', '')} {sent.get('lastName', '')}"
            return _Reading(self.fields, document, frozenset(map(bare, (*sent.values(), full_name)))).enrichment()
        except RecursionError:
            raise UnreadableAnswer("JSON nested too deeply") from None
        except ValueError:
            raise UnreadableAnswer(f"not JSON ({len(body)} bytes)") from None

    def stated_credits(self, body: bytes) -> float | None:
        """The cost that an answer states, whether it can be read or not."""
        return reading.stated_credits if (reading := self._unsure_reading(body)) else None

    def paths(self, body: bytes) -> tuple[AnswerPath, ...]:
        """The shape of an answer, whether it can be read or not: paths, types and columns, never a value."""
        return paths_of(reading.leaves) if (reading := self._unsure_reading(body)) else ()

    def _unsure_reading(self, body: bytes) -> "_Reading | None":
        try:
            return _Reading(self.fields, json.loads(body, parse_constant=lambda _: None))
        except (ValueError, RecursionError, UnreadableAnswer):
            return None


class _Reading:
    """One answer while it is read."""

    def __init__(self, fields: AnswerFields, document: Any, echoes: frozenset[str] = frozenset()) -> None:
        self.document = document
        self.tree = AnswerTree(fields, document, echoes)
        self.leaves = self.tree.leaves

    def enrichment(self) -> Enrichment:
        """What the answer brought; raises `UnreadableAnswer` when it cannot be read as a whole."""
        person = self._person()
        texts = {field: leaf.text for field, leaf in self._chosen(ORGANISATION).items()}
        organisation = Organisation(**_with_place(texts, Organisation))
        found, cost = self._found(person, organisation), self.stated_credits
        if found is Found.NO_MATCH:
            check_no_match(self.tree, self.document)
        elif not _names_held(organisation):
            check_all_read(self.tree, ORGANISATION)
        elif found is Found.ORGANISATION and cost is None:
            check_all_read(self.tree, PERSON)
            if self._news(person):
                raise unreadable(self.tree, "a place of a person, but nothing that says who it is")
        # A full person explains every cost: one above it is reported by the verdict, and stops the run.
        if cost is not None and min(cost, COST_CREDITS[Found.PERSON]) > COST_CREDITS[found]:
            raise unreadable(self.tree, f"it states a cost of {cost:g} credits, but what was found is {found}")
        paths = paths_of(leaf for leaf in self.leaves if not self.tree.is_echo(leaf.value))
        if found is Found.NO_MATCH:
            return Enrichment(found, Person(), Organisation(), cost, paths)
        if found is Found.ORGANISATION:
            person = Person()  # what is there of a person repeats the request, or is a place
        return Enrichment(found, person, organisation, cost, paths, self._contact())

    def _news(self, part: Person | Organisation) -> set[str]:
        """The fields that hold something other than the request did."""
        return {name for name in _names_held(part) if not self.tree.is_echo(getattr(part, name))}

    @cached_property
    def stated_credits(self) -> float | None:
        """The cost under the best of the names that state one; of those that stand highest the highest cost."""
        stated = sorted(
            (leaf.known.rank, len(leaf.place), -cost)
            for leaf in self.leaves
            if leaf.part == CREDITS and (cost := credits_of(leaf.value)) is not None
        )
        return -stated[0][-1] if stated else None

    def _person(self) -> Person:
        chosen = self._chosen(PERSON)
        values = {field: leaf.text for field, leaf in chosen.items()}
        first, last, full = (values.get(name) for name in ("first_name", "last_name", "full_name"))
        if not full and bool(first) != bool(last):  # `nome` and `nom` hold a full name where no other part is there
            one = chosen["first_name" if first else "last_name"]
            if one.known.generic and " " in (one.text or ""):
                full, first, last = one.text, None, None
        if full:
            split = split_name(full)
            values |= {"first_name": first or split[0], "last_name": last or split[1]}
        return Person(**_with_place(values, Person))

    def _chosen(self, part: str) -> dict[str, Leaf]:
        """By field the leaf whose value is taken: a user's path, a name that says whose it is, a better spelling."""
        leaves = [leaf for leaf in self.leaves if leaf.text and leaf.part == part]
        leaves.sort(key=lambda leaf: (leaf.late, not leaf.known.explicit, leaf.known.rank, len(leaf.place)))
        if part == ORGANISATION and leaves and not leaves[0].late:
            leaves = [leaf for leaf in leaves if not leaf.late]
        candidates = _candidates(leaf.place for leaf in leaves if leaf.known.field in IDENTIFYING_FIELDS[part])
        by_field: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in leaves:
            by_field[leaf.known.field].append(leaf)
        return {field: self._agreed(part, field, found, candidates) for field, found in by_field.items()}

    def _agreed(self, part: str, field: str, leaves: list[Leaf], candidates: set[Place]) -> Leaf:
        """The first of the leaves, if the others say the same or repeat the request."""
        first, identifying = leaves[0], field in IDENTIFYING_FIELDS[part]
        if all(
            agree(field, first, other) or not (identifying or all(leaf.within(candidates) for leaf in (first, other)))
            for other in leaves[1:]
        ):
            return first
        news = self._without_echoes(leaves, candidates)
        if not news or len(news) == len(leaves):
            places = " and ".join(sorted({path_of(leaf.place) for leaf in leaves})[:3])
            raise UnreadableAnswer(f"two candidates differ in {field} ({places})")
        return self._agreed(part, field, news, candidates)

    def _without_echoes(self, leaves: list[Leaf], candidates: set[Place]) -> list[Leaf]:
        """The leaves without those that only repeat the request: in an object in which nothing else is new.

        Objects below it that hold another value do not count, and an entry beside other candidates is no repetition.
        """
        echoes = [leaf for leaf in leaves if self.tree.is_echo(leaf.text) and not leaf.within(candidates)]
        others = {leaf.place[:-1] for leaf in leaves} - places_around(echoes)
        new = [one for one in self.leaves if one.text and not self.tree.is_echo(one.text) and not one.within(others)]
        telling = places_around(new)
        return [leaf for leaf in leaves if leaf not in echoes or leaf.place[:-1] in telling]

    def _found(self, person: Person, organisation: Organisation) -> Found:
        held = _names_held(person) - set(PLACE_FIELDS)  # a place alone may be the company's
        company, cost = _names_held(organisation), self.stated_credits
        if self._news(person) & held:
            mapped = any(leaf.text and leaf.meaning and leaf.meaning.mapped for leaf in self.leaves)
            if not mapped and not held & {"clodura_person_id", "first_name", "last_name", "linkedin_url"}:
                raise unreadable(self.tree, "a person without a name, an id or a profile")
            return Found.PERSON
        # What is left of the person only repeats the request: the price says whether a person was found.
        if held and cost and cost > COST_CREDITS[Found.ORGANISATION]:
            return Found.PERSON
        return Found.ORGANISATION if self._news(organisation) or (cost and company) else Found.NO_MATCH

    def _contact(self) -> Any:
        """The smallest part of the answer that holds all that was read, without what is about the call."""
        read = [leaf.place[:-1] for leaf in self.leaves if leaf.text]
        pairs = takewhile(lambda steps: steps[0] == steps[1], zip(min(read), max(read), strict=False))
        common = tuple(step for step, _ in pairs)
        node = plainer(self.document, self.tree.fields)
        for step in common:
            node = plainer(node[step], self.tree.fields)
        if isinstance(node, dict):
            kept = {leaf.place[: len(common) + 1] for leaf in self.leaves if leaf.part not in (CREDITS, ENVELOPE)}
            node = {key: value for key, value in node.items() if (*common, key) in kept}
        return json.loads(json.dumps(node, ensure_ascii=False).encode("utf-8", "replace"))


def _candidates(places: Iterable[Place]) -> set[Place]:
    """The entries of lists in which several entries say who they are."""
    entries = {place[: n + 1] for place in places for n, step in enumerate(place) if isinstance(step, int)}
    in_list = Counter(entry[:-1] for entry in entries)
    return {entry for entry in entries if in_list[entry[:-1]] > 1}


def _names_held(part: Person | Organisation) -> set[str]:
    return {field.name for field in fields(part) if getattr(part, field.name)}


def _with_place(values: Mapping[str, str | None], kind: type) -> dict[str, str | None]:
    """The fields of a person or an organisation; a place in one text fills those that miss, unless others differ."""
    place = split_place(values.get("location") or "")
    if any(bare(values.get(name) or text) != bare(text) for name, text in place.items()):
        place = {}
    return {field.name: values.get(field.name) or place.get(field.name) for field in fields(kind)}
