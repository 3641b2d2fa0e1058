"""Plausible answers in many shapes, names and languages: who is read, with title, place, company and price."""

import json
from typing import Any

import pytest

from clodura_pipeline.clodura.answers.reader import AnswerReader, Enrichment, Found
from clodura_pipeline.errors import UnreadableAnswer

READER = AnswerReader()
PERSON = {
    "personId": "p-1",
    "firstName": "Ada",
    "lastName": "Byron",
    "linkedinUrl": "https://www.linkedin.com/in/ada",
    "personTitle": "CTO",
    "functional": ["Engineering"],
    "seniority": "CXO",
    "personCity": "London",
    "personState": "England",
    "personCountry": "UK",
}
COMPANY = {"organisationId": "o-1", "organisationName": "Engines", "domain": "engines.example", "industry": "Software"}
CONTACT = {**PERSON, "organisation": COMPANY}
FLAT = {"firstName": "Ada", "lastName": "Byron", "title": "CTO", "city": "London", "company": "Engines"}
SNAKE = {
    "first_name": "Ada",
    "last_name": "Byron",
    "job_title": "CTO",
    "city": "London",
    "organisation_name": "Engines",
}
JOBS = [{"title": "CTO", "company": {"name": "Engines"}, "endDate": None}, {"title": "Dev", "endDate": "2019"}]
LISTED = [{"key": "firstName", "value": "Ada"}, {"key": "lastName", "value": "Byron"}, {"key": "jobTitle",
    "value": "CTO"},
          {"key": "city", "value": "London"}, {"key": "companyName", "value": "Engines"}]  # fmt: skip
