"""Walks the JSON of an answer and says of every value what it means by its name and by where it stands.

An object holds a person or an organisation when its name says so, or the names in it: some are used for nothing else
(`firstName`), others only count beside them (`title`, `id`). Objects below it, under any other name, belong to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from clodura_pipeline.clodura.answers.fields import (
    ANSWER,
    CREDITS,
    IN_ENVELOPE,
    KNOWN_IN_ANSWER,
    ORGANISATION,
    PARTS,
    PERSON,
    PLACE_FIELDS,
    AnswerFields,
    Meaning,
)
from clodura_pipeline.clodura.answers.values import (
    Area,
    Leaf,
    Place,
    bare,
    current_job,
    fitting_text,
    is_filled,
    linkedin_page_of,
    looked_into,
    plainer,
)
from clodura_pipeline.errors import UnreadableAnswer

MOST_VALUES, MOST_LEVELS = 10_000, 64
"""Of what is read as one contact, which has some hundred values. The deeper a value stands, the longer it takes."""
_JOB_FIELDS = ("job_title", "department", "seniority")
_LISTED_FIELDS = ("job_title", "department", "seniority", "industry", "phone")
_NAME_FIELDS = ("first_name", "last_name")


@dataclass(frozen=True)
class Context:
    """What the names above an object say of it.

    `part`: whose it is; `named`: a name said so. `generic`: names such as `title` and `id` count in it. `looked_into`:
    it stands where this field is expected. `money`: name of the object on credits that holds it. `position`: a job.
    `late`: it is read only where nothing else says the same. `beside`: it is not the contact. `asked`: it may repeat
    the request. `employer`: a company's object in a person's. `held`: the fields that the names in it mean.
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
    employer: bool = False
    held: frozenset[str] = frozenset()

    @property
    def in_company(self) -> bool:
        """Whether it is an object that a name says to be an organisation's."""
        return self.named and self.part == ORGANISATION


