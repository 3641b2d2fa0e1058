"""One instance of the graph: its settings, and how its assets, jobs and resources are named."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import dagster as dg
from duckdb import DuckDBPyConnection

from clodura_pipeline.graph.failures import failing_with_message
from clodura_pipeline.graph.metadata import day_figures, table_metadata
from clodura_pipeline.graph.partitions import Days, days_of
from clodura_pipeline.graph.resources import CloduraResource, WorkingDatabase
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.settings import API_KEY, Settings
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.table import Table

# One run for a whole range: budgets count by run, and people with rows on several days are called for once.
Config = TypeVar("Config", bound=dg.Config)
ONE_RUN = dg.BackfillPolicy.single_run()
Results = dg.MaterializeResult | tuple[dg.MaterializeResult, ...]


@dataclass(frozen=True)
class GraphInstance:
    """The settings of one instance and the names of its parts.

    `key_prefix`: before every asset key; joined by underscores it ends the names of jobs, schedules, sensors and
    resources, so that several instances live in one code location. `group_name`: one group for all assets instead of
    three. `api_key_env`: the environment variable that holds the key.
    """

    settings: Settings
    key_prefix: tuple[str, ...] = ()
    group_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    owners: Sequence[str] = ()
    api_key_env: str = API_KEY

    def named(self, name: str) -> str:
        """The name of a job, schedule, sensor or resource of this instance."""
        return "_".join([name, *self.key_prefix])

    def key(self, asset: str) -> dg.AssetKey:
        """The key of an asset of this instance."""
        return dg.AssetKey([*self.key_prefix, asset])

    def op_name(self, asset: str) -> str:
        """What run config calls an asset."""
        return "__".join([*self.key_prefix, asset])

    @property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """A partition for every UTC day from the start date to today: files of today are loaded today."""
        return Days(self.settings.start_date.isoformat(), end_offset=1, timezone="UTC")

    @property
    def resource_keys(self) -> set[str]:
        """The keys of both resources."""
        return {self.named("clodura"), self.named("clodura_duckdb")}

    def resources(self) -> dict[str, object]:
        """Both resources by key."""
        clodura = CloduraResource.from_settings(self.settings, self.api_key_env)
        database = WorkingDatabase(database=str(self.settings.working_database))
        return {self.named("clodura"): clodura, self.named("clodura_duckdb"): database}

    def spec(
        self,
        asset: str,
        group: str,
        kinds: set[str],
        description: str,
        deps: Sequence[str] = (),
        table: Table | None = None,
        **more: Any,
    ) -> dg.AssetSpec:
        """What is said of an asset in the UI; `group` only where the instance has no group of its own.

        Args:
            deps: names of assets of this instance.
            table: the table that the asset fills.
        """
        return dg.AssetSpec(
            self.key(asset),
            deps=[self.key(dep) for dep in deps],
            description=description,
            group_name=self.group_name or group,
            kinds=kinds,
            tags=dict(self.tags),
            owners=list(self.owners),
            metadata={**(table_metadata(table) if table else {}), **more.pop("metadata", {})},
            **more,
        )

    def asset(
        self,
        body: Callable[["Step"], Results],
        *specs: dg.AssetSpec,
        partitioned: bool = False,
        config: type[dg.Config] | None = None,
    ) -> dg.AssetsDefinition:
        """Assets that one body materializes; errors in it fail the run with a message."""
        code = dg.LocalFileCodeReference(file_path=inspect.getfile(body), line_number=body.__code__.co_firstlineno)
        linked = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[code])}

        @dg.multi_asset(
            name=self.op_name(specs[0].key.path[-1]),
            specs=[spec.merge_attributes(metadata=linked) for spec in specs],
            partitions_def=self.partitions if partitioned else None,
            backfill_policy=ONE_RUN,
            required_resource_keys=self.resource_keys,
            config_schema=config.to_fields_dict() if config else None,
        )
        def run_body(context: dg.AssetExecutionContext):  # without a type: Dagster would take it for the outputs'
            with failing_with_message():
                return body(Step(context, self))

        return run_body

    def checks(
        self, asset: str, *checks: tuple[str, Callable[["Step"], dg.AssetCheckResult], str], blocking: bool = False
    ) -> dg.AssetChecksDefinition:
        """Checks of an asset in one step; errors in them fail the run with a message.

        To start a step and to open the working database takes longer than most checks.

        Args:
            checks: each as its name, its body and a description.
        """
        key = self.key(asset)
        bodies = {dg.AssetCheckKey(key, name): body for name, body, _ in checks}

        @dg.multi_asset_check(
            name=f"{self.op_name(asset)}_{'blocking_checks' if blocking else 'checks'}",
            specs=[dg.AssetCheckSpec(name, asset=key, description=text, blocking=blocking) for name, _, text in checks],
            required_resource_keys=self.resource_keys,
            can_subset=True,
        )
        def run_bodies(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
            wanted = context.selected_asset_check_keys
            with failing_with_message(), contextlib.ExitStack() as until_end:
                step = CheckStep(context, self, until_end)
                for check_key, body in bodies.items():
                    if check_key in wanted:
                        yield body(step)._replace(asset_key=key, check_name=check_key.name)

        return run_bodies


@dataclass(frozen=True)
class Step:
    """One execution of an asset or a check: its context, and the resources of its instance."""

    context: Any
    instance: GraphInstance

    @property
    def clodura(self) -> CloduraResource:
        """The settings, the ledger, and the way to Clodura."""
        return getattr(self.context.resources, self.instance.named("clodura"))

    @property
    def settings(self) -> Settings:
        """The settings, as this run's config may have changed them."""
        return self.clodura.settings

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.context.run.run_id

    @property
    def days(self) -> list[date]:
        """The days of the run's partition or range. Raises `NoDays` when there is none."""
        return days_of(self.context)

    def config(self, kind: type[Config]) -> Config:
        """What the run's config says about this asset."""
        return kind(**self.context.op_execution_context.op_config)

    def database(self, why: str) -> contextlib.AbstractContextManager[DuckDBPyConnection]:
        """The open working database; `why` is for those who wait for it."""
        path = self.settings.working_database
        if not path.exists():
            sources = "contact files, what other hosts have landed, and ledger"
            missing = "no host has kept"
            if self.settings.landed_files is None:
                sources, missing = "contact files and ledger", "are no longer in the contacts folder"
            self.context.log.info(
                f"The working database is new here and is built from {sources}. No call is made for it; "
                f"rows of files that {missing} are not in it. File: {path}"
            )
        return working_database(getattr(self.context.resources, self.instance.named("clodura_duckdb")), why)

    def ledger(self) -> Ledger:
        """The open ledger, as a context manager."""
        return self.clodura.open_ledger()

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
        """Attach to each partition of this run the day's figures as they stand now (see `day_figures`), then the run's.

        Args:
            first: what a person should see before any figure.
        """
        for day, figures in day_figures(connection, query, self.days).items():
            shown = {**first, **figures, **run}
            self.context.add_asset_metadata(shown, self.instance.key(asset), partition_key=day.isoformat())


@dataclass(frozen=True)
class CheckStep(Step):
    """One execution of the checks of an asset. The first that reads the working database opens it for all of them."""

    until_end: contextlib.ExitStack
    opened: list[DuckDBPyConnection] = field(default_factory=list)

    def database(self, why: str) -> contextlib.AbstractContextManager[DuckDBPyConnection]:
        """The working database, open until the step ends."""
        if not self.opened:
            self.opened.append(self.until_end.enter_context(super().database(why)))
        return contextlib.nullcontext(self.opened[0])
