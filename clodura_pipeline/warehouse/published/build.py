"""Builds the analysts' tables from landed rows, people and projected answers, in one transaction."""

from datetime import datetime

import duckdb

from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse import tables
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.erasure.compaction import want_compaction_once_built
from clodura_pipeline.warehouse.people import update_people
from clodura_pipeline.warehouse.published import answers, contacts, spend
from clodura_pipeline.warehouse.state import get_state, set_state
from clodura_pipeline.warehouse.suppression import update_suppressed_people

_QUERIES = {
    tables.PEOPLE: contacts.PEOPLE,
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
    if get_state(connection, "built_from") == state:
        return sequence
    with transaction(connection):
        for statement in answers.PREPARE:
            connection.execute(statement)
        connection.execute(contacts.ROWS, {"shared_id": contacts.SHARED_ID})
        for statement in (contacts.CONTACTS, contacts.CREDITS, contacts.ENRICHED):
            connection.execute(statement)
        connection.execute(contacts.CHANGED, {"now": now})
        _replace_all(connection, "contact_states", "SELECT * FROM changed_now")
        _replace_all(
            connection,
            tables.ENRICHED_CONTACTS.name,
            "SELECT e.* EXCLUDE (place), c.changed_at FROM enriched_now e "
            "JOIN changed_now c USING (source, contact_id) ORDER BY place",
        )
        columns = ", ".join(tables.CONTACT_ROWS.names)
        _replace_all(connection, tables.CONTACT_ROWS.name, f"SELECT {columns} FROM rows_now ORDER BY place")
        for table, query in _QUERIES.items():
            _replace_all(connection, table.name, query)
        connection.execute("DELETE FROM publication")
        connection.execute(
            "INSERT INTO publication SELECT ?, ?, ?, count(*), ?, ? FROM enriched_contacts "
            "WHERE match_status = 'pending'",
            [now, run_id, sequence, ledger.ledger_id, calls_per_day],
        )
        set_state(connection, "built_from", state)
        want_compaction_once_built(connection)
    return sequence


def _replace_all(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    connection.execute(f"DELETE FROM {table}")
    connection.execute(f"INSERT INTO {table} BY NAME {query}")
