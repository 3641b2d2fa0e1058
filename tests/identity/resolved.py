"""Resolves cleaned rows to people as the working database does, in a DuckDB of the test's own."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from clodura_pipeline.identity.resolution import resolve_people
from clodura_pipeline.ledger.person_key import PERSON_KEY_SQL, person_key
from clodura_pipeline.warehouse.database import create_tables
from clodura_pipeline.warehouse.frames import insert, read
from clodura_pipeline.warehouse.tables.columns import VALIDATED_CONTACTS


@dataclass(frozen=True)
class People:
    """Who the rows are.

    A person goes by the identifier that their key was computed from, or by `key:N` where the ledger knows them.
    `rows`: `source_file, source_row, person`. `requests`: one per person, what their rows know together; `sent_ids` and
    `other_ids` among it. `conflicts`: as the table `identity_conflicts`. `aliases`: keys of the ledger that are joined.
    """

    rows: pl.DataFrame
    requests: pl.DataFrame
    conflicts: pl.DataFrame
    aliases: Mapping[int, int]

    @property
    def identifiers(self) -> set[tuple[str, str]]:
        """(person, identifier) for everything that stands for a person."""
        lists = self.requests.select("person", pl.col("sent_ids").list.concat("other_ids")).rows()
        return {(person, identifier) for person, identifiers in lists for identifier in identifiers}


def resolve(
    contacts: pl.DataFrame, ledger: Mapping[int, Sequence[str]] | None = None, unsent: frozenset[str] = frozenset()
) -> People:
    """The people behind cleaned rows.

    Args:
        ledger: identifiers of people who were called for, by person key, in the order of their first calls.
        unsent: those of them that no call sent and no answer named.
    """
    called = ledger or {}
    connection = _database()
    for table in ("validated_contacts", "ledger_people", "ledger_identifiers"):
        connection.execute(f"DELETE FROM {table}")
    insert(connection, "validated_contacts", contacts.select(VALIDATED_CONTACTS.names))
    for added, (key, identifiers) in enumerate(called.items()):
        connection.execute("INSERT INTO ledger_people VALUES (?, ?, ?, false)", [key, key, added])
        for each in identifiers:
            connection.execute("INSERT INTO ledger_identifiers VALUES (?, ?, ?)", [each, key, each not in unsent])
    resolve_people(connection, PERSON_KEY_SQL)
    rows = read(connection, "SELECT * FROM contact_people ORDER BY source_file, source_row")
    requests = read(connection, "SELECT * FROM people_requests ORDER BY person_key")
    conflicts = read(connection, "SELECT * FROM identity_conflicts ORDER BY email")
    aliases = dict(connection.execute("SELECT person_key, survivor FROM person_aliases").fetchall())
    ids = contacts.select(pl.concat_list("profile_id", "email_id", "name_id").list.concat("further_ids").alias("ids"))
    names = {person_key(each): each for each in ids["ids"].explode().drop_nulls().unique()}
    names |= {key: f"key:{key}" for key in called}
    named = pl.col("person_key").replace_strict(names or {0: ""}, return_dtype=pl.String).alias("person")
    return People(
        rows.select("source_file", "source_row", named),
        requests.select(named, pl.exclude("person_key")).sort("person"),
        conflicts,
        aliases,
    )


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for all tests of this process: to make it costs more than to resolve a few rows."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    create_tables(connection)
    return connection
