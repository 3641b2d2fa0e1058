"""The whole job on real files, over real HTTP, through the real ledger: what the owner of a list gets."""

import shutil
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest
from project import TODAY, YESTERDAY, Project, checks_of, failure_text, metadata_of

from clodura_pipeline.sandbox import Fault, Person

HEADER = "contact_id,first_name,last_name,email,linkedin_url,organisation_name\n"
People = dict[str, list[Person]]


def row(contact_id: str, *, email: str = "", linkedin: str = "", first: str = "", last: str = "", org: str = "") -> str:
    return f'{contact_id},{first},{last},{email},{linkedin},"{org}"\n'


def mixed(people: People, each: int = 6) -> str:
    """A file with persons, organisations and misses, by e-mail and by profile."""
    rows = []
    for answer, found in people.items():
        for number, person in enumerate(found[:each]):
            by = {"email": person.email} if number % 2 else {"linkedin": person.linkedin_url}
            rows.append(row(f"{answer}-{number}", **by))
    return HEADER + "".join(rows)


# Two of each; enrichment/test_faults.py crosses all envelopes and all ways to say that there is no match.
SHAPES = [("object", "nulls", "creditUsage.used"), ("data_list", "not_found", "creditsUsed")]


@pytest.mark.parametrize(("envelope", "miss", "cost_field"), SHAPES, ids=lambda value: str(value))
def test_every_contact_ends_with_its_answer_and_every_credit_is_booked(
    project: Project, people: People, envelope: str, miss: str, cost_field: str | None
) -> None:
    project.sandbox.options = replace(
        project.sandbox.options, envelope=envelope, miss_style=miss, credit_usage_field=cost_field
    )
    project.put(f"list-{TODAY}.csv", mixed(people))
    result = project.run()
    assert result.success
    statuses = project.statuses()
    assert {status for key, status in statuses.items() if key.startswith("person")} == {"person"}
    assert {status for key, status in statuses.items() if key.startswith("organisation")} == {"organisation"}
    assert {status for key, status in statuses.items() if key.startswith("miss")} == {"no_match"}
    call_log = project.call_log()
    assert call_log.charged == 6 * 2 + 6 * 1
    for table in ("credit_usage", "enriched_contacts"):
        assert project.query(f"SELECT sum(credits_charged) FROM {table}") == [(call_log.charged,)]
    ids = dict(
        project.query("SELECT contact_id, clodura_person_id FROM enriched_contacts WHERE match_status = 'person'")
    )
    assert ids == {f"person-{number}": people["person"][number].person_id for number in range(6)}
    assert [name for name, passed in checks_of(result).items() if not passed] == []


def test_an_unknown_shape_stops_after_five_calls_and_loses_nothing(project: Project, people: People) -> None:
    project.sandbox.options = replace(project.sandbox.options, faults=(Fault("unknown_shape"),))
    project.put(f"list-{TODAY}.csv", mixed(people))
    result = project.run()
    assert result.success
    assert project.call_count == 5
    assert "could not be read" in metadata_of(result, "clodura_responses")["run_stop_reason"]
    counts = dict(project.query("SELECT match_status, count(*) FROM enriched_contacts GROUP BY 1"))
    assert counts == {"unrecognised": 5, "pending": 13}
    assert not checks_of(result)["clodura_responses.no_unrecognised_answers"]
    assert project.query("SELECT sum(credits_at_risk) FROM credit_usage") == [(10,)]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"api_key": "another"}, "CLODURA_API_KEY"), ({"paid_plan": False}, "plan")],
    ids=["wrong key", "wrong plan"],
)
def test_wrong_key_or_plan_fails_the_run_before_the_first_call(
    project: Project, people: People, options: dict[str, Any], says: str
) -> None:
    project.sandbox.options = replace(project.sandbox.options, **options)
    project.put(f"list-{TODAY}.csv", mixed(people))
    result = project.run()
    assert not result.success
    assert project.call_count == 0
    assert says in failure_text(result)
    project.sandbox.options = replace(project.sandbox.options, api_key="sandbox-key", paid_plan=True)
    project.enrich()
    assert project.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'pending'") == [(0,)]


