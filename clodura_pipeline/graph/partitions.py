"""The daily partitions, and the days a run is about."""

from datetime import UTC, date, datetime

import dagster as dg

from clodura_pipeline.settings import load_settings

# The day that has begun has a partition too: files of today are loaded today.
DAILY = dg.DailyPartitionsDefinition(start_date=load_settings().start_date.isoformat(), end_offset=1, timezone="UTC")

# One run for a whole range: budgets count by run, and people with rows on several days are asked once.
ONE_RUN = dg.BackfillPolicy.single_run()


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days of the run's partition or range, in order."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]


def utc_now() -> datetime:
    """The present moment in UTC, without a time zone: how the tables hold times."""
    return datetime.now(UTC).replace(tzinfo=None)
