"""The made-up directory: some thousands of people and companies, the same everywhere, found by their identifiers."""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar
from urllib.parse import quote, unquote

Found = Literal["person", "organisation", "miss"]
T = TypeVar("T")
Words = Mapping[str, Any]  # directory.toml, or one culture of it

PEOPLE = 5_000
FIELDS = ("linkedinUrl", "email", "firstName", "lastName", "organisationName", "orgLinkedinUrl")
_LINKEDIN = re.compile(r"^(?:https?://)?(?:[a-z0-9-]+\.)*linkedin\.com(?::\d+)?/(?P<path>[^?#]*)", re.IGNORECASE)
_LEGAL_FORM = re.compile(
    r"[\s,]+(?:inc|llc|ltd|limited|corp|gmbh|ag|kg|sa|sas|s\.a|s\.l|sl|ab|as|a/s|bv|b\.v|srl|s\.r\.l|sp\. z o\.o|"
    r"s\.r\.o|aps|pty ltd|pvt ltd|private limited|k\.k|kk|a\.ş|ltda|plc|pte ltd)\.?$",
    re.IGNORECASE,
)


class InvalidQuery(ValueError):
    """A combination of parameters that Clodura would refuse with 422; the message says why."""


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
    person: Person | None
    organisation: Organisation | None

    @property
    def found(self) -> Found:
        """What an answer holds."""
        return "person" if self.person else "organisation" if self.organisation else "miss"


class Directory:
    """People and companies, found by any of their identifiers. Iterates over the people in a fixed order."""

    def __init__(self, people: Sequence[Person], organisations: Sequence[Organisation]) -> None:
        self.people = tuple(people)
        self.organisations = tuple(organisations)
        self._by_domain = {company.domain: company for company in self.organisations}
        self._by_key: dict[str, Person] = {}
        for person in self.people:
            company = person.organisation
            values = (person.linkedin_url, person.email, person.first_name, person.last_name, company.name)
            request: dict[str, Any] = dict(zip(FIELDS, (*values, company.linkedin_url), strict=True))
            self._by_key |= dict.fromkeys(contact_keys(request), person)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def find(self, body: Mapping[str, Any]) -> Lookup:
        """Who a request is about: the person with its strongest known identifier, else the e-mail address's company.

        Raises:
            InvalidQuery: it does not identify a contact.
        """
        keys = contact_keys(body)
        if person := next(filter(None, map(self._by_key.get, keys)), None):
            company = None if person.answer == "miss" else person.organisation
            return Lookup(person.person_id, person if person.answer == "person" else None, company)
        domain = (body.get("email") or "").strip().casefold().rpartition("@")[2]
        return Lookup(keys[0], None, self._by_domain.get(domain))

    def other_person(self, person: Person) -> Person:
        """A different person that a call finds: the next one of the directory."""
        after = self.people.index(person) + 1
        return next(each for each in self.people[after:] + self.people[:after] if each.answer == "person")


def contact_keys(body: Mapping[str, Any]) -> list[str]:
    """The contact of a request body as texts that are equal for all spellings of it, the strongest first.

    Fields of other names are ignored, as Clodura does.

    Raises:
        InvalidQuery: the fields do not identify a contact.
    """
    for name in FIELDS:
        if not isinstance(body.get(name), str | None):
            raise InvalidQuery(f"Invalid parameter: {name} must be a string")
    url, email, first, last, company, company_url = ((body.get(name) or "").strip() for name in FIELDS)
    if _linkedin_path(url).startswith("sales/"):
        raise InvalidQuery("Sales Navigator URLs are not supported; use a linkedin.com/in/ URL")
    keys = [f"profile:{canonical_profile(url) or canonical_text(url)}"] if url else []
    if email:
        keys.append(f"email:{email.casefold()}")
    if first and last:
        companies = (canonical_profile(company_url, "company"), canonical_company_name(company))
        keys += [f"name:{canonical_text(f'{first} {last}')}@{each}" for each in companies if each]
    if not keys:
        raise InvalidQuery("Invalid parameter combination: this does not identify a contact")
    return keys