def test_key_refused_midway_publishes_what_came_before_and_fails(project: Project, people: People) -> None:
    project.sandbox.options = replace(
        project.sandbox.options, credits_shape="missing", faults=(Fault("status_401", from_call=5),)
    )
    project.put(f"list-{TODAY}.csv", mixed(people))
    result = project.run(max_workers=1)
    assert not result.success
    assert project.call_count == 5
    assert project.query("SELECT count(*) FROM enriched_contacts WHERE match_status <> 'pending'") == [(4,)]
    assert project.query("SELECT sum(credits_charged) FROM credit_usage") == [(project.call_log().charged,)]


@pytest.mark.parametrize(
    ("options", "settings", "says"),
    [
        ({"requests_per_day": 7}, {}, "409"),
        ({}, {"requests_per_day": 7}, "CLODURA_REQUESTS_PER_DAY"),
        ({"starting_balance": 9}, {}, "402"),
        ({}, {"max_credits_per_run": 9}, "CLODURA_MAX_CREDITS_PER_RUN"),
        ({}, {"max_credits_per_day": 9}, "CLODURA_MAX_CREDITS_PER_DAY"),
        ({}, {"min_balance": 991}, "CLODURA_MIN_BALANCE"),
    ],
    ids=["409", "daily limit", "402", "run cap", "day cap", "minimum balance"],
)
def test_running_out_is_an_outcome_and_the_next_run_goes_on(
    project: Project, people: People, options: dict[str, Any], settings: dict[str, Any], says: str
) -> None:
    project.sandbox.options = replace(project.sandbox.options, **options)
    project.put(f"list-{TODAY}.csv", mixed(people))
    figures = project.enrich(**settings)  # raises no error, and the check that each reason is given holds
    assert says in figures["clodura_responses"]["run_stop_reason"]
    pending = project.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'pending'")[0][0]
    assert 0 < pending < 18
    assert (
        says
        in project.query("SELECT any_value(pending_reason) FROM enriched_contacts WHERE match_status='pending'")[0][0]
    )
    assert project.call_log().charged <= 9 or "requests_per_day" in (options | settings)


def test_a_run_goes_on_where_the_one_before_ran_out_of_credits(project: Project, people: People) -> None:
    project.sandbox.options = replace(project.sandbox.options, starting_balance=9)
    project.put(f"list-{TODAY}.csv", mixed(people))
    project.enrich()
    project.sandbox.options = replace(project.sandbox.options, starting_balance=1_000)
    project.enrich()
    assert set(project.statuses().values()) == {"person", "organisation", "no_match"}
    assert not project.call_log().bought_more_than_once()


def test_a_day_that_the_server_closed_stays_closed(project: Project, people: People) -> None:
    project.sandbox.options = replace(project.sandbox.options, requests_per_day=7)
    project.put(f"list-{TODAY}.csv", mixed(people))
    project.enrich()
    before = project.call_count
    project.sandbox.options = replace(project.sandbox.options, requests_per_day=0)
    project.enrich()
    assert project.call_count == before


def test_a_range_is_one_run_that_asks_a_person_of_several_days_once(project: Project, people: People) -> None:
    person, other = people["person"][:2]
    for day, who in ((YESTERDAY, person), (TODAY, person), (TODAY - timedelta(days=2), other)):
        project.put(f"{day}/crm.csv", HEADER + row(str(day), email=who.email))
    result = project.run(TODAY - timedelta(days=2), TODAY)
    assert result.success
    assert project.call_count == 2
    assert project.query("SELECT count(DISTINCT run_id), sum(requests) FROM credit_usage") == [(1, 2)]
    days = project.query("SELECT file_date FROM credit_usage ORDER BY 1")
    assert days == [(TODAY - timedelta(days=2),), (YESTERDAY,)]


