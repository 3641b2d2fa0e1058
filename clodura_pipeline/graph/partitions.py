"""The days a run is about."""

from datetime import UTC, date, datetime
from typing import Any

import click
import dagster as dg

from clodura_pipeline.errors import UserFixableError

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class NoDays(UserFixableError):
    """The run has no day to work on."""


class UnknownDay(dg.DagsterUnknownPartitionError, click.ClickException):
    """A day without a partition. `dg launch` shows its sentence alone, as of any error of click."""

    def __init__(self, message: str) -> None:
        click.ClickException.__init__(self, message)


class Days(dg.DailyPartitionsDefinition):
    """A partition for every UTC day from the start date to today: files of today are loaded today."""

    def validate_partition_key(self, partition_key: str, *args: Any, **kwargs: Any) -> None:
        """Raises `UnknownDay`, which names the setting, when there is no partition of this key."""
        try:
            super().validate_partition_key(partition_key, *args, **kwargs)
        except dg.DagsterUnknownPartitionError:
            raise UnknownDay(
                f"{partition_key} is no day of this pipeline, so nothing was started. Give a day like 2026-11-22, from "
                f"{self.start.date()} (CLODURA_START_DATE) to today (UTC)."
            ) from None


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days of the run's partition or range, in order.

    Raises:
        NoDays: there is none.
    """
    if not context.has_partition_key and not context.has_partition_key_range:
        raise NoDays(
            "This run has no day, so nothing was done. Start it for a day (--partition 2026-11-22) or for a range "
            "(--partition-range 2026-11-20...2026-11-22)."
        )
    days = [date.fromisoformat(key) for key in sorted(context.partition_keys)]
    if not days:
        first, last = context.run.tags.get(RANGE_START), context.run.tags.get(RANGE_END)
        raise NoDays(
            f"The range {first} to {last} has no day, so nothing was done. Its first day must not be after its last, "
            "and both must be between CLODURA_START_DATE and today (UTC)."
        )
    return days


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags that make one run of a range of days."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def utc_now() -> datetime:
    """The time now in UTC, without a time zone: how the tables hold times."""
    return datetime.now(UTC).replace(tzinfo=None)


def days_of_run(run: dg.DagsterRun) -> list[date]:
    """The days that a run's tags name; none of a run without partitions."""
    first = run.tags.get(RANGE_START) or run.tags.get("dagster/partition")
    last = run.tags.get(RANGE_END) or first
    if not first or not last:
        return []
    ordinals = range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1)
    return [date.fromordinal(ordinal) for ordinal in ordinals]
