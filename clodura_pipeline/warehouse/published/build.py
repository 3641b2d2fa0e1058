"""Builds the analysts' tables from landed rows, people and projected answers, in one transaction."""

from datetime import datetime

import duckdb

from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse import tables
from clodura_pipeline.warehouse.database import scalar, transaction
from clodura_pipeline.warehouse.people import update_people
from clodura_pipeline.warehouse.published import answers, contacts, spend
from clodura_pipeline.warehouse.published.analysts_file import BUILT_FROM
from clodura_pipeline.warehouse.state import get_state, set_state
from clodura_pipeline.warehouse.suppression import update_suppressed_people
from clodura_pipeline.warehouse.table import Table

_CHANGED_AT = "changed_at"

# With millions of rows, of which few change from run to run.
_LARGE = {
    tables.ENRICHED_CONTACTS: contacts.ENRICHED,
    tables.PEOPLE: contacts.PEOPLE,
    tables.CONTACT_ROWS: f"SELECT {', '.join(tables.CONTACT_ROWS.names)} FROM rows_now",
}
_SMALL = {
    tables.CREDIT_USAGE: spend.USAGE,
    tables.LIST_REPORT: spend.LISTS,
    tables.ANSWERS: answers.ANSWERS,
    tables.CONTACT_CHANGES: answers.CHANGES,
    tables.RUNS: spend.RUNS,
    tables.ANSWER_FIELDS: answers.FIELDS,
}
_INPUTS = ("people_of", "suppressed_of", "plan_version", "files_version", "reasons_version")


def build_analyst_tables(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    suppression: Suppression,
    run_id: str,
    now: datetime,
    calls_per_day: int | None = None,
) -> int:
    """Bring people and the analysts' tables up to date where anything changed; returns the ledger's sequence.

    The caller holds the working database's lock, so all tables show one state.
    """
    sequence = update_people(connection, ledger)
    update_suppressed_people(connection, suppression)
    inputs = "/".join(str(get_state(connection, name)) for name in _INPUTS)
    state = f"{ledger.ledger_id}/{sequence}/{inputs}"
    if get_state(connection, BUILT_FROM) == state:
        return sequence
    with transaction(connection):
        for statement in (*answers.PREPARE, *contacts.PREPARE):
            connection.execute(statement)
        for table, query in _LARGE.items():
            _update(connection, table, query, now)
        for table, query in _SMALL.items():
            connection.execute(f"DELETE FROM {table.name}")
            connection.execute(f"INSERT INTO {table.name} BY NAME {query}")
        for table in tables.COPIED:
            connection.execute(f"DELETE FROM analysts.{table.name}")
            connection.execute(f"INSERT INTO analysts.{table.name} FROM {table.name}")
        connection.execute("DELETE FROM publication")
        connection.execute(
            "INSERT INTO publication SELECT ?, ?, ?, count(*), ?, ? FROM enriched_contacts "
            "WHERE match_status = 'pending'",
            [now, run_id, sequence, ledger.ledger_id, calls_per_day],
        )
    # After the commit: one transaction writes to one file. Killed in between, the next run compares all rows again.
    set_state(connection, BUILT_FROM, state)
    return sequence


def _update(connection: duckdb.DuckDBPyConnection, table: Table, query: str, now: datetime) -> None:
    """Bring a table to the rows of a query, which differ from each other. Rows that are the same stay as they are.

    So `changed_at` is the time when anything else in the row last changed, its first appearance included.
    """
    columns = [column for column in table.columns if column.name != _CHANGED_AT]
    row = f"hash({', '.join(column.name for column in columns)})"
    # Not an empty table and an INSERT: DuckDB 2.0 then showed no rows of a million in the same transaction.
    typed = ", ".join(f"{column.name}::{column.type} AS {column.name}" for column in columns)
    stamp = f", TIMESTAMPTZ '{now.isoformat()}' AS {_CHANGED_AT}" if _CHANGED_AT in table.names else ""
    if not scalar(connection, f"SELECT count(*) FROM {table.name}"):
        connection.execute(f"INSERT INTO {table.name} BY NAME SELECT *{stamp} FROM ({query})")
        return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT {typed} FROM ({query})")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE same AS SELECT {row} AS hash FROM {table.name} INTERSECT SELECT {row} FROM fresh"
    )
    connection.execute(f"DELETE FROM {table.name} WHERE {row} NOT IN (FROM same)")
    connection.execute(f"INSERT INTO {table.name} BY NAME SELECT *{stamp} FROM fresh WHERE {row} NOT IN (FROM same)")
    connection.execute("DROP TABLE fresh")
