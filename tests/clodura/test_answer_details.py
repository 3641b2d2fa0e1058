"""Single details of answers: whose job, place, page and name is read, what only stands beside, misses and failures."""

import json
from typing import Any

import pytest

from clodura_pipeline.clodura.answers.reader import AnswerReader, Enrichment, Found
from clodura_pipeline.errors import UnreadableAnswer

READER = AnswerReader()
PAGE, COMPANY_PAGE = "https://www.linkedin.com/in/ada", "https://www.linkedin.com/company/engines"
NAMED = {"firstName": "Ada", "lastName": "Byron", "city": "London"}
FLAT = {**NAMED, "title": "CTO", "company": "Engines"}
ADA = {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London", "organisation_name": "Engines"}
BOB = {"firstName": "Bob", "lastName": "King", "title": "CEO", "linkedin": "https://www.linkedin.com/in/bob"}
SENT = {"firstName": "Ada", "lastName": "Byron", "email": "ada@engines.example", "linkedinUrl": "linkedin.com/in/ada"}


def in_company(**more: Any) -> dict[str, Any]:
    return {**NAMED, "title": "CTO", "company": {"name": "Engines", **more}}


def with_jobs(*jobs: Any, name: str = "experience", **more: Any) -> dict[str, Any]:
    return {**NAMED, name: list(jobs), **more}


OLD_JOB = {"title": "Dev", "company": {"name": "Old", "domain": "old.example"}}
# Each is read as Ada Byron, CTO, in London, at Engines, with the other fields named here.
READ: dict[str, tuple[Any, dict[str, str | None]]] = {
    # The present job.
    "present job, the other marked as past": (with_jobs({"title": "CTO", "company": "Engines"},
                                                        {**OLD_JOB, "current": False}), {}),
    "present job until now": (with_jobs({**OLD_JOB, "to": "2019"}, {"title": "CTO", "company": "Engines", "to": "Now"}),
                              {}),
    "present job, past ones apart": (with_jobs({"position": "CTO", "companyName": "Engines"}, name="currentJobs",
                                               previousJobs=[OLD_JOB]), {}),
    "job with a name beside its title": (with_jobs({"title": "CTO", "name": "Engines"}), {}),
    "job as an object with a name": ({**NAMED, "employment": {"title": "CTO", "name": "Engines", "size": 50}},
                                     {"organisation_employee_size": "50"}),
    "title as an object of a job": (with_jobs({"title": {"name": "CTO", "role": "tech"}, "company": "Engines"}), {}),
    "name of a position is its title": ({**NAMED, "position": {"name": "CTO"}, "company": "Engines"}, {}),
    "title of a position comes before its name": (
        {**NAMED, "position": {"name": "Engines", "title": "CTO"}, "company": "Engines"}, {}),
    "own title before that of the job": (with_jobs({"title": "Dev", "company": "Old"}, title="CTO", company="Engines"),
                                         {}),
    "title in the employer": ({**NAMED, "currentCompany": {"name": "Engines", "title": "CTO"}}, {}),
    "own title before the company's": (in_company(title="Engines | Home"), {}),
    "jobs as texts": ({**FLAT, "experience": ["CTO at Engines", "Dev at Old"]}, {}),
    "a headline is no title": (with_jobs({"title": "CTO", "company": "Engines"}, headline="Builder"), {}),
    "employers, one current": (with_jobs({"name": "Engines", "isCurrent": True}, {"name": "Old", "isCurrent": False},
                                         name="employers", title="CTO"), {}),
    "companies, one ended": (with_jobs({"name": "Old", "endDate": "2019"}, {"name": "Engines"}, name="companies",
                                       title="CTO"), {}),
    "former employers": ({**FLAT, "previousCompany": {"name": "Old", "domain": "old.example"}, "formerEmployer": "Old",
                          "pastPositions": [OLD_JOB]}, {"organisation_domain": None}),
    # Names.
    "names in an object, a job with a name": (
        {"id": 1, "name": {"given": "Ada", "family": "Byron"}, "geo": {"city": "London"},
         "employment": {"domain": "engines.example", "name": "Engines", "title": "CTO", "seniority": "cxo"}},
        {"organisation_domain": "engines.example", "seniority": "cxo"}),
    "a salutation called title": ({"name": {"title": "Ms", "first": "Ada", "last": "Byron"}, "jobTitle": "CTO",
                                   "city": "London", "company": "Engines"}, {}),
    "lists of names, organisations and addresses": (
        {"person": {"names": [{"givenName": "Ada", "familyName": "Byron"}], "addresses": [{"city": "London"}],
                    "organizations": [{"name": "Engines", "title": "CTO", "current": True},
                                      {"name": "Old", "title": "Dev", "current": False}]}}, {}),
    # Places.
    "place of which one part is told apart": ({**FLAT, "city": None, "country": "UK", "location": "London, UK"},
                                              {"country": "UK", "state": None}),
    "place of the company in an object": (in_company(location={"city": "Leeds", "raw_address": "Leeds, UK"}),
                                          {"organisation_city": "Leeds", "country": None}),
    "headquarters in an object": (in_company(hq={"city": "Leeds"}), {"organisation_city": "Leeds"}),
    "headquarters in a text": (in_company(headquarters="Leeds, England, UK"), {"organisation_state": "England"}),
    "headquarters, flat": ({**FLAT, "hqCity": "Leeds", "companyLocation": "Leeds"}, {"organisation_city": "Leeds"}),
    "a street is no city": (in_company(address="1 Main Street, Leeds, LS1"), {"organisation_city": None}),
    "an address is no company's name": ({**FLAT, "companyAddress": "Main Street", "hqAddress": "Leeds"},
                                        {"organisation_city": None}),
    "places of the company in a list": (in_company(offices=[{"city": "Oslo"}], locations=[{"city": "Leeds"},
                                                                                          {"city": "York"}]),
                                        {"organisation_city": "Leeds"}),
    "other places of the person": ({**FLAT, "birthPlace": "Oslo", "timezone": "Europe/Oslo"}, {"country": None}),
    # Pages.
    "page of the company alone": ({**FLAT, "linkedin": COMPANY_PAGE}, {"linkedin_url": None}),
    "pages of both, flat": ({**FLAT, "linkedin": PAGE, "companyLinkedin": COMPANY_PAGE, "companyUrl": COMPANY_PAGE},
                            {"linkedin_url": PAGE, "organisation_domain": None}),
    "pages in a list": ({**FLAT, "socials": [{"network": "linkedin", "url": PAGE},
                                             {"network": "twitter", "url": "https://twitter.com/ada"}]},
                        {"linkedin_url": PAGE}),
    "page under an unknown name": ({**FLAT, "lIProfile": PAGE, "feed": "https://www.linkedin.com/feed/1"},
                                   {"linkedin_url": PAGE}),
    "page of old": ({**FLAT, "linkedin": "linkedin.com/pub/ada/1/2"}, {"linkedin_url": "linkedin.com/pub/ada/1/2"}),
    "only the ending of the page": ({**FLAT, "linkedin": "ada"}, {"linkedin_url": "ada"}),
    "page in another system": ({**FLAT, "url": "https://api.example/7"}, {"linkedin_url": None}),
    "a page's title is no domain": (in_company(site={"title": "Engines | Home"}), {"organisation_domain": None}),
    "page of the company in it": (in_company(linkedin=COMPANY_PAGE, website="https://www.engines.example/start"),
                                  {"linkedin_url": None, "organisation_domain": "engines.example"}),
    # Fields in objects and lists.
    "amount in an object": (in_company(revenue={"amount": 5, "currency": "USD"}), {"organisation_revenue": "5"}),
    "range in an object": (in_company(employees={"range": "11-50"}), {"organisation_employee_size": "11-50"}),
    "telephones in a list": (in_company(phones=[{"number": "+44 1"}, {"number": "+44 2"}]),
                             {"organisation_phone": "+44 1, +44 2"}),
    "telephone in an object": (in_company(phone={"number": "+44 1", "type": "hq"}), {"organisation_phone": "+44 1"}),
    "industries in a list": (in_company(industries=[{"id": 1, "name": "Software"}, {"id": 2, "name": "Tools"}]),
                             {"organisation_industry": "Software, Tools"}),
    "departments in a list": ({**FLAT, "functional": [{"id": 1, "name": "IT"}, {"id": 2, "name": "HR"}]},
                              {"department": "IT, HR"}),
    # Others beside the person.
    "people around the person": (
        {**FLAT, "manager": BOB, "assistantName": "Cy", "owner": {"name": "Rep"}, "people_also_viewed": [BOB],
         "colleagues": [BOB, BOB]}, {"linkedin_url": None}),
    "people in the company": (in_company(ceo=BOB, founders=[{"name": "Cy"}], executives=[BOB]), {"linkedin_url": None}),
    "companies around the company": (
        in_company(parentCompany={"name": "Holding"}, subsidiaries=[{"name": "Sub", "domain": "sub.example"}],
                   competitors=["Bakery"], similarCompanies=[{"name": "Bakery"}]), {"organisation_domain": None}),
    "schools, languages and skills": ({**FLAT, "education": {"school": {"name": "Home"}}, "skills": [{"name": "Go"}],
                                       "languages": [{"name": "English"}]}, {}),
    "sources with a domain": ({**FLAT, "domain": "engines.example", "sources": [{"domain": "press.example"}]},
                              {"organisation_domain": "engines.example"}),
    "the same person twice": ({"contacts": [FLAT, {**FLAT, "email": "ada@engines.example"}]}, {}),
    "a candidate with a score": ({"candidates": [{"contact": FLAT, "score": 0.8}]}, {}),
    "an empty object beside the name": ({**FLAT, "organisation": {"organisationName": None, "domain": None}}, {}),
    "Clodura's customer": ({"accountName": "My workspace", "accountId": 5, "data": FLAT}, {"organisation_id": None}),
}  # fmt: skip
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
    "two full names": {"a": {"fullName": "Ada Byron"}, "b": {"fullName": "Ada King"}},
    "two companies of one name": {"organisations": [{"name": "Engines", "city": "Leeds"},
                                                    {"name": "Engines", "city": "Oslo"}]},
    "two ids of companies": {**FLAT, "organisation": {"organisationId": 1}, "company": {"companyId": 2}},
    "two domains": {**FLAT, "a": {"companyDomain": "engines.example"}, "b": {"companyDomain": "bakery.example"}},
    "two employers, neither current": with_jobs({"name": "Engines"}, {"name": "Old"}, name="employers"),
}  # fmt: skip