def test_files_that_move_vanish_or_come_back_lose_nothing_and_buy_nothing(project: Project, people: People) -> None:
    first = project.put(f"crm-{TODAY}.csv", mixed(people, 2))
    project.enrich()
    asked, contacts = project.call_count, len(project.statuses())
    first.unlink()
    result = project.run()
    assert result.success
    assert not checks_of(result)["raw_contacts.every_file_loaded"]
    assert project.query("SELECT status FROM source_files") == [("vanished",)]
    moved = project.put(f"archive/{TODAY}/crm.csv", mixed(people, 2))
    project.enrich()
    assert project.statuses().keys() == {f"{a}-{n}" for a in people for n in range(2)}
    shutil.move(moved, first)
    project.enrich()
    assert (project.call_count, len(project.statuses())) == (asked, contacts)
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(project.call_log().charged,)]


def test_readers_can_always_read_and_a_stale_wal_is_never_replayed(project: Project, people: People) -> None:
    project.put(f"crm-{TODAY}.csv", mixed(people, 1))
    project.enrich()
    reader = duckdb.connect(project.database, read_only=True)
    wal = project.database.with_name(project.database.name + ".wal")
    wal.write_bytes(b"left behind by somebody's session")
    project.put(f"more-{TODAY}.csv", HEADER + row("more", email=people["person"][9].email))
    project.enrich()
    assert reader.execute("SELECT count(*) FROM enriched_contacts").fetchall() == [(3,)]
    reader.close()
    assert not wal.exists()
    assert project.query("SELECT count(*) FROM enriched_contacts") == [(4,)]
    assert project.database.stat().st_mode & 0o777 == 0o440


def test_a_new_ledger_beside_bought_answers_is_refused(project: Project, people: People) -> None:
    project.put(f"crm-{TODAY}.csv", mixed(people, 1))
    project.enrich()
    asked = project.call_count
    shutil.rmtree(project.state)
    result = project.run()
    assert not result.success
    assert "CLODURA_ALLOW_NEW_LEDGER" in failure_text(result)
    assert project.call_count == asked
    assert project.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'person'") == [(1,)]
    project.enrich(allow_new_ledger=True)


def test_planning_spends_nothing_and_needs_no_key(project: Project, people: People) -> None:
    project.put(f"crm-{TODAY}.csv", mixed(people))
    result = project.run(job="plan_contacts", api_key="")
    assert result.success
    figures = metadata_of(result, "enrichment_plan")
    assert (figures["to_call"], figures["worst_credits"], figures["people"]) == (18, 36, 18)
    assert (figures["run_to_call"], figures["run_worst_credits"]) == (18, 36)
    assert project.call_log().calls == ()


def test_without_a_key_the_run_says_what_to_do_and_asks_nobody(project: Project, people: People) -> None:
    project.put(f"crm-{TODAY}.csv", mixed(people, 1))
    result = project.run(api_key="")
    assert not result.success
    assert "CLODURA_API_KEY is not set" in failure_text(result)
    assert project.call_log().calls == ()


def test_no_key_ends_up_in_any_file(project: Project, people: People) -> None:
    key = "k-e-y-marked-7d1f"
    project.sandbox.options = replace(project.sandbox.options, api_key=key)
    project.put(f"crm-{TODAY}.csv", mixed(people, 1))
    project.enrich(api_key=key)
    holding = [path for path in project.folder.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    assert holding == []


def test_a_refresh_asks_only_when_told_to_and_only_with_a_cap(project: Project, people: People) -> None:
    project.put(f"crm-{TODAY}.csv", mixed(people, 1))
    old: dict[str, Any] = {"answer_max_age_days": 0, "no_match_max_age_days": 0}
    project.enrich(**old)
    project.enrich(**old)
    assert project.call_count == 3
    refused = project.run(config={"refresh": True}, **old)
    assert not refused.success
    assert "max_credits" in failure_text(refused)
    project.enrich(config={"refresh": True, "max_credits": 100}, **old)
    assert project.call_count == 6
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(project.call_log().charged,)]
