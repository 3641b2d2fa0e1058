"""People across days: conflicts that show late, people who turn out to be one, contacts that change hands.

All tests look at the same five runs of one project over four days. Each has files and people of its own: its files
stand above it, with the days they come on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest
from project import TODAY, Snapshot, by_answer, open_project

from clodura_pipeline.sandbox import Call, Fault, Person, build_directory

DAY_1, DAY_2, DAY_3, DAY_4 = (TODAY - timedelta(days=before) for before in (3, 2, 1, 0))
HEADER = "contact_id,email,linkedin_url\n"
_LISTED: dict[date, dict[str, str]] = {DAY_1: {}, DAY_2: {}, DAY_3: {}, DAY_4: {}}
_FOUND, _MISSED = (iter(by_answer(build_directory())[answer]) for answer in ("person", "miss"))


def people(count: int) -> list[Person]:
    """So many people whom no other test has."""
    return list(islice(_FOUND, count))


def listed(day: date, source: str, rows: str, header: str = HEADER) -> None:
    """A file of a day; tests use no source of another."""
    _LISTED[day][f"{day}/{source}.csv"] = header + rows


@dataclass(frozen=True)
class Runs:
    """What each run left: one over the first two days, one over the second and third, one of today, and two more."""

    day_2: Snapshot
    day_3: Snapshot
    day_4: Snapshot
    rerun: Snapshot  # of the third day, once everything is known
    refreshed: Snapshot  # of the first three days; what was found on MISSED_LATER is a miss now


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with open_project(tmp_path_factory.mktemp("days")) as project:

        def snapshot(first: date, last: date, **changes: Any) -> Snapshot:
            for day in (day for day in _LISTED if day <= last):
                for path, text in _LISTED[day].items():
                    project.put(path, text)
            project.enrich(first, last, **changes)
            return project.snapshot()

        day_2, day_3 = snapshot(DAY_1, DAY_2), snapshot(DAY_2, DAY_3)
        day_4, rerun = snapshot(DAY_4, DAY_4), snapshot(DAY_3, DAY_3)
        faults = (Fault("empty_body_200", matching=MISSED_LATER.email, charge=0),)
        project.sandbox.options = replace(project.sandbox.options, faults=faults)
        old: dict[str, Any] = {"answer_max_age_days": 0, "no_match_max_age_days": 0}
        refreshed = snapshot(DAY_1, DAY_3, config={"refresh": True, "max_credits": 200}, **old)
        yield Runs(day_2, day_3, day_4, rerun, refreshed)


def shown(snapshot: Snapshot, source: str) -> dict[str, str]:
    """Clodura's person id by contact_id, of the sources that begin so."""
    found = f"SELECT contact_id, clodura_person_id FROM enriched_contacts WHERE source LIKE '{source}%'"
    return dict(snapshot.query(found))


def calls_about(snapshot: Snapshot, *wanted: Person) -> list[Call]:
    """The calls that sent an address or a profile of one of these people."""
    known = {value for person in wanted for value in (person.email, person.linkedin_url)}
    return [call for call in snapshot.call_log.enrich_calls if known & set((call.identifiers or {}).values())]


# A profile, another profile, and a row without one, all with the address of a third person, in four orders.
TRIOS = {order: people(3) for order in ("012", "201", "021", "120")}
for order, (one, other, third) in TRIOS.items():
    for place, day in zip(order, (DAY_2, DAY_3, DAY_4), strict=True):
        profile = {"0": one.linkedin_url, "1": other.linkedin_url, "2": ""}[place]
        listed(day, f"trio-{order}-{place}", f"{order}-{place},{third.email},{profile}\n")


def test_an_address_seen_with_two_profiles_joins_nobody_in_any_order(runs: Runs) -> None:
    found = shown(runs.day_4, "trio-")
    conflicts = dict(runs.day_4.query("SELECT email, len(profiles) FROM identity_conflicts"))
    for order, (one, other, third) in TRIOS.items():
        later = "1" if order.index("0") < order.index("1") else "0"
        assert found[f"{order}-{later}"] in (one.person_id, other.person_id)
        assert conflicts[third.email] == 2
        sent = [call.identifiers or {} for call in calls_about(runs.day_4, third)]
        assert len([each for each in sent if each.get("linkedinUrl")]) <= 1  # only before the conflict could be known


RECRUITER, *CLIENTS = people(6)
listed(DAY_3, "clients-crm", "".join(f"{n},{p.email},{p.linkedin_url}\n" for n, p in enumerate(CLIENTS)))
listed(DAY_3, "clients-newsletter", "".join(f"{n},{p.email},\n" for n, p in enumerate(CLIENTS)))
listed(DAY_4, "sourcing", "".join(f"{n},{p.email},{RECRUITER.linkedin_url}\n" for n, p in enumerate(CLIENTS)))


