"""Requests as the plan makes them, with a canonical form that is good enough for the tests' people."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Literal

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.ledger import CanonicalForm
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.person_key import person_key
from clodura_pipeline.sandbox import build_directory

FILE_DATE = date(2026, 11, 22)


def profile_of(url: str) -> str | None:
    """The canonical identifier of a profile's address."""
    found = re.search(r"linkedin\.com/in/([^/?#]+)", url, re.IGNORECASE)
    return f"li:{found[1].lower()}" if found else None


def canonical_of(person: Identifiers) -> tuple[str | None, str | None, str | None]:
    """Canonical profile, e-mail address, and name at a company where there is neither."""
    profile = profile_of(person.linkedin_url) if person.linkedin_url else None
    email = f"em:{person.email.lower()}" if person.email else None
    name = f"nc:{person.first_name} {person.last_name} {person.organisation_name}".lower()
    return profile, email, None if profile or email else name


FORM = CanonicalForm(1, lambda requests: [canonical_of(person) for person in requests], profile_of)


def request_for(person: Identifiers, *other_ids: str) -> EnrichmentRequest:
    """A request about a person. `other_ids`: identifiers that only files say."""
    sent_ids = tuple(each for each in canonical_of(person) if each is not None)
    return EnrichmentRequest(person_key(sent_ids[0]), person, sent_ids, other_ids, FILE_DATE, "people.csv")


def requests_for(people: Sequence[Identifiers]) -> list[EnrichmentRequest]:
    """Requests about people."""
    return [request_for(person) for person in people]


def people_of_the_directory(
    how_many: int, answer: Literal["person", "organisation", "miss"] | None = None, skip: int = 0
) -> Sequence[Identifiers]:
    """People of the sandbox's directory, with profile and e-mail address."""
    matching = [person for person in build_directory() if answer in (None, person.answer)][skip : skip + how_many]
    assert len(matching) == how_many
    return [Identifiers(linkedin_url=person.linkedin_url, email=person.email) for person in matching]
