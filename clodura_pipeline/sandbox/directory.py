"""The made-up directory: some thousands of people and companies, the same on every machine and day."""

import hashlib
import random
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar
from urllib.parse import quote

from .cultures import CULTURES, Culture, Name
from .identifiers import (
    Query,
    canonical_company,
    canonical_company_name,
    canonical_email,
    canonical_name,
    canonical_profile,
)
from .vocabulary import AREA_CODES, DEPARTMENTS, INDUSTRIES, SENIORITIES, SIZES, STEMS

Found = Literal["person", "organisation", "miss"]
T = TypeVar("T")

STANDARD_SEED = 20261122
_SHARES: tuple[tuple[Found, float], ...] = (("person", 60), ("organisation", 15), ("miss", 25))
# Letters that do not come apart into a plain letter and an accent.
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
    """A made-up person, and what a lookup of them brings: themselves, only their company, or nothing."""

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
    """What a lookup found; `contact` names whoever was meant, found or not, the same for every identifier of theirs."""

    contact: str
    found: Found
    person: Person | None = None
    organisation: Organisation | None = None


class Directory:
    """People and companies, found by any identifier of theirs. Iterating lists everybody, in a fixed order."""

    def __init__(self, people: Sequence[Person], organisations: Sequence[Organisation]) -> None:
        self.people = tuple(people)
        self.organisations = tuple(organisations)
        self._by_profile = _index(self.people, lambda person: canonical_profile(person.linkedin_url))
        self._by_email = _index(self.people, lambda person: canonical_email(person.email))
        self._by_name = _index(
            self.people,
            lambda person: (canonical_name(person.first_name, person.last_name), person.organisation.domain),
        )
        self._domains = {each.domain: each for each in self.organisations}
        self._company_profiles = {canonical_company(each.linkedin_url): each for each in self.organisations}
        self._company_names = {canonical_company_name(each.name): each for each in self.organisations}

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def __len__(self) -> int:
        return len(self.people)

    def find(self, query: Query) -> Lookup:
        """Who is meant, by the strongest identifier that is known here; else the company of the e-mail address."""
        person = self._find_person(query)
        if person is not None:
            return Lookup(
                person.person_id,
                person.answer,
                person if person.answer == "person" else None,
                None if person.answer == "miss" else person.organisation,
            )
        organisation = self._domains.get(query.email.rpartition("@")[2]) if query.email else None
        return Lookup(query.contact, "organisation" if organisation else "miss", None, organisation)

    def _find_person(self, query: Query) -> Person | None:
        known = self._by_profile.get(query.profile) if query.profile else None
        if known is None and query.email:
            known = self._by_email.get(query.email)
        return known or self._find_by_name(query)

    def _find_by_name(self, query: Query) -> Person | None:
        if query.name is None:
            return None
        company = self._company_profiles.get(query.company_profile) if query.company_profile else None
        company = company or self._company_names.get(query.company_name or "")
        return self._by_name.get((query.name, company.domain)) if company else None


@lru_cache(maxsize=4)
def build_directory(seed: int = STANDARD_SEED, people: int = 5_000, organisations: int = 600) -> Directory:
    """A directory that depends on nothing but these numbers; built once per process."""
    makers = len(STEMS) * sum(len(words) for _, words in INDUSTRIES)
    if organisations > makers // 2:
        raise ValueError(f"there are words for {makers // 2} companies, not for {organisations}")
    companies = _make_organisations(seed, organisations)
    return Directory(_make_people(seed, people, companies), [company for company, _ in companies])


def _make_organisations(seed: int, how_many: int) -> list[tuple[Organisation, Culture]]:
    made: list[tuple[Organisation, Culture]] = []
    taken: set[str] = set()
    for number in range(how_many):
        draw = random.Random(f"{seed}/organisation/{number}")
        culture = _weighted(draw, [(each, each.weight) for each in CULTURES])
        industry, words = _pick(draw, INDUSTRIES)
        name = _unused(lambda _, draw=draw, words=words: f"{_pick(draw, STEMS)} {_pick(draw, words)}", taken)
        slug = latin(name).lower().replace(" ", "-")
        size = _weighted(draw, [(each, each.weight) for each in SIZES])
        place = _pick(draw, culture.places)
        lines = {
            culture.board_line.format(area=_pick(draw, AREA_CODES), digits=int(draw.random() * 100))
            for _ in range(1 + int(draw.random() * 3))
        }
        organisation = Organisation(
            organisation_id=_identity(seed, "organisation", number),
            name=f"{name} {_pick(draw, culture.legal_forms)}",
            domain=f"{slug}.example",
            linkedin_url=f"https://www.linkedin.com/company/{slug}",
            industry=industry,
            employee_size=size.employees,
            revenue=size.revenue,
            founded_year=1890 + int(134 * draw.random() ** 0.4),
            board_lines=tuple(sorted(lines)),
            city=place.city,
            state=place.state,
            country=culture.country,
        )
        made.append((organisation, culture))
    return made


