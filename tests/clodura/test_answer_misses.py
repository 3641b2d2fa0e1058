"""Answers without a contact: what says that nobody was found, what reports a failure, and what repeats the request."""

import json
from typing import Any

import pytest

from clodura_pipeline.clodura.answers.reader import AnswerReader, Enrichment, Found
from clodura_pipeline.errors import UnreadableAnswer

READER = AnswerReader()
SENT = {"firstName": "Ada", "lastName": "Byron", "email": "ada@engines.example", "linkedinUrl": "linkedin.com/in/ada"}


def read(document: Any, **sent: str) -> Enrichment:
    return READER.read(json.dumps(document).encode(), sent)


FAILURES = [
    "Invalid API key", "API key not found", "No plan found", "Please upgrade your plan", "Contact support",
    "A parameter is missing", "A field is required", "Account suspended", "Your request was aborted",
    "The server is busy", "You cannot use this endpoint", "Feature disabled", "IP blocked", "Retry after 5 s",
    "Request throttled", "Request cancelled", "There was a problem", "Access denied", "Pool exceeded",
    "Pool exhausted", "rate_limited", "INSUFFICIENT_CREDITS", "Service unavailable", "Timed out", "time-out",
    "Unauthorized", "Forbidden", "Session expired", "Try again", "In maintenance", "overloaded", "Too many requests",
    "Something went wrong", "Not processed", "not allowed", "IN_PROGRESS", "queued", "Not ready", "rejected",
    "pending", "processing", "running", "started", "accepted", "error", "failed", "over the limit", "no quota",
]  # fmt: skip


@pytest.mark.parametrize("name", ["message", "status", "success"])
def test_what_reports_a_failure_beside_nothing_is_unreadable(name: str) -> None:
    for said in FAILURES:
        try:
            enrichment = read({"data": None, name: said})
        except UnreadableAnswer as unreadable:
            assert "reports a failure" in str(unreadable), said
        else:
            pytest.fail(f"{said} is read as {enrichment.found}")


MISSES = [
    "No match found. No credits were charged.", "We couldn't find this person", "Unable to find a match",
    "Could not locate the contact", "Person not found", "No contact could be found", "NOT_FOUND", "notFound",
    "no-match", "NoMatch", "No data", "no records matched", "Nothing found", "The query did not match",
    "Search failed: no results", "no enrichment record",
]  # fmt: skip


@pytest.mark.parametrize("name", ["message", "error", "status"])
def test_what_says_that_nobody_was_found_is_a_miss(name: str) -> None:
    for said in MISSES:
        assert read({name: said}).found is Found.NO_MATCH, said


@pytest.mark.parametrize(
    "document",
    [{"error": {"status": 404, "message": "Person not found"}}, {"code": 4004, "message": "No data found"},
     {"data": None, "requestId": "error-limit-7"}, {"data": {"karma": 0}}, {"data": {"karma": False}},
     {"personId": "-", "firstName": "--", "lastName": "N/A"},
     {"data": None, "code": 204}, {"data": [], "warnings": []}, {"count": 0, "records": []}, {"matched": 0},
     {"data": {"match": False}}, {"data": None, "error": "none"}, {"data": None, "hasErrors": "no"},
     {"input": {"emailaddress": "ada@engines.example"}, "data": [], "matchStatus": "NO_MATCH"},
     {"request": SENT, "results": []}, {"queryEmail": "ada@engines.example", "result": {}},
     {"input": {"linkedinUrl": "https://www.linkedin.com/in/Ada/"}, "data": None}],
    ids=json.dumps,
)  # fmt: skip
def test_codes_counts_and_the_request_repeated_are_a_miss(document: Any) -> None:
    assert read(document, **SENT).found is Found.NO_MATCH