def test_an_address_that_was_asked_by_beside_a_profile_is_not_bought_again_when_another_profile_claims_it(
    runs: Runs,
) -> None:
    assert len(calls_about(runs.rerun, RECRUITER, *CLIENTS)) == len(CLIENTS) + 1
    for source in ("clients-crm", "clients-newsletter"):
        assert shown(runs.rerun, source) == {str(n): person.person_id for n, person in enumerate(CLIENTS)}
    later = calls_about(runs.refreshed, *CLIENTS)[len(CLIENTS) :]
    assert len(later) == len(CLIENTS)
    assert not [call for call in later if (call.identifiers or {}).get("email")]


(TWICE,) = people(1)
listed(DAY_2, "one-profile", f"1,,{TWICE.linkedin_url}\n")
listed(DAY_2, "one-address", f"2,{TWICE.email},\n")
listed(DAY_4, "one-both", f"3,{TWICE.email},{TWICE.linkedin_url}\n")


def test_two_people_found_to_be_one_share_an_answer_without_a_call(runs: Runs) -> None:
    assert len(calls_about(runs.day_4, TWICE)) == len(calls_about(runs.day_2, TWICE))
    assert shown(runs.day_4, "one-") == dict.fromkeys("123", TWICE.person_id)
    keys = "SELECT count(DISTINCT person_key) FROM enriched_contacts WHERE source LIKE 'one-%'"
    assert runs.day_4.query(keys) == [(1,)]


GONE, COME = people(2)
listed(DAY_3, "passed-on", f"17,{GONE.email},\n")
listed(DAY_4, "passed-on", f"17,{COME.email},\n")


def test_a_contact_id_that_passes_to_another_person_identifies_neither_of_them(runs: Runs) -> None:
    assert shown(runs.day_3, "passed-on") == {"17": GONE.person_id}
    found = shown(runs.day_4, "passed-on")
    assert "17" not in found
    assert set(found.values()) == {GONE.person_id, COME.person_id}


ANN, BOB = people(2)
WITH_NAMES = "contact_id,first_name,last_name,email,linkedin_url\n"
listed(DAY_1, "mixed", f"17,Ann,Lee,{ANN.email},{ANN.linkedin_url}\n18,,,same@acme.example,\n", WITH_NAMES)
listed(DAY_2, "mixed", f"17,Bob,Ray,{BOB.email},\n18,Cy,Fox,,{BOB.linkedin_url}\n", WITH_NAMES)


def test_a_contact_that_passes_to_another_person_mixes_nothing_of_the_two(runs: Runs) -> None:
    cells = "SELECT first_name, email, linkedin_url FROM enriched_contacts WHERE source = 'mixed'"
    rows = runs.day_2.query(f"{cells} ORDER BY file_date, source_row")
    assert rows[:2] == [("Ann", ANN.email, ANN.linkedin_url), (None, "same@acme.example", None)]
    assert {row[0] for row in rows[2:]} <= {"Bob", "Cy"}
    assert not [row for row in rows[2:] if ANN.email in row or "same@acme.example" in row]


GUESTS = people(4)
ONE_ID = "".join(f"E77,P{n},Lee,{person.email}\n" for n, person in enumerate(GUESTS))
ONE_PERSON = f"9,Ann,Ray,{GUESTS[0].email}\n9,Annie,Ray,{GUESTS[0].email}\n"
listed(DAY_4, "event", ONE_ID + ONE_PERSON, "contact_id,first_name,last_name,email\n")


def test_an_id_that_one_file_uses_for_several_people_identifies_none_of_them(runs: Runs) -> None:
    cells = "SELECT contact_id, clodura_person_id, set_aside FROM enriched_contacts WHERE source = 'event'"
    found = runs.day_4.query(f"{cells} ORDER BY source_row")
    assert [row[1] for row in found] == [*[p.person_id for p in GUESTS], GUESTS[0].person_id]
    assert [row[0] for row in found if not row[0].startswith("row-")] == ["9"]
    assert [len(row[2]) for row in found] == [1, 1, 1, 1, 0]
    assert "several people" in found[0][2][0]


(NAMED_LATER,), UNKNOWN = people(1), next(_MISSED)
listed(DAY_2, "missed", f"1,{UNKNOWN.email},\n")
listed(DAY_4, "missed-named", f"2,{UNKNOWN.email},{NAMED_LATER.linkedin_url}\n")


