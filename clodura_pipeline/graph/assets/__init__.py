"""The assets: one module per group, each body a paragraph; what they do is in the plain packages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from clodura_pipeline.graph.step import Step
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.tables.table import Table

Body = Callable[[Step], Mapping[str, Any] | None]
ConfigOf = Callable[[Settings], type[dg.Config]]


@dataclass(frozen=True)
class Assets:
    """Assets that one body materializes; it returns their metadata."""

    body: Body
    specs: Sequence[dg.AssetSpec]
    is_partitioned: bool
    config_of: ConfigOf | None


def assets(
    *specs: dg.AssetSpec, partitioned: bool = False, config_of: ConfigOf | None = None
) -> Callable[[Body], Assets]:
    """Makes a function the body of these assets. `config_of`: what run config may say, under an instance's settings."""
    return lambda body: Assets(body, specs, partitioned, config_of)


def spec(
    name: str, group: str, description: str, table: Table | None = None, kinds: Sequence[str] = ("duckdb",), **more: Any
) -> dg.AssetSpec:
    """What is said of an asset in the UI. `table`: what the asset fills; `more`: further attributes of `AssetSpec`."""
    metadata: dict[str, Any] = {}
    if table:
        columns = [dg.TableColumn(c.name, c.type, description=c.meaning) for c in table.columns]
        metadata = {"dagster/table_name": table.name, "dagster/column_schema": dg.TableSchema(columns)}
    return dg.AssetSpec(name, group_name=group, description=description, kinds=set(kinds), metadata=metadata, **more)
