"""Dagster metadata: schemas and row counts from the tables, and figures as the UI shows them best."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import duckdb

from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.tables.table import Table


def table_metadata(table: Table) -> dict[str, Any]:
    """What is known before a run: the table's name and its columns."""
    columns = [dg.TableColumn(c.name, c.type, description=c.meaning) for c in table.columns]
    return {"dagster/table_name": table.name, "dagster/column_schema": dg.TableSchema(columns)}


def row_count(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, int]:
    """The table's row count."""
    return {"dagster/row_count": scalar(connection, f"SELECT count(*) FROM {table.name}")}


def day_figures(connection: duckdb.DuckDBPyConnection, query: str, days: Sequence[date]) -> dict[date, dict[str, Any]]:
    """The figures of each day as they stand now.

    Args:
        query: one of `warehouse.figures`, with a row per day. A day without a row has zeros, and no figure whose name
            ends in `_percent`.
    """
    found = read(connection, query, [list(days)])
    by_day = {row["file_date"]: row for row in found.iter_rows(named=True)}
    nothing = {name: 0 for name in found.columns if not name.endswith("_percent")}
    return {
        day: {
            name: _figure(value)
            for name, value in by_day.get(day, nothing).items()
            if name != "file_date" and value is not None
        }
        for day in days
    }


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


def _figure(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def _cell(value: object) -> str | int | float | bool:
    value = _figure(value)
    return value if isinstance(value, str | int | float | bool) else "" if value is None else str(value)
