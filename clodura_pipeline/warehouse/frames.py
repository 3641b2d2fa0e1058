"""Moves frames into tables, and rows of tables into frames."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import polars as pl

from clodura_pipeline.warehouse.tables.table import Table

POLARS_TYPES = {
    "DATE": pl.Date,
    "VARCHAR": pl.String,
    "JSON": pl.String,
    "BIGINT": pl.Int64,
    "INTEGER": pl.Int32,
    "DOUBLE": pl.Float64,
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    "VARCHAR[]": pl.List(pl.String),
}


@contextlib.contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> Iterator[None]:
    """A frame that SQL can read under this name, for as long as the context lasts."""
    connection.register(name, frame.to_arrow())
    try:
        yield
    finally:
        connection.unregister(name)


def insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Append a frame to a table by column name (casting text to JSON and the like).

    Not through a registered name: until the transaction ends DuckDB keeps all frames that had one (4 GiB for ten
    million rows).
    """
    if frame.is_empty():
        return
    columns = [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    missing = [pl.lit(None).alias(name) for name in columns if name not in frame.columns]
    connection.from_arrow(frame.with_columns(missing).select(columns).to_arrow()).insert_into(table)


def replace_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame, column: str, values: Sequence[object]
) -> None:
    """Replace all rows whose `column` has one of `values` by a frame."""
    delete(connection, table.name, column, values)
    insert(connection, table.name, frame.select(table.names))


def typed(table: Table, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Rows of a table as a frame with the table's own types."""
    return pl.DataFrame(rows, schema={column.name: POLARS_TYPES[column.type] for column in table.columns})


def delete(connection: duckdb.DuckDBPyConnection, table: str, column: str, values: Sequence[object]) -> None:
    """Delete the rows whose `column` has one of `values`."""
    if values:
        connection.execute(f'DELETE FROM {table} WHERE "{column}" IN (SELECT unnest(?))', [list(values)])


def read(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> pl.DataFrame:
    """The result of a query."""
    frame = pl.from_arrow(connection.sql(sql, params=parameters or None).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
