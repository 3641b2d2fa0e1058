"""Answers as Clodura gives them: contact, company, no match, credits and errors, in the shape the options ask for."""

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from .directory import Lookup, Organisation, Person
from .options import SandboxOptions
from .wire import HTML, Reply

_COSTS = {"person": 2, "organisation": 1, "miss": 0}
# Documented names of the fields of an answer, and the attributes of `Person` and `Organisation` with their values.
PERSON_FIELDS = {
    "personId": "person_id", "firstName": "first_name", "lastName": "last_name", "linkedinUrl": "linkedin_url",
    "personTitle": "title", "functional": "departments", "seniority": "seniority", "personCity": "city",
    "personState": "state", "personCountry": "country",
}  # fmt: skip
ORGANISATION_FIELDS = {
    "organisationId": "organisation_id", "organisationName": "name", "domain": "domain", "industry": "industry",
    "organisationEmployeeSize": "employee_size", "revenue": "revenue", "foundedYear": "founded_year",
    "boardlineNumbers": "board_lines", "organisationCity": "city", "organisationState": "state",
    "organisationCountry": "country",
}  # fmt: skip
_MESSAGES = {
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
COST_FIELD_OF_FAULTS = "creditsUsed"
_MISSES_BY_CONTACT = ("empty_object", "empty_data", "null_data", "nulls", "not_found")
_PAGE = {"pagination": {"page": 1, "total": 1}}

ENVELOPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "object": lambda contact: contact,
    "data_object": lambda contact: {"data": contact},
    "data_list": lambda contact: {"data": [contact]},
    "side_by_side": lambda contact: _side_by_side(contact),
    "data_side_by_side": lambda contact: {"data": _side_by_side(contact)},
    "contact": lambda contact: {"contact": contact},
    "contacts": lambda contact: {"contacts": [contact]},
    "result": lambda contact: {"result": contact},
    "people": lambda contact: {"people": [contact], **_PAGE},
    "list": lambda contact: [contact],
    "enriched_contact": lambda contact: {"data": {"enrichedContact": contact}},
}
# How fields are named: from the path that Clodura documents to another one.
NAME_STYLES: dict[str, Callable[[str], str]] = {
    "documented": lambda path: path,
    "us_spelling": lambda path: path.replace("rganisation", "rganization"),
    "flat": lambda path: re.sub(r"^organisation\.(?:organisation)?(.)", lambda m: "organisation" + m[1].upper(), path),
    "snake_case": lambda path: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path).lower(),
    "job_title": lambda path: {"personTitle": "jobTitle"}.get(path, path),
    "bare": lambda path: re.sub(r"\bperson(\w)", lambda m: m[1].lower(), path),
    "full_name": lambda path: {"personTitle": "position"}.get(path, path),
}


def error(status: int, message: str | None = None, lookup: Lookup | None = None) -> Reply:
    """An error, in the words of the documentation where no others are given."""
    return Reply(status, {"status": "error", "message": message or _MESSAGES.get(status, "Error")}, lookup=lookup)


def page(status: int, text: str) -> Reply:
    """A web page."""
    html = f"<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><pre>{text}</pre></body></html>\n"
    return Reply(status, html, HTML)


def enrichment(lookup: Lookup, options: SandboxOptions, empty_field: str | None = None) -> Reply:
    """What Clodura answers for a contact; `empty_field` is left empty in it."""
    cost = _COSTS[lookup.found]
    if options.envelope == "unknown":
        return Reply(200, unknown_shape(lookup), cost=cost, lookup=lookup)
    if lookup.found == "miss":
        style = options.miss_style
        if style == "mixed":
            style = _MISSES_BY_CONTACT[_share_of(lookup.contact) % len(_MISSES_BY_CONTACT)]
        if style == "not_found":
            return error(404, lookup=lookup)
        payload = {
            "empty_object": {},
            "empty_data": {"data": [] if options.envelope == "data_list" else {}},
            "null_data": {"data": None},
            "nulls": _contact(dict.fromkeys((*PERSON_FIELDS, "organisation")), options),
        }[style]
    else:
        fields = _fields(lookup, options)
        if empty_field in fields:
            fields[empty_field] = None
        payload = _contact(fields, options)
    if options.credit_usage_field is not None:
        payload = with_value(payload, options.credit_usage_field, cost)
    return Reply(200, payload, cost=cost, lookup=lookup)


