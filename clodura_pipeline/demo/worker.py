"""The process that runs the demo's job; `python -m clodura_pipeline.demo.worker DAY...` in the demo's environment.

It reports each day in a line of JSON on stdout; all else that is printed goes to stderr.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import dagster as dg

from clodura_pipeline.graph.build import build_project
from clodura_pipeline.graph.runs.summary import failure_reasons
from clodura_pipeline.settings import load_settings


def main(days: Sequence[str]) -> int:
    """Run the job for each day, in Dagster's own storage; stops at the first run that fails."""
    reports = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # Dagster prints to the usual file descriptor
    job = build_project(load_settings()).resolve_job_def("enrich_contacts")
    with dg.DagsterInstance.get() as instance:
        for day in days:
            result = job.execute_in_process(partition_key=day, instance=instance, raise_on_error=False)
            if not result.success:
                reasons = failure_reasons(result.dagster_run, instance)
                reports.write(json.dumps({"failed": "; ".join(reasons) or "the run did not succeed"}) + "\n")
                return 1
            reports.write(json.dumps(_outcome(result)) + "\n")
    return 0


def _outcome(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """What the summary says about a run and the published file does not hold."""
    calls = next(iter(result.asset_materializations_for_node("clodura_responses"))).metadata
    checks = result.get_asset_check_evaluations()
    remarks = [f"{each.check_name}: {each.description or 'failed'}" for each in checks if not each.passed]
    if "run_stop_reason" in calls:
        remarks.append(f"stopped early: {calls['run_stop_reason'].value}")
    return {"called": calls["run_people_called"].value, "checks": len(checks), "remarks": remarks}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