# Each is read as Ada Byron, CTO, in London, at Engines, for 2 credits.
ADA: dict[str, Any] = {
    "at the top": CONTACT,
    "data object": {"data": CONTACT},
    "data list": {"data": [CONTACT]},
    "bare list": [CONTACT],
    "side by side": {"person": PERSON, "organisation": COMPANY, "creditUsage": {"used": 2}},
    "side by side in data": {"data": {"person": PERSON, "organisation": COMPANY, "creditUsage": {"used": 2}}},
    "US spelling": {**PERSON, "organization": COMPANY},
    "company": {**PERSON, "company": {"name": "Engines"}},
    "contact": {"contact": CONTACT},
    "contacts": {"contacts": [CONTACT], "pagination": {"total": 1}},
    "enrichedContact": {"data": {"enrichedContact": CONTACT}},
    "result": {"status": "success", "result": CONTACT, "requestId": "r-7"},
    "results": {"results": [CONTACT]},
    "people": {"people": [PERSON], "organisations": [COMPANY]},
    "unknown wrapper": {"xyz": {"abc": [CONTACT]}},
    "company holds person": {"organisation": {**COMPANY, "person": PERSON}},
    "company holds people": {"organisation": {**COMPANY, "employees": [PERSON]}},
    "keyed by address": {"ada@engines.example": FLAT},
    "numbered": {"result": {"0": {**PERSON, "organisation": {"0": COMPANY}}}},
    "entries apart": {"data": [{"contact": PERSON}, {"company": COMPANY}]},
    "flat": FLAT,
    "snake case": {"data": SNAKE},
    "kebab and capitals": {"FIRST-NAME": "Ada", "LAST-NAME": "Byron", "Job Title": "CTO", "CITY": "London",
        "COMPANY": "Engines"},
    "run together": {"personfirstname": "Ada", "personlastname": "Byron", "jobtitle": "CTO", "personcity": "London",
                     "companyname": "Engines", "companycity": "Leeds"},
    "org prefix": {**PERSON, "orgName": "Engines", "orgCity": "Leeds", "orgSize": 50},
    "contact prefix": {"contact_first_name": "Ada", "contact_last_name": "Byron", "contact_job_title": "CTO",
                       "contact_city": "London", "account_name": "Engines", "account_city": "Leeds"},
    "full name": {"fullName": "Ada Byron", "position": "CTO", "city": "London", "companyName": "Engines"},
    "last name first": {"person": {"name": "Byron, Ada", "designation": "CTO", "locality": "London"}, "org":
        {"name": "Engines"}},
    "bare names": {"name": "Ada Byron", "title": "CTO", "company": "Engines", "city": "London", "country": "UK"},
    "name beside company name": {"name": "Ada Byron", "companyName": "Engines", "city": "London", "role": "CTO"},
    "looked into": {"name": {"first": "Ada", "last": "Byron"}, "location": {"city": "London", "country": "UK"},
                    "job": {"title": "CTO", "company": {"name": "Engines"}}},
    "values in objects": {"properties": {"firstname": {"value": "Ada"}, "lastname": {"value": "Byron"}, "city":
        {"value": "London"},
                                         "jobtitle": {"value": "CTO"}, "company": {"value": "Engines"}}},
    "value with an id": {**FLAT, "title": {"id": 4, "name": "CTO"}, "city": {"id": 5, "name": "London"}},
    "place in one text": {**FLAT, "city": None, "location": "London, England, United Kingdom"},
    "company titled": {"person": FLAT, "company": {"title": "Engines"}},
    "present job by its end": {"contact": {"name": "Ada Byron", "city": "London", "experience": JOBS}},
    "present job by a mark": {"person": {"name": "Ada Byron", "city": "London", "positions": [
        {"title": "CTO", "companyName": "Engines", "isCurrent": True}, {"title": "Dev", "companyName": "Old"}]}},
    "job beside the person": {"person": {"name": "Ada Byron"}, "location": {"city": "London"},
                              "employment": {"title": "CTO", "company": {"name": "Engines"}}},
    "JSON:API": {"data": {"type": "person", "id": "p", "attributes": {"name": "Ada Byron", "title": "CTO",
        "city": "London"}},
                 "included": [{"type": "organization", "id": "o", "attributes": {"name": "Engines"}}]},
    "typed entries": {"items": [{"kind": "person", "name": "Ada Byron", "title": "CTO", "city": "London"},
                                {"kind": "company", "name": "Engines", "city": "Leeds"}]},
    "schema.org": {"@type": "Person", "name": "Ada Byron", "jobTitle": "CTO", "address": {"addressLocality": "London"},
                   "worksFor": {"@type": "Organization", "name": "Engines"}},
    "GraphQL": {"data": {"enrich": {"edges": [{"node": {**FLAT, "company": {"name": "Engines"}}}]}}},
    "search hits": {"hits": {"total": 1, "hits": [{"_id": "1", "_source": FLAT}]}},
    "pairs": {"fields": LISTED},
    "JSON in text": {"statusCode": 200, "body": json.dumps(CONTACT)},
    "account": {"contact": FLAT, "account": {"name": "Engines", "domain": "engines.example", "hq": {"city": "Leeds"}}},
    "customer's account": {"account": {"name": "My workspace", "plan": "Max"}, "result": FLAT, "creditsUsed": 2},
    "past and others": {**FLAT, "previousCompany": {"name": "Old"}, "manager": {"firstName": "Bob", "lastName": "King"},
                        "education": [{"school": "Home"}], "emails": [{"email": "a@b.example", "type": "work"}]},
    "request repeated": {"request": {"firstName": "Ada", "email": "ada@engines.example"}, "response": CONTACT},
    "parent company": {**PERSON, "company": {"name": "Engines", "parentCompany": {"name": "Holding",
        "domain": "h.example"}}},
    "two spellings agree": {**CONTACT, "jobTitle": "CTO", "companyName": "Engines Ltd", "contact":
        {"firstName": "Ada"}},
    "German": {"ergebnis": {"kontakt": {"vorname": "Ada", "nachname": "Byron", "position": "CTO", "ort": "London"},
                            "unternehmen": {"firmenname": "Engines", "branche": "Software", "mitarbeiterzahl": 50}}},
    "French": {"prénom": "Ada", "nom": "Byron", "poste": "CTO", "ville": "London", "entreprise": {"nom": "Engines",
        "secteur": "IT"}},
    "Spanish": {"persona": {"nombre": "Ada", "apellidos": "Byron", "cargo": "CTO", "ciudad": "London"}, "empresa":
        {"nombre": "Engines"}},
    "Portuguese": {"dados": {"nome": "Ada Byron", "cargo": "CTO", "cidade": "London", "empresa": "Engines"}},
    "Italian": {"contatto": {"nome": "Ada", "cognome": "Byron", "ruolo": "CTO", "città": "London",
        "azienda": "Engines"}},
    "Dutch": {"record": {"Naam": "Ada Byron", "Functie": "CTO", "Plaats": "London", "Bedrijf": "Engines"}},
    "Japanese": {"担当者": {"名": "Ada", "姓": "Byron", "役職": "CTO", "都市": "London"},
        "会社": {"会社名": "Engines"}},
    "like Apollo": {"person": {"id": "p", "name": "Ada Byron", "title": "CTO", "city": "London",
        "headline": "Builder", "organization_id": "o",
                               "employment_history": [{"title": "CTO", "organization_name": "Engines",
                                   "current": True}],
                               "organization": {"id": "o", "name": "Engines",
                                   "website_url": "http://www.engines.example",
                                                "primary_phone": {"number": "+44 1"}}}},
    "like Clearbit": {"person": {"id": "p", "name": {"fullName": "Ada Byron", "givenName": "Ada",
        "familyName": "Byron"},
                                 "geo": {"city": "London", "country": "UK", "lat": 51.5}, "linkedin":
                                     {"handle": "in/ada"},
                                 "employment": {"domain": "engines.example", "name": "Engines", "title": "CTO"}},
                      "company": {"name": "Engines", "domain": "engines.example", "metrics": {"employees": 50}}},
    "like PDL": {"status": 200, "likelihood": 8, "data": {"full_name": "Ada Byron", "job_title": "CTO",
        "job_company_name": "Engines",
                                                          "location_locality": "London",
                                                              "job_company_website": "engines.example"}},
    "like ZoomInfo": {"success": True, "data": {"result": [{"input": {}, "data": [{**FLAT, "company": {"id": 2,
        "name": "Engines"}}],
                                                            "matchStatus": "FULL_MATCH"}]}},
    "like a CRM": {"d": {"results": [{"__metadata": {"type": "Contact"}, "FirstName": "Ada", "LastName": "Byron",
        "Title": "CTO",
                                      "MailingCity": "London", "Account": {"Name": "Engines",
                                          "BillingCity": "Leeds"}}]}},
}  # fmt: skip
# Each is read as Engines alone, for 1 credit.
ENGINES: dict[str, Any] = {
    "organisation": {"organisation": COMPANY},
    "company in data": {"data": {"company": {"name": "Engines", "website": "www.engines.example"}}},
    "no person": {"person": None, "organisation": COMPANY},
    "nulls of a person": {**dict.fromkeys(PERSON), "organisation": COMPANY},
    "flat": {"companyName": "Engines", "domain": "engines.example", "city": "Leeds"},
    "flat beside nulls of a person": {**dict.fromkeys(PERSON), "companyName": "Engines", "city": "Leeds"},
    "lists": {"people": [], "organisations": [COMPANY], "credits": {"used": 1, "remaining": 98}},
    "a scalar": {"organisation": "Engines"},
    "price explains the rest": {"organisation": COMPANY, "xyz": {"a": "Ada", "b": "Byron"}, "creditsUsed": 1},
    "status inside": {
        "results": {"person": {"status": "not_found"}, "organisation": {"status": "found", "name": "Engines"}}
    },
    "Apollo-like": {"person": None, "organization": {"id": "o", "name": "Engines", "estimated_num_employees": 50}},
}
UNREADABLE: dict[str, tuple[Any, str]] = {
    "unknown words": ({"hit": {"who": {"vn": "Ada"}, "shop": {"sign": "Engines"}}}, "nothing known"),
    "unknown words of the company": (
        {"person": PERSON, "organisation": {"sign": "Engines"}},
        '"organisation" may hold',
    ),
    "unknown words of the person": ({"person": {"vn": "Ada", "nn": "Byron"}, "company": COMPANY}, '"person" may hold'),
    "unknown flat words of the person": ({"vn": "Ada", "nn": "Byron", "companyName": "Engines"}, "may hold the person"),
    "unknown object beside a person": ({"person": PERSON, "xyz": {"a": "Engines", "b": "Leeds"}}, '"xyz" may hold'),
    "unknown object beside a company": ({"company": COMPANY, "xyz": {"a": "Ada", "b": "Byron"}}, '"xyz" may hold'),
    "somebody beside a company": ({"company": COMPANY, "manager": {"firstName": "Bob"}}, '"manager" may hold'),
    "a name that may be a person's": (
        {"id": 7, "name": "Ada Byron", "company": {"name": "Engines"}},
        "may hold the person",
    ),
    "two people": ({"contacts": [CONTACT, {**CONTACT, "personId": "p-2"}]}, "differ in clodura_person_id"),
    "two namesakes": ({"matches": [{"id": 1, **FLAT}, {"id": 2, **FLAT}]}, "differ in clodura_person_id"),
    "two names": ({"a": {"firstName": "Ada"}, "b": {"firstName": "Bob"}}, "differ in first_name"),
    "two companies": ({**PERSON, "organisation": COMPANY, "company": {"name": "Bakery"}}, "differ in name"),
    "a person is paid for": ({"organisation": COMPANY, "creditsUsed": 2}, "cost of 2 credits"),
    "something is paid for": ({"data": None, "creditsUsed": 1}, "cost of 1 credits"),
    "a title without a person": ({"jobTitle": "CTO", "company": {"name": "Engines"}}, "without a name"),
    "not ready": ({"status": "processing", "jobId": "j-1", "data": None}, "reports a failure"),
}