def _make_people(seed: int, how_many: int, companies: list[tuple[Organisation, Culture]]) -> list[Person]:
    names: set[tuple[str, str]] = set()
    slugs: set[str] = set()
    addresses: set[str] = set()
    people: list[Person] = []
    for number in range(how_many):
        draw = random.Random(f"{seed}/person/{number}")
        # The power makes a few companies large and most of them small.
        company, home = companies[int(len(companies) * draw.random() ** 1.8)]
        culture = home if draw.random() < 0.8 else _weighted(draw, [(each, each.weight) for each in CULTURES])
        first, last = _unused(
            lambda tries, draw=draw, culture=culture: _full_name(draw, culture, tries),
            names,
            key=lambda pair, company=company: (canonical_name(pair[0].written, pair[1].written), company.domain),
        )
        slug = _unused(lambda _, draw=draw, first=first, last=last: _profile_slug(draw, first, last), slugs)
        email = _unused(
            lambda _, draw=draw, first=first, last=last, company=company: _address(draw, first, last, company),
            addresses,
        )
        department = _weighted(draw, [(each, each.weight) for each in DEPARTMENTS])
        second = _pick(draw, DEPARTMENTS)
        seniority, titles = _weighted(draw, [((name, forms), weight) for name, weight, forms in SENIORITIES])
        title = _pick(draw, titles)
        place = _pick(draw, culture.places)
        at_home = culture is home and draw.random() < 0.7
        people.append(
            Person(
                person_id=_identity(seed, "person", number),
                first_name=first.written,
                last_name=last.written,
                email=email,
                linkedin_url=f"https://www.linkedin.com/in/{quote(slug)}",
                title=title.format(area=department.area, chief=department.chief, role=_pick(draw, department.roles)),
                departments=(department.name, second.name)
                if draw.random() < 0.08 and second is not department
                else (department.name,),
                seniority=seniority,
                city=company.city if at_home else place.city,
                state=company.state if at_home else place.state,
                country=culture.country,
                organisation=company,
                answer=_weighted(draw, _SHARES),
            )
        )
    return people


def latin(text: str) -> str:
    """Text in ASCII letters, as addresses have it."""
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in apart if letter.isascii())


def _full_name(draw: random.Random, culture: Culture, tries: int) -> tuple[Name, Name]:
    if tries < 20:
        return _pick(draw, culture.first_names), _pick(draw, culture.last_names)
    # A large company has used up the names of one country: take any country's, and two last names.
    culture = _pick(draw, CULTURES)
    one, other = _pick(draw, culture.last_names), _pick(draw, culture.last_names)
    double = Name(f"{one.written}-{other.written}", f"{one.latin}-{other.latin}")
    return _pick(draw, culture.first_names), double


def _profile_slug(draw: random.Random, first: Name, last: Name) -> str:
    style = draw.random()
    suffix = f"{int(draw.random() * 16**8):08x}"
    plain = "-".join(_word(name.latin) for name in (first, last))
    if style < 0.25:
        return plain.replace("-", "")
    if style < 0.30:
        # Some people keep their own letters in the address, which LinkedIn then percent-encodes.
        return unicodedata.normalize("NFC", f"{first.written}-{last.written}-{suffix[:4]}".casefold().replace(" ", "-"))
    return f"{plain}-{suffix}"


def _address(draw: random.Random, first: Name, last: Name, company: Organisation) -> str:
    # A company keeps to one pattern; the rare second bearer of an address gets a number.
    given, family = (_word(name.latin).replace("-", "") for name in (first, last))
    pattern = int(company.organisation_id[:4], 16) % 4
    local = (f"{given}.{family}", f"{given[0]}{family}", f"{given}_{family}", f"{family}.{given}")[pattern]
    number = "" if draw.random() < 0.8 else str(2 + int(draw.random() * 97))
    return f"{local}{number}@{company.domain}"


def _word(text: str) -> str:
    letters = latin(text).lower().replace("'", "")
    return "-".join("".join(letter if letter.isalnum() else " " for letter in letters).split())


def _identity(seed: int, kind: str, number: int) -> str:
    return hashlib.sha256(f"{seed}/{kind}/{number}".encode()).hexdigest()[:24]


# Only `Random.random` is drawn from: it alone is promised to give the same numbers in every version of Python.
def _pick(draw: random.Random, choices: Sequence[T]) -> T:
    return choices[int(draw.random() * len(choices))]


def _weighted(draw: random.Random, choices: Sequence[tuple[T, float]]) -> T:
    left = draw.random() * sum(weight for _, weight in choices)
    for choice, weight in choices:
        left -= weight
        if left < 0:
            return choice
    return choices[-1][0]


def _unused(make: Callable[[int], T], taken: set, key: Callable[[T], object] = lambda made: made) -> T:
    """The first thing made that is not taken; `make` is told how often it has been tried before."""
    tries = 0
    while key(made := make(tries)) in taken:
        tries += 1
    taken.add(key(made))
    return made


def _index(people: Sequence[Person], key: Callable[[Person], T]) -> Mapping[T, Person]:
    return {key(person): person for person in people}
