"""What must hold before credits are spent or the published file is replaced."""

import dagster as dg

from clodura_pipeline.enrichment.session import RefusedToStart
from clodura_pipeline.graph.runs.config import EnrichmentConfig
from clodura_pipeline.ledger.rules.policy import Budget
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.publication import paid_answers_shown


def cap_scope(run: dg.DagsterRun) -> str:
    """What a run's cap counts over: its backfill where there is one, else its root run."""
    return run.tags.get("dagster/backfill") or run.root_run_id or run.run_id


def run_budget(ceiling: Settings, given: Settings, config: EnrichmentConfig) -> Budget:
    """The strictest of what the settings, the resource's run config and the asset's run config say.

    Raises:
        RefusedToStart: a cap below 1, or a refresh without a cap.
    """
    if config.max_credits is not None and config.max_credits < 1:
        raise RefusedToStart(
            f"max_credits is {config.max_credits}, so no call was made. Give at least 2 credits, or leave it out for "
            "CLODURA_MAX_CREDITS_PER_RUN; the job plan_contacts shows the price without a call."
        )
    if config.refresh and config.max_credits is None:
        raise RefusedToStart(
            "A refresh calls again for people who have answers, and needs a cap. No call was made. Set max_credits "
            "beside refresh in the run config."
        )
    return Budget(
        lowest_cap(ceiling.max_credits_per_run, given.max_credits_per_run, config.max_credits or 0),
        lowest_cap(ceiling.max_credits_per_day, given.max_credits_per_day),
        max(ceiling.min_balance, given.min_balance),
    )


def lowest_cap(*caps: int) -> int:
    """The lowest of several caps, where 0 is no cap."""
    return min((cap for cap in caps if cap > 0), default=0)


def refuse_new_ledger(is_new: bool, settings: Settings) -> None:
    """Refuse an empty ledger beside a published file that shows paid answers: a run would pay for everything again.

    Raises:
        RefusedToStart: it is so, and `CLODURA_ALLOW_NEW_LEDGER` does not allow it.
        PublicationError: the published file cannot be read.
    """
    if not is_new or settings.allow_new_ledger:
        return
    shown = paid_answers_shown(settings.database)
    if shown:
        raise RefusedToStart(
            f"The ledger is new and empty, but {shown} paid answers are published. No call was made: it would pay for "
            "everything again. Restore the ledger from your backup; or set CLODURA_ALLOW_NEW_LEDGER=1 to start "
            f"over. Ledger: {settings.ledger}; published file: {settings.database}"
        )
