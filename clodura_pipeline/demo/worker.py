"""The process that runs the demo's job; `python -m clodura_pipeline.demo.worker DAY...` in the demo's environment.

It reports each day in a line of JSON on stdout: what checks say of it, or why it failed. All else goes to stderr.
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


def main(days: Sequence[str]) -> None:
    """Run the job for each day, in Dagster's own storage; stops at the first run that fails."""
    reports = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # Dagster prints to the usual file descriptor
    job = build_project(load_settings()).resolve_job_def("enrich_contacts")
    with dg.DagsterInstance.get() as instance:
        for day in days:
            result = job.execute_in_process(partition_key=day, instance=instance, raise_on_error=False)
            checks = [check for check in result.get_asset_check_evaluations() if not check.passed]
            report: dict[str, Any] = {"remarks": [f"{check.check_name}: {check.description}" for check in checks]}
            if not result.success:
                reasons = failure_reasons(result.dagster_run, instance)
                report = {"failed": "; ".join(reasons) or "the run did not succeed"}
            reports.write(json.dumps(report) + "\n")
            if not result.success:
                sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