def read(document: Any) -> Enrichment:
    return READER.read(json.dumps(document).encode(), {})


def essence(enrichment: Enrichment) -> tuple[str | None, ...]:
    person, company = enrichment.person, enrichment.organisation
    return person.first_name, person.last_name, person.job_title, person.city, company.name


def test_a_person_is_read_in_every_form() -> None:
    for form, document in ADA.items():
        enrichment = read(document)
        assert enrichment.found is Found.PERSON, form
        assert essence(enrichment) == ("Ada", "Byron", "CTO", "London", "Engines"), form
        assert enrichment.credits == 2, form
        assert "Ada" in json.dumps(enrichment.contact), form


@pytest.mark.parametrize("form", ENGINES)
def test_a_company_alone_is_read_in_every_form(form: str) -> None:
    enrichment = read(ENGINES[form])
    assert enrichment.found is Found.ORGANISATION
    assert essence(enrichment) == (None, None, None, None, "Engines")
    assert enrichment.credits == 1


@pytest.mark.parametrize("form", UNREADABLE)
def test_what_would_be_read_by_halves_is_unreadable_and_says_why(form: str) -> None:
    document, reason = UNREADABLE[form]
    with pytest.raises(UnreadableAnswer, match=reason):
        read(document)


def test_every_field_of_a_full_answer_is_read() -> None:
    company = {**COMPANY, "organisationEmployeeSize": "51-200", "revenue": 5_000_000, "foundedYear": 1833.0,
               "boardlineNumbers": ["+44 1", "+44 2"], "organisationCity": "Leeds", "organisationState": "England",
               "organisationCountry": "UK"}  # fmt: skip
    enrichment = read({**PERSON, "organisation": company})
    assert tuple(vars(enrichment.person).values()) == (
        "p-1", "Ada", "Byron", "https://www.linkedin.com/in/ada", "CTO", "Engineering", "CXO", "London", "England",
            "UK",
    )  # fmt: skip
    assert tuple(vars(enrichment.organisation).values()) == (
        "o-1", "Engines", "engines.example", "Software", "51-200", "5000000", "1833", "+44 1, +44 2", "Leeds",
            "England", "UK",
    )  # fmt: skip
    assert enrichment.unmapped == ()


