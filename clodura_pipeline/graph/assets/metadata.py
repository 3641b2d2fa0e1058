"""Dagster metadata from the tables: schemas, row counts, and figures as plain values."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import duckdb

from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.tables import Table


def definition_metadata(table: Table) -> dict[str, Any]:
    """What is known before a run: the table's name and its columns."""
    return {
        "dagster/table_name": table.name,
        "dagster/column_schema": dg.TableSchema(
            columns=[dg.TableColumn(c.name, c.type, description=c.meaning) for c in table.columns]
        ),
    }


def row_counts(connection: duckdb.DuckDBPyConnection, table: Table, days: list[object] | None = None) -> dict[str, int]:
    """The table's row count and, for daily tables, that of the days of this run."""
    counts = {"dagster/row_count": scalar(connection, f"SELECT count(*) FROM {table.name}")}
    if days is not None:
        query = f"SELECT count(*) FROM {table.name} WHERE file_date IN (SELECT unnest(?))"
        counts["dagster/partition_row_count"] = scalar(connection, query, [days])
    return counts


def records(rows: list[dict[str, object]]) -> dg.TableMetadataValue:
    """A small table for the UI."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({k: _cell(v) for k, v in row.items()}) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name) for name in (rows[0] if rows else {"nothing": 0})]),
    )


def without_none(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that have a value."""
    return {name: value for name, value in figures.items() if value is not None}


def _cell(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else "" if value is None else str(value)
