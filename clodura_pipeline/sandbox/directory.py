"""The made-up directory: some thousands of people and companies, the same on every machine and day."""

import hashlib
import random
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from .identifiers import Query, canonical_company_name, canonical_profile, canonical_text

Found = Literal["person", "organisation", "miss"]
T = TypeVar("T")
Words = Mapping[str, Any]  # directory.toml, or one culture of it

PEOPLE = 5_000


@dataclass(frozen=True)
class Organisation:
    """A made-up company."""

    organisation_id: str
    name: str
    domain: str
    linkedin_url: str
    industry: str
    employee_size: str
    revenue: str
    founded_year: int
    board_lines: tuple[str, ...]
    city: str
    state: str
    country: str


@dataclass(frozen=True)
class Person:
    """A made-up person; `answer` is what a call for them returns: the person, only their company, or no match."""

    person_id: str
    first_name: str
    last_name: str
    email: str
    linkedin_url: str
    title: str
    departments: tuple[str, ...]
    seniority: str
    city: str
    state: str
    country: str
    organisation: Organisation
    answer: Found


@dataclass(frozen=True)
class Lookup:
    """What a lookup found. `contact` identifies who was meant, found or not; it is equal for all their identifiers."""

    contact: str
    found: Found
    person: Person | None = None
    organisation: Organisation | None = None


class Directory:
    """People and companies, found by any of their identifiers. Iterates over the people in a fixed order."""

    def __init__(self, people: Sequence[Person], organisations: Sequence[Organisation]) -> None:
        self.people = tuple(people)
        self.organisations = tuple(organisations)
        self._people: dict[object, Person] = {}
        self._companies: dict[str, Organisation] = {}
        for person in self.people:
            name = canonical_text(f"{person.first_name} {person.last_name}")
            keys = (canonical_profile(person.linkedin_url), person.email.casefold(), (name, person.organisation.domain))
            self._people |= dict.fromkeys(keys, person)
        for company in self.organisations:
            keys = (company.domain, company.linkedin_url.rpartition("/")[2], canonical_company_name(company.name))
            self._companies |= dict.fromkeys(keys, company)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def find(self, query: Query) -> Lookup:
        """The person with the strongest identifier that is known here; else the company of the e-mail address."""
        employer = self._companies.get(query.company_profile) or self._companies.get(query.company_name)
        for key in (query.profile, query.email, (query.name, employer.domain if employer else None)):
            if person := self._people.get(key):
                found = person if person.answer == "person" else None
                company = None if person.answer == "miss" else person.organisation
                return Lookup(person.person_id, person.answer, found, company)
        company = self._companies.get(query.email.rpartition("@")[2])
        return Lookup(query.contact, "organisation" if company else "miss", None, company)

    def other_person(self, person: Person) -> Person:
        """A different person that a call finds: the next one of the directory."""
        after = self.people.index(person) + 1
        return next(each for each in self.people[after:] + self.people[:after] if each.answer == "person")


@cache
def build_directory() -> Directory:
    """The directory; built once per process."""
    words = tomllib.loads(Path(__file__).with_name("directory.toml").read_text(encoding="utf-8"))
    companies = [
        _make_organisation(f"{stem} {word}", industry, words)
        for industry, word in words["industries"].items()
        for stem in words["stems"]
    ]
    taken: set[tuple[str, str, str]] = set()
    people = [_make_person(number, companies, taken, words) for number in range(PEOPLE)]
    return Directory(people, [company for company, _ in companies])


class _Draw:
    """Random choices of one person or company. `Random.random` alone gives the same numbers in every Python version."""

    def __init__(self, name: str) -> None:
        self.identity = hashlib.sha256(name.encode()).hexdigest()[:24]
        self.share = random.Random(name).random

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self.share() * len(choices))]

    def place(self, culture: Words) -> dict[str, str]:
        city, _, state = self.one_of(culture["places"]).partition("/")
        return {"city": city, "state": state, "country": culture["country"]}


def _make_organisation(name: str, industry: str, words: Words) -> tuple[Organisation, Words]:
    draw, slug = _Draw(name), _slug(name)
    culture, (employees, revenue) = draw.one_of(words["cultures"]), draw.one_of(list(words["sizes"].items()))
    organisation = Organisation(
        organisation_id=draw.identity,
        name=f"{name} {draw.one_of(culture['legal_forms'])}",
        domain=f"{slug}.example",
        linkedin_url=f"https://www.linkedin.com/company/{slug}",
        industry=industry,
        employee_size=employees,
        revenue=revenue,
        founded_year=1890 + int(134 * draw.share() ** 0.4),
        board_lines=tuple(f"+1 212-555-01{int(draw.share() * 100):02}" for _ in range(1 + int(draw.share() * 3))),
        **draw.place(culture),
    )
    return organisation, culture


def _make_person(
    number: int, companies: list[tuple[Organisation, Words]], taken: set[tuple[str, str, str]], words: Words
) -> Person:
    draw = _Draw(f"person/{number}")
    # The power makes a few companies large and most of them small.
    company, culture = companies[int(len(companies) * draw.share() ** 1.4)]
    while (key := (*map(draw.one_of, (culture["first_names"], culture["last_names"])), company.domain)) in taken:
        pass
    taken.add(key)
    (first, _, first_latin), (last, _, last_latin) = (name.partition("=") for name in key[:2])
    given, family = _slug(first_latin or first), _slug(last_latin or last)
    slug = f"{given}-{family}-{draw.identity[:8]}"
    if draw.share() < 0.05:
        # Some people keep their own letters in the address, which LinkedIn then percent-encodes.
        slug = quote(f"{first}-{last}-{draw.identity[:8]}".casefold().replace(" ", "-"))
    area, answer = draw.one_of(words["departments"]), draw.share()
    seniority, titles = draw.one_of(list(words["seniorities"].items()))
    return Person(
        person_id=draw.identity,
        first_name=first,
        last_name=last,
        email=f"{given}.{family}@{company.domain}",
        linkedin_url=f"https://www.linkedin.com/in/{slug}",
        title=draw.one_of(titles).format(area=area),
        departments=(area, "Analytics") if draw.share() < 0.08 and area != "Analytics" else (area,),
        seniority=seniority,
        organisation=company,
        answer="person" if answer < 0.6 else "organisation" if answer < 0.75 else "miss",
        **draw.place(culture),
    )


def _slug(text: str) -> str:
    """Text in lower-case ASCII letters with hyphens between words, as addresses have it."""
    plain = text.replace("ß", "ss").replace("ı", "i").replace("'", "")  # these do not decompose into letter and accent
    letters = [letter for letter in unicodedata.normalize("NFKD", plain).lower() if letter.isascii()]
    return "-".join("".join(letter if letter.isalnum() else " " for letter in letters).split())