def canonical_profile(url: str, kind: str = "in") -> str:
    """The slug of a person's (or company's) LinkedIn page, however its address is spelt; empty if it is none."""
    parts = [part for part in _linkedin_path(url).split("/") if part]
    return canonical_text(unquote(parts[1])) if len(parts) > 1 and parts[0] == kind else ""


def canonical_company_name(name: str) -> str:
    """A company's name without its legal form, and without differences of case and spacing."""
    return canonical_text(_LEGAL_FORM.sub("", name.strip()))


def canonical_text(text: str) -> str:
    """Text without differences of case, spacing and composition of accents."""
    # Turkish letters lose or gain a dot when a list is upper-cased; both ways to write them are one.
    folded = unicodedata.normalize("NFC", " ".join(text.split()).casefold().replace("i\u0307", "i"))
    return folded.replace("ı", "i")


def _linkedin_path(url: str) -> str:
    found = _LINKEDIN.match(url.strip())
    return found["path"].casefold() if found else ""


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


def _one_of(draw: Random, choices: Sequence[T]) -> T:
    # `Random.random` alone gives the same numbers in every Python version.
    return choices[int(draw.random() * len(choices))]


def _id_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def _place(draw: Random, culture: Words) -> dict[str, str]:
    city, _, state = _one_of(draw, culture["places"]).partition("/")
    return {"city": city, "state": state, "country": culture["country"]}


def _make_organisation(name: str, industry: str, words: Words) -> tuple[Organisation, Words]:
    draw, slug = Random(name), _slug(name)
    culture, (employees, revenue) = _one_of(draw, words["cultures"]), _one_of(draw, list(words["sizes"].items()))
    organisation = Organisation(
        organisation_id=_id_of(name),
        name=f"{name} {_one_of(draw, culture['legal_forms'])}",
        domain=f"{slug}.example",
        linkedin_url=f"https://www.linkedin.com/company/{slug}",
        industry=industry,
        employee_size=employees,
        revenue=revenue,
        founded_year=1890 + int(134 * draw.random() ** 0.4),
        board_lines=tuple(f"+1 212-555-01{int(draw.random() * 100):02}" for _ in range(1 + int(draw.random() * 3))),
        **_place(draw, culture),
    )
    return organisation, culture


def _make_person(
    number: int, companies: list[tuple[Organisation, Words]], taken: set[tuple[str, str, str]], words: Words
) -> Person:
    draw, person_id = Random(f"person/{number}"), _id_of(f"person/{number}")
    # The power makes a few companies large and most of them small.
    company, culture = companies[int(len(companies) * draw.random() ** 1.4)]
    names = culture["first_names"], culture["last_names"]
    while (key := (_one_of(draw, names[0]), _one_of(draw, names[1]), company.domain)) in taken:
        pass
    taken.add(key)
    (first, _, first_latin), (last, _, last_latin) = (name.partition("=") for name in key[:2])
    given, family = _slug(first_latin or first), _slug(last_latin or last)
    slug = f"{given}-{family}-{person_id[:8]}"
    if draw.random() < 0.05:
        # Some people keep their own letters in the address, which LinkedIn then percent-encodes.
        slug = quote(f"{first}-{last}-{person_id[:8]}".casefold().replace(" ", "-"))
    area, answer = _one_of(draw, words["departments"]), draw.random()
    seniority, titles = _one_of(draw, list(words["seniorities"].items()))
    return Person(
        person_id=person_id,
        first_name=first,
        last_name=last,
        email=f"{given}.{family}@{company.domain}",
        linkedin_url=f"https://www.linkedin.com/in/{slug}",
        title=_one_of(draw, titles).format(area=area),
        departments=(area, "Analytics") if draw.random() < 0.08 and area != "Analytics" else (area,),
        seniority=seniority,
        organisation=company,
        answer="person" if answer < 0.6 else "organisation" if answer < 0.75 else "miss",
        **_place(draw, culture),
    )


def _slug(text: str) -> str:
    """Text in lower-case ASCII letters with hyphens between words, as addresses have it."""
    plain = text.replace("ß", "ss").replace("ı", "i").replace("'", "")  # these do not decompose into letter and accent
    letters = [letter for letter in unicodedata.normalize("NFKD", plain).lower() if letter.isascii()]
    return "-".join("".join(letter if letter.isalnum() else " " for letter in letters).split())
