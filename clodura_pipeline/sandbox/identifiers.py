"""Identifiers of a request: their canonical forms, and which combinations identify a contact."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

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
class Query:
    """The contact of a request, in canonical form; empty where a field is absent or cannot be used."""

    profile: str
    email: str
    name: str
    company_profile: str
    company_name: str

    @property
    def contact(self) -> str:
        """Text that is equal for all spellings of a contact: identifies them when the directory does not hold them."""
        if self.profile:
            return f"profile:{self.profile}"
        if self.email:
            return f"email:{self.email}"
        return f"name:{self.name}@{self.company_profile or self.company_name}"


def read_query(body: Mapping[str, Any]) -> Query:
    """The canonical query in a request body, or InvalidQuery; fields of other names are ignored, as Clodura does."""
    for name in FIELDS:
        if not isinstance(body.get(name), str | None):
            raise InvalidQuery(f"Invalid parameter: {name} must be a string")
    url, email, first, last, company, company_url = ((body.get(name) or "").strip() for name in FIELDS)
    if _linkedin_path(url).startswith("sales/"):
        raise InvalidQuery("Sales Navigator URLs are not supported; use a linkedin.com/in/ URL")
    named = bool(first and last)
    if not (url or email or (named and (company or company_url))):
        raise InvalidQuery("Invalid parameter combination: this does not identify a contact")
    return Query(
        profile=canonical_profile(url),
        email=email.casefold(),
        name=canonical_text(f"{first} {last}") if named else "",
        company_profile=canonical_profile(company_url, "company"),
        company_name=canonical_company_name(company),
    )


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
