"""Identifiers of a request: their canonical forms, and which combinations identify somebody."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

FIELDS = ("linkedinUrl", "email", "firstName", "lastName", "organisationName", "orgLinkedinUrl")

_LINKEDIN = re.compile(r"^(?:https?://)?(?:[a-z0-9-]+\.)*linkedin\.com(?::\d+)?/(?P<path>[^?#]*)", re.IGNORECASE)
_SUFFIX = re.compile(
    r"[\s,]+(?:inc|llc|ltd|limited|corp|gmbh|ag|kg|sa|sas|s\.a|s\.l|sl|ab|as|a/s|bv|b\.v|srl|s\.r\.l|sp\. z o\.o|"
    r"s\.r\.o|aps|pty ltd|pvt ltd|private limited|k\.k|kk|a\.ş|ltda|plc|pte ltd)\.?$",
    re.IGNORECASE,
)


class InvalidQuery(ValueError):
    """A combination of parameters that Clodura would refuse with 422; the message says why."""


@dataclass(frozen=True)
class Query:
    """Whom a request asks about, in canonical form; None where a field is absent or no such thing."""

    profile: str | None = None
    email: str | None = None
    name: str | None = None
    company_profile: str | None = None
    company_name: str | None = None

    @property
    def contact(self) -> str:
        """A word for whoever is meant, the same for every spelling: for the books when the directory has nobody."""
        if self.profile:
            return f"profile:{self.profile}"
        if self.email:
            return f"email:{self.email}"
        return f"name:{self.name or ''}@{self.company_profile or self.company_name or ''}"


def read_query(body: Mapping[str, Any]) -> Query:
    """The canonical query in a request body, or InvalidQuery; fields of other names are ignored, as Clodura does."""
    given = {name: _text(name, body.get(name)) for name in FIELDS}
    url, email = given["linkedinUrl"], given["email"]
    name = canonical_name(given["firstName"], given["lastName"]) if given["firstName"] and given["lastName"] else None
    if url and is_sales_navigator(url):
        raise InvalidQuery("Sales Navigator URLs are not supported; use a linkedin.com/in/ URL")
    if not (url or email or (name and (given["organisationName"] or given["orgLinkedinUrl"]))):
        raise InvalidQuery("Invalid parameter combination: this does not identify a contact")
    return Query(
        profile=canonical_profile(url),
        email=canonical_email(email) if email else None,
        name=name,
        company_profile=canonical_company(given["orgLinkedinUrl"]),
        company_name=canonical_company_name(given["organisationName"]) if given["organisationName"] else None,
    )


def is_sales_navigator(url: str) -> bool:
    """Whether this is a Sales Navigator address, which identifies nobody here."""
    found = _LINKEDIN.match(url.strip())
    return bool(found and found["path"].casefold().startswith("sales/"))


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
    return _plain(_SUFFIX.sub("", name.strip()))


def _slug(url: str, kind: str) -> str | None:
    found = _LINKEDIN.match(url.strip())
    if not found:
        return None
    parts = [part for part in found["path"].split("/") if part]
    if len(parts) < 2 or parts[0].casefold() != kind:
        return None
    return _plain(unquote(parts[1])) or None


def _plain(text: str) -> str:
    # Turkish letters lose or gain a dot when a list is upper-cased; both ways to write them are one.
    folded = unicodedata.normalize("NFC", " ".join(text.split()).casefold().replace("i\u0307", "i"))
    return folded.replace("ı", "i")


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidQuery(f"Invalid parameter: {name} must be a string")
    return value.strip()