@pytest.mark.parametrize(
    "document",
    [{"error": 404}, {"success": True, "remainingCredits": 98},
     {"data": None, "code": 5001, "message": "bad"}, {"data": None, "code": 600},
     {"data": None, "status": 400}, {"data": None, "status": 599}, {"data": None, "warnings": ["partial outage"]},
     {"data": None, "success": "no"}, {"fault": {"text": "Quota"}}, {"exception": "x", "data": None},
     {"data": {"note": "Ada"}, "text": "x"}, {"data": {"vn": "Ada", "nn": "Byron"}}],
    ids=json.dumps,
)  # fmt: skip
def test_other_codes_and_texts_are_unreadable(document: Any) -> None:
    with pytest.raises(UnreadableAnswer):
        read(document, **SENT)


def test_what_repeats_the_request_under_any_name_may_not_hold_the_person() -> None:
    answer = {"query_first": "Ada", "query_last": "Byron", "company": {"name": "Engines", "domain": "e.example"}}
    assert read(answer, **SENT).found is Found.ORGANISATION
    with pytest.raises(UnreadableAnswer, match="may hold the person"):
        read(answer)


def test_a_name_that_stands_only_in_the_repeated_request_is_not_read() -> None:
    enrichment = read({"request": SENT, "result": {"personId": "p-1", "jobTitle": "CTO"}}, **SENT)
    assert (enrichment.person.first_name, enrichment.person.clodura_person_id) == (None, "p-1")


def test_what_stands_in_the_request_and_was_not_sent_is_read() -> None:
    answer = {"query": {"firstName": "Ada", "personId": "p-1"}}
    assert read(answer).person.clodura_person_id == "p-1"


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"creditsUsed": 1, "company": {"name": "Engines"}}, Found.ORGANISATION),
        ({"creditsUsed": 2, "company": {"name": "Engines"}}, Found.PERSON),
        ({"creditsUsed": 2}, Found.PERSON),
        ({"creditsUsed": 1}, None),
        ({"creditsUsed": 0}, Found.NO_MATCH),
    ],
)
def test_the_price_says_what_was_found_where_the_request_is_repeated(more: Any, found: Found | None) -> None:
    if found is None:
        with pytest.raises(UnreadableAnswer):
            read({**SENT, **more}, **SENT)
    else:
        assert read({**SENT, **more}, **SENT).found is found


@pytest.mark.parametrize(
    ("statement", "credits"),
    [
        ({"creditUsage": {"lifetime": {"total": 980}, "used": 2}}, 2),
        ({"creditUsage": {"monthly": {"used": 50, "limit": 100}}}, None),
        ({"creditsUsedThisMonth": 50, "creditsUsedToday": 4}, None),
        ({"creditsUsed": 1, "creditsCharged": 2}, 2),
        ({"creditsCharged": 2, "creditsUsed": 1}, 2),
        ({"billing": {"cost": 20}, "meta": {"creditsUsed": 2}}, 2),
        ({"meta": {"creditsUsed": 1}, "creditsUsed": 2}, 2),
        ({"creditBurn": 2}, 2),
        ({"creditsUsed": 0.12345678}, 0.123457),
        ({"person": {"firstName": "Ada", "creditsUsed": 2}}, 2),
        ({"firstName": None, "companyName": "Engines", "domain": "engines.example", "creditsUsed": 1}, 1),
        ({"usage": {"cost": "none"}}, None),
    ],
)
def test_of_several_statements_of_credits_the_one_of_this_call_counts(statement: Any, credits: float | None) -> None:
    assert read({"firstName": "Ada", **statement}).stated_credits == credits


def test_a_place_beside_the_repeated_request_may_be_the_companys() -> None:
    answer = {"firstName": "Ada", "lastName": "Byron", "companyName": "Engines", "city": "Leeds"}
    with pytest.raises(UnreadableAnswer, match="nothing that says who it is"):
        read(answer, **SENT)
    enrichment = read({**answer, "creditsUsed": 1}, **SENT)
    assert (enrichment.found, enrichment.person.city) == (Found.ORGANISATION, None)
