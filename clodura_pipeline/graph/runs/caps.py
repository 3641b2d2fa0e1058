"""What the config of a run may say, and what must hold before credits are spent or the published file is replaced.

Fields without a value by default are not written into the launchpad: there the cap is the one line that is.
"""

from typing import Any

import dagster as dg
from pydantic import Field, create_model

from clodura_pipeline.enrichment.session import RefusedToStart
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.policy import Budget
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.publication import paid_answers_shown

_CAP = "this run's cap in credits; at most CLODURA_MAX_CREDITS_PER_RUN, which it cannot lift"


class PlanConfig(dg.Config):
    """What a plan may be given where no calls follow it in the same run."""

    refresh: bool | None = Field(
        None, description="call again for people with answers older than the max ages; a run needs max_credits for it"
    )
    retry_ambiguous: bool | None = Field(None, description="call again for people whose answer was lost twice")


class EnrichmentConfig(PlanConfig):
    """What a run may be given. An ordinary run needs none of it."""

    max_credits: int | None = Field(None, description=_CAP)
    ignore_canary: bool | None = Field(None, description="continue although answers differ from earlier ones")


def config_with_cap(settings: Settings) -> type[EnrichmentConfig]:
    """The config whose `max_credits` the launchpad writes as the setting has it; 0: no cap, so none is written.

    Not a default config of the job: Dagster 1.13.27 then refuses a backfill that has a config of its own.
    """
    cap: Any = (int | None, Field(settings.max_credits_per_run or None, description=_CAP))
    return create_model("EnrichmentConfig", __base__=EnrichmentConfig, max_credits=cap)


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

    def lowest(*caps: int) -> int:
        return min((cap for cap in caps if cap > 0), default=0)  # 0 is no cap

    return Budget(
        lowest(ceiling.max_credits_per_run, given.max_credits_per_run, config.max_credits or 0),
        lowest(ceiling.max_credits_per_day, given.max_credits_per_day),
        max(ceiling.min_balance, given.min_balance),
    )


def refuse_new_ledger(ledger: Ledger, settings: Settings) -> None:
    """Refuse an empty ledger beside a published file that shows paid answers: a run would pay for everything again.

    Raises:
        RefusedToStart: it is so, and `CLODURA_ALLOW_NEW_LEDGER` does not allow it.
        PublicationError: the published file cannot be read.
    """
    if settings.allow_new_ledger or ledger.newest_attempt():
        return
    if shown := paid_answers_shown(settings.database):
        raise RefusedToStart(
            f"The ledger is new and empty, but {shown} paid answers are published. No call was made: it would pay for "
            "everything again. Restore the ledger from your backup; or set CLODURA_ALLOW_NEW_LEDGER=1 to start "
            f"over. Ledger: {settings.ledger}; published file: {settings.database}"
        )
