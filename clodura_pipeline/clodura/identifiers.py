"""What Clodura can be asked with: the six request fields, and the combinations it documents."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

WORST_COST_CREDITS = 2
"""A full person costs 2 credits, an organisation 1, nothing found 0 (Clodura's documentation)."""


REQUEST_NAMES = {
    "linkedin_url": "linkedinUrl",
    "email": "email",
    "first_name": "firstName",
    "last_name": "lastName",
    "organisation_name": "organisationName",
    "organisation_linkedin_url": "orgLinkedinUrl",
}
"""Clodura's names of the identifiers, in the order of the constructor and of a request."""


class Combination(Enum):
    """A documented combination of identifiers: (name, strength, Clodura's word for its confidence)."""

    LINKEDIN = ("linkedinUrl", 5, "highest")
    NAME_EMAIL = ("firstName+lastName+email", 4, "medium")
    EMAIL = ("email", 3, "medium")
    NAME_ORG_LINKEDIN = ("firstName+lastName+orgLinkedinUrl", 2, "medium")
    NAME_ORG_NAME = ("firstName+lastName+organisationName", 1, "low")

    def __init__(self, label: str, strength: int, confidence: str) -> None:
        self.label = label
        self.strength = strength
        self.confidence = confidence


@dataclass(frozen=True, repr=False)
class Identifiers:
    """The fields of one request. `repr` is left out because the values are people's data."""

    linkedin_url: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    organisation_name: str | None = None
    organisation_linkedin_url: str | None = None

    @property
    def combination(self) -> Combination | None:
        """The strongest documented combination among these fields; None when there is none to ask with."""
        named = bool(self.first_name and self.last_name)
        if self.linkedin_url:
            return Combination.LINKEDIN
        if self.email:
            return Combination.NAME_EMAIL if named else Combination.EMAIL
        if named and self.organisation_linkedin_url:
            return Combination.NAME_ORG_LINKEDIN
        if named and self.organisation_name:
            return Combination.NAME_ORG_NAME
        return None

    def as_request(self) -> dict[str, str]:
        """The JSON body by Clodura's names. Half a name is left out: it is part of no documented combination."""
        body = {name: value for field, name in REQUEST_NAMES.items() if (value := getattr(self, field))}
        if not (self.first_name and self.last_name):
            body = {name: value for name, value in body.items() if name not in ("firstName", "lastName")}
        return body

    @classmethod
    def from_request(cls, body: Mapping[str, str]) -> "Identifiers":
        """The identifiers in a request body, by Clodura's names."""
        return cls(**{field: body.get(name) for field, name in REQUEST_NAMES.items()})

    def as_json(self) -> str:
        """The request body as sent: keys in a fixed order, so that equal questions are equal text."""
        text = json.dumps(self.as_request(), ensure_ascii=False, separators=(",", ":"))
        # Half a character cannot be sent or stored, and the error over it would show the text around it.
        return text.encode("utf-8", "replace").decode()


IDENTIFIER_FIELDS = tuple(REQUEST_NAMES)
"""Their names, in the order of the constructor."""