def read(document: Any, **sent: str) -> Enrichment:
    return READER.read(json.dumps(document).encode(), sent)


def fields_of(enrichment: Enrichment) -> dict[str, str | None]:
    company = {f"organisation_{name.removeprefix('organisation_')}": text
               for name, text in vars(enrichment.organisation).items()}  # fmt: skip
    return {**vars(enrichment.person), **company}


@pytest.mark.parametrize("detail", READ)
def test_a_detail_is_read_as_what_it_is(detail: str) -> None:
    document, more = READ[detail]
    expected = {**ADA, **more}
    found = fields_of(read(document))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("candidates", TWO_AT_ONCE)
def test_two_that_contradict_each_other_are_unreadable(candidates: str) -> None:
    with pytest.raises(UnreadableAnswer, match="two candidates differ"):
        read(TWO_AT_ONCE[candidates])


@pytest.mark.parametrize(
    "jobs",
    [
        [{**OLD_JOB, "endDate": "2019"}],
        [{**OLD_JOB, "endDate": "2019"}, {**OLD_JOB, "endDate": "2009"}],
        [{"title": "CTO", "company": "Engines"}, {"title": "Board", "company": "Bakery"}],
    ],
    ids=["one that ended", "two that ended", "two that go on"],
)
def test_without_one_present_job_no_job_is_read_and_the_person_is(jobs: list[Any]) -> None:
    enrichment = read(with_jobs(*jobs))
    assert (enrichment.found, enrichment.person.first_name) == (Found.PERSON, "Ada")
    assert enrichment.person.job_title is None
    assert not any(vars(enrichment.organisation).values())


