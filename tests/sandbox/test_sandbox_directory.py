"""The made-up directory: the same everywhere, plausible, and found by any identifier."""

import hashlib
import re
from collections import Counter

import pytest
from sandbox_client import people

from clodura_pipeline.sandbox import build_directory
from clodura_pipeline.sandbox.directory import canonical_company_name, canonical_profile


def test_the_directory_is_the_same_on_every_machine() -> None:
    everybody = "\n".join(map(repr, build_directory()))
    assert hashlib.sha256(everybody.encode()).hexdigest()[:16] == "cf06039ffc61730a"


def test_the_mix_of_answers_is_within_three_points_of_what_is_promised() -> None:
    directory = build_directory()
    counted = Counter(person.answer for person in directory)
    shares = {found: 100 * count / len(directory.people) for found, count in counted.items()}
    assert shares == pytest.approx({"person": 60, "organisation": 15, "miss": 25}, abs=3)


def test_it_has_the_size_promised_and_no_identifier_twice() -> None:
    directory = build_directory()
    assert (len(directory.people), len(directory.organisations)) == (5_000, 400)
    for of_person in ("person_id", "email", "linkedin_url"):
        assert len({getattr(person, of_person) for person in directory}) == 5_000, of_person
    for of_company in ("organisation_id", "domain", "linkedin_url", "name"):
        assert len({getattr(each, of_company) for each in directory.organisations}) == 400, of_company
    assert len({canonical_profile(person.linkedin_url) for person in directory}) == 5_000
    names = {(each.first_name, each.last_name, each.organisation.domain) for each in directory}
    assert len(names) == 5_000


def test_nothing_in_it_can_belong_to_somebody_real() -> None:
    fictional = re.compile(
        r"\+1 \d{3}-555-01\d\d|\+44 20 7946 00\d\d|\+49 30 23125 0\d\d|\+33 1 99 00 00 \d\d"
        r"|\+61 2 5550 00\d\d|\+46 8 465 004 \d\d|\+353 20 913 00\d\d"
    )
    for company in build_directory().organisations:
        assert company.domain.endswith(".example")
        assert company.board_lines
        assert all(fictional.fullmatch(line) for line in company.board_lines), company.board_lines
    assert all(person.email.isascii() and person.email.endswith(".example") for person in build_directory())


def test_names_come_from_many_cultures_and_keep_their_letters() -> None:
    directory = build_directory()
    assert {person.country for person in directory} == {"United States", "Germany", "Türkiye", "Japan"}
    assert sum(not f"{person.first_name}{person.last_name}".isascii() for person in directory) > 500
    assert sum("%" in person.linkedin_url for person in directory) > 20


@pytest.mark.parametrize("found", ["person", "organisation", "miss"])
def test_every_identifier_of_a_person_leads_to_the_same_entry(found: str) -> None:
    directory = build_directory()
    for person in people(found)[:150]:
        company = person.organisation
        named = {"firstName": person.first_name.upper(), "lastName": f" {person.last_name}"}
        requests = [
            {"linkedinUrl": person.linkedin_url},
            {"email": person.email.upper()},
            {**named, "email": person.email},
            {**named, "organisationName": company.name},
            {**named, "organisationName": canonical_company_name(company.name)},
            {**named, "orgLinkedinUrl": company.linkedin_url + "/"},
        ]
        looked_up = [directory.find(request) for request in requests]
        assert {(each.contact, each.found) for each in looked_up} == {(person.person_id, found)}


@pytest.mark.parametrize(
    "spelling",
    [
        "https://www.linkedin.com/in/{slug}",
        "http://LinkedIn.com/in/{slug}/",
        "linkedin.com/in/{slug}?trk=public_profile",
        "https://uk.linkedin.com/in/{slug}/en#about",
        "HTTPS://WWW.LINKEDIN.COM/IN/{SLUG}",
        "  www.linkedin.com/in/{slug}  ",
    ],
)
def test_a_profile_is_found_however_its_address_is_spelt(spelling: str) -> None:
    for slug, canonical in (("jane-doe-1", "jane-doe-1"), ("s%C3%B6ren-4f", "sören-4f"), ("Sören-4F", "sören-4f")):
        assert canonical_profile(spelling.format(slug=slug, SLUG=slug.upper())) == canonical


@pytest.mark.parametrize(
    ("identifiers", "found"),
    [
        ({"email": "no.such.person@{domain}"}, "organisation"),
        ({"email": "no.such.person@elsewhere.example"}, "miss"),
        ({"linkedinUrl": "https://www.linkedin.com/in/no-such-person"}, "miss"),
        ({"linkedinUrl": "not an address"}, "miss"),
        ({"firstName": "No", "lastName": "Body", "organisationName": "{name}"}, "miss"),
    ],
)
def test_unknown_people_are_a_miss_unless_their_address_names_a_known_company(
    identifiers: dict[str, str], found: str
) -> None:
    directory = build_directory()
    company = directory.organisations[7]
    request = {key: value.format(domain=company.domain, name=company.name) for key, value in identifiers.items()}
    assert directory.find(request).found == found
