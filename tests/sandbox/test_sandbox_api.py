"""What the API answers: statuses, combinations, envelopes, ways of saying no match, credits and charges."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, get_args

import pytest
from sandbox_client import COMPANY_ONLY, MISS, PERSON, by_profile, enrich, people, request

from clodura_pipeline.sandbox import CREDITS_PATH, ENRICH_PATH, Sandbox, SandboxOptions
from clodura_pipeline.sandbox.options import Envelope
from clodura_pipeline.sandbox.replies import PERSON_FIELDS

Start = Callable[..., Sandbox]
ORGANISATION_KEYS = [
    "organisationId", "organisationName", "domain", "industry", "organisationEmployeeSize", "revenue", "foundedYear",
    "boardlineNumbers", "organisationCity", "organisationState", "organisationCountry",
]  # fmt: skip


def test_a_person_comes_back_under_the_documented_keys_and_costs_two(start: Start) -> None:
    sandbox = start()
    got = enrich(sandbox, PERSON)
    assert got.status == 200
    assert got.headers["content-type"].startswith("application/json")
    assert list(got.json) == [*PERSON_FIELDS, "organisation"]
    assert list(got.json["organisation"]) == ORGANISATION_KEYS
    assert got.json["personId"] == people("person")[0].person_id
    assert sandbox.call_log.charged == 2


def test_a_company_alone_costs_one_and_has_no_person_in_it(start: Start) -> None:
    sandbox = start()
    shapes = set()
    for count, person in enumerate(people("organisation")[:20], start=1):
        answer = enrich(sandbox, by_profile(person)).json
        assert answer["organisation"]["organisationId"] == person.organisation.organisation_id
        assert all(answer.get(key) is None for key in PERSON_FIELDS)
        assert sandbox.call_log.charged == count
        shapes.add("personId" in answer)
    assert shapes == {True, False}, "null keys and absent keys both occur"


@pytest.mark.parametrize("by", ["linkedinUrl", "email", "name and company"])
def test_the_same_person_has_the_same_id_whatever_they_are_asked_by(start: Start, by: str) -> None:
    sandbox = start()
    person = people("person")[5]
    body = {
        "linkedinUrl": {"linkedinUrl": person.linkedin_url.replace("https://www.", "HTTP://de.") + "/?x=1"},
        "email": {"email": person.email.title()},
        "name and company": {
            "firstName": person.first_name,
            "lastName": person.last_name,
            "organisationName": person.organisation.name,
        },
    }[by]
    assert enrich(sandbox, body).json["personId"] == person.person_id
    assert sandbox.call_log.calls[0].contact == person.person_id


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"linkedinUrl": "https://www.linkedin.com/in/x"}, 200),
        ({"email": "x@y.example"}, 200),
        ({"firstName": "A", "lastName": "B", "email": "x@y.example"}, 200),
        ({"firstName": "A", "lastName": "B", "orgLinkedinUrl": "linkedin.com/company/x"}, 200),
        ({"firstName": "A", "lastName": "B", "organisationName": "X"}, 200),
        ({"email": "x@y.example", "emial": "typo"}, 200),
        ({}, 422),
        ({"firstName": "A"}, 422),
        ({"firstName": "A", "lastName": "B"}, 422),
        ({"organisationName": "X"}, 422),
        ({"firstName": "A", "organisationName": "X"}, 422),
        ({"emial": "x@y.example"}, 422),
        ({"email": "  "}, 422),
        ({"email": None}, 422),
        ({"email": 7}, 422),
        ({"linkedinUrl": "https://www.linkedin.com/sales/lead/ACoAA,NAME"}, 422),
        ({"linkedinUrl": "https://www.linkedin.com/sales/people/ACoAA", "email": "x@y.example"}, 422),
        ([{"email": "x@y.example"}], 400),
        ("text", 400),
        (b"{not json", 400),
        (b"", 400),
    ],
)
def test_only_combinations_that_identify_somebody_are_served(start: Start, body: Any, status: int) -> None:
    sandbox = start()
    assert enrich(sandbox, body).status == status
    assert (sandbox.call_log.charged, sandbox.call_log.balance) == (0, 10_000)


def test_a_body_that_does_not_call_itself_json_is_malformed(start: Start) -> None:
    assert enrich(start(), PERSON, headers={"Content-Type": "text/plain"}).status == 400


@pytest.mark.parametrize(("method", "path"), [("POST", ENRICH_PATH), ("GET", CREDITS_PATH)])
def test_a_wrong_key_and_an_unpaid_plan_are_refused_everywhere(start: Start, method: str, path: str) -> None:
    sandbox = start()
    assert request(sandbox, method, path, PERSON, headers={"X-API-KEY": "another"}).status == 401
    assert request(sandbox, method, path, PERSON, headers={"X-API-KEY": ""}).status == 401
    sandbox.options = replace(sandbox.options, paid_plan=False)
    assert request(sandbox, method, path, PERSON).status == 403
    assert sandbox.call_log.charged == 0


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v2/enrich"), ("GET", ENRICH_PATH), ("GET", "/")])
def test_an_unknown_path_is_a_404_that_is_not_json(start: Start, method: str, path: str) -> None:
    got = request(start(), method, path)
    assert got.status == 404
    assert got.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        _ = got.json


# Where the contact and its organisation stand in an answer: keys from the top.
ENVELOPES: dict[str, tuple[list[str | int], list[str | int]]] = {
    "object": ([], ["organisation"]),
    "data_object": (["data"], ["data", "organisation"]),
    "data_list": (["data", 0], ["data", 0, "organisation"]),
    "side_by_side": (["person"], ["organisation"]),
    "data_side_by_side": (["data", "person"], ["data", "organisation"]),
    "contact": (["contact"], ["contact", "organisation"]),
    "contacts": (["contacts", 0], ["contacts", 0, "organisation"]),
    "result": (["result"], ["result", "organisation"]),
    "people": (["people", 0], ["people", 0, "organisation"]),
    "list": ([0], [0, "organisation"]),
    "enriched_contact": (["data", "enrichedContact"], ["data", "enrichedContact", "organisation"]),
}


def test_every_envelope_but_the_unknown_one_is_opened_here() -> None:
    assert set(ENVELOPES) == set(get_args(Envelope)) - {"unknown"}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_each_envelope_holds_the_contact_and_states_the_cost_at_the_top(start: Start, envelope: str) -> None:
    sandbox = start(envelope=envelope, credit_usage_field="creditUsage.used")
    for body, cost in ((PERSON, 2), (COMPANY_ONLY, 1)):
        answer = enrich(sandbox, body).json
        person, organisation = (value_at(answer, path) for path in ENVELOPES[envelope])
        assert organisation["organisationId"]
        assert ((person or {}).get("personId") is not None) == (cost == 2)
        assert (answer[0] if isinstance(answer, list) else answer)["creditUsage"] == {"used": cost}


@pytest.mark.parametrize(
    ("style", "title", "organisation_name", "domain"),
    [
        ("documented", ["personTitle"], ["organisation", "organisationName"], ["organisation", "domain"]),
        ("us_spelling", ["personTitle"], ["organization", "organizationName"], ["organization", "domain"]),
        ("flat", ["personTitle"], ["organisationName"], ["organisationDomain"]),
        ("snake_case", ["person_title"], ["organisation", "organisation_name"], ["organisation", "domain"]),
        ("job_title", ["jobTitle"], ["organisation", "organisationName"], ["organisation", "domain"]),
        ("bare", ["title"], ["organisation", "organisationName"], ["organisation", "domain"]),
        ("full_name", ["position"], ["organisation", "organisationName"], ["organisation", "domain"]),
    ],
)
def test_each_style_names_the_same_values(
    start: Start, style: str, title: list[str], organisation_name: list[str], domain: list[str]
) -> None:
    person = people("person")[0]
    answer = enrich(start(name_style=style), by_profile(person)).json
    assert value_at(answer, title) == person.title
    assert value_at(answer, organisation_name) == person.organisation.name
    assert value_at(answer, domain) == person.organisation.domain
    if style == "full_name":
        assert answer["fullName"] == f"{person.first_name} {person.last_name}"
        assert "firstName" not in answer


def test_names_may_be_combined_with_any_envelope(start: Start) -> None:
    person = people("person")[0]
    sandbox = start(envelope="side_by_side", name_style="us_spelling", credit_usage_field="creditUsage.used")
    answer = enrich(sandbox, by_profile(person)).json
    assert set(answer) == {"person", "organization", "creditUsage"}
    assert answer["organization"]["organizationName"] == person.organisation.name
    assert "organization" not in answer["person"]


def test_single_fields_get_the_names_that_are_asked_for(start: Start) -> None:
    person = people("person")[0]
    names = {"personTitle": "result.who.position", "organisation.organisationName": "result.firm.title"}
    answer = enrich(start(field_names=names), by_profile(person)).json
    assert answer["result"] == {"who": {"position": person.title}, "firm": {"title": person.organisation.name}}
    assert "personTitle" not in answer
    assert "organisationName" not in answer["organisation"]


def value_at(answer: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        answer = answer[key]
    return answer


def test_the_unknown_envelope_is_charged_and_names_no_documented_key(start: Start) -> None:
    sandbox = start(envelope="unknown")
    answer = enrich(sandbox, PERSON).json
    assert not {*PERSON_FIELDS, "organisation", "data"} & set(answer)
    assert sandbox.call_log.charged == 2


@pytest.mark.parametrize(
    ("style", "envelope", "status", "answer"),
    [
        ("empty_object", "object", 200, {}),
        ("empty_object", "data_list", 200, {}),
        ("empty_data", "object", 200, {"data": {}}),
        ("empty_data", "data_object", 200, {"data": {}}),
        ("empty_data", "data_list", 200, {"data": []}),
        ("null_data", "data_object", 200, {"data": None}),
        ("nulls", "object", 200, dict.fromkeys([*PERSON_FIELDS, "organisation"])),
        ("nulls", "data_object", 200, {"data": dict.fromkeys([*PERSON_FIELDS, "organisation"])}),
        ("nulls", "data_list", 200, {"data": [dict.fromkeys([*PERSON_FIELDS, "organisation"])]}),
        ("not_found", "object", 404, {"status": "error", "message": "No enrichment data found for this contact"}),
    ],
)
def test_each_way_of_saying_no_match_is_free(
    start: Start, style: str, envelope: str, status: int, answer: dict[str, Any]
) -> None:
    sandbox = start(miss_style=style, envelope=envelope)
    got = enrich(sandbox, MISS)
    assert (got.status, got.json) == (status, answer)
    assert got.headers["content-type"].startswith("application/json")
    assert sandbox.call_log.charged == 0


def test_mixed_misses_show_every_style_and_each_contact_keeps_its_own(start: Start) -> None:
    sandbox = start(miss_style="mixed", envelope="data_object")
    misses = [by_profile(person) for person in people("miss")[:40]]
    said = [enrich(sandbox, body).body for body in misses]
    assert len(set(said)) == 5
    assert [enrich(sandbox, body).body for body in misses] == said


@pytest.mark.parametrize(
    ("name", "stated"),
    [("creditsUsed", {"creditsUsed": 2}), ("creditUsage.used", {"creditUsage": {"used": 2}}), (None, {})],
)
def test_the_cost_is_stated_under_the_name_asked_for(start: Start, name: str | None, stated: dict[str, Any]) -> None:
    answer = enrich(start(credit_usage_field=name), PERSON).json
    assert {key: value for key, value in answer.items() if key not in (*PERSON_FIELDS, "organisation")} == stated


@pytest.mark.parametrize(
    ("style", "kinds"), [("string", {(str, str)}), ("list", {(list, list)}), ("mixed", None)], ids=str
)
def test_department_and_seniority_come_as_strings_lists_or_either(
    start: Start, style: str, kinds: set[tuple[type, type]] | None
) -> None:
    sandbox = start(department_seniority_style=style)
    answers = [enrich(sandbox, by_profile(person)).json for person in people("person")[:25]]
    seen = {(type(answer["functional"]), type(answer["seniority"])) for answer in answers}
    assert seen == (kinds or {(str, str), (str, list), (list, str), (list, list)})


@pytest.mark.parametrize(
    ("shape", "status", "answer"),
    [
        ("pool", 200, {"remainingCredits": 10_000}),
        ("views", 200, {"contactsView": 142, "maxContacts": "1000", "directDials": 38, "maxDirectDials": 200}),
        ("missing", 404, {"status": "error", "message": "No credits for this plan"}),
    ],
)
def test_credits_come_in_the_shape_of_the_plan_and_are_free(
    start: Start, shape: str, status: int, answer: dict[str, Any]
) -> None:
    sandbox = start(credits_shape=shape)
    got = request(sandbox, "GET", CREDITS_PATH)
    assert (got.status, got.json, sandbox.call_log.charged) == (status, answer, 0)


def test_the_balance_falls_by_what_is_charged_and_ends_in_402(start: Start) -> None:
    sandbox = start(starting_balance=6)
    persons = [by_profile(person) for person in people("person")[:3]]
    seen = [enrich(sandbox, body).status for body in (persons[0], COMPANY_ONLY, persons[1], persons[2])]
    assert seen == [200, 200, 200, 402]
    assert request(sandbox, "GET", CREDITS_PATH).json == {"remainingCredits": 1}
    assert enrich(sandbox, COMPANY_ONLY).status == 200, "one credit is enough for a company"
    assert enrich(sandbox, MISS).status == 200, "a miss costs nothing"
    assert (enrich(sandbox, COMPANY_ONLY).status, sandbox.call_log.balance) == (402, 0)


def test_a_changed_starting_balance_is_a_top_up_or_another_spender(start: Start) -> None:
    sandbox = start(starting_balance=2)
    enrich(sandbox, PERSON)
    sandbox.options = replace(sandbox.options, starting_balance=102)
    assert sandbox.call_log.balance == 100
    sandbox.options = replace(sandbox.options, starting_balance=52)
    assert sandbox.call_log.balance == 50


def test_somebody_elses_use_of_the_key_takes_fractions_of_a_credit(start: Start) -> None:
    sandbox = start(starting_balance=100, other_use_per_call=0.04)
    for _ in range(3):
        enrich(sandbox, PERSON)
    assert (sandbox.call_log.charged, sandbox.call_log.balance) == (6, 93.88)
    assert request(sandbox, "GET", CREDITS_PATH).json == {"remainingCredits": 93.88}


def test_concurrent_callers_spend_the_last_credits_once(start: Start) -> None:
    sandbox = start(starting_balance=21)
    bodies = [by_profile(person) for person in people("person")[:30]]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: enrich(sandbox, body).status, bodies))
    assert (statuses.count(200), statuses.count(402)) == (10, 20)
    assert (sandbox.call_log.charged, sandbox.call_log.balance) == (20, 1)


def test_answers_do_not_depend_on_the_run(start: Start) -> None:
    bodies = [by_profile(person) for found in ("person", "organisation", "miss") for person in people(found)[:10]]
    first, second = start(miss_style="mixed"), start(miss_style="mixed")
    assert [enrich(first, body).body for body in bodies] == [enrich(second, body).body for body in reversed(bodies)][
        ::-1
    ]


@pytest.mark.parametrize("offset", [0, 86_400, -3_600])
def test_the_date_header_shows_the_clock_of_the_server(start: Start, offset: int) -> None:
    got = enrich(start(date_offset_seconds=offset), MISS)
    shown = parsedate_to_datetime(got.headers["date"])
    assert abs(shown - datetime.now(UTC) - timedelta(seconds=offset)) < timedelta(seconds=3)


def test_the_answer_takes_as_long_as_the_latency_says(start: Start) -> None:
    sandbox = start(latency_seconds=0.1, latency_jitter_seconds=0.05)
    enrich(sandbox, MISS)
    assert sandbox.wait_until_idle()
    call = sandbox.call_log.calls[0]
    assert call.finished_at is not None
    assert 0.1 <= call.finished_at - call.arrived_at < 1.0


def test_the_key_is_in_no_repr_and_in_no_message() -> None:
    options = SandboxOptions(api_key="very-secret")
    assert not re.search("very-secret", repr(options) + repr(options.as_json()))
