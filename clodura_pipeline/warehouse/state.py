"""Remembered values of the working database: what its tables were built from."""

from hashlib import blake2b

import duckdb


def database_name(connection: duckdb.DuckDBPyConnection) -> str:
    """The working database's own name, which tells its tables from those of an attached file."""
    return connection.execute("SELECT current_database()").fetchall()[0][0]


def get_state(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """A remembered value; None when there is none."""
    rows = connection.execute("SELECT value FROM working_state WHERE name = ?", [name]).fetchall()
    return rows[0][0] if rows else None


def set_state(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Remember a value."""
    connection.execute("INSERT OR REPLACE INTO working_state VALUES (?, ?)", [name, value])


def clear_state(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Remember nothing under this name."""
    connection.execute("DELETE FROM working_state WHERE name = ?", [name])


def raise_version(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Raise a version, so that what was built from the former one is built again."""
    set_state(connection, name, str(int(get_state(connection, name) or 0) + 1))


def version_of(text: str) -> str:
    """A short hash of what something is made by, such as SQL: it differs when that has changed."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
