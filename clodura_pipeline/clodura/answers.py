"""Parses a 200 from Clodura's enrich endpoint, once, into frozen dataclasses.

The key names and the envelopes come from code of Clodura's users, not from its documentation, so parsing is strict:
what holds no key we know is unreadable, and only what is documented as "no enriched data" counts as no match.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from clodura_pipeline.clodura.costs import ABOUT_CREDITS, plain, stated_credits, whole_credits
from clodura_pipeline.clodura.errors import UnreadableAnswer

PARSER_VERSION = 1
"""Raised when parsing learns something new; answers read by an older parser are read again from their raw bytes."""


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
    """A readable answer: what was found, and what it cost if the answer says so (in credits, else None)."""

    found: Found
    person: Person
    organisation: Organisation
    stated_credits: int | None

    @property
    def credits(self) -> int:
        """Its cost: as stated, else worked out from what it holds."""
        return COST_CREDITS[self.found] if self.stated_credits is None else self.stated_credits


PERSON_KEYS = {
    "clodura_person_id": "personId",
    "first_name": "firstName",
    "last_name": "lastName",
    "linkedin_url": "linkedinUrl",
    "job_title": "personTitle",
    "department": "functional",
    "seniority": "seniority",
    "city": "personCity",
    "state": "personState",
    "country": "personCountry",
}
ORGANISATION_KEYS = {
    "organisation_id": "organisationId",
    "name": "organisationName",
    "domain": "domain",
    "industry": "industry",
    "employee_size": "organisationEmployeeSize",
    "revenue": "revenue",
    "founded_year": "foundedYear",
    "phone": "boardlineNumbers",
    "city": "organisationCity",
    "state": "organisationState",
    "country": "organisationCountry",
}
_KNOWN_KEYS = frozenset(PERSON_KEYS.values()) | {"organisation"}

# How answers without content say that they failed. What is silent, or says in words that nobody was found, is a miss.
_DEEPEST = 4
_OUTCOMES = frozenset({"success", "succeeded", "successful", "issuccess", "ok", "isok"})
_STATUSES = frozenset({"status", "statuscode", "httpstatus", "code", "responsecode", "state", "result", "outcome"})
_WORDS = frozenset({"message", "msg", "detail", "details", "reason", "description", "title", "info", "statustext"})
_FAILED = ("error", "fail", "failed", "failure", "unavailable", "timeout", "rate_limited", "denied", "rejected")
_FAILURE = re.compile(
    r"error|fail|insufficient|exceed|exhaust|limit|quota|unavailable|time[d]?[ -]?out|denied|unauthori|forbidden|"
    r"expired|try again|maintenance|overload|too many|went wrong|not processed|not allowed"
)
_MISS = re.compile(r"\bno (\w+ ){0,3}(found|match|matches|data|results?)\b|not (be )?found|nothing found|no match")


def read_enrichment(body: bytes, sent: Mapping[str, str]) -> Enrichment:
    """Read the body of a 200.

    Args:
        body: the raw bytes of the answer.
        sent: the request's fields by Clodura's names. A field that merely repeats one of them is no evidence that a
            person was found: an organisation-only answer may echo the question.

    Raises:
        UnreadableAnswer: not JSON, or a shape that is not known. Never taken for "no match".
    """
    try:
        return _read(_json_object(body), body, sent)
    except RecursionError:
        raise UnreadableAnswer("JSON nested too deeply") from None


def _read(document: dict[str, Any], body: bytes, sent: Mapping[str, str]) -> Enrichment:
    enriched = _unwrap(document)
    if _is_empty(enriched):
        if _reports_failure(document):
            raise UnreadableAnswer(f"empty, but reports a failure; keys: {_shape(document)}")
        return Enrichment(Found.NO_MATCH, Person(), Organisation(), stated_credits(body))
    if not _KNOWN_KEYS & enriched.keys():
        raise UnreadableAnswer(f"none of the keys known for an enriched contact; keys: {_shape(enriched)}")
    found_organisation = enriched.get("organisation") or {}
    if not isinstance(found_organisation, dict):
        raise UnreadableAnswer(f"organisation is a {type(found_organisation).__name__}, not an object")
    person = Person(**{ours: _text(enriched.get(theirs)) for ours, theirs in PERSON_KEYS.items()})
    organisation = Organisation(**{ours: _text(found_organisation.get(k)) for ours, k in ORGANISATION_KEYS.items()})
    cost = stated_credits(body)
    return Enrichment(_what_was_found(person, organisation, sent, cost), person, organisation, cost)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        raise UnreadableAnswer(f"not JSON ({len(body)} bytes)") from None
    if not isinstance(document, dict):
        raise UnreadableAnswer(f"JSON, but a {type(document).__name__} where an object is expected")
    return document


def _unwrap(document: dict[str, Any]) -> dict[str, Any]:
    """The enriched contact inside one of the three envelopes that are to be expected; {} when it is empty."""
    if "data" not in document or _KNOWN_KEYS & document.keys():
        return document
    data = document["data"]
    if isinstance(data, list) and len(data) > 1:
        raise UnreadableAnswer(f"data is a list of {len(data)} where one contact was asked")
    if isinstance(data, list):
        data = data[0] if data else {}
    if _is_empty(data):
        return {}
    if not isinstance(data, dict):
        raise UnreadableAnswer(f"data is a {type(data).__name__}, not an object")
    return data


def _is_empty(value: Any) -> bool:
    """Nothing in it: null, "", [] or {}, or an object in which every key but those on cost holds nothing."""
    if isinstance(value, dict):
        return all(_is_empty(v) for k, v in value.items() if plain(k) not in ABOUT_CREDITS)
    if isinstance(value, list):
        return all(_is_empty(item) for item in value)
    return value is None or (isinstance(value, str) and not value.strip())


def _reports_failure(node: Any, depth: int = 0) -> bool:
    """An empty answer that says of itself, wherever in it, that it failed is a failure, not a miss."""
    if isinstance(node, list):
        return any(_reports_failure(item, depth + 1) for item in node)
    if not isinstance(node, dict) or depth > _DEEPEST:
        return False
    return any(_says_it_failed(plain(key), value) or _reports_failure(value, depth + 1) for key, value in node.items())


def _says_it_failed(key: str, value: Any) -> bool:
    said = str(value).strip().lower()
    if key in _OUTCOMES:
        return said in ("false", "no", *_FAILED)
    if key.startswith(("error", "haserror", "iserror", "failed", "failure", "exception")):
        return not _is_empty(value) and said not in ("false", "no", "none", "null", "0")
    if key in _STATUSES:
        return said in _FAILED or _is_error_status(value)
    return key in _WORDS and isinstance(value, str) and bool(_FAILURE.search(said)) and not _MISS.search(said)


def _is_error_status(value: Any) -> bool:
    status = whole_credits(value)
    return status is not None and status >= 400 and status != 404


def _what_was_found(person: Person, organisation: Organisation, sent: Mapping[str, str], cost: int | None) -> Found:
    if any(_is_news(person, field.name, sent) for field in fields(Person)):
        return Found.PERSON
    if any(getattr(organisation, field.name) for field in fields(Organisation)):
        return Found.ORGANISATION
    if not any(getattr(person, field.name) for field in fields(Person)):
        raise UnreadableAnswer("holds content, but nothing under the keys known for a person or an organisation")
    return Found.PERSON if cost else Found.NO_MATCH  # only what we sent came back: its price says what it is


def _is_news(person: Person, name: str, sent: Mapping[str, str]) -> bool:
    value = getattr(person, name)
    if not value:
        return False
    asked = sent.get(PERSON_KEYS[name])
    return asked is None or not _same(value, asked)


def _same(value: str, asked: str) -> bool:
    """Equal but for case and, in profile addresses, for scheme, host and a closing slash."""
    return _bare(value) == _bare(asked)


def _bare(text: str) -> str:
    return re.sub(r"^https?://([a-z]+\.)?", "", text.strip().casefold()).rstrip("/")


def _text(value: Any) -> str | None:
    """One text from a string, a number or a list of them; None when there is nothing in it."""
    if isinstance(value, list):
        parts = dict.fromkeys(filter(None, (_text(item) for item in value)))
        return ", ".join(parts) or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, str):
        # JSON can hold halves of characters and NULs, which no database stores as text; the raw answer keeps them.
        return value.encode("utf-8", "replace").decode().replace("\0", "").strip() or None
    return None


def _shape(node: dict[str, Any]) -> str:
    """Key names and types, at most ten: enough to mend the parser, nothing of what the answer says.

    A key that is no plain word may be somebody's address, as in an answer that is keyed by what was asked.
    """
    named = [
        f"{key if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]{0,39}', key) else '?'}: {type(value).__name__}"
        for key, value in list(node.items())[:10]
    ]
    return ", ".join(named) + (", …" if len(node) > 10 else "")
