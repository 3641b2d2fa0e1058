"""One execution of an asset or of an asset's checks: what it works with, and the figures it shows in Dagster."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import dagster as dg
from duckdb import DuckDBPyConnection

from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.partitions import RANGE_END, RANGE_START, NoDays
from clodura_pipeline.graph.resources import CloduraResource
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.database import scalar, working_database
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.tables.table import Table

Config = TypeVar("Config", bound=dg.Config)


@dataclass(frozen=True)
class Step:
    """One execution: its context, and the resources of its instance."""

    context: Any
    instance: GraphInstance

    @property
    def clodura(self) -> CloduraResource:
        """The settings, the ledger, and the way to Clodura."""
        return getattr(self.context.resources, self.instance.named("clodura"))

    @cached_property
    def settings(self) -> Settings:
        """The settings, as this run's config may have changed them."""
        return self.clodura.settings

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.context.run.run_id

    @cached_property
    def days(self) -> list[date]:
        """The days of the run's partition or range, in order. Raises `NoDays`: none, or one without a partition."""
        tags: Mapping[str, str] = self.context.run.tags
        first = tags.get(RANGE_START) or tags.get("dagster/partition")
        last = tags.get(RANGE_END) or first
        if not first or not last:
            raise NoDays(
                "This run has no day, so nothing was done. Start it for a day (--partition 2026-11-22) or for a range "
                "(--partition-range 2026-11-20...2026-11-22)."
            )
        keys = self.instance.partitions.get_partition_keys()
        if first > last or first not in keys or last not in keys:
            raise NoDays(
                f"The range {first} to {last} has no day, or days without a partition, so nothing was done. Its first "
                "day must not be after its last, and both must be between CLODURA_START_DATE and today (UTC)."
            )
        return [date.fromisoformat(key) for key in keys if first <= key <= last]

    def config(self, kind: type[Config]) -> Config:
        """What the run's config says about this asset."""
        return kind(**self.context.op_execution_context.op_config)

    def database(self, why: str) -> contextlib.AbstractContextManager[DuckDBPyConnection]:
        """The open working database; `why` is for those who wait for it."""
        return working_database(getattr(self.context.resources, self.instance.named("clodura_duckdb")), why)

    def ledger(self) -> Ledger:
        """The open ledger, as a context manager."""
        return open_ledger(self.settings.ledger)

    @contextlib.contextmanager
    def tables(self, why: str) -> Iterator[tuple[DuckDBPyConnection, Ledger, int]]:
        """The working database with tables that show the ledger's state, the ledger, and its sequence."""
        with self.ledger() as ledger, self.database(why) as connection:
            yield connection, ledger, self.clodura.build_tables(connection, ledger, self.run_id)

    def describe_days(
        self,
        asset: str,
        connection: DuckDBPyConnection,
        query: str,
        run: Mapping[str, Any],
        first: Mapping[str, Any] = {},
    ) -> None:
        """Attach to each partition of this run the day's figures as they stand now, then the run's.

        Args:
            query: one of `warehouse.figures`, with a row per day. A day without a row has zeros, and no figure whose
                name ends in `_percent`.
            first: what a person should see before any figure.
        """
        found = read(connection, query, [self.days])
        by_day = {row["file_date"]: row for row in found.iter_rows(named=True)}
        nothing = {name: 0 for name in found.columns if not name.endswith("_percent")}
        for day in self.days:
            figures = {name: _rounded(value) for name, value in by_day.get(day, nothing).items() if name != "file_date"}
            shown = {**first, **without_none(figures), **run}
            self.context.add_asset_metadata(shown, self.instance.key(asset), partition_key=day.isoformat())


@dataclass(frozen=True)
class CheckStep(Step):
    """One execution of the checks of an asset. The first that reads the working database opens it for all of them."""

    until_end: contextlib.ExitStack

    @cached_property
    def connection(self) -> DuckDBPyConnection:
        """The working database, open until the step ends."""
        return self.until_end.enter_context(self.database("a check"))


def row_count(connection: DuckDBPyConnection, table: Table) -> dict[str, int]:
    """The table's row count."""
    return {"dagster/row_count": scalar(connection, f"SELECT count(*) FROM {table.name}")}


def small_table(name: str, rows: Sequence[Mapping[str, object]]) -> dict[str, dg.MetadataValue]:
    """A table of at most six columns, which fit the page, under this name; no entry when it has no rows."""
    if not rows:
        return {}
    columns = list(rows[0])[:6]
    shown = [dg.TableRecord({column: _cell(row[column]) for column in columns}) for row in rows]
    return {name: dg.MetadataValue.table(shown, dg.TableSchema([dg.TableColumn(column) for column in columns]))}


def without_none(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that have a value."""
    return {name: value for name, value in figures.items() if value is not None}


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def _cell(value: object) -> str | int | float | bool:
    value = _rounded(value)
    return value if isinstance(value, str | int | float | bool) else "" if value is None else str(value)
