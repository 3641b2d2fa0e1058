"""A table's definition: what a row of it is, and each column's type and meaning; text within SQL."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Column:
    """A column: name, DuckDB type, what it means."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table: name, what a row of it is, its columns in order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    def ddl(self) -> str:
        """The column definitions for CREATE TABLE."""
        return ", ".join(f'"{column.name}" {column.type}' for column in self.columns)


def table(name: str, meaning: str, *lines: str) -> Table:
    """A table from lines of `name TYPE meaning`."""
    parsed = [line.split(maxsplit=2) for text in lines for line in text.strip().splitlines()]
    return Table(name, meaning, tuple(Column(*parts) for parts in parsed))


def quoted(text: str | Path) -> str:
    """Text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"
