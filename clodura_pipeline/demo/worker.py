"""The process that runs the demo's job, day by day; run as `python -m clodura_pipeline.demo.worker DAY...`.

A process of its own, because settings are read when the definitions are imported: it has the demo's environment and no
other. It tells its parent how it goes in lines of JSON on stdout; all that anybody else prints goes to stderr.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import dagster as dg

JOB = "enrich_contacts"
Tell = Callable[[dict[str, Any]], None]


def main(days: Sequence[str]) -> int:
    """Run the job for each day, in Dagster's own storage; stops at the first run that fails."""
    tell = _take_stdout()
    from clodura_pipeline.definitions import defs

    job = defs.resolve_job_def(JOB)
    with dg.DagsterInstance.get() as instance:
        for day in days:
            run_id = str(uuid4())
            instance.add_event_listener(run_id, _listener(day, tell))
            result = job.execute_in_process(
                partition_key=day, instance=instance, run_id=run_id, raise_on_error=False
            )  # fmt: skip
            if not result.success:
                tell({"kind": "failed", "day": day, "reason": _reason(result)})
                return 1
            tell({"kind": "done", "day": day, **_outcome(result)})
    return 0


def _take_stdout() -> Tell:
    """Keep stdout for ourselves: Dagster captures and prints to the usual file descriptors while it runs."""
    ours = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    heard = True

    def tell(message: dict[str, Any]) -> None:
        nonlocal heard
        try:
            if heard:
                ours.write(json.dumps(message) + "\n")
        except BrokenPipeError:
            # The parent was killed, and its sandbox with it: end this run as Ctrl-C would, once.
            heard = False
            raise KeyboardInterrupt from None

    return tell


def _listener(day: str, tell: Tell) -> Callable[[dg.EventLogEntry], None]:
    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            tell({"kind": "step", "day": day, "step": event.step_key})
        elif event.is_step_materialization and event.asset_key == dg.AssetKey("enrichment_plan"):
            metadata = event.step_materialization_data.materialization.metadata
            tell({"kind": "plan", "day": day, "to_ask": metadata["to_ask"].value})

    return listen


def _outcome(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """What the summary tells about a run that the published file does not hold."""
    asking = next(iter(result.asset_materializations_for_node("clodura_responses"))).metadata
    checks = result.get_asset_check_evaluations()
    return {
        "run_id": result.run_id,
        "asked": asking["asked"].value,
        "stop_reason": asking["stop_reason"].value if "stop_reason" in asking else None,
        "checks": len(checks),
        "warnings": [f"{each.check_name}: {each.description or 'failed'}" for each in checks if not each.passed],
    }


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, in the words of whoever raised it."""
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
