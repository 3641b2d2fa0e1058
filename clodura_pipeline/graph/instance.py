"""One instance of the graph: its settings, and how its parts are named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import dagster as dg

from clodura_pipeline.graph.partitions import Days
from clodura_pipeline.graph.resources import CloduraResource, WorkingDatabase
from clodura_pipeline.settings import API_KEY, Settings


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

    @cached_property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """A partition for every UTC day from the start date to today: files of today are loaded today."""
        return Days(self.settings.start_date.isoformat(), end_offset=1, timezone="UTC")

    @cached_property
    def resources(self) -> dict[str, object]:
        """Both resources by key."""
        clodura = CloduraResource.from_settings(self.settings, self.api_key_env)
        database = WorkingDatabase(database=str(self.settings.working_database))
        return {self.named("clodura"): clodura, self.named("clodura_duckdb"): database}

    def spec(self, asset: dg.AssetSpec) -> dg.AssetSpec:
        """What is said of an asset, with the keys, group, tags and owners of this instance."""
        return asset.replace_attributes(
            key=self.key(asset.key.path[-1]),
            deps=[self.key(dep.asset_key.path[-1]) for dep in asset.deps],
            group_name=self.group_name or asset.group_name,
        ).merge_attributes(tags=self.tags, owners=self.owners)
