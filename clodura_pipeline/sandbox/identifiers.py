"""Identifiers of a request: their canonical forms, and which combinations identify a contact."""

import re
import unicodedata
from collections.abc import Mapping
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
