"""Nothing done is never success: each way to do nothing fails with a sentence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import dagster as dg
import pytest
from project import TODAY, YESTERDAY, Project, checks_of, failure_text, metadata_of

from clodura_pipeline.sandbox import Fault, Person

People = dict[str, list[Person]]


def put(project: Project, people: People) -> None:
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people["person"][:6]))
    project.put(f"list-{TODAY}.csv", "contact_id,email\n" + rows)


def nobody_listens(project: Project) -> dg.ExecuteInProcessResult:
    return project.run(base_url="http://127.0.0.1:9")


def always_unavailable(project: Project) -> dg.ExecuteInProcessResult:
    project.sandbox.options = replace(project.sandbox.options, faults=(Fault("status_503"),))
    return project.run()


def no_contacts_folder(project: Project) -> dg.ExecuteInProcessResult:
    return project.run(contacts_dir=project.folder / "elsewhere")


def reversed_range(project: Project) -> dg.ExecuteInProcessResult:
    return project.run(TODAY, YESTERDAY)


def no_day(project: Project) -> dg.ExecuteInProcessResult:
    job = project.build().resolve_job_def("enrich_contacts")
    return job.execute_in_process(instance=project.instance, raise_on_error=False)


@pytest.mark.parametrize(
    ("do_nothing", "says"),
    [
        (nobody_listens, "No answer came"),
        (always_unavailable, "No answer came"),
        (no_contacts_folder, "The contacts folder does not exist"),
        (reversed_range, "has no day"),
        (no_day, "--partition"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_run_that_does_nothing_fails_with_a_sentence(
    project: Project, people: People, do_nothing: Callable[[Project], dg.ExecuteInProcessResult], says: str
) -> None:
    put(project, people)
    result = do_nothing(project)
    assert not result.success
    assert says in failure_text(result)
    assert "Unexpected" not in failure_text(result)


def test_a_day_without_files_warns(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    assert project.run(YESTERDAY).success
    assert f"No contact file belongs to {YESTERDAY}" in capfd.readouterr().err


def test_every_day_of_a_range_shows_its_own_figures_and_a_rerun_keeps_them(project: Project, people: People) -> None:
    before = TODAY - timedelta(days=2)
    for day, first, last in ((before, 0, 3), (TODAY, 3, 4)):
        rows = "".join(f"{n},{people['person'][n].email}\n" for n in range(first, last))
        project.put(f"list-{day}.csv", "contact_id,email\n" + rows)
    figures: dict[str | None, dict[str, object]] = {}
    for _ in range(2):
        result = project.run(before, TODAY)
        assert result.success
        figures = {
            event.partition: {name: value.value for name, value in event.metadata.items()}
            for event in result.asset_materializations_for_node("clodura_responses")
        }
        assert [(figures[str(day)]["people"], figures[str(day)]["credits_charged"]) for day in
                (before, YESTERDAY, TODAY)] == [(3, 6), (0, 0), (1, 2)]  # fmt: skip
        assert figures[str(TODAY)]["match_rate_percent"] == 100
    assert figures[str(TODAY)]["run_calls"] == 0


def test_a_day_with_pending_people_is_shown_as_incomplete(project: Project, people: People) -> None:
    put(project, people)
    result = project.run(max_credits_per_run=4)
    assert result.success
    assert not checks_of(result)["clodura_responses.day_is_complete"]
    assert "cap is reached" in metadata_of(result, "published_database")["run_summary"]
    assert checks_of(project.run())["clodura_responses.day_is_complete"]


@pytest.mark.parametrize(
    ("first", "last"), [(date(2025, 12, 30), TODAY), (TODAY, TODAY + timedelta(days=1)), (date(2031, 1, 1),) * 2]
)
def test_a_range_with_days_outside_the_partitions_is_refused(project: Project, first: date, last: date) -> None:
    result = project.run(first, last, job="plan_contacts")
    assert not result.success
    assert "days without a partition, so nothing was done" in failure_text(result)