def unknown_shape(lookup: Lookup | None) -> dict[str, Any]:
    """An answer in words that are documented nowhere; who was found can be guessed from it, and must not be."""
    if lookup is None or lookup.found == "miss":
        return {"result": {"version": 3, "grade": "F", "matches": []}}
    person, organisation = lookup.person, lookup.organisation
    match = {
        "who": f"{person.first_name} {person.last_name}" if person else None,
        "does": person.title if person else None,
        "at": organisation.name if organisation else None,
    }
    return {"result": {"version": 3, "grade": "A", "matches": [match]}}


def with_value(payload: Any, name: str, value: Any) -> Any:
    """The payload with a value beside the contact, under a name where dots nest."""
    if isinstance(payload, list):
        return [with_value(payload[0], name, value), *payload[1:]]
    return _nested({name: value}, into=payload)


def credits_left(balance: float, options: SandboxOptions) -> Reply:
    """What GET /credits answers, by plan."""
    if options.credits_shape == "missing":
        return error(404, "No credits for this plan")
    if options.credits_shape == "views":
        return Reply(200, {"contactsView": 142, "maxContacts": "1000", "directDials": 38, "maxDirectDials": 200})
    return Reply(200, {"remainingCredits": balance})


def _contact(fields: Mapping[str, Any], options: SandboxOptions) -> Any:
    """Fields by documented path, under the names and in the envelope that the options ask for."""
    style = NAME_STYLES[options.name_style]
    if options.name_style == "full_name" and "firstName" in fields:
        first, last = fields["firstName"], fields["lastName"]
        others = {path: value for path, value in fields.items() if path not in ("firstName", "lastName")}
        fields = {"fullName": f"{first} {last}" if first else None, **others}
    named = {options.field_names.get(path) or style(path): value for path, value in fields.items()}
    return ENVELOPES[options.envelope](_nested(named))


def _nested(values: Mapping[str, Any], into: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Values by dotted path as nested objects, added to an object."""
    made = dict(into or {})
    for path, value in values.items():
        first, _, rest = path.partition(".")
        inner = made.get(first)
        made[first] = _nested({rest: value}, inner if isinstance(inner, dict) else None) if rest else value
    return made


def _side_by_side(contact: Mapping[str, Any]) -> dict[str, Any]:
    beside = {name: value for name, value in contact.items() if name.lower() in ("organisation", "organization")}
    return {"person": {name: value for name, value in contact.items() if name not in beside} or None, **beside}


def _fields(lookup: Lookup, options: SandboxOptions) -> dict[str, Any]:
    """What is known about a contact, by documented path."""
    fields: dict[str, Any]
    if lookup.person is not None:
        fields = _values(lookup.person, PERSON_FIELDS)
        style, share = options.department_seniority_style, _share_of(lookup.person.person_id)
        # The two fields vary independently, so that a mixture shows all four pairs.
        if style == "string" or (style == "mixed" and share & 1):
            fields["functional"] = fields["functional"][0]
        if style == "list" or (style == "mixed" and share & 2):
            fields["seniority"] = [fields["seniority"]]
    else:
        # Clodura does not say whether the keys of a person it has not found are left out or null: half of each.
        fields = {} if _share_of(lookup.contact) % 2 else dict.fromkeys(PERSON_FIELDS)
    if lookup.organisation is None:
        return {**fields, "organisation": None}
    organisation = _values(lookup.organisation, ORGANISATION_FIELDS)
    return fields | {f"organisation.{name}": value for name, value in organisation.items()}


def _values(described: Person | Organisation, fields: Mapping[str, str]) -> dict[str, Any]:
    return {name: getattr(described, attribute) for name, attribute in fields.items()}


def _share_of(contact: str) -> int:
    """A number that depends only on the contact (Python's own hash differs in every process)."""
    return zlib.crc32(contact.encode(errors="replace"))
