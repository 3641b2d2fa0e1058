"""Single details of answers: whose job, place, page and name is read, and what only stands beside the contact."""

import json
from typing import Any

import pytest

from clodura_pipeline.clodura.answers.reader import AnswerReader, Enrichment, Found

READER = AnswerReader()
PAGE, COMPANY_PAGE = "https://www.linkedin.com/in/ada", "https://www.linkedin.com/company/engines"
NAMED = {"firstName": "Ada", "lastName": "Byron", "city": "London"}
FLAT = {**NAMED, "title": "CTO", "company": "Engines"}
ADA = {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London", "organisation_name": "Engines"}
BOB = {"firstName": "Bob", "lastName": "King", "title": "CEO", "linkedin": "https://www.linkedin.com/in/bob"}


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
    "own title before that of the job, however spelt": (
        with_jobs({"jobTitle": "Dev", "company": "Old"}, occupation="CTO", company="Engines"), {}),
    "level of a job": (with_jobs({"title": "CTO", "level": "CXO", "company": "Engines", "site": "engines.example"}),
                       {"seniority": "CXO", "organisation_domain": "engines.example"}),
    "id of a job": (with_jobs({"title": "CTO", "company": "Engines", "id": "j-7", "seniority": "CXO"}),
                    {"clodura_person_id": None, "seniority": "CXO"}),
    "id of a job as an object": ({"person": {**NAMED, "work": {"id": 7, "title": "CTO", "company": "Engines"}}},
                                 {"clodura_person_id": None}),
    "a job with a name alone": (with_jobs({"name": "CTO"}), {"job_title": None, "organisation_name": None}),
    "jobs of which one is a text": (with_jobs({"title": "CTO", "company": "Engines", "current": True}, "Dev"), {}),
    "jobs of a batch": ({"jobs": [{"id": 7, "result": FLAT}, {"id": 8, "result": None}]}, {}),
    "a job that holds the contact": ({"job": {"state": "done", "result": FLAT}}, {"state": None}),
    "ids and names of a job and of a place": (
        {**FLAT, "jobId": "j-7", "locationId": "l-7", "jobFullName": "x", "company": {
            "name": "Engines", "locationId": "l-8", "addressName": "Main building"}},
        {"clodura_person_id": None, "organisation_id": None}),
    "an account in the person": ({**NAMED, "title": "CTO", "account": {"name": "Engines"}}, {}),
    "openings of the company": (in_company(jobs=[{"title": "Dev"}, {"title": "Ops"}], openRole={"title": "Dev"}),
                                {}),
    "jobs of somebody else": (
        {**NAMED, "manager": {"name": "Bob King", "companies": [{"name": "Old", "isCurrent": True}],
                              "experience": [{"title": "CEO", "company": "Old"}]}},
        {"job_title": None, "organisation_name": None}),
    "title in a company that stands beside the person": (
        {"person": NAMED, "company": {"name": "Engines", "title": "Engines | Home"}}, {"job_title": None}),
    "title as the name of the employer": ({**NAMED, "jobTitle": "CTO", "company": {"title": "Engines"}}, {}),
    "departments of the company": (in_company(departments=["Sales", "IT"]), {"department": None}),
    "a type as an object": ({**FLAT, "type": {"id": 1, "name": "lead"}}, {}),
    "two spellings in one object": ({**FLAT, "givenName": "Augusta"}, {}),
    "facts of the company, flat": (
        {**FLAT, "industry": "Software", "website": "engines.example", "revenue": "5M", "employees": 50},
        {"organisation_domain": "engines.example", "organisation_revenue": "5M"}),
    "names for other things": ({**FLAT, "label": "VIP", "site": "blog.example", "size": 7},
                               {"organisation_domain": None, "organisation_employee_size": None}),
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
    "a full and a first name": ({"fullName": "Ada Byron", "firstName": "Ada", "title": "CTO", "city": "London",
                                 "company": "Engines"}, {}),
    "a full name of three and the first": ({**FLAT, "lastName": None, "fullName": "Ada Augusta Byron"}, {}),
    "a full name of three and the parts": ({**FLAT, "fullName": "Ada Augusta Byron"}, {}),
    "full name in an object": ({"personId": 1, "name": {"full": "Ada Byron"}, "jobTitle": "CTO", "city": "London",
                                "company": "Engines"}, {}),
    "nulls of a name beside the full one": ({"data": {"id": 7, "firstName": None, "lastName": None, "title": None,
                                                      "name": "Ada Byron", "job": {"title": "CTO"}, "city": "London",
                                                      "company": "Engines"}}, {"clodura_person_id": "7"}),
    "name and company name alone": ({"data": {"name": "Ada Byron", "companyName": "Engines", "city": "London",
                                              "work": {"title": "CTO"}}}, {}),
    "name, place and company, other objects beside": (
        {"data": {"name": "Ada Byron", "city": "London", "company": {"name": "Engines"}, "work": {"title": "CTO"},
                  "meta": {"page": 1}}}, {}),
    "employees with names": ({"company": {"name": "Engines", "employees": [
        {"name": "Ada Byron", "title": "CTO", "city": "London"}]}}, {}),
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
    "a place that differs fills nothing": (
        {**FLAT, "country": "GB", "location": "London, England, UK"}, {"country": "GB", "state": None}),
    "place of the company as an object beside": ({**FLAT, "companyLocation": {"city": "Leeds", "country": "UK"}},
                                                 {"organisation_city": "Leeds", "country": None}),
    "place of the company that holds the person": (
        {"company": {"name": "Engines", "location": {"city": "Leeds"}, "contact": {**NAMED, "title": "CTO"}}},
        {"organisation_city": "Leeds"}),
    "city as an object beside the person": (
        {"person": {**FLAT, "city": None}, "city": {"id": 3, "name": "London"}, "state": "done"}, {"state": None}),
    "the person's city before another": ({**NAMED, "city": "Leeds", "personCity": "London", "title": "CTO",
                                          "company": "Engines"}, {}),
    "what stands higher comes first": ({"details": {**FLAT, "title": "Dev"}, **FLAT} | {"more": {"x": 1}}, {}),
    # Pages.
    "page of the company alone": ({**FLAT, "linkedin": COMPANY_PAGE}, {"linkedin_url": None}),
    "pages of both, flat": ({**FLAT, "linkedin": PAGE, "companyLinkedin": COMPANY_PAGE, "companyUrl": COMPANY_PAGE},
                            {"linkedin_url": PAGE, "organisation_domain": None}),
    "pages in a list": ({**FLAT, "socials": [{"network": "linkedin", "url": PAGE, "primary": False},
                                             {"network": "twitter", "url": "https://x.com/ada", "primary": True}]},
                        {"linkedin_url": PAGE}),
    "page in capitals": ({**FLAT, "url": PAGE.upper()}, {"linkedin_url": PAGE.upper()}),
    "one page in two spellings": ({**FLAT, "linkedinUrl": PAGE, "profile": {"linkedinUrl": "linkedin.com/in/Ada/"}},
                                  {"linkedin_url": PAGE}),
    "one domain in two spellings": (
        {**FLAT, "a": {"companyDomain": "shop.engines.example"}, "b": {"companyDomain": "engines.example"}}, {}),
    "one company in two spellings": ({**FLAT, "company": "Engines", "a": {"companyName": "Engines Ltd"}},
                                     {"organisation_name": "Engines Ltd"}),
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
    "titles in a list": ({**NAMED, "jobTitle": [{"name": "CTO"}, {"name": "Founder"}], "company": "Engines"},
                         {"job_title": "CTO, Founder"}),
    "levels in a list": ({**FLAT, "seniority": [{"name": "CXO"}, {"name": "Owner"}]}, {"seniority": "CXO, Owner"}),
    "credits of the company": (in_company(credit={"used": 5, "rating": "A"}, domain="engines.example"),
                               {"organisation_domain": "engines.example"}),
    "a department that is a word of the cost": ({**FLAT, "department": "Credit"}, {"department": "Credit"}),
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
    enrichment = read(document)
    found = fields_of(enrichment)
    assert {name: found[name] for name in expected} == expected
    assert enrichment.stated_credits is None


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
    assert [one.path for one in enrichment.unmapped] == ["experience"] * (len(jobs) > 1)


def test_that_a_job_is_the_present_one_is_no_unmapped_field() -> None:
    job = {"title": "CTO", "company": "Engines", "isCurrent": True, "to": "now"}
    assert read(with_jobs(job)).unmapped == ()


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [*(("department", nothing, None) for nothing in ("null", "NULL", "none", "nan", "NaN", "undefined", "n/a", "--")),
     ("department", ["IT", 3], None), ("department", "a\u001b7b", "ab"),
     ("city", {"name": None, "value": "London"}, "London"),
     ("revenue", True, None), ("revenue", 1.5, "1.5"), ("revenue", [5, 7], "5, 7")],
)  # fmt: skip
def test_a_value_is_read_as_text_if_it_fits_its_field(field: str, value: Any, text: str | None) -> None:
    answer = {"personId": 1, field: value} if field != "revenue" else {"company": {"name": "Engines", field: value}}
    assert fields_of(read(answer)).get(field, fields_of(read(answer)).get(f"organisation_{field}")) == text


