"""What the config of a run may say.

Fields without a value by default are not written into the launchpad: there the cap is the one line that is.
"""

from typing import Any

import dagster as dg
from pydantic import Field, create_model

from clodura_pipeline.settings import Settings

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
