"""Answers as Clodura gives them: contact, company, nobody, credits and errors, in the shape the options ask for."""

import zlib
from dataclasses import dataclass
from typing import Any

from .directory import Lookup, Organisation, Person
from .options import SandboxOptions

COSTS = {"person": 2, "organisation": 1, "miss": 0}
PERSON_KEYS = (
    "personId",
    "firstName",
    "lastName",
    "linkedinUrl",
    "personTitle",
    "functional",
    "seniority",
    "personCity",
    "personState",
    "personCountry",
)
MESSAGES = {
    400: "Malformed input",
    401: "API key missing or invalid",
    402: "Credits exhausted",
    403: "This endpoint requires a paid plan",
    404: "No enrichment data found for this contact",
    409: "Daily limit reached for this endpoint",
    422: "Invalid parameter combination",
    429: "Rate limit exceeded",
    500: "Internal server error",
    503: "Service unavailable",
}
ALREADY_ENRICHED = "This contact was already enriched a few minutes ago"
_STATED_IN_VAIN = "creditsUsed"
_MISSES_BY_CONTACT = ("empty_object", "empty_data", "null_data", "nulls", "not_found")


@dataclass(frozen=True)
class Answer:
    """A status with its JSON, and what it costs."""

    status: int
    payload: dict[str, Any]
    cost: int


def error(status: int, message: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    return {"status": "error", "message": message or MESSAGES.get(status, "Error")}


def enrichment(lookup: Lookup, options: SandboxOptions) -> Answer:
    """What Clodura says about a contact."""
    cost = COSTS[lookup.found]
    if options.envelope == "unknown":
        return Answer(200, unknown_shape(lookup), cost)
    if lookup.found == "miss":
        status, payload = _miss(lookup, options)
        if status == 404:
            return Answer(404, payload, 0)
    else:
        status, payload = 200, _enveloped(_content(lookup, options), options)
    return Answer(status, with_cost(payload, options.credit_usage_field, cost), cost)


def unknown_shape(lookup: Lookup) -> dict[str, Any]:
    """An answer in words that nobody has documented; who was found can be guessed from it, and must not be."""
    person, organisation = lookup.person, lookup.organisation
    matches = [
        {
            "who": f"{person.first_name} {person.last_name}" if person else None,
            "role": person.title if person else None,
            "employer": organisation.name if organisation else None,
        }
    ]
    return {"result": {"version": 3, "matches": matches if lookup.found != "miss" else []}}


def with_cost(payload: dict[str, Any], name: str | None, cost: int) -> dict[str, Any]:
    """The payload with its cost under a name, where dots nest; unchanged without a name."""
    if name is None:
        return payload
    *outer, last = name.split(".")
    stated: dict[str, Any] = {last: cost}
    for key in reversed(outer):
        stated = {key: stated}
    return {**payload, **stated}


def with_wrong_cost(payload: dict[str, Any], options: SandboxOptions) -> dict[str, Any]:
    """The payload, stating a cost of 5 that Clodura's price list does not know."""
    return with_cost(payload, options.credit_usage_field or _STATED_IN_VAIN, 5)


def credits_answer(balance: int, options: SandboxOptions) -> Answer:
    """What GET /credits answers, by plan."""
    if options.credits_shape == "missing":
        return Answer(404, error(404, "No credits for this plan"), 0)
    if options.credits_shape == "views":
        views = {"contactsView": 142, "maxContacts": "1000", "directDials": 38, "maxDirectDials": 200}
        return Answer(200, views, 0)
    return Answer(200, {"remainingCredits": balance}, 0)


def _miss(lookup: Lookup, options: SandboxOptions) -> tuple[int, dict[str, Any]]:
    style = options.miss_style
    if style == "mixed":
        style = _MISSES_BY_CONTACT[_share_of(lookup.contact) % len(_MISSES_BY_CONTACT)]
    if style == "not_found":
        return 404, error(404)
    if style == "empty_data":
        return 200, {"data": [] if options.envelope == "data_list" else {}}
    if style == "null_data":
        return 200, {"data": None}
    if style == "nulls":
        return 200, _enveloped({**dict.fromkeys(PERSON_KEYS), "organisation": None}, options)
    return 200, {}


def _content(lookup: Lookup, options: SandboxOptions) -> dict[str, Any]:
    organisation = _organisation_fields(lookup.organisation) if lookup.organisation else None
    if lookup.person is not None:
        return {**_person_fields(lookup.person, options), "organisation": organisation}
    # Clodura does not say whether the keys of a person it has not found are left out or null: half of each.
    absent = _share_of(lookup.contact) % 2
    return {"organisation": organisation} if absent else {**dict.fromkeys(PERSON_KEYS), "organisation": organisation}


def _enveloped(content: dict[str, Any], options: SandboxOptions) -> dict[str, Any]:
    if options.envelope == "data_object":
        return {"data": content}
    if options.envelope == "data_list":
        return {"data": [content]}
    return dict(content)


def _person_fields(person: Person, options: SandboxOptions) -> dict[str, Any]:
    style = options.department_seniority_style
    share = _share_of(person.person_id)
    # The two fields vary apart from each other, so that a mixture shows all four pairs.
    functional_is_text = style == "string" or (style == "mixed" and bool(share & 1))
    seniority_is_text = style == "string" or (style == "mixed" and bool(share & 2))
    return {
        "personId": person.person_id,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "linkedinUrl": person.linkedin_url,
        "personTitle": person.title,
        "functional": person.departments[0] if functional_is_text else list(person.departments),
        "seniority": person.seniority if seniority_is_text else [person.seniority],
        "personCity": person.city,
        "personState": person.state,
        "personCountry": person.country,
    }


def _organisation_fields(organisation: Organisation) -> dict[str, Any]:
    return {
        "organisationId": organisation.organisation_id,
        "organisationName": organisation.name,
        "domain": organisation.domain,
        "industry": organisation.industry,
        "organisationEmployeeSize": organisation.employee_size,
        "revenue": organisation.revenue,
        "foundedYear": organisation.founded_year,
        "boardlineNumbers": list(organisation.board_lines),
        "organisationCity": organisation.city,
        "organisationState": organisation.state,
        "organisationCountry": organisation.country,
    }


def _share_of(contact: str) -> int:
    """A number that depends on nothing but the contact (Python's own hash differs in every process)."""
    return zlib.crc32(contact.encode(errors="replace"))
