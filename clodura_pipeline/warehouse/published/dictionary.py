"""The data dictionary: every table and view of the published file with its columns, their types and meanings."""

import functools
from collections.abc import Mapping

import duckdb

from clodura_pipeline.warehouse.published.views import VIEWS, View
from clodura_pipeline.warehouse.tables.columns import PUBLISHED
from clodura_pipeline.warehouse.tables.table import Column, Table

_ZONED = "TIMESTAMP WITH TIME ZONE"  # TIMESTAMPTZ, as DuckDB says it


@functools.cache
def described_views() -> list[Table]:
    """The views with their columns; types come from DuckDB, meanings from the view or else from the tables."""
    meanings: dict[str, str] = {}
    for table in PUBLISHED:
        for column in table.columns:
            meanings.setdefault(column.name, column.meaning)
    with duckdb.connect() as connection:
        for table in PUBLISHED:
            connection.execute(f"CREATE TABLE {table.name} ({table.ddl()})")
        return [_described(connection, view, meanings) for view in VIEWS]


def dictionary() -> list[Table]:
    """The published tables, then the views."""
    return [*PUBLISHED, *described_views()]


def _described(connection: duckdb.DuckDBPyConnection, view: View, meanings: Mapping[str, str]) -> Table:
    own = dict(line.split(maxsplit=1) for line in view.columns.strip().splitlines())
    connection.execute(f"CREATE VIEW {view.name} AS {view.query}")
    types = connection.execute(f"DESCRIBE {view.name}").fetchall()
    columns = tuple(
        Column(name, kind.replace(_ZONED, "TIMESTAMPTZ"), own.get(name) or meanings[name]) for name, kind, *_ in types
    )
    return Table(view.name, view.meaning, columns)
