"""What the API answers: statuses, combinations, envelopes, ways of saying no match, credits and charges."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sandbox_client import COMPANY_ONLY, NOBODY, SOMEBODY, ask, by_profile, enrich, people

from clodura_pipeline.sandbox import CREDITS_PATH, ENRICH_PATH, Sandbox, SandboxOptions
from clodura_pipeline.sandbox.answers import PERSON_KEYS

Start = Callable[..., Sandbox]
ORGANISATION_KEYS = [
    "organisationId",
    "organisationName",
    "domain",
    "industry",
    "organisationEmployeeSize",
    "revenue",
    "foundedYear",
    "boardlineNumbers",
    "organisationCity",
    "organisationState",
    "organisationCountry",
]


def test_a_person_comes_back_under_the_documented_keys_and_costs_two(start: Start) -> None:
    sandbox = start()
    got = enrich(sandbox, SOMEBODY)
    assert got.status == 200
    assert got.headers["content-type"].startswith("application/json")
    assert list(got.json) == [*PERSON_KEYS, "organisation"]
    assert list(got.json["organisation"]) == ORGANISATION_KEYS
    assert got.json["personId"] == people("person")[0].person_id
    assert sandbox.books.charged == 2


def test_a_company_alone_costs_one_and_has_no_person_in_it(start: Start) -> None:
    sandbox = start()
    shapes = set()
    for count, person in enumerate(people("organisation")[:20], start=1):
        answer = enrich(sandbox, by_profile(person)).json
        assert answer["organisation"]["organisationId"] == person.organisation.organisation_id
        assert all(answer.get(key) is None for key in PERSON_KEYS)
        assert sandbox.books.charged == count
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
    assert sandbox.books.calls[0].contact == person.person_id


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
    assert (sandbox.books.charged, sandbox.books.balance) == (0, 10_000)


def test_a_body_that_does_not_call_itself_json_is_malformed(start: Start) -> None:
    assert enrich(start(), SOMEBODY, headers={"Content-Type": "text/plain"}).status == 400


@pytest.mark.parametrize(("method", "path"), [("POST", ENRICH_PATH), ("GET", CREDITS_PATH)])
def test_a_wrong_key_and_an_unpaid_plan_are_refused_everywhere(start: Start, method: str, path: str) -> None:
    sandbox = start()
    assert ask(sandbox, method, path, SOMEBODY, headers={"X-API-KEY": "another"}).status == 401
    assert ask(sandbox, method, path, SOMEBODY, headers={"X-API-KEY": ""}).status == 401
    sandbox.options = replace(sandbox.options, paid_plan=False)
    assert ask(sandbox, method, path, SOMEBODY).status == 403
    assert sandbox.books.charged == 0


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v2/enrich"), ("GET", ENRICH_PATH), ("GET", "/")])
def test_an_unknown_path_is_a_404_that_is_not_json(start: Start, method: str, path: str) -> None:
    got = ask(start(), method, path)
    assert got.status == 404
    assert got.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        _ = got.json


@pytest.mark.parametrize(
    ("envelope", "opened"),
    [
        ("object", lambda answer: answer),
        ("data_object", lambda answer: answer["data"]),
        ("data_list", lambda answer: answer["data"][0]),
    ],
)
def test_each_envelope_holds_the_same_contact(start: Start, envelope: str, opened: Callable[[Any], Any]) -> None:
    sandbox = start(envelope=envelope, credit_usage_field="creditsUsed")
    for body, cost in ((SOMEBODY, 2), (COMPANY_ONLY, 1)):
        answer = enrich(sandbox, body).json
        assert opened(answer)["organisation"]["organisationId"]
        assert answer["creditsUsed"] == cost, "the cost stands at the top, beside the contact"


def test_the_unknown_envelope_is_charged_and_names_no_documented_key(start: Start) -> None:
    sandbox = start(envelope="unknown")
    answer = enrich(sandbox, SOMEBODY).json
    assert not {*PERSON_KEYS, "organisation", "data"} & set(answer)
    assert sandbox.books.charged == 2


@pytest.mark.parametrize(
    ("style", "envelope", "status", "answer"),
    [
        ("empty_object", "object", 200, {}),
        ("empty_object", "data_list", 200, {}),
        ("empty_data", "object", 200, {"data": {}}),
        ("empty_data", "data_object", 200, {"data": {}}),
        ("empty_data", "data_list", 200, {"data": []}),
        ("null_data", "data_object", 200, {"data": None}),
        ("nulls", "object", 200, dict.fromkeys([*PERSON_KEYS, "organisation"])),
        ("nulls", "data_object", 200, {"data": dict.fromkeys([*PERSON_KEYS, "organisation"])}),
        ("nulls", "data_list", 200, {"data": [dict.fromkeys([*PERSON_KEYS, "organisation"])]}),
        ("not_found", "object", 404, {"status": "error", "message": "No enrichment data found for this contact"}),
    ],
)
def test_each_way_of_saying_no_match_is_free(
    start: Start, style: str, envelope: str, status: int, answer: dict[str, Any]
) -> None:
    sandbox = start(miss_style=style, envelope=envelope)
    got = enrich(sandbox, NOBODY)
    assert (got.status, got.json) == (status, answer)
    assert got.headers["content-type"].startswith("application/json")
    assert sandbox.books.charged == 0


def test_mixed_misses_show_every_style_and_each_contact_keeps_its_own(start: Start) -> None:
    sandbox = start(miss_style="mixed", envelope="data_object")
    nobodies = [by_profile(person) for person in people("miss")[:40]]
    said = [enrich(sandbox, body).body for body in nobodies]
    assert len(set(said)) == 5
    assert [enrich(sandbox, body).body for body in nobodies] == said


@pytest.mark.parametrize(
    ("name", "stated"),
    [("creditsUsed", {"creditsUsed": 2}), ("creditUsage.used", {"creditUsage": {"used": 2}}), (None, {})],
)
def test_the_cost_is_stated_under_the_name_asked_for(start: Start, name: str | None, stated: dict[str, Any]) -> None:
    answer = enrich(start(credit_usage_field=name), SOMEBODY).json
    assert {key: value for key, value in answer.items() if key not in (*PERSON_KEYS, "organisation")} == stated


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
    got = ask(sandbox, "GET", CREDITS_PATH)
    assert (got.status, got.json, sandbox.books.charged) == (status, answer, 0)


def test_the_balance_falls_by_what_is_charged_and_ends_in_402(start: Start) -> None:
    sandbox = start(starting_balance=6)
    persons = [by_profile(person) for person in people("person")[:3]]
    seen = [enrich(sandbox, body).status for body in (persons[0], COMPANY_ONLY, persons[1], persons[2])]
    assert seen == [200, 200, 200, 402]
    assert ask(sandbox, "GET", CREDITS_PATH).json == {"remainingCredits": 1}
    assert enrich(sandbox, COMPANY_ONLY).status == 200, "one credit is enough for a company"
    assert enrich(sandbox, NOBODY).status == 200, "nobody costs nothing"
    assert (enrich(sandbox, COMPANY_ONLY).status, sandbox.books.balance) == (402, 0)


def test_a_changed_starting_balance_is_a_top_up_or_another_spender(start: Start) -> None:
    sandbox = start(starting_balance=2)
    enrich(sandbox, SOMEBODY)
    sandbox.options = replace(sandbox.options, starting_balance=102)
    assert sandbox.books.balance == 100
    sandbox.options = replace(sandbox.options, starting_balance=52)
    assert sandbox.books.balance == 50


def test_rival_callers_spend_the_last_credits_once(start: Start) -> None:
    sandbox = start(starting_balance=21)
    bodies = [by_profile(person) for person in people("person")[:30]]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: enrich(sandbox, body).status, bodies))
    assert (statuses.count(200), statuses.count(402)) == (10, 20)
    assert (sandbox.books.charged, sandbox.books.balance) == (20, 1)


def test_answers_do_not_depend_on_the_run(start: Start) -> None:
    bodies = [by_profile(person) for found in ("person", "organisation", "miss") for person in people(found)[:10]]
    first, second = start(miss_style="mixed"), start(miss_style="mixed")
    assert [enrich(first, body).body for body in bodies] == [enrich(second, body).body for body in reversed(bodies)][
        ::-1
    ]


@pytest.mark.parametrize("offset", [0, 86_400, -3_600])
def test_the_date_header_shows_the_clock_of_the_server(start: Start, offset: int) -> None:
    got = enrich(start(date_offset_seconds=offset), NOBODY)
    shown = parsedate_to_datetime(got.headers["date"])
    assert abs(shown - datetime.now(UTC) - timedelta(seconds=offset)) < timedelta(seconds=3)


def test_the_answer_takes_as_long_as_the_latency_says(start: Start) -> None:
    sandbox = start(latency_seconds=0.1, latency_jitter_seconds=0.05)
    enrich(sandbox, NOBODY)
    assert sandbox.books.wait_until_idle()
    call = sandbox.books.calls[0]
    assert call.finished_at is not None
    assert 0.1 <= call.finished_at - call.arrived_at < 1.0


def test_the_key_is_in_no_repr_and_in_no_message() -> None:
    options = SandboxOptions(api_key="very-secret")
    assert not re.search("very-secret", repr(options) + repr(options.as_json()))
