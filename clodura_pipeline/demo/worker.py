"""The process that runs the demo's job, day by day; run as `python -m clodura_pipeline.demo.worker DAY...`.

A process of its own: it has the demo's environment and no
other. It reports in lines of JSON on stdout; everything else that is printed goes to stderr.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import dagster as dg

JOB = "enrich_contacts"
Report = Callable[..., None]


def main(days: Sequence[str]) -> int:
    """Run the job for each day, in Dagster's own storage; stops at the first run that fails."""
    report = _take_stdout()
    from clodura_pipeline.graph.build import build_project
    from clodura_pipeline.settings import load_settings

    job = build_project(load_settings()).resolve_job_def(JOB)
    with dg.DagsterInstance.get() as instance:
        for day in days:
            report("start", day)
            run_id = str(uuid4())
            instance.add_event_listener(run_id, _listener(day, report))
            result = job.execute_in_process(partition_key=day, instance=instance, run_id=run_id, raise_on_error=False)
            if not result.success:
                report("failed", day, reason=_reason(result))
                return 1
            report("done", day, **_outcome(result))
    return 0


def _take_stdout() -> Report:
    """Keep stdout for the reports: Dagster captures and prints to the usual file descriptors while it runs."""
    stdout = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    connected = True

    def report(kind: str, day: str, **values: Any) -> None:
        nonlocal connected
        try:
            if connected:
                stdout.write(json.dumps({"kind": kind, "day": day, **values}) + "\n")
        except BrokenPipeError:
            # The parent was killed, and its sandbox with it: end this run as Ctrl-C would, once.
            connected = False
            raise KeyboardInterrupt from None

    return report


def _listener(day: str, report: Report) -> Callable[[dg.EventLogEntry], None]:
    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            report("step", day, step=event.step_key)
        elif event.is_step_materialization and event.asset_key == dg.AssetKey("enrichment_plan"):
            metadata = event.step_materialization_data.materialization.metadata
            report("plan", day, people=metadata["run_to_call"].value)

    return listen


def _outcome(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """What the summary says about a run and the published file does not hold."""
    calls = next(iter(result.asset_materializations_for_node("clodura_responses"))).metadata
    checks = result.get_asset_check_evaluations()
    return {
        "called": calls["run_people_called"].value,
        "stop_reason": calls["run_stop_reason"].value if "run_stop_reason" in calls else None,
        "checks": len(checks),
        "warnings": [f"{each.check_name}: {each.description or 'failed'}" for each in checks if not each.passed],
    }


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed: the message of the step that failed."""
    for event in result.filter_events(lambda each: each.is_step_failure):
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            return failure.user_failure_data.description
        if failure.error:
            cause = failure.error.cause or failure.error
            return cause.message.strip()
    return "the run did not succeed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
