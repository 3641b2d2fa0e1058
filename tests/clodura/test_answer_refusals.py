"""Answers that would be read in part: candidates that contradict each other, and what may hold more than was read."""

import json
from typing import Any

import pytest

from clodura_pipeline.clodura.answers.reader import AnswerReader, Enrichment, Found
from clodura_pipeline.errors import UnreadableAnswer

READER = AnswerReader()
PAGE = "https://www.linkedin.com/in/ada"
NAMED = {"firstName": "Ada", "lastName": "Byron", "city": "London"}
FLAT = {**NAMED, "title": "CTO", "company": "Engines"}
BOB = {"firstName": "Bob", "lastName": "King", "title": "CEO", "linkedin": "https://www.linkedin.com/in/bob"}
SENT = {"firstName": "Ada", "lastName": "Byron", "linkedinUrl": PAGE, "organisationName": "Engines"}
TWO_AT_ONCE: dict[str, Any] = {
    "a colleague in the company": {"person": FLAT, "company": {"name": "Engines", "employees": [BOB]}},
    "who made the record": {**FLAT, "createdBy": {"id": 2, "firstName": "Bob", "lastName": "King"}},
    "candidates with scores": {"matches": [{"score": 0.9, "person": FLAT}, {"score": 0.4, "person": BOB}]},
    "one name, two titles": {"contacts": [FLAT, {**FLAT, "title": "Chief"}]},
    "one name, two cities": {"results": [{"fullName": "Ada Byron", "city": "London"},
                                         {"fullName": "Ada Byron", "city": "Oslo"}]},
    "one name, two pages": {"results": [{"name": "Ada Byron", "linkedin": PAGE},
                                        {"name": "Ada Byron", "linkedin": PAGE + "-2"}]},
    "one first name, two last names": {"a": NAMED, "b": {"firstName": "Ada", "lastName": "King"}},
    "two full names": {"a": {"fullName": "Ada Byron", "city": "London"}, "b": {"fullName": "Ada King"}},
    "a colleague in the company of the one asked for": {
        "person": {**NAMED, "city": None, "job": {"title": "CTO"}, "company": {"name": "Engines", "employees": [BOB]}}},
    "two companies of one name": {"organisations": [{"name": "Engines", "city": "Leeds"},
                                                    {"name": "Engines", "city": "Oslo"}]},
    "two ids of companies": {**FLAT, "organisation": {"organisationId": 1}, "company": {"companyId": 2}},
    "two domains": {**FLAT, "a": {"companyDomain": "engines.example"}, "b": {"companyDomain": "bakery.example"}},
    "an opening that could be the company": {**NAMED, "company": "Engines", "companyJobs": [{"title": "Dev"}]},
    "two companies, one current, without a person": {
        "companies": [{"name": "Engines", "isCurrent": True}, {"name": "Bakery", "isCurrent": False}]},
    "two first names that end alike": {"a": {"firstName": "Martin"}, "b": {"firstName": "Kevin"}},
    "two ids": {"a": {**FLAT, "personId": 1}, "b": {**FLAT, "personId": 2}},
    "two pages": {"a": {**FLAT, "linkedin": PAGE}, "b": {**FLAT, "linkedin": PAGE + "-2"}},
    "somebody at the top": {"firstName": "Bob", "person": {**NAMED, "title": "CTO"}},
    "each name as if sent for the other": {"a": {"firstName": "Ada"}, "b": {"firstName": "Byron"}},
    "two employers, neither current": {**NAMED, "employers": [{"name": "Engines"}, {"name": "Old"}]},
}  # fmt: skip


def read(document: Any, **sent: str) -> Enrichment:
    return READER.read(json.dumps(document).encode(), sent)


@pytest.mark.parametrize("sent", [{}, SENT], ids=["", "whoever was asked for"])
@pytest.mark.parametrize("candidates", TWO_AT_ONCE)
def test_two_that_contradict_each_other_are_unreadable(candidates: str, sent: dict[str, str]) -> None:
    with pytest.raises(UnreadableAnswer, match="two candidates differ"):
        read(TWO_AT_ONCE[candidates], **sent)


@pytest.mark.parametrize(
    "document",
    [
        {"contact": FLAT, "profile": {**FLAT, "title": "Chief"}},
        {"contacts": [FLAT], "profiles": [{**FLAT, "title": "Chief"}]},
        {**FLAT, "contacts": [{**NAMED, "title": "Chief"}, NAMED]},
        {"a": {"title": "CTO"}, "contacts": [{**FLAT, "title": None}, {**NAMED, "title": None}], "person": FLAT},
    ],
    ids=["two objects", "two lists of one", "a list below", "a list beside"],
)
def test_only_entries_of_one_list_are_candidates(document: Any) -> None:
    assert read(document).person.job_title == "CTO"


