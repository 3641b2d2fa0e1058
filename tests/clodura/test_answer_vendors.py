"""Whole answers as vendors of contact data and CRMs write them: every field, the cost, and what stays unmapped.

The answers, of made-up people, are in `vendor_answers.json`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clodura_pipeline.clodura.answers.reader import AnswerReader, Found, Organisation, Person

READER = AnswerReader()
ANSWERS = json.loads(Path(__file__).with_name("vendor_answers.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Expected:
    """What is read from an answer; `sent`: the request, where the answer repeats it."""

    person: dict[str, str]
    organisation: dict[str, str]
    unmapped: list[str]
    credits: float | None = None
    sent: dict[str, str] = field(default_factory=dict)


EXPECTED = {
    "Apollo": Expected(
        {"clodura_person_id": "64a7", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "c_suite",
        "seniority": "c_suite", "city": "London", "state": "England", "country": "United Kingdom"},
        {"organisation_id": "5e66", "name": "Engines", "domain": "engines.example", "industry": "software",
        "employee_size": "1600", "revenue": "100000000", "founded_year": "1833", "phone": "+44 1", "city": "Leeds",
        "state": "England", "country": "UK"},
        ["person.organization.linkedin_uid", "person.is_likely_to_engage", "person.subdepartments"],
    ),
    "People Data Labs": Expected(
        {"clodura_person_id": "qE", "first_name": "ada", "last_name": "byron", "linkedin_url": "linkedin.com/in/ada",
        "job_title": "cto", "department": "engineering", "seniority": "cxo", "city": "london", "state": "england",
        "country": "united kingdom"},
        {"organisation_id": "engines-1", "name": "engines", "domain": "engines.example",
        "industry": "computer software", "employee_size": "51-200", "founded_year": "1833", "city": "leeds",
        "state": "england", "country": "united kingdom"},
        ["likelihood", "data.last_initial", "data.sex", "data.birth_year", "data.linkedin_id",
        "data.job_title_sub_role", "data.location_metro", "data.location_continent", "data.experience[].title.role",
        "data.experience[].title.levels", "data.profiles[].network"],
    ),
    "Lusha": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "department": "Engineering & Technical", "seniority": "C-Suite", "city": "London",
        "state": "England", "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "51 - 200",
        "city": "Leeds", "state": "England", "country": "UK"},
        ["contact.data.company.subIndustry", "contact.data.location.country_iso2",
        "contact.data.location.is_eu_contact"],
    ),
    "Hunter, people": Expected(
        {"clodura_person_id": "u-1", "first_name": "Ada", "last_name": "Byron", "linkedin_url": "ada",
        "job_title": "CTO", "seniority": "executive", "city": "London", "state": "England",
        "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example"},
        ["data.geo.lat", "data.geo.lng", "data.gravatar.handle", "data.fuzzy"],
    ),
    "Hunter, e-mail finder": Expected(
        {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London"},
        {"name": "Engines", "domain": "engines.example"},
        ["data.accept_all"],
        sent={"firstName": "Ada", "lastName": "Byron"},
    ),
    "RocketReach": Expected(
        {"clodura_person_id": "123", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "Executive",
        "city": "London", "state": "England", "country": "United Kingdom"},
        {"organisation_id": "1", "name": "Engines", "domain": "engines.example"},
        ["profile_pic", "job_history[].highest_level", "birth_year", "region_latitude"],
    ),
    "ZoomInfo": Expected(
        {"clodura_person_id": "123", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO",
        "department": "Engineering", "seniority": "C-Level", "city": "London",
        "country": "United Kingdom"},
        {"organisation_id": "2", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "50", "revenue": "1000", "phone": "+44 1", "city": "Leeds"},
        ["data.outputFields[]", "data.result[].input.emailaddress"],
    ),
    "Cognism": Expected(
        {"clodura_person_id": "c1", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "Engineering",
        "seniority": "C-Level", "city": "London", "state": "England", "country": "UK"},
        {"organisation_id": "a1", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "51-200", "founded_year": "1833", "city": "Leeds", "country": "UK"},
        ["account.locations[].postcode"],
    ),
    "Snov": Expected(
        {"clodura_person_id": "301592", "first_name": "Ada", "last_name": "Byron", "job_title": "CTO",
        "city": "London", "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Computer Software", "employee_size": "1-10",
        "founded_year": "1833"},
        ["links[].name", "links[].link", "currentJobs[].socialLink"],
    ),
    "Dropcontact": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "department": "Engineering", "seniority": "C-Level", "city": "London", "country": "GB"},
        {"name": "Engines", "domain": "engines.example", "employee_size": "51-200", "revenue": "1M"},
        ["data[].civility", "data[].siren", "data[].siret", "data[].naf5_code", "data[].naf5_des"],
    ),
    "Kaspr": Expected(
        {"clodura_person_id": "ada", "first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London",
        "state": "England", "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "51-200"},
        [],
    ),
    "HubSpot": Expected(
        {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London"},
        {"organisation_id": "1", "name": "Engines"},
        ["id", "properties.createdate", "properties.hs_object_id", "properties.lastmodifieddate",
        "properties.lifecyclestage", "archived"],
    ),
    "HubSpot, first version": Expected(
        {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London"},
        {"name": "Engines"},
        ["vid", "?", "?", "properties.firstname.versions[].value", "properties.lastname.versions[].value",
        "properties.jobtitle.versions[].value", "properties.company.versions[].value"],
    ),
    "Salesforce": Expected(
        {"clodura_person_id": "003", "first_name": "Ada", "last_name": "Byron", "job_title": "CTO",
        "department": "Engineering", "city": "London", "country": "UK"},
        {"organisation_id": "001", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "50", "revenue": "1000000", "city": "Leeds"},
        ["done", "records[].attributes.url", "records[].Account.attributes.url"],
    ),
    "FullContact": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "city": "London", "state": "England", "country": "United Kingdom"},
        {"name": "Engines"},
        ["ageRange", "details.employment[].start.year", "updated"],
    ),
    "Proxycurl": Expected(
        {"first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London", "state": "England",
        "country": "GB"},
        {"name": "Engines"},
        ["public_identifier", "profile_pic_url"],
    ),
    "Prospeo": Expected(
        {"clodura_person_id": "p1", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "Engineering",
        "seniority": "C-Suite", "city": "London", "state": "England", "country": "United Kingdom"},
        {"organisation_id": "c1", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "50", "founded_year": "1833", "city": "Leeds", "country": "UK"},
        ["free_enrichment", "person.job_history[].job_key", "company.revenue_range.min", "company.revenue_range.max",
        "company.revenue_range_printed"],
    ),
    "SignalHire": Expected(
        {"clodura_person_id": "u1", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "city": "London", "state": "England",
        "country": "United Kingdom"},
        {"name": "Engines", "industry": "Software", "employee_size": "11-50"},
        ["[].candidate.experience[].companyUrl", "[].candidate.social[].rating", "[].candidate.contacts[].value",
        "[].candidate.contacts[].rating", "[].candidate.contacts[].subType"],
        sent={"linkedinUrl": "https://www.linkedin.com/in/ada"},
    ),
    "Crustdata": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "city": "London", "state": "England", "country": "United Kingdom"},
        {"organisation_id": "7", "name": "Engines"},
        ["[].last_updated", "[].current_employers[].employee_position_id", "[].current_employers[].employee_title",
        "[].current_employers[].employee_location", "[].all_employers", "[].all_titles",
        "[].query_linkedin_profile_urn_or_slug"],
    ),
    "LeadIQ": Expected(
        {"clodura_person_id": "l1", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "Engineering",
        "seniority": "Executive", "city": "London", "state": "England", "country": "United Kingdom"},
        {"organisation_id": "c1", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "50", "country": "UK"},
        ["data.searchPeople.results[].location.fullInfo"],
    ),
    "FullEnrich": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "city": "London", "state": "England", "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "50",
        "founded_year": "1833", "city": "Leeds", "country": "UK"},
        ["id", "datas[].custom.id", "datas[].contact.profile.linkedin_id",
        "datas[].contact.profile.position.start_at.month", "datas[].contact.profile.position.start_at.year"],
        credits=1,
    ),
    "Surfe": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "department": "Engineering", "seniority": "C-Level", "city": "London",
        "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example"},
        ["enrichmentID", "percentCompleted", "people[].externalID"],
    ),
    "UpLead": Expected(
        {"clodura_person_id": "u1", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "Engineering",
        "seniority": "C-Level", "city": "London", "country": "United Kingdom"},
        {"organisation_id": "c1", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "11-50", "revenue": "$1M", "founded_year": "1833", "phone": "+44 1", "city": "Leeds"},
        ["data.job_sub_function"],
    ),
    "Seamless": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "department": "Engineering", "seniority": "C-Level", "city": "London", "state": "England",
        "country": "UK"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "50",
        "city": "Leeds", "country": "UK"},
        [],
    ),
    "ContactOut": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "department": "Engineering", "seniority": "CXO", "city": "London", "state": "England",
        "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "50",
        "revenue": "1000", "country": "UK"},
        ["profile.company.url", "profile.company.linkedin_company_id", "profile.company.overview",
        "profile.experience"],
    ),
    "Wiza": Expected(
        {"clodura_person_id": "1", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "city": "London", "state": "England",
        "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "50",
        "revenue": "1M", "founded_year": "1833", "city": "Leeds", "state": "England", "country": "UK"},
        ["data.is_complete", "data.enrichment_level"],
    ),
    "Adapt": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "department": "Engineering", "seniority": "CXO", "city": "London", "state": "England",
        "country": "UK"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "11-50",
        "phone": "+44 1", "city": "Leeds"},
        [],
    ),
    "Datagma": Expected(
        {"first_name": "Ada", "last_name": "Byron", "linkedin_url": "https://www.linkedin.com/in/ada",
        "job_title": "CTO", "city": "London", "state": "England", "country": "United Kingdom"},
        {"name": "Engines", "domain": "engines.example", "industry": "Software", "employee_size": "50"},
        [],
        credits=2,
    ),
    "BetterContact": Expected(
        {"clodura_person_id": "c", "first_name": "Ada", "last_name": "Byron", "job_title": "CTO", "city": "London"},
        {"name": "Engines"},
        ["id"],
        credits=2,
    ),
    "Clodura, as its users type it": Expected(
        {"clodura_person_id": "5f", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "department": "Engineering",
        "seniority": "CXO", "city": "London", "state": "England", "country": "UK"},
        {"organisation_id": "o", "name": "Engines", "domain": "engines.example", "industry": "Software",
        "employee_size": "51-200", "revenue": "$1M - $5M", "founded_year": "1833", "phone": "+44 1", "city": "Leeds",
        "country": "UK"},
        [],
        credits=2,
    ),
    "Clodura, people search": Expected(
        {"clodura_person_id": "5f", "first_name": "Ada", "last_name": "Byron",
        "linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "CTO", "city": "London"},
        {"name": "Engines"},
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("vendor", EXPECTED)
def test_a_vendors_answer_is_read_with_every_field(vendor: str) -> None:
    expected = EXPECTED[vendor]
    enrichment = READER.read(json.dumps(ANSWERS[vendor]).encode(), expected.sent)
    assert enrichment.found is Found.PERSON
    assert enrichment.person == Person(**expected.person)
    assert enrichment.organisation == Organisation(**expected.organisation)
    assert enrichment.stated_credits == expected.credits
    assert [one.path for one in enrichment.unmapped] == expected.unmapped


def test_every_answer_of_the_file_is_expected() -> None:
    assert ANSWERS.keys() == EXPECTED.keys()
