"""A cap given for one run holds however it is given; see test_launch.py for `dg`, test_sensors.py for resources."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from project import TODAY, YESTERDAY, Project

from clodura_pipeline.enrichment.session import RefusedToStart
from clodura_pipeline.graph.runs.caps import EnrichmentConfig, run_budget
from clodura_pipeline.sandbox import Person
from clodura_pipeline.settings import check_settings

People = dict[str, list[Person]]


def put_list(project: Project, day: date, people: Sequence[Person]) -> None:
    """A list of a day; each person is worth two credits when found."""
    rows = "".join(f"{person.person_id},{person.email}\n" for person in people)
    project.put(f"list-{day}.csv", "contact_id,email\n" + rows)


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


RAISED = {
    "ops": {"clodura_responses": {"config": {"max_credits": 10}}},
    "resources": {"clodura": {"config": {"max_credits_per_run": 100}}},
}
ASSETS = ("raw_contacts", "validated_contacts", "rejected_contacts", "enrichment_plan", "clodura_responses")


def test_the_runs_of_a_backfill_share_a_cap_that_no_run_config_lifts(project: Project, people: People) -> None:
    put_list(project, YESTERDAY, people["person"][:6])
    put_list(project, TODAY, people["person"][6:12])
    job = project.build(max_credits_per_run=8).resolve_job_def("enrich_contacts")
    for day in (YESTERDAY, TODAY):
        done = job.execute_in_process(
            RAISED,
            project.instance,
            str(day),
            tags={"dagster/backfill": "abcdef"},
            asset_selection=[dg.AssetKey(name) for name in ASSETS],
        )
        assert done.success
    assert project.call_log().charged == 8


def test_a_cap_of_nothing_is_refused_and_is_not_no_cap(project: Project, people: People) -> None:
    put_list(project, TODAY, people["person"][:2])
    with pytest.raises(RefusedToStart, match="max_credits is 0, so no call was made"):
        project.enrich(config={"max_credits": 0})
    assert project.call_count == 0
