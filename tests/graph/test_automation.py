"""The nightly schedule and the jobs: what they would start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from project import TODAY, YESTERDAY, Project, by_answer, open_project

BEFORE = TODAY - timedelta(days=2)
HEADER = "contact_id,email\n"
CRM = f"{YESTERDAY}/crm.csv"


def nightly(definitions: dg.Definitions) -> dg.ScheduleDefinition:
    schedule = definitions.resolve_schedule_def("nightly_enrichment")
    assert isinstance(schedule, dg.ScheduleDefinition)
    return schedule


def nightly_tags(project: Project, at: datetime | None = None) -> Mapping[str, str]:
    """The tags of the run that the schedule requests."""
    definitions = project.build()
    resources = definitions.resources
    assert resources is not None
    at = at or datetime.now(UTC)
    with dg.build_schedule_context(scheduled_execution_time=at, resources=resources) as context:
        data = nightly(definitions).evaluate_tick(context)
    assert data.run_requests is not None
    (request,) = data.run_requests
    return request.tags


def range_of(tags: Mapping[str, str]) -> tuple[str, str]:
    """First and last day of the run that the schedule requests."""
    return tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]


def test_nothing_known_means_today_alone(project: Project) -> None:
    assert range_of(nightly_tags(project)) == (str(TODAY), str(TODAY))


def test_begins_at_the_oldest_file_that_was_not_loaded(project: Project) -> None:
    project.put(f"crm-{TODAY - timedelta(days=5)}.csv", HEADER + "1,a@b.example\n")
    assert range_of(nightly_tags(project)) == (str(TODAY - timedelta(days=5)), str(TODAY))


@dataclass(frozen=True)
class Nights:
    """What the schedule would request after each run of one project, and what the files' status is then."""

    pending: Mapping[str, str]  # two of yesterday's four people are left
    pending_and_new_file: Mapping[str, str]
    all_called: Mapping[str, str]
    all_called_tomorrow: Mapping[str, str]
    changed: Mapping[str, str]  # yesterday's file has a further row
    files_all_called: dict[str, tuple[Any, ...]]  # status, day and records by path
    files_of_today_loaded: dict[str, tuple[Any, ...]]
    files_all_loaded: dict[str, tuple[Any, ...]]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    with open_project(tmp_path_factory.mktemp("nights")) as project:

        def files() -> dict[str, tuple[Any, ...]]:
            rows = project.query("SELECT source_file, status, file_date, records FROM source_files")
            return {row[0]: row[1:] for row in rows}

        listed = by_answer(project.sandbox.directory)["person"][:4]
        crm = HEADER + "".join(f"{number},{person.email}\n" for number, person in enumerate(listed))
        project.put("crm-2020-01-01.csv", HEADER + "1,a@b.example\n")
        project.put(f"{BEFORE}/broken.csv", b"%PDF-1.7 no list of contacts")
        project.put(CRM, crm)
        project.enrich(BEFORE, YESTERDAY, max_credits_per_run=4)
        pending = nightly_tags(project)
        new = project.put(f"web-{TODAY}.csv", HEADER + "9,new@person.example\n")
        pending_and_new_file = nightly_tags(project)
        new.unlink()

        project.put("undated.csv", HEADER + "1,a@b.example\n")
        project.enrich(YESTERDAY)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        all_called, all_called_tomorrow = nightly_tags(project), nightly_tags(project, tomorrow)
        files_all_called = files()

        project.put(CRM, crm + "4,c@d.example\n")
        changed = nightly_tags(project)
        project.enrich(TODAY)
        files_of_today_loaded = files()
        project.enrich(YESTERDAY, TODAY)
        return Nights(
            pending, pending_and_new_file, all_called, all_called_tomorrow, changed, files_all_called,
            files_of_today_loaded, files(),
        )  # fmt: skip


def test_begins_at_the_oldest_day_with_people_left_to_ask(nights: Nights) -> None:
    assert range_of(nights.pending) == (str(YESTERDAY), str(TODAY))
    assert nights.pending["clodura/expected_credits"] == "at most 4"
    with_new_files = "at most 4 without 1 new or changed files; with them at most 1000"
    assert nights.pending_and_new_file["clodura/expected_credits"] == with_new_files
    assert range_of(nights.all_called) == (str(TODAY), str(TODAY))


def test_files_that_no_run_can_load_do_not_widen_the_range(nights: Nights) -> None:
    assert nights.files_all_called["crm-2020-01-01.csv"][0] == "outside_partitions"
    assert nights.files_all_called[f"{BEFORE}/broken.csv"][0] == "unreadable"
    assert range_of(nights.all_called) == (str(TODAY), str(TODAY))


def test_a_changed_file_is_loaded_again(nights: Nights) -> None:
    assert range_of(nights.changed) == (str(YESTERDAY), str(TODAY))
    assert nights.files_of_today_loaded[CRM][0] == "found"
    assert nights.files_all_loaded[CRM] == ("loaded", YESTERDAY, 5)


def test_an_undated_file_noticed_by_another_day_is_loaded_by_the_next_run(nights: Nights) -> None:
    assert nights.files_all_called["undated.csv"][:2] == ("found", TODAY)
    assert range_of(nights.all_called_tomorrow)[0] == str(TODAY)
    assert nights.files_of_today_loaded["undated.csv"][0] == "loaded"


def test_no_partition_yet_means_no_run(project: Project) -> None:
    definitions = project.build(start_date=TODAY + timedelta(days=30))
    resources = definitions.resources
    assert resources is not None
    with dg.build_schedule_context(scheduled_execution_time=datetime.now(UTC), resources=resources) as context:
        data = nightly(definitions).evaluate_tick(context)
    assert not data.run_requests
    assert "CLODURA_START_DATE" in (data.skip_message or "")


def test_off_until_switched_on_and_never_retried(project: Project) -> None:
    definitions = project.build()
    assert {schedule.default_status for schedule in definitions.schedules or ()} == {dg.DefaultScheduleStatus.STOPPED}  # pyright: ignore[reportAttributeAccessIssue]
    jobs = [definitions.resolve_job_def(name) for name in ("enrich_contacts", "plan_contacts", "remove_overdue")]
    assert {job.tags["dagster/max_retries"] for job in jobs} == {"0"}


def test_no_job_has_a_config_by_default_so_that_a_backfill_may_carry_one(project: Project) -> None:
    # Dagster 1.13.27 refuses a backfill with a config when the job's partitions have one as well.
    definitions = project.build()
    for name in ("enrich_contacts", "plan_contacts"):
        assert definitions.resolve_job_def(name).get_run_config_for_partition_key(str(TODAY)) == {}


def test_every_check_is_there(project: Project) -> None:
    assert len(list(project.build().resolve_asset_graph().asset_check_keys)) == 15