class AnswerTree:
    """The leaves and objects of a JSON document. `echoes`: the values of the request, as `bare` text."""

    def __init__(self, fields: AnswerFields, document: Any, echoes: frozenset[str]) -> None:
        self.fields = fields
        self.echoes = echoes
        self.leaves: list[Leaf] = []
        self.areas: list[Area] = []
        self._visit("", document, (), Context())

    def is_echo(self, value: Any) -> bool:
        """Whether a value only repeats one of the request."""
        return isinstance(value, str) and bare(value) in self.echoes

    def _visit(self, name: str, value: Any, place: Place, context: Context) -> None:
        if len(self.leaves) + len(self.areas) > MOST_VALUES or len(place) > MOST_LEVELS:
            raise UnreadableAnswer(f"it holds more than {MOST_VALUES} values, or more than {MOST_LEVELS} levels")
        mapped = self.fields.mapped.get(tuple(key for key in place if isinstance(key, str)))
        value = plainer(value, self.fields)
        if mapped:
            self._add(place, value, mapped, context)
        elif isinstance(value, dict) and value:
            self._visit_object(value, place, self._within(name, context))
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            self._visit_list(name, value, place, context)
        else:
            self._add(place, value, self._meaning(name, value, context), context)

    def _visit_list(self, name: str, items: list[Any], place: Place, context: Context) -> None:
        meaning = self._field(name, context)
        listed = meaning is not None and meaning.field in _LISTED_FIELDS
        of_person = context.part == PERSON and not context.beside
        current = current_job(items, self.fields) if of_person else None
        if of_person and self.fields.is_position(name):
            if current is None and len(items) > 1:
                self.leaves.append(Leaf(place, items, None))
                return
            for number, item in enumerate(items):
                job = replace(context, generic=False, position=True, late=True, beside=item is not current)
                self._visit_object(item if isinstance(item, dict) else {"": item}, (*place, number), job)
        elif meaning and listed and fitting_text(meaning.field, looked_into(items, self.fields)):
            self._add(place, items, meaning, context)
        else:  # of several employers the present one counts
            past = replace(context, beside=True) if current and self.fields.holder(name) == ORGANISATION else context
            for number, item in enumerate(items):
                self._visit(name, item, (*place, number), context if item is current else past)

    def _visit_object(self, node: dict[str, Any], place: Place, context: Context) -> None:
        if context.beside and not (context.position or context.in_company):
            self.areas.append(Area(place, self._part_by_names(node, True), False, beside=True))
        else:
            context = self._with_part(node, context)
            self.areas.append(Area(place, context.part, context.named))
        texts = [value for value in node.values() if isinstance(value, str)]
        if not context.part and any(self.fields.is_among(text, "credits.words") for text in texts):
            context = replace(context, money="creditsUsed")  # {"amount": 2, "unit": "credits"}
        if context.part:
            context = replace(context, held=frozenset(m.field for m in self._meanings(node, context.part).values()))
        beside_a_person = not context.part and PERSON in self._holders(node)
        for key, value in node.items():
            fact = beside_a_person and (self.fields.meaning(key, PERSON) or self.fields.is_position(key))
            inner = replace(context, part=PERSON) if fact and isinstance(value, dict | list) else context
            self._visit(key, value, (*place, key), inner)

    def _within(self, name: str, context: Context) -> Context:
        """What is known about an object because it stands under this name."""
        fields = self.fields
        if context.beside or context.money:
            return replace(context, money=name)
        if not context.in_company and (fields.is_credits(name) or fields.is_among(name, "credits.holders")):
            return Context(money=name)
        meaning, context = self._field(name, context), replace(context, looked_into=None, position=False)
        part = fields.holder(name)
        if part and (context.part or not fields.starts_with(name, "names.weak")):
            return replace(context, part=part, named=True, generic=True, employer=context.part == PERSON)
        if fields.is_among(name, "envelope.asked"):
            return replace(context, asked=True)
        if context.part == PERSON and fields.is_position(name):
            return replace(context, generic=False, position=True, looked_into=fields.meaning(name, PERSON))
        if meaning:
            return replace(context, generic=False, looked_into=meaning, beside=meaning.field == ANSWER)
        if fields.has_word(name, "names.beside"):
            return replace(context, beside=True)
        return context if fields.is_among(name, "names.holder_endings") else replace(context, generic=False)

    def _with_part(self, node: Mapping[str, Any], context: Context) -> Context:
        """Whose an object is: as its type says, as its own name says, as the names in it say, else as around it."""
        types = (v for k, v in node.items() if isinstance(v, str) and self.fields.is_among(k, "names.types"))
        if declared := next(filter(None, map(self.fields.holder, types)), None):
            return replace(context, part=declared, named=True, generic=True)
        own = None if context.generic else self._part_by_names(node, True) or self._part_by_names(node, False)
        if own is None or context.position or (context.looked_into and context.part == own):
            return context
        return replace(context, part=own, generic=True, looked_into=None)

    def _part_by_names(self, node: Mapping[str, Any], filled: bool) -> str | None:
        """Whose an object is by the names in it, of those with a value or of all."""
        held = {
            key: value
            for key, value in node.items()
            if not (isinstance(value, dict | list) and self.fields.holder(key))
            and not self.fields.starts_with(key, "names.weak")
            and (not filled or is_filled(value))
        }
        person, organisation = (self._meanings(held, part) for part in PARTS)
        persons = [person[key] for key in person.keys() - organisation.keys() if person[key].field != ANSWER]
        firms = [organisation[key] for key in organisation.keys() - person.keys() if organisation[key].field != ANSWER]
        of_person = [held[key] for key, meaning in person.items() if meaning.field == "full_name"]
        in_parts = any(isinstance(name, dict) and self._part_by_names(name, filled) == PERSON for name in of_person)
        if in_parts or any(not meaning.generic for meaning in persons):
            return PERSON
        if _weight({**organisation, **person}.values()) < 2:
            return None
        if len(persons) > _weight(meaning for meaning in firms if not meaning.explicit):
            return PERSON
        # A name beside a different one of a company is a person's, and so is one beside a company's object.
        names = {bare(str(name)) for name in of_person}
        company_names = {bare(str(held[key])) for key, m in organisation.items() if m.explicit and m.field == "name"}
        if company_names and names - company_names:
            return PERSON
        shared = {meaning.field for meaning in person.values()}
        if firms:  # a name with a title and an industry may be either
            return None if "job_title" in shared else ORGANISATION
        placed = shared & {"location", *PLACE_FIELDS}
        return PERSON if names and placed and self._holders(node) & {*PARTS} == {ORGANISATION} else None

    def _holders(self, node: Mapping[str, Any]) -> set[str | None]:
        """Whose the values in an object are by their names: a person's, an organisation's, or not said."""
        return set(map(self.fields.holder, node))

    def _meanings(self, node: Mapping[str, Any], part: str) -> dict[str, Meaning]:
        """What the names of an object mean if it is this part; an address of LinkedIn says itself whose it is."""
        return {
            key: meaning
            for key, value in node.items()
            if (meaning := self.fields.meaning(key, part)) and linkedin_page_of(value) in (None, part)
        }

    def _field(self, name: str, context: Context) -> Meaning | None:
        """The field that a name means in this context, if any."""
        if not context.part:
            return None
        meaning, looked_into = self.fields.meaning(name, context.part), context.looked_into
        if looked_into and self.fields.is_among(name, "names.values"):
            return meaning if meaning and meaning.field == looked_into.field else replace(looked_into, rank=99)
        if context.position and meaning and meaning.field == "full_name":
            return Meaning(ORGANISATION, "name", 95) if "job_title" in context.held else None
        if meaning is None and context.part == PERSON:
            of_company = self.fields.meaning(name, ORGANISATION)
            return of_company if of_company and (not of_company.generic or context.position) else None
        if context.in_company and context.generic:
            of_person = self.fields.meaning(name, PERSON)
            if context.employer and "name" in context.held and of_person and of_person.field == "job_title":
                return replace(of_person, rank=90)
            if self.fields.is_among(name, "names.company_values"):
                return Meaning(ORGANISATION, "name", 95)
        if meaning is None or not meaning.generic or context.generic or meaning.field in PLACE_FIELDS:
            return meaning
        return meaning if meaning.field in (_JOB_FIELDS if context.position else _NAME_FIELDS) else None

    def _meaning(self, name: str, value: Any, context: Context) -> Meaning | None:
        fields = self.fields
        if context.beside:
            return KNOWN_IN_ANSWER
        if not context.in_company and fields.is_cost(name, context.money):
            return Meaning(CREDITS, "used", rank=0 if fields.is_credits(name) else 1)
        asked = self.is_echo(value) and (context.asked or fields.has_word(name, "envelope.asked"))
        if asked or context.money or fields.is_credits(name):
            return IN_ENVELOPE
        if meaning := self._field(name, context):
            return meaning
        if context.part == PERSON == linkedin_page_of(value):
            return Meaning(PERSON, "linkedin_url")
        if fields.has_word(name, "names.beside") or fields.is_among(name, "names.current", "names.ended"):
            return KNOWN_IN_ANSWER
        lists = ("envelope.outcomes", "envelope.statuses", "envelope.messages", "names.types")
        known = fields.is_among(name, *lists) or fields.has_word(name, "envelope.words")
        return IN_ENVELOPE if known or fields.starts_with(name, "envelope.errors") else None

    def _add(self, place: Place, value: Any, meaning: Meaning | None, context: Context) -> None:
        text = None
        if meaning and meaning.part in PARTS and meaning.field != ANSWER:
            text = fitting_text(meaning.field, looked_into(value, self.fields))
            if meaning.field == "linkedin_url" and meaning.generic and "linkedin." not in (text or "").lower():
                text = None
            meaning = meaning if text or not is_filled(value) else None
        self.leaves.append(Leaf(place, value, meaning, text, context.late))


def _weight(meanings: Iterable[Meaning]) -> int:
    return sum(1 if meaning.generic else 2 for meaning in meanings if meaning.field != ANSWER)
