"""The nightly schedule and the jobs: what they would start."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from project import TODAY, YESTERDAY, Project

from clodura_pipeline.automation import JOBS, nightly_enrichment
from clodura_pipeline.sandbox import Person

HEADER = "contact_id,email\n"


def nightly_range(project: Project) -> tuple[str, str]:
    """First and last day of the run that the schedule asks for."""
    resources = project.build().resources
    assert resources is not None
    with dg.build_schedule_context(scheduled_execution_time=datetime.now(UTC), resources=resources) as context:
        data = nightly_enrichment.evaluate_tick(context)
    assert data.run_requests is not None
    (request,) = data.run_requests
    return (
        request.tags["dagster/asset_partition_range_start"],
        request.tags["dagster/asset_partition_range_end"],
    )


def test_nothing_known_means_today_alone(project: Project) -> None:
    assert nightly_range(project) == (str(TODAY), str(TODAY))


def test_begins_at_the_oldest_file_that_was_not_loaded(project: Project) -> None:
    project.put(f"crm-{TODAY - timedelta(days=5)}.csv", HEADER + "1,a@b.example\n")
    assert nightly_range(project) == (str(TODAY - timedelta(days=5)), str(TODAY))


def test_begins_at_the_oldest_day_with_people_left_to_ask(project: Project, people: dict[str, list[Person]]) -> None:
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people["person"][:4]))
    project.put(f"crm-{YESTERDAY}.csv", HEADER + rows)
    assert project.run(YESTERDAY, max_credits_per_run=4).success
    assert nightly_range(project) == (str(YESTERDAY), str(TODAY))
    assert project.run(YESTERDAY).success
    assert nightly_range(project) == (str(TODAY), str(TODAY))


def test_the_range_never_begins_before_the_first_partition(project: Project) -> None:
    project.put("crm-2020-01-01.csv", HEADER + "1,a@b.example\n")
    assert nightly_range(project)[0] == "2026-01-01"


def test_off_until_switched_on_and_never_retried() -> None:
    assert nightly_enrichment.default_status is dg.DefaultScheduleStatus.STOPPED
    assert [job.tags["dagster/max_retries"] for job in JOBS] == ["0", "0"]