def test_what_is_not_mapped_is_listed_and_stays_in_the_contact() -> None:
    answer = {
        "person": {**PERSON, "karma": 7, "nothing": None},
        "company": COMPANY,
        "weather": {"sky": "blue"},
        "creditsUsed": 2,
    }
    enrichment = read(answer)
    assert [(one.path, one.value_type) for one in enrichment.unmapped] == [
        ("person.karma", "number"),
        ("weather.sky", "text"),
    ]
    assert enrichment.contact == {"person": answer["person"], "company": COMPANY, "weather": {"sky": "blue"}}


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [("Ada Byron", "Ada", "Byron"), ("Ada van der Byron", "Ada", "van der Byron"), ("Ada Marie Byron", "Ada Marie",
        "Byron"),
     ("Ada Byron Jr.", "Ada", "Byron Jr."), ("Byron, Ada", "Ada", "Byron"), ("Ada Byron, Jr.", "Ada", "Byron Jr."),
     ("Ada al Byron", "Ada", "al Byron"),
     ("Ada Jr", "Ada", "Jr"), ("de Byron", "de", "Byron"), ("Byron", None, "Byron"), ("山田太郎", None, "山田太郎")],
)  # fmt: skip
def test_a_full_name_is_split(full: str, first: str | None, last: str | None) -> None:
    person = read({"fullName": full, "personId": 1}).person
    assert (person.first_name, person.last_name) == (first, last)


@pytest.mark.parametrize(
    ("place", "city", "state", "country"),
    [("London, England, United Kingdom", "London", "England", "United Kingdom"),
     ("Oslo, Norway", "Oslo", None, "Norway"),
     ("Austin, TX", "Austin", "TX", None), ("London, UK", "London", None, "UK"), ("London", None, None, None),
     ("Soho, London, England, UK", "Soho", "England", "UK")],
)  # fmt: skip
def test_a_place_in_one_text_is_split(place: str, city: str | None, state: str | None, country: str | None) -> None:
    person = read({"personId": 1, "location": place}).person
    assert (person.city, person.state, person.country) == (city, state, country)


@pytest.mark.parametrize("place", [{"location": "London, UK"}, {"city": "London"}, {"linkedin": "linkedin.com/in/ada"}])
@pytest.mark.parametrize("company", ["company", "organization", "organisation"])
def test_a_bare_name_is_a_persons_when_a_company_and_a_fact_of_a_person_stand_beside_it(
    place: dict[str, str], company: str
) -> None:
    enrichment = read({"data": {"name": "Ada Byron", **place, company: {"name": "Engines"}}})
    assert enrichment.found is Found.PERSON
    assert (enrichment.person.first_name, enrichment.person.last_name) == ("Ada", "Byron")
    assert enrichment.organisation.name == "Engines"


@pytest.mark.parametrize("holder", ["usage", "consumption", "meta"])
def test_an_amount_beside_the_unit_credits_is_the_cost(holder: str) -> None:
    assert read({"data": FLAT, holder: {"amount": 1.5, "unit": "credits"}}).credits == 1.5
