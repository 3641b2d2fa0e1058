"""The made-up directory: some thousands of people and companies, the same on every machine and day."""

import hashlib
import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar
from urllib.parse import quote

from . import identifiers
from .identifiers import Query
from .vocabulary import CULTURES, DEPARTMENTS, INDUSTRIES, SENIORITIES, SIZES, STEMS, Culture

Found = Literal["person", "organisation", "miss"]
T = TypeVar("T")

STANDARD_SEED = 20261122
# Letters that do not decompose into a plain letter and an accent.
_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "Ae", "ı": "i"}
)


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
        self._by_profile = {identifiers.canonical_profile(person.linkedin_url): person for person in self.people}
        self._by_email = {identifiers.canonical_email(person.email): person for person in self.people}
        self._by_name = {
            (identifiers.canonical_name(person.first_name, person.last_name), person.organisation.domain): person
            for person in self.people
        }
        self._domains = {each.domain: each for each in self.organisations}
        self._company_profiles = {identifiers.canonical_company(each.linkedin_url): each for each in self.organisations}
        self._company_names = {identifiers.canonical_company_name(each.name): each for each in self.organisations}

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def __len__(self) -> int:
        return len(self.people)

    def find(self, query: Query) -> Lookup:
        """The person with the strongest identifier that is known here; else the company of the e-mail address."""
        person = (
            (query.profile and self._by_profile.get(query.profile))
            or self._by_email.get(query.email or "")
            or self._by_name.get((query.name or "", self._domain_of(query)))
        )
        if person is not None:
            return Lookup(
                person.person_id,
                person.answer,
                person if person.answer == "person" else None,
                None if person.answer == "miss" else person.organisation,
            )
        organisation = self._domains.get((query.email or "").rpartition("@")[2])
        return Lookup(query.contact, "organisation" if organisation else "miss", None, organisation)

    def other_person(self, person: Person) -> Person:
        """A different person whom a call finds: the next one of the directory."""
        after = self.people.index(person) + 1
        return next(each for each in self.people[after:] + self.people[:after] if each.answer == "person")

    def _domain_of(self, query: Query) -> str:
        company = self._company_profiles.get(query.company_profile or "") or self._company_names.get(
            query.company_name or ""
        )
        return company.domain if company else ""


@lru_cache(maxsize=4)
def build_directory(seed: int = STANDARD_SEED, people: int = 5_000, organisations: int = 600) -> Directory:
    """A directory that depends only on these numbers; built once per process."""
    companies = _make_organisations(seed, organisations)
    return Directory(_make_people(seed, people, companies), [company for company, _ in companies])


class _Draw:
    """Random choices of one person or company. `Random.random` alone gives the same numbers in every Python version."""

    def __init__(self, seed: int, kind: str, number: int) -> None:
        self.identity = hashlib.sha256(f"{seed}/{kind}/{number}".encode()).hexdigest()[:24]
        self.share = random.Random(f"{seed}/{kind}/{number}").random

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self.share() * len(choices))]

    def word(self, listed: str) -> str:
        return self.one_of(listed.split(","))


def _make_organisations(seed: int, how_many: int) -> list[tuple[Organisation, Culture]]:
    stems = STEMS.split(",")
    words = [(industry, word) for industry, listed in INDUSTRIES for word in listed.split(",")]
    if how_many > len(stems) * len(words):
        raise ValueError(f"there are words for {len(stems) * len(words)} companies, not for {how_many}")
    made: list[tuple[Organisation, Culture]] = []
    for number in range(how_many):
        draw = _Draw(seed, "organisation", number)
        # Each round through the stems moves all of them on by one word, so no pair comes twice.
        turn, place = divmod(number, len(stems))
        stem, (industry, word) = stems[place], words[(turn + 3 * place) % len(words)]
        slug = _slug(f"{stem} {word}")
        culture = draw.one_of(CULTURES)
        employees, revenue = draw.one_of(SIZES)
        city, _, state = draw.word(culture.places).partition("/")
        organisation = Organisation(
            organisation_id=draw.identity,
            name=f"{stem} {word} {draw.word(culture.legal_forms)}",
            domain=f"{slug}.example",
            linkedin_url=f"https://www.linkedin.com/company/{slug}",
            industry=industry,
            employee_size=employees,
            revenue=revenue,
            founded_year=1890 + int(134 * draw.share() ** 0.4),
            board_lines=tuple(f"+1 212-555-01{int(draw.share() * 100):02}" for _ in range(1 + number % 3)),
            city=city,
            state=state,
            country=culture.country,
        )
        made.append((organisation, culture))
    return made