@pytest.mark.parametrize(
    "said",
    ["Invalid API key", "API key not found", "No plan found", "Please upgrade your plan", "Contact support",
     "A parameter is missing", "A field is required", "Account suspended", "Your request was aborted",
     "The server is busy", "You cannot use this endpoint", "Feature disabled", "IP blocked", "Retry after 5 s",
     "Request throttled", "Request cancelled", "There was a problem", "Access denied", "Limit exceeded",
     "Quota exhausted", "rate_limited", "INSUFFICIENT_CREDITS", "Service unavailable", "Timed out", "time-out",
     "Unauthorized", "Forbidden", "Session expired", "Try again", "In maintenance", "overloaded", "Too many requests",
     "Something went wrong", "Not processed", "not allowed", "IN_PROGRESS", "queued", "Not ready", "rejected",
     "pending", "processing", "running", "started", "accepted", "error", "failed", "over the limit", "no quota"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["message", "status", "success"])
def test_what_reports_a_failure_beside_nothing_is_unreadable(said: str, name: str) -> None:
    with pytest.raises(UnreadableAnswer, match="reports a failure"):
        read({"data": None, name: said})


@pytest.mark.parametrize(
    "said",
    ["No match found. No credits were charged.", "We couldn't find this person", "Unable to find a match",
     "Could not locate the contact", "Person not found", "No contact could be found", "NOT_FOUND", "notFound",
     "no-match", "NoMatch", "No data", "no records matched", "Nothing found", "The query did not match",
     "Search failed: no results", "no enrichment record"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["message", "error", "status"])
def test_what_says_that_nobody_was_found_is_a_miss(said: str, name: str) -> None:
    assert read({name: said}).found is Found.NO_MATCH


@pytest.mark.parametrize(
    "document",
    [{"error": {"status": 404, "message": "Person not found"}}, {"code": 4004, "message": "No data found"},
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
    [{"error": 404}, {"data": None, "code": 5001, "message": "bad"}, {"data": None, "code": 600},
     {"data": None, "status": 400}, {"data": None, "status": 599}, {"data": None, "warnings": ["partial outage"]},
     {"data": None, "success": "no"}, {"fault": {"text": "Quota"}}, {"exception": "x", "data": None},
     {"data": {"note": "Ada"}, "text": "x"}],
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
