"""Moves frames into tables, and rows of tables into frames."""

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from clodura_pipeline.warehouse.schemas import POLARS_TYPES
from clodura_pipeline.warehouse.tables import Table


def insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Append a frame to a table by column name (casting text to JSON and the like)."""
    if frame.is_empty():
        return
    connection.register("incoming", frame.to_arrow())
    try:
        names = ", ".join(f'"{name}"' for name in frame.columns)
        connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")
    finally:
        connection.unregister("incoming")


def replace_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame, column: str, values: Sequence[object]
) -> None:
    """Put a frame in the place of all rows whose `column` has one of `values`."""
    delete(connection, table.name, column, values)
    insert(connection, table.name, frame.select(table.names))


def typed(table: Table, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Rows of a table as a frame with the table's own types."""
    return pl.DataFrame(rows, schema={column.name: POLARS_TYPES[column.type] for column in table.columns})


def delete(connection: duckdb.DuckDBPyConnection, table: str, column: str, values: Sequence[object]) -> None:
    """Delete the rows whose `column` has one of `values`."""
    if values:
        connection.execute(f'DELETE FROM {table} WHERE "{column}" IN (SELECT unnest(?))', [list(values)])


def read(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
    """The result of a query."""
    frame = pl.from_arrow(connection.sql(sql, params=list(parameters)).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
