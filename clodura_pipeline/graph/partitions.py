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


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags that make one run of a range of days."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def utc_now() -> datetime:
    """The time now in UTC, without a time zone: how the tables hold times."""
    return datetime.now(UTC).replace(tzinfo=None)
