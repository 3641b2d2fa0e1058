"""The summary of a run in one sentence or two, and why it failed."""

import dagster as dg
import duckdb

from clodura_pipeline.graph.metadata import percent
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import first_row, scalar

_OF_RUN = """
SELECT sum(requests)::BIGINT, sum(persons)::BIGINT, sum(organisations)::BIGINT, sum(no_matches)::BIGINT,
       sum(credits_charged), sum(credits_at_risk) FROM credit_usage WHERE run_id = ?
"""


def run_summary(connection: duckdb.DuckDBPyConnection, ledger: Ledger, run_id: str) -> str:
    """What a run called for, found and spent, what is pending, and why it stopped early."""
    calls, persons, organisations, no_matches, charged, at_risk = first_row(connection, _OF_RUN, [run_id]) or (0,) * 6
    pending = scalar(connection, "SELECT pending FROM publication")
    if not calls:
        summary = "No call was made"
    else:
        answered = persons + organisations + no_matches
        rate = percent(persons, answered)
        summary = (
            f"{calls} calls: {persons} people found"
            + (f" ({rate:g} % of {answered} answers)" if rate is not None else "")
            + f", {organisations} organisations only, {no_matches} without a match; {charged:g} credits charged"
            + (f", {at_risk:g} at risk" if at_risk else "")
        )
    reason = next((row[-1] for row in ledger.runs() if row[0] == run_id), None)
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
