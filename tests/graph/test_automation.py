"""The nightly schedule and the jobs: what they would start."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg
from project import TODAY, YESTERDAY, Project

from clodura_pipeline.sandbox import Person

HEADER = "contact_id,email\n"


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


def nightly_range(project: Project, at: datetime | None = None) -> tuple[str, str]:
    """First and last day of the run that the schedule requests."""
    tags = nightly_tags(project, at)
    return tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]


def test_nothing_known_means_today_alone(project: Project) -> None:
    assert nightly_range(project) == (str(TODAY), str(TODAY))


def test_begins_at_the_oldest_file_that_was_not_loaded(project: Project) -> None:
    project.put(f"crm-{TODAY - timedelta(days=5)}.csv", HEADER + "1,a@b.example\n")
    assert nightly_range(project) == (str(TODAY - timedelta(days=5)), str(TODAY))


def test_begins_at_the_oldest_day_with_people_left_to_ask(project: Project, people: dict[str, list[Person]]) -> None:
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people["person"][:4]))
    project.put(f"crm-{YESTERDAY}.csv", HEADER + rows)
    project.enrich(YESTERDAY, max_credits_per_run=4)
    assert nightly_range(project) == (str(YESTERDAY), str(TODAY))
    assert nightly_tags(project)["clodura/expected_credits"] == "at most 4"
    project.put(f"web-{TODAY}.csv", HEADER + "9,new@person.example\n")
    with_new_files = "at most 4 without 1 new or changed files; with them at most 1000"
    assert nightly_tags(project)["clodura/expected_credits"] == with_new_files
    (project.contacts / f"web-{TODAY}.csv").unlink()
    project.enrich(YESTERDAY)
    assert nightly_range(project) == (str(TODAY), str(TODAY))


def test_files_that_no_run_can_load_do_not_widen_the_range(project: Project) -> None:
    project.put("crm-2020-01-01.csv", HEADER + "1,a@b.example\n")
    project.put(f"{YESTERDAY}/broken.csv", b"%PDF-1.7 no list of contacts")
    project.enrich(YESTERDAY)
    assert nightly_range(project) == (str(TODAY), str(TODAY))


def test_a_changed_file_is_loaded_again(project: Project) -> None:
    project.put(f"{YESTERDAY}/crm.csv", HEADER + "1,a@b.example\n")
    project.enrich(YESTERDAY)
    project.put(f"{YESTERDAY}/crm.csv", HEADER + "1,a@b.example\n2,c@d.example\n")
    assert nightly_range(project) == (str(YESTERDAY), str(TODAY))
    project.enrich(TODAY)
    assert project.query("SELECT status FROM source_files") == [("found",)]
    project.enrich(YESTERDAY, TODAY)
    assert project.query("SELECT status, records FROM source_files") == [("loaded", 2)]


def test_an_undated_file_noticed_by_another_day_is_loaded_by_the_next_run(project: Project) -> None:
    project.put("fresh.csv", HEADER + "1,a@b.example\n")
    project.enrich(YESTERDAY)
    assert project.query("SELECT status, file_date FROM source_files") == [("found", TODAY)]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert nightly_range(project, tomorrow)[0] == str(TODAY)


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