def test_a_miss_is_asked_again_once_there_is_a_better_identifier(runs: Runs) -> None:
    calls = [len(calls_about(run, NAMED_LATER, UNKNOWN)) for run in (runs.day_2, runs.day_3, runs.day_4)]
    assert calls == [1, 1, 2]
    assert shown(runs.day_4, "missed") == dict.fromkeys("12", NAMED_LATER.person_id)


(SPELT,) = people(1)
SLUG = SPELT.linkedin_url.rsplit("/", 1)[-1]
listed(DAY_3, "spelt-crm", f"1,{SPELT.email},\n")
listed(DAY_4, "spelt-crm", f"1,{SPELT.email.upper()},\n")
listed(DAY_4, "spelt-webinar", f"9,{SPELT.email},LINKEDIN.com/in/{SLUG}/?x=1\n")


def test_running_again_asks_nobody_whatever_the_spelling_file_or_day(runs: Runs) -> None:
    assert len(calls_about(runs.rerun, SPELT)) == 1
    cells = "SELECT source, contact_id, match_status, credits_charged FROM enriched_contacts"
    rows = runs.rerun.query(f"{cells} WHERE source LIKE 'spelt-%' ORDER BY source")
    assert rows == [("spelt-crm", "1", "person", 2), ("spelt-webinar", "9", "person", 0)]


KNOWN_BY = ("email", "linkedin", "both")
ARRIVALS = {(first, second): people(1)[0] for first in KNOWN_BY for second in KNOWN_BY}
for place, day in enumerate((DAY_3, DAY_4)):
    for order, person in ARRIVALS.items():
        email, profile = person.email * (order[place] != "linkedin"), person.linkedin_url * (order[place] != "email")
        listed(day, f"arrival-{'-'.join(order)}-{place}", f"{'-'.join(order)},{email},{profile}\n")


def test_a_person_is_bought_once_whatever_order_their_identifiers_arrive_in(runs: Runs) -> None:
    asked = {order: len(calls_about(runs.day_4, person)) for order, person in ARRIVALS.items()}
    # The answer names the profile, so a later row with only the profile is known; one with only the address is not,
    # unless a row or an answer showed them to be one: that is what an e-mail address alone cannot tell.
    assert asked == {order: 2 if order == ("linkedin", "email") else 1 for order in ARRIVALS}
    keys = "SELECT contact_id, count(DISTINCT person_key) FROM enriched_contacts WHERE source LIKE 'arrival-%' GROUP BY"
    assert runs.day_4.query(f"{keys} 1 ORDER BY 1") == sorted(("-".join(order), 1) for order in ARRIVALS)
    people_of_all = "SELECT count(DISTINCT person_key) FROM enriched_contacts WHERE source LIKE 'arrival-%'"
    assert runs.day_4.query(people_of_all) == [(len(ARRIVALS),)]


CARL, ALICE = people(2)
listed(DAY_3, "claimed-before", f"m,{CARL.email},\n")
listed(DAY_4, "claimed-after", f"a,{CARL.email},{ALICE.linkedin_url}\n")


def test_a_profile_is_never_given_another_profiles_answer(runs: Runs) -> None:
    assert shown(runs.day_4, "claimed-") == {"m": CARL.person_id, "a": ALICE.person_id}
    (call,) = (call for call in calls_about(runs.day_4, ALICE) if (call.identifiers or {}).get("linkedinUrl"))
    assert not (call.identifiers or {}).get("email")


(MISSED_LATER,) = people(1)
listed(DAY_1, "found-once", f"1,{MISSED_LATER.email},\n")


def test_a_later_miss_never_erases_what_was_bought(runs: Runs) -> None:
    assert len(calls_about(runs.refreshed, MISSED_LATER)) == 2
    assert shown(runs.refreshed, "found-once") == {"1": MISSED_LATER.person_id}


def test_every_credit_stands_with_a_contact_and_nobody_is_bought_twice_who_could_be_known(runs: Runs) -> None:
    charged = "SELECT sum(credits_charged) FROM enriched_contacts"
    for run in (runs.day_2, runs.day_3, runs.day_4, runs.rerun, runs.refreshed):
        assert run.query(charged) == [(run.call_log.charged,)]
    rows_with_nothing_in_common = (TWICE, BOB, ARRIVALS["linkedin", "email"])
    assert runs.rerun.call_log.bought_more_than_once() == {one.person_id: 2 for one in rows_with_nothing_in_common}
    assert len(runs.rerun.call_log.enrich_calls) == len(runs.day_4.call_log.enrich_calls)