@pytest.mark.parametrize(
    ("document", "reason"),
    [({"data": {"name": "Ada Byron", "title": "CTO", "industry": "Software"}}, "nothing known"),
     ({"data": {"name": "Engines", "city": "Leeds"}}, "nothing known"),
     ({"data": {"name": "Ada Byron", "id": 1, "fax": "+44 1"}}, "nothing known"),
     ({"person": NAMED, "xyz": {"name": "Engines"}}, '"xyz" may hold the organisation'),
     ({"contact": NAMED, "account": {"name": "Engines"}}, '"account" may hold the organisation'),
     ({"person": NAMED, "manager": {"company": {"name": "Old", "domain": "old.example"}}}, "may hold the organisation"),
     ({"company": {"name": "Engines"}, "hit": {"name": "Ada Byron"}}, '"hit" may hold the person'),
     ({"company": {"name": "Engines"}, "vn": "Ada", "nn": "Byron"}, "may hold the person"),
     ({"items": [{"kind": "person", "vn": "Ada"}, {"kind": "company", "name": "Engines"}]}, "may hold the person"),
     ({"company": {"name": "Engines"}, "personCity": "London"}, "nothing that says who it is"),
     ({"company": {"name": "Engines"}, "personCity": "London", "creditsUsed": 2}, "cost of 2 credits"),
     ({"company": {"name": "Engines"}, "location": {"city": "Leeds", "country": "UK"}}, '"location" may hold'),
     ({"data": {"sector": "IT", "email": "ada@engines.example"}}, "nothing known"),
     ({"person": {"vn": "Ada", "company": {"name": "Engines"}}}, '"person" may hold the person'),
     ({"fields": [{"key": "firstName", "value": "Ada"}, {"key": "firstName", "value": "Bob"}]}, "nothing known"),
     ({"company": {"name": "Engines"}, "who": ["Ada", "Byron"]}, "may hold the person"),
     ({"headers": ["First Name"], "rows": [["Ada"], ["Bob"]]}, "nothing known")],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)  # fmt: skip
def test_what_may_hold_more_than_was_read_is_unreadable(document: Any, reason: str) -> None:
    with pytest.raises(UnreadableAnswer, match=reason):
        read(document)


@pytest.mark.parametrize(
    "document",
    [{"data": {"name": "Engines", "legalName": "Engines Ltd", "city": "Leeds"}},
     {"data": {"id": 1, "name": "ENGINES", "companyName": "Engines"}},
     {"data": {"id": 1, "country": "UK", "company": {"name": "Engines"}}},
     {"type": "company", "name": "Engines", "city": "Leeds"},
     {"data": {"companyName": "Engines", "domain": "engines.example", "stage": "lead"}},
     {"data": {"name": "Engines", "companyDomain": "engines.example", "city": "Leeds"}},
     {"data": {"name": {"en": "Engines"}, "domain": "engines.example", "industry": "Software"}},
     {"company": {"name": "Engines", "founders": [BOB], "ceo": BOB}},
     {"company": {"name": "Engines"}, "ref": "3fa85f64-5717", "by": "api@y.example", "day": "2026-11-26T1Z", "x": "a://b",
      "n": "12-34", "m": "5/6"},
     {"company": {"name": "Engines"}, "ref": "3fa85f64-5717", "other": "3fa85f64-5718"},
     {"company": {"name": "Engines"}, "by": "api@y.example", "for": "you@y.example"},
     {"company": {"name": "Engines"}, "on": "2026-11-26T1Z", "till": "2026-11-27T1Z"},
     {"company": {"name": "Engines"}, "x": "a://b", "y": "a://c"},
     {"company": {"name": "Engines"}, "hit": {"name": None}}, {"company": {"name": "Engines"}, "x": {"label": "z"}},
     {"organisation": {"sign": "x"}, "company": {"name": "Engines"}},
     {"companyName": "Engines", "domain": "engines.example", "market": {"id": 1, "name": "Software"}}],
    ids=json.dumps,
)  # fmt: skip
def test_a_company_among_other_values_is_no_person(document: Any) -> None:
    enrichment = read(document)
    assert (enrichment.found, (enrichment.organisation.name or "").title()) == (Found.ORGANISATION, "Engines")


def test_unknown_texts_in_a_person_without_a_company_do_not_hold_one() -> None:
    assert read({"data": {**NAMED, "mood": "fine", "karma": "good"}}).found is Found.PERSON


def test_a_text_in_a_company_without_a_name_is_not_its_name() -> None:
    company = read({"data": {"domain": "engines.example", "industry": "Software", "text": "We build"}}).organisation
    assert (company.name, company.domain) == (None, "engines.example")


@pytest.mark.parametrize(
    "contact", [{"linkedinUrl": PAGE}, {"firstName": "Ada"}, {"lastName": "Byron"}, {"personId": 7}], ids=json.dumps
)
def test_one_word_of_who_it_is_is_enough(contact: dict[str, Any]) -> None:
    assert read({**contact, "jobTitle": "CTO"}).found is Found.PERSON
