"""What an answer brought: person, organisation and price as frozen dataclasses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clodura_pipeline.clodura.answers.shapes import AnswerPath


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