def _make_people(seed: int, how_many: int, companies: list[tuple[Organisation, Culture]]) -> list[Person]:
    taken: set[object] = set()
    people: list[Person] = []
    for number in range(how_many):
        draw = _Draw(seed, "person", number)
        # The power makes a few companies large and most of them small.
        company, home = companies[int(len(companies) * draw.share() ** 1.8)]
        culture = home if draw.share() < 0.8 else draw.one_of(CULTURES)
        first, last = _full_name(draw, culture, company.domain, taken)
        area = draw.word(DEPARTMENTS)
        seniority, titles = draw.one_of(SENIORITIES)
        city, _, state = draw.word(culture.places).partition("/")
        answer = draw.share()
        people.append(
            Person(
                person_id=draw.identity,
                first_name=_written(first),
                last_name=_written(last),
                email=_address(_latin_form(first), _latin_form(last), company, taken),
                linkedin_url=f"https://www.linkedin.com/in/{_profile_slug(draw, first, last, taken)}",
                title=draw.word(titles).format(area=area),
                departments=(area, "Analytics") if draw.share() < 0.08 and area != "Analytics" else (area,),
                seniority=seniority,
                city=city,
                state=state,
                country=culture.country,
                organisation=company,
                answer="person" if answer < 0.6 else "organisation" if answer < 0.75 else "miss",
            )
        )
    return people


def _full_name(draw: _Draw, culture: Culture, domain: str, taken: set[object]) -> tuple[str, str]:
    """A name that is new in the company; a double last name when the simple ones are used up."""
    first, last = draw.word(culture.first_names), draw.word(culture.last_names)
    while (key := (identifiers.canonical_name(_written(first), _written(last)), domain)) in taken:
        other = draw.word(culture.last_names)
        last = f"{_written(last)}-{_written(other)}={_latin_form(last)}-{_latin_form(other)}"
    taken.add(key)
    return first, last


def _profile_slug(draw: _Draw, first: str, last: str, taken: set[object]) -> str:
    style = draw.share()
    plain = f"{_slug(_latin_form(first))}-{_slug(_latin_form(last))}"
    if style < 0.05:
        # Some people keep their own letters in the address, which LinkedIn then percent-encodes.
        written = f"{_written(first)}-{_written(last)}-{draw.identity[:4]}".casefold().replace(" ", "-")
        return quote(unicodedata.normalize("NFC", written))
    short = plain.replace("-", "")
    if style < 0.3 and short not in taken:
        taken.add(short)
        return short
    return f"{plain}-{draw.identity[:8]}"


def _address(first: str, last: str, company: Organisation, taken: set[object]) -> str:
    # A company keeps to one pattern; a second bearer of an address gets a number.
    given, family = (_slug(name).replace("-", "") for name in (first, last))
    pattern = int(company.organisation_id[:4], 16) % 4
    local = (f"{given}.{family}", f"{given[0]}{family}", f"{given}_{family}", f"{family}.{given}")[pattern]
    address, bearers = f"{local}@{company.domain}", 1
    while address in taken:
        bearers += 1
        address = f"{local}{bearers}@{company.domain}"
    taken.add(address)
    return address


def latin(text: str) -> str:
    """Text in ASCII letters, as addresses have it."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in decomposed if letter.isascii())


def _slug(text: str) -> str:
    letters = latin(text).lower().replace("'", "")
    return "-".join("".join(letter if letter.isalnum() else " " for letter in letters).split())


def _written(name: str) -> str:
    return name.partition("=")[0]


def _latin_form(name: str) -> str:
    return name.rpartition("=")[2]
