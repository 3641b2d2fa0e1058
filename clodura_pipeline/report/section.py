"""A section of the page: a sentence, a chart, and the table behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

Value = str | int | float | None


@dataclass(frozen=True)
class Column:
    """A column of the table behind a chart: its heading, and how its values are written."""

    heading: str
    write: Callable[[Any], str] = str

    def text(self, value: Value) -> str:
        """A value as the table shows it; a dash for none."""
        return "–" if value is None else self.write(value)


@dataclass(frozen=True)
class Section:
    """A heading, what its figures say, a chart (a Vega-Lite specification) and the table with the same figures.

    Without rows, the summary says why there is nothing to show.
    """

    anchor: str
    title: str
    summary: str
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[Value]] = ()
    chart: Mapping[str, Any] = field(default_factory=dict)


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


COUNT, CREDITS, PERCENT = count, amount, percent


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """The rows of a query by column name."""
    result = connection.execute(sql, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
