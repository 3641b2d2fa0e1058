"""A cap given for one run holds however it is given."""

import json
from pathlib import Path
from typing import Any

import pytest
from launched import UP_TO_THE_CALLS, launch
from project import TODAY, YESTERDAY, Project, failure_text, metadata_of

from clodura_pipeline.graph.runs.caps import EnrichmentConfig, run_budget
from clodura_pipeline.sandbox import Person
from clodura_pipeline.settings import check_settings

People = dict[str, list[Person]]


@pytest.fixture
def listed(project: Project, people: People) -> Project:
    """A list of twelve people, each worth two credits."""
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people["person"][:12]))
    project.put(f"list-{TODAY}.csv", "contact_id,email\n" + rows)
    return project


@pytest.mark.parametrize(
    ("setting", "config", "resource", "cap"),
    [
        (10, {"max_credits": 4}, {}, 4),
        (4, {"max_credits": 10}, {}, 4),
        (0, {"max_credits": 6}, {}, 6),
        (4, {}, {"max_credits_per_run": 100}, 4),
        (4, {}, {"max_credits_per_run": 0}, 4),
        (10, {}, {"max_credits_per_run": 6}, 6),
    ],
    ids=["config lowers", "config never lifts", "config caps without a setting", "resource never lifts",
         "resource never removes", "resource lowers"],
)  # fmt: skip
def test_run_config_lowers_the_cap_and_never_lifts_it(
    tmp_path: Path, setting: int, config: dict[str, Any], resource: dict[str, Any], cap: int
) -> None:
    ceiling = check_settings({"max_credits_per_run": setting}, tmp_path)
    assert run_budget(ceiling, ceiling.model_copy(update=resource), EnrichmentConfig(**config)).per_run_credits == cap


@pytest.mark.parametrize(
    ("setting", "config", "resource"),
    [(4, {"max_credits": 10}, {"max_credits_per_run": 100}), (10, {}, {"max_credits_per_run": 4})],
    ids=["never lifted", "lowered by the resource"],
)
def test_a_run_keeps_the_lowest_cap_that_its_config_names(
    listed: Project, setting: int, config: dict[str, Any], resource: dict[str, Any]
) -> None:
    run_config = {
        "ops": {"clodura_responses": {"config": config}},
        "resources": {"clodura": {"config": resource}},
    }
    job = listed.build(max_credits_per_run=setting).resolve_job_def("enrich_contacts")
    assert job.execute_in_process(run_config=run_config, instance=listed.instance, partition_key=str(TODAY)).success
    assert listed.call_log().charged == 4


def test_a_cap_of_nothing_is_refused_and_is_not_no_cap(listed: Project) -> None:
    result = listed.run(config={"max_credits": 0})
    assert not result.success
    assert "max_credits is 0, so no call was made" in failure_text(result)
    assert listed.call_count == 0


def test_the_runs_of_a_backfill_share_a_cap(project: Project, people: People) -> None:
    for day, first in ((YESTERDAY, 0), (TODAY, 6)):
        rows = "".join(f"{n},{people['person'][n].email}\n" for n in range(first, first + 6))
        project.put(f"list-{day}.csv", "contact_id,email\n" + rows)
    job = project.build(max_credits_per_run=8).resolve_job_def("enrich_contacts")
    for day in (YESTERDAY, TODAY):
        tags = {"dagster/backfill": "abcdef"}
        assert job.execute_in_process(instance=project.instance, partition_key=str(day), tags=tags).success
    assert project.call_log().charged == 8


@pytest.mark.parametrize(
    ("env_file", "config"), [("4", {}), ("500", {"max_credits": 4})], ids=["file", "run config below the file"]
)
def test_a_cap_holds_through_dg_launch_however_it_is_given(
    listed: Project, env_file: str, config: dict[str, int]
) -> None:
    """That one in the environment wins over the file is seen in test_launch.py and test_settings.py."""
    arguments = ["--config-json", json.dumps({"ops": {"clodura_responses": {"config": config}}})] if config else []
    done = launch(listed, f"CLODURA_MAX_CREDITS_PER_RUN={env_file}\n", *arguments, what=UP_TO_THE_CALLS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed.call_log().charged == 4


def test_a_misspelt_cap_stops_the_start(listed: Project) -> None:
    done = launch(listed, "CLODURA_MAX_CREDIT_PER_RUN=4\n")
    assert done.returncode != 0
    assert "did you mean CLODURA_MAX_CREDITS_PER_RUN?" in done.stdout + done.stderr
    assert listed.call_count == 0


def test_stopping_early_is_visible_on_the_run(listed: Project) -> None:
    result = listed.run(max_credits_per_run=4)
    assert result.success
    run = listed.instance.get_run_by_id(result.run_id)
    assert run is not None
    tags = {name: value for name, value in run.tags.items() if name.startswith("clodura/")}
    assert tags == {
        "clodura/stop_reason": "run_budget",
        "clodura/credits": "4",
        "clodura/pending": "10",
        "clodura/range": str(TODAY),
    }
    figures = metadata_of(result, "clodura_responses")
    assert (figures["pending"], figures["credits_charged"], figures["run_credits_charged"]) == (10, 4, 4)
