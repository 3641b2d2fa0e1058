"""One instance of the graph: its settings, and how its assets, jobs and resources are named."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from clodura_pipeline.graph.failures import fail_with_message
from clodura_pipeline.graph.resources import CloduraResource, WorkingDatabase
from clodura_pipeline.settings import API_KEY, Settings

# One run for a whole range: budgets count by run, and people with rows on several days are called for once.
ONE_RUN = dg.BackfillPolicy.single_run()
AssetBody = Callable[..., Any]


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
        return dg.DailyPartitionsDefinition(self.settings.start_date.isoformat(), end_offset=1, timezone="UTC")

    @property
    def resource_keys(self) -> set[str]:
        """The keys of both resources."""
        return {self.named("clodura"), self.named("clodura_duckdb")}

    def resources(self) -> dict[str, object]:
        """Both resources by key."""
        clodura = CloduraResource.from_settings(self.settings, self.api_key_env)
        database = WorkingDatabase(database=str(self.settings.working_database))
        return {self.named("clodura"): clodura, self.named("clodura_duckdb"): database}

    def clodura(self, context: Any) -> CloduraResource:
        """The resource that an asset, a check or a schedule of this instance works with."""
        return getattr(context.resources, self.named("clodura"))

    def database(self, context: Any) -> WorkingDatabase:
        """The working database of this instance, as a resource."""
        return getattr(context.resources, self.named("clodura_duckdb"))

    def spec(
        self,
        asset: str,
        group: str,
        kinds: set[str],
        metadata: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dg.AssetSpec:
        """What is said of an asset in the UI; `group` only where the instance has no group of its own."""
        return dg.AssetSpec(
            self.key(asset),
            group_name=self.group_name or group,
            kinds=kinds,
            tags=dict(self.tags),
            owners=list(self.owners),
            metadata=dict(metadata or {}),
            **more,
        )

    def asset(self, *specs: dg.AssetSpec, partitioned: bool = False) -> Callable[[AssetBody], dg.AssetsDefinition]:
        """Decorates the body that materializes these assets; errors in it fail the run with a message.

        The body gets the context and, if it names one, a config.
        """

        def decorate(body: AssetBody) -> dg.AssetsDefinition:
            code = dg.LocalFileCodeReference(file_path=inspect.getfile(body), line_number=body.__code__.co_firstlineno)
            linked = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[code])}
            return dg.multi_asset(
                name=self.op_name(specs[0].key.path[-1]),
                specs=[spec.merge_attributes(metadata=linked) for spec in specs],
                partitions_def=self.partitions if partitioned else None,
                backfill_policy=ONE_RUN,
                required_resource_keys=self.resource_keys,
            )(fail_with_message(body))

        return decorate
