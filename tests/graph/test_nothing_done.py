"""Nothing done is never success: each way to do nothing fails with a sentence.

All ways are gone through with one project and one list, before a last run that completes it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest
from project import TODAY, YESTERDAY, Project, by_answer, failure_text, open_project

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.sandbox import Fault, build_directory

LISTED = by_answer(build_directory())["person"][:6]
Way = Callable[[Project], str]


def failed_run(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run shows in Dagster."""
    assert not result.success
    return failure_text(result)


def error_of(project: Project, **settings: Any) -> str:
    """The error that fails a run, without Dagster around it; any other error is none that a user can fix."""
    with pytest.raises((UserFixableError, dg.Failure)) as raised:
        project.enrich(**settings)
    return str(raised.value)


def nobody_listens(project: Project) -> str:
    return failed_run(project.run(base_url="http://127.0.0.1:9"))


def always_unavailable(project: Project) -> str:
    return error_with_options(project, faults=(Fault("status_503"),))


def no_contacts_folder(project: Project) -> str:
    return failed_run(project.run(contacts_dir=project.folder / "elsewhere"))


def reversed_range(project: Project) -> str:
    return failed_run(project.run(TODAY, YESTERDAY))


def no_day(project: Project) -> str:
    job = project.build().resolve_job_def("enrich_contacts")
    return failed_run(job.execute_in_process(instance=project.instance, raise_on_error=False))


def days_before_the_first(project: Project) -> str:
    return failed_run(project.run(YESTERDAY, TODAY, job="plan_contacts", start_date=TODAY))


def tomorrow(project: Project) -> str:
    return failed_run(project.run(TODAY, TODAY + timedelta(days=1), job="plan_contacts"))


def days_to_come(project: Project) -> str:
    return failed_run(project.run(date(2031, 1, 1), job="plan_contacts"))


def no_key(project: Project) -> str:
    return failed_run(project.run(api_key=""))


def wrong_key(project: Project) -> str:
    return error_with_options(project, api_key="another")


def wrong_plan(project: Project) -> str:
    return error_with_options(project, paid_plan=False)


def refresh_without_a_cap(project: Project) -> str:
    """The cap of the settings is none of the run's own, though Dagster shows it in the run's config."""
    return failed_run(project.run(config={"refresh": True}, max_credits_per_run=50))


def unreadable_suppression_file(project: Project) -> str:
    path = project.folder / "never-ask.txt"
    path.write_text("zq not an address\n")
    return error_of(project, suppression_file=path)


def missing_suppression_file(project: Project) -> str:
    return error_of(project, suppression_file=project.folder / "gone.txt")


def error_with_options(project: Project, **options: Any) -> str:
    before = project.sandbox.options
    project.sandbox.options = replace(before, **options)
    try:
        return error_of(project)
    finally:
        project.sandbox.options = before


OUTSIDE = "days without a partition, so nothing was done"
WAYS: dict[Way, str] = {
    no_contacts_folder: "The contacts folder does not exist",
    reversed_range: "has no day",
    no_day: "--partition",
    days_before_the_first: OUTSIDE,
    tomorrow: OUTSIDE,
    days_to_come: OUTSIDE,
    no_key: "CLODURA_API_KEY is not set",
    wrong_key: "CLODURA_API_KEY",
    wrong_plan: "plan",
    refresh_without_a_cap: "max_credits",
    unreadable_suppression_file: "line 1",
    missing_suppression_file: "No calls are made without it",
    nobody_listens: "No answer came",
    always_unavailable: "No answer came",
}


@dataclass(frozen=True)
class Outcomes:
    """What every way said, the calls it made, and what the run after them left."""

    said: dict[Way, str]
    calls: dict[Way, int]
    requests: dict[Way, int]  # those for the balance too
    statuses: dict[str, str]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    said: dict[Way, str] = {}
    calls: dict[Way, int] = {}
    requests: dict[Way, int] = {}
    with open_project(tmp_path_factory.mktemp("nothing_done")) as project:
        rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(LISTED))
        project.put(f"list-{TODAY}.csv", "contact_id,email\n" + rows)
        for way in WAYS:
            before = project.call_log()
            said[way] = way(project)
            after = project.call_log()
            calls[way] = len(after.enrich_calls) - len(before.enrich_calls)
            requests[way] = len(after.calls) - len(before.calls)
        project.enrich()
        return Outcomes(said, calls, requests, project.statuses())


@pytest.mark.parametrize(("way", "says"), WAYS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_run_that_does_nothing_fails_with_a_sentence(outcomes: Outcomes, way: Way, says: str) -> None:
    assert says in outcomes.said[way]
    assert "Unexpected" not in outcomes.said[way]
    assert outcomes.calls[way] == 0 or way is always_unavailable
    assert outcomes.requests[way] == 0 or way is not no_key


def test_a_line_of_the_suppression_file_is_not_shown(outcomes: Outcomes) -> None:
    assert "zq" not in outcomes.said[unreadable_suppression_file]


def test_the_next_run_calls_for_everyone(outcomes: Outcomes) -> None:
    assert outcomes.statuses == {str(number): "person" for number in range(len(LISTED))}


def test_a_day_without_files_warns(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        project.enrich(YESTERDAY)
    assert f"No contact file belongs to {YESTERDAY}" in caplog.text
