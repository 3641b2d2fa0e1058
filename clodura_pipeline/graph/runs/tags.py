"""Tags that show on the list of runs what a run was about and how it ended."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from clodura_pipeline.ledger.rules.stops import Stop

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