def test_a_number_too_large_for_json_is_nothing() -> None:
    assert READER.read(b'{"company": {"name": "Engines", "revenue": 1e999}}', {}).organisation.revenue is None


@pytest.mark.parametrize(
    ("contact", "first", "last"),
    [
        ({"nome": "Ada Byron", "cargo": "CTO"}, "Ada", "Byron"),
        ({"contact": {"nom": "Ada Byron"}}, "Ada", "Byron"),
        ({"contact": {"nom": "Byron"}}, None, "Byron"),
        ({"contact": {"nome": "Ada"}}, "Ada", None),
        ({"firstName": "Ada Augusta"}, "Ada Augusta", None),
        ({"data": {"id": 7, "firstName": None, "name": "Ada Byron"}}, "Ada", "Byron"),
        ({"data": {"name": "Ada Byron", "city": "London", "company": None}}, "Ada", "Byron"),
        ({"data": {"id": 7, "title": "CTO", "company": "Engines"}}, None, None),
        ({"contact": {"nome": "Ada Maria", "cognome": "Byron"}}, "Ada Maria", "Byron"),
        ({"fullName": "Ada Byron", "lastName": "King"}, "Ada", "King"),
        ({"contact": {"nombre": "Ada Maria", "nombre completo": "Ada Maria Byron"}}, "Ada Maria", "Byron"),
    ],
)
def test_a_name_in_one_part_is_a_full_one_only_where_the_language_says_so(
    contact: dict[str, Any], first: str | None, last: str | None
) -> None:
    person = read(contact).person
    assert (person.first_name, person.last_name) == (first, last)


@pytest.mark.parametrize(
    "answer",
    [{"meta": {"took": "3 ms", "x": "y"}, "data": {"contact": FLAT}}, {"requestId": "r-7", "creditsUsed": 2, **FLAT},
     {"statusCode": 200, "body": json.dumps(FLAT)}, [{"key": key, "value": value} for key, value in FLAT.items()],
     {"data": {"fields": [{"key": key, "value": value} for key, value in FLAT.items()]}}],
    ids=["nested", "among the call's", "JSON in text", "pairs", "pairs, nested"],
)  # fmt: skip
def test_the_contact_is_kept_without_what_is_about_the_call(answer: Any) -> None:
    assert read(answer).contact == FLAT
