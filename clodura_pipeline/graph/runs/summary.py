"""The summary of a run in one sentence or two, and why it failed."""

import dagster as dg
import duckdb

from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.figures import run_figures


def run_summary(connection: duckdb.DuckDBPyConnection, ledger: Ledger, run_id: str) -> str:
    """What a run called for, found and spent, what is pending, and why it stopped early."""
    run = run_figures(connection, run_id)
    pending = scalar(connection, "SELECT pending FROM publication")
    summary = "No call was made"
    if run.calls:
        rate = run.match_rate_percent
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
