"""The whole job on real files, over real HTTP, through the real ledger: what the owner of a list gets.

All tests look at one project of four days: a dry run, a run of today with a cap, a run of all days, the same again
(these in Dagster), and then three runs as files come back and answers are refreshed.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from project import TODAY, YESTERDAY, Project, Snapshot, by_answer, checks_of, metadata_of, open_project

from clodura_pipeline.sandbox import CallLog, SandboxOptions, build_directory

DAY_1, DAY_2 = TODAY - timedelta(days=3), TODAY - timedelta(days=2)  # no file belongs to YESTERDAY
HEADER = "contact_id,email,linkedin_url\n"
KEY = "k-e-y-marked-7d1f"
FOUND = by_answer(build_directory())
EACH = 4  # persons, organisations and misses on the list, by profile and by e-mail address
OF_ONE_DAY, OF_TWO_DAYS, MORE, *FIGURES = FOUND["person"][EACH : EACH + 6]


@dataclass(frozen=True)
class Runs:
    """What the runs returned, and what was published and called after each."""

    project: Project
    planned: dg.ExecuteInProcessResult
    calls_of_plan: CallLog
    capped: dg.ExecuteInProcessResult
    after_capped: Snapshot
    complete: dg.ExecuteInProcessResult
    after_complete: Snapshot
    again: dg.ExecuteInProcessResult
    after_again: Snapshot
    after_return: Snapshot
    after_second_return: Snapshot
    refreshed: Snapshot
    reader: duckdb.DuckDBPyConnection  # opened before the file was replaced
    wal: Path  # written beside the published file before it was replaced


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    options = SandboxOptions(
        api_key=KEY, starting_balance=1_000, envelope="data_list", miss_style="not_found",
        credit_usage_field="creditsUsed",
    )  # fmt: skip
    with open_project(tmp_path_factory.mktemp("enrich_contacts"), options) as project:
        project.put(f"list-{TODAY}.csv", mixed_list())
        planned = project.run(job="plan_contacts", api_key="")
        calls_of_plan = project.call_log()
        project.settings = {"api_key": KEY}
        capped = project.run(max_credits_per_run=5)
        after_capped = project.snapshot()

        for day, person in ((DAY_1, OF_ONE_DAY), (DAY_2, OF_TWO_DAYS), (TODAY, OF_TWO_DAYS)):
            project.put(f"{day}/crm.csv", HEADER + f"{day},{person.email},\n")
        figures = "".join(f"{number},{person.email},\n" for number, person in enumerate(FIGURES))
        moving = project.put(f"figures-{DAY_2}.csv", HEADER + figures)
        complete = project.run(DAY_1, TODAY)
        after_complete = project.snapshot()

        content = moving.read_bytes()
        moving.unlink()
        again = project.run(DAY_1, TODAY)
        after_again = project.snapshot()

        reader = duckdb.connect(project.database, read_only=True)
        wal = project.database.with_name(project.database.name + ".wal")
        wal.write_bytes(b"left behind by somebody's session")
        moved = project.put(f"archive/{DAY_2}/figures.csv", content)
        project.put(f"more-{TODAY}.csv", HEADER + f"more,{MORE.email},\n")
        old: dict[str, Any] = {"answer_max_age_days": 0, "no_match_max_age_days": 0}
        project.enrich(DAY_2, TODAY, **old)
        after_return = project.snapshot()
        shutil.move(moved, moving)
        project.enrich(DAY_2, **old)
        after_second_return = project.snapshot()
        project.enrich(DAY_1, config={"refresh": True, "max_credits": 100}, **old)
        yield Runs(
            project, planned, calls_of_plan, capped, after_capped, complete, after_complete, again, after_again,
            after_return, after_second_return, project.snapshot(), reader, wal,
        )  # fmt: skip
        reader.close()


def mixed_list() -> str:
    """Persons, organisations and misses, by e-mail address and by profile."""
    rows = []
    for answer, people in FOUND.items():
        for number, person in enumerate(people[:EACH]):
            by = f"{person.email}," if number % 2 else f",{person.linkedin_url}"
            rows.append(f"{answer}-{number},{by}\n")
    return HEADER + "".join(rows)


def figures_by_day(result: dg.ExecuteInProcessResult, asset: str) -> dict[str | None, dict[str, Any]]:
    events = result.asset_materializations_for_node(asset)
    return {event.partition: {name: value.value for name, value in event.metadata.items()} for event in events}


def test_planning_spends_nothing_and_needs_no_key(runs: Runs) -> None:
    assert runs.planned.success
    figures = metadata_of(runs.planned, "enrichment_plan")
    assert (figures["to_call"], figures["worst_credits"], figures["people"]) == (3 * EACH, 6 * EACH, 3 * EACH)
    assert (figures["run_to_call"], figures["run_worst_credits"]) == (3 * EACH, 6 * EACH)
    assert runs.calls_of_plan.calls == ()


def test_a_run_that_reaches_its_cap_names_it_and_its_day_is_shown_as_incomplete(runs: Runs) -> None:
    assert runs.capped.success
    assert 0 < runs.after_capped.call_log.charged <= 5
    reasons = "SELECT DISTINCT pending_reason FROM enriched_contacts WHERE match_status = 'pending'"
    ((pending_reason,),) = runs.after_capped.query(reasons)
    for reason in (pending_reason, metadata_of(runs.capped, "clodura_responses")["run_stop_reason"]):
        assert "CLODURA_MAX_CREDITS_PER_RUN" in reason
    assert not checks_of(runs.capped)["clodura_responses.day_is_complete"]
    assert "cap is reached" in metadata_of(runs.capped, "published_database")["run_summary"]
    assert checks_of(runs.complete)["clodura_responses.day_is_complete"]


def test_every_contact_ends_with_its_answer_and_every_credit_is_booked(runs: Runs) -> None:
    assert runs.complete.success
    listed = runs.after_complete.query(
        "SELECT contact_id, match_status, clodura_person_id FROM enriched_contacts WHERE source = 'list'"
    )
    statuses = {"person": "person", "organisation": "organisation", "miss": "no_match"}
    assert {contact: status for contact, status, _ in listed} == {
        f"{answer}-{number}": statuses[answer] for answer in FOUND for number in range(EACH)
    }
    ids = {contact: person_id for contact, status, person_id in listed if status == "person"}
    assert ids == {f"person-{number}": FOUND["person"][number].person_id for number in range(EACH)}
    charged = runs.after_complete.call_log.charged
    assert charged == EACH * 2 + EACH * 1 + (2 + len(FIGURES)) * 2
    for table in ("credit_usage", "enriched_contacts"):
        assert runs.after_complete.query(f"SELECT sum(credits_charged) FROM {table}") == [(charged,)]
    assert [name for name, passed in checks_of(runs.complete).items() if not passed] == []


def test_a_range_is_one_run_that_asks_a_person_of_several_days_once(runs: Runs) -> None:
    usage = "FROM credit_usage WHERE source_file LIKE '%/crm.csv'"
    found = runs.after_complete.query(f"SELECT count(DISTINCT run_id), sum(requests) {usage}")
    assert found == [(1, 2)]
    assert runs.after_complete.query(f"SELECT file_date {usage} ORDER BY 1") == [(DAY_1,), (DAY_2,)]


def test_every_day_of_a_range_shows_its_own_figures_and_a_rerun_keeps_them(runs: Runs) -> None:
    for result in (runs.complete, runs.again):
        assert result.success
        by_day = figures_by_day(result, "clodura_responses")
        shown = [(by_day[str(day)]["people"], by_day[str(day)]["credits_charged"]) for day in (DAY_1, DAY_2, YESTERDAY)]
        assert shown == [(1, 2), (1 + len(FIGURES), 2 + 2 * len(FIGURES)), (0, 0)]
        assert by_day[str(TODAY)]["people"] == 3 * EACH + 1
        assert by_day[str(DAY_2)]["match_rate_percent"] == 100
    assert figures_by_day(runs.again, "clodura_responses")[str(TODAY)]["run_calls"] == 0


def test_files_that_move_vanish_or_come_back_lose_nothing_and_buy_nothing(runs: Runs) -> None:
    assert checks_of(runs.complete)["raw_contacts.every_file_loaded"]
    assert runs.again.success
    assert not checks_of(runs.again)["raw_contacts.every_file_loaded"]
    status = f"SELECT status FROM source_files WHERE source_file = 'figures-{DAY_2}.csv'"
    assert runs.after_again.query(status) == [("vanished",)]
    contacts = "SELECT contact_id FROM enriched_contacts WHERE source = 'figures' ORDER BY 1"
    calls = len(runs.after_complete.call_log.enrich_calls)
    for after, more in ((runs.after_again, 0), (runs.after_return, 1), (runs.after_second_return, 1)):
        assert after.query(contacts) == [(str(number),) for number in range(len(FIGURES))]
        assert len(after.call_log.enrich_calls) == calls + more
        charged = after.query("SELECT sum(credits_charged) FROM enriched_contacts")
        assert charged == [(after.call_log.charged,)]


def test_readers_can_always_read_and_a_stale_wal_is_never_replayed(runs: Runs) -> None:
    count = "SELECT count(*) FROM enriched_contacts"
    ((before,),) = runs.after_again.query(count)
    assert runs.reader.execute(count).fetchall() == [(before,)]
    assert not runs.wal.exists()
    assert runs.after_return.query(count) == [(before + 1,)]
    assert runs.project.database.stat().st_mode & 0o777 == 0o440


def test_a_refresh_asks_only_when_told_to(runs: Runs) -> None:
    """With answers of any age too old; that a refresh needs a cap is seen in test_nothing_done.py."""
    calls = len(runs.after_again.call_log.enrich_calls)
    assert len(runs.after_second_return.call_log.enrich_calls) == calls + 1  # of the new contact
    later = runs.refreshed.call_log.enrich_calls[calls + 1 :]
    assert [call.contact for call in later] == [OF_ONE_DAY.person_id]
    charged = runs.refreshed.query("SELECT sum(credits_charged) FROM enriched_contacts")
    assert charged == [(runs.refreshed.call_log.charged,)]


def test_no_key_ends_up_in_any_file(runs: Runs) -> None:
    assert [call for call in runs.refreshed.call_log.enrich_calls if call.charged]  # the key was used
    files = [path for path in runs.project.folder.rglob("*") if path.is_file()]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
