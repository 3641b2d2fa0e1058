"""What a run was about and how it ended: tags on the list of runs, a summary in a sentence or two, why it failed."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import duckdb

from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.stops import Stop
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.figures import percent, run_figures

STOP_REASON, CREDITS, PENDING, RANGE = "clodura/stop_reason", "clodura/credits", "clodura/pending", "clodura/range"


def tag_run(
    context: dg.AssetExecutionContext, days: Sequence[date], credits: float, pending: int, stopped: Stop | None
) -> None:
    """Tag the run with its range, the credits it was charged, people still pending, and why it stopped early."""
    first, last = days[0].isoformat(), days[-1].isoformat()
    tags = {RANGE: first if first == last else f"{first}...{last}", CREDITS: f"{credits:g}", PENDING: str(pending)}
    if stopped is not None:
        tags[STOP_REASON] = stopped.kind.value
    context.instance.add_run_tags(context.run.run_id, tags)


def run_summary(connection: duckdb.DuckDBPyConnection, ledger: Ledger, run_id: str) -> str:
    """What a run called for, found and spent, what is pending, and why it stopped early."""
    run = run_figures(connection, run_id)
    pending = scalar(connection, "SELECT pending FROM publication")
    summary = "No call was made"
    if run.calls:
        rate = percent(run.persons, run.answered)
        summary = (
            f"{run.calls} calls: {run.persons} people found"
            + (f" ({rate:g} % of {run.answered} answers)" if rate is not None else "")
            + f", {run.organisations} organisations only, {run.no_matches} without a match; "
            + f"{run.credits_charged:g} credits charged"
            + (f", {run.credits_at_risk:g} at risk" if run.credits_at_risk else "")
        )
    reason = next((run.stop_reason for run in ledger.all_runs() if run.run_id == run_id), None)
    return f"{summary}. {pending} contacts are pending." + (f" Stopped early: {reason}." if reason else "")


def failure_reasons(run: dg.DagsterRun, instance: dg.DagsterInstance) -> list[str]:
    """Why the steps of a failed run failed, without contact data."""
    reasons = []
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        data = entry.get_dagster_event().step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            reasons.append(data.user_failure_data.description)
        elif data.error:
            reasons.append(f"{data.error.cls_name} in {entry.step_key}")
    return reasons
