"""Replies as Clodura gives them: contact, company, no match, credits and errors, in the shape the options ask for."""

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .directory import Lookup
from .faults import Delivery
from .options import SandboxOptions

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
# How a miss is said; "mixed" takes another one for each contact.
MISSES: dict[str, Callable[[SandboxOptions], Any]] = {
    "empty_object": lambda _: {},
    "empty_data": lambda options: {"data": [] if options.envelope == "data_list" else {}},
    "null_data": lambda _: {"data": None},
    "nulls": lambda options: _contact(dict.fromkeys((*PERSON_FIELDS, "organisation")), options),
    "not_found": lambda _: None,
}


@dataclass(frozen=True)
class Reply:
    """What is answered and how it is delivered, what it costs, and who was looked up."""

    status: int
    payload: Any  # sent as JSON; text and bytes are sent as they are
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cost: float = 0
    lookup: Lookup | None = None
    delivery: Delivery = "whole"

    def body(self) -> bytes:
        """The payload as it is sent."""
        if isinstance(self.payload, bytes):
            return self.payload
        text = self.payload if isinstance(self.payload, str) else json.dumps(self.payload, ensure_ascii=False)
        return text.encode(errors="replace")


def error(status: int, message: str | None = None) -> Reply:
    """An error, in the words of the documentation where no others are given."""
    return Reply(status, {"status": "error", "message": message or _MESSAGES.get(status, "Error")})


def page(status: int, text: str) -> Reply:
    """A web page."""
    html = f"<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><pre>{text}</pre></body></html>\n"
    return Reply(status, html, "text/html; charset=utf-8")


def enrichment(lookup: Lookup, options: SandboxOptions, empty_field: str | None = None) -> Reply:
    """What Clodura answers for a contact; `empty_field` is left empty in it."""
    if options.envelope == "unknown":
        payload = unknown_shape(lookup)
    elif lookup.found == "miss":
        styles = list(MISSES) if options.miss_style == "mixed" else [options.miss_style]
        style = styles[_share_of(lookup.contact) % len(styles)]
        if style == "not_found":
            return error(404)
        payload = MISSES[style](options)
    else:
        fields = _fields(lookup, options)
        payload = _contact(fields | {path: None for path in fields if path == empty_field}, options)
    cost = _COSTS[lookup.found]
    if options.credit_usage_field is not None and options.envelope != "unknown":
        payload = with_value(payload, options.credit_usage_field, cost)
    return Reply(200, payload, cost=cost)


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
    share = _share_of(lookup.contact)
    # Clodura does not say whether the keys of a person it has not found are left out or null: half of each.
    fields: dict[str, Any] = {} if share % 2 else dict.fromkeys(PERSON_FIELDS)
    if lookup.person is not None:
        fields = {name: getattr(lookup.person, attribute) for name, attribute in PERSON_FIELDS.items()}
        style = options.department_seniority_style
        # The two fields vary independently, so that a mixture shows all four pairs.
        if style == "string" or (style == "mixed" and share & 1):
            fields["functional"] = fields["functional"][0]
        if style == "list" or (style == "mixed" and share & 2):
            fields["seniority"] = [fields["seniority"]]
    if lookup.organisation is None:
        return {**fields, "organisation": None}
    organisation = lookup.organisation
    return fields | {f"organisation.{name}": getattr(organisation, of) for name, of in ORGANISATION_FIELDS.items()}


def _share_of(contact: str) -> int:
    """A number that depends only on the contact (Python's own hash differs in every process)."""
    return zlib.crc32(contact.encode(errors="replace"))
