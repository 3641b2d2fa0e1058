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
    """The contact of a request, in canonical form; None where a field is absent or cannot be used."""

    profile: str | None = None
    email: str | None = None
    name: str | None = None
    company_profile: str | None = None
    company_name: str | None = None

    @property
    def contact(self) -> str:
        """Text that is equal for all spellings of a contact: identifies them when the directory does not hold them."""
        if self.profile:
            return f"profile:{self.profile}"
        if self.email:
            return f"email:{self.email}"
        return f"name:{self.name or ''}@{self.company_profile or self.company_name or ''}"


def read_query(body: Mapping[str, Any]) -> Query:
    """The canonical query in a request body, or InvalidQuery; fields of other names are ignored, as Clodura does."""
    for name in FIELDS:
        if not isinstance(body.get(name), str | None):
            raise InvalidQuery(f"Invalid parameter: {name} must be a string")
    url, email, first, last, company, company_url = ((body.get(name) or "").strip() for name in FIELDS)
    if (_path(url) or "").startswith("sales/"):
        raise InvalidQuery("Sales Navigator URLs are not supported; use a linkedin.com/in/ URL")
    named = bool(first and last)
    if not (url or email or (named and (company or company_url))):
        raise InvalidQuery("Invalid parameter combination: this does not identify a contact")
    return Query(
        profile=canonical_profile(url),
        email=canonical_email(email) or None,
        name=canonical_name(first, last) if named else None,
        company_profile=canonical_company(company_url),
        company_name=canonical_company_name(company) or None,
    )


def canonical_profile(url: str) -> str | None:
    """The slug of a personal profile, however its address is spelt; None if it is none."""
    return _slug(url, "in")


def canonical_company(url: str) -> str | None:
    """The slug of a company's LinkedIn page, however its address is spelt; None if it is none."""
    return _slug(url, "company")


def canonical_email(email: str) -> str:
    """An e-mail address without differences of case and surrounding space."""
    return email.strip().casefold()


def canonical_name(first: str, last: str) -> str:
    """First and last name without differences of case, spacing and composition of accents."""
    return _plain(f"{first} {last}")


def canonical_company_name(name: str) -> str:
    """A company's name without its legal form, and without differences of case and spacing."""
    return _plain(_LEGAL_FORM.sub("", name.strip()))


def _path(url: str) -> str | None:
    found = _LINKEDIN.match(url.strip())
    return found["path"].casefold() if found else None


def _slug(url: str, kind: str) -> str | None:
    parts = [part for part in (_path(url) or "").split("/") if part]
    if len(parts) < 2 or parts[0] != kind:
        return None
    return _plain(unquote(parts[1])) or None


def _plain(text: str) -> str:
    # Turkish letters lose or gain a dot when a list is upper-cased; both ways to write them are one.
    folded = unicodedata.normalize("NFC", " ".join(text.split()).casefold().replace("i\u0307", "i"))
    return folded.replace("ı", "i")
