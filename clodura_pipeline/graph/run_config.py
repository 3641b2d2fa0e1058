"""What the config of a run may say.

Fields without a value by default are not written into the launchpad: there the cap is the one line that is.
"""

import dagster as dg
from pydantic import Field


class PlanConfig(dg.Config):
    """What a plan may be given where no calls follow it in the same run."""

    refresh: bool | None = Field(None, description="plan calls for people with answers older than the max ages")
    retry_ambiguous: bool | None = Field(None, description="plan calls for people whose answer was lost twice")


class EnrichmentConfig(dg.Config):
    """What a run may be given. An ordinary run needs none of it."""

    max_credits: int | None = Field(
        None, description="this run's cap in credits; at most CLODURA_MAX_CREDITS_PER_RUN, which it cannot lift"
    )
    refresh: bool | None = Field(
        None, description="call again for people with answers older than the max ages; needs max_credits"
    )
    retry_ambiguous: bool | None = Field(None, description="call again for people whose answer was lost twice")
    ignore_canary: bool | None = Field(None, description="continue although answers differ from earlier ones")
