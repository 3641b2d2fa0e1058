"""How the page writes numbers, and rows of a query by column name."""

from collections.abc import Sequence
from typing import Any

import duckdb


def count(value: float) -> str:
    """A number with separators: 12,500."""
    return f"{value:,.0f}"


def amount(value: float) -> str:
    """Credits, which may be fractional: 12,500 or 0.25."""
    return f"{value:,.2f}".removesuffix(".00")


def number_of(things: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 day, 2 days."""
    return f"{count(things)} {one if things == 1 else many or one + 's'}"


def percent(value: float) -> str:
    """A share with one decimal: 61.3 %."""
    return f"{value:.1%}".replace("%", " %")


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """The rows of a query by column name."""
    result = connection.execute(sql, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
