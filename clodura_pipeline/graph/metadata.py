"""Dagster metadata: row counts of the tables, and figures as the UI shows them best."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.tables.table import Table


def row_count(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, int]:
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


def rounded(value: Any) -> Any:
    """A figure with at most two decimals; anything else as it is."""
    return round(value, 2) if isinstance(value, float) else value


def _cell(value: object) -> str | int | float | bool:
    value = rounded(value)
    return value if isinstance(value, str | int | float | bool) else "" if value is None else str(value)
