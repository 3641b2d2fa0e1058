"""Applies erasure requests to everything landed: rows of people erased since they were validated lose their text."""

from collections.abc import Iterator
from datetime import date

import duckdb

from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.state import get_state, set_state
from clodura_pipeline.warehouse.validation import ROWS_AT_A_TIME, validate

_DAYS = """
SELECT file_date, count(*) FROM (
    SELECT file_date FROM raw_contacts UNION ALL SELECT file_date FROM unreadable_records
) GROUP BY 1 ORDER BY 1
"""


def apply_erasures(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Validate all rows again when a person was erased since; returns how many rows lost their text.

    What the ledger holds is compared with what was applied, so that a process killed between the two leaves nothing
    undone: the next one does it before it resolves people.
    """
    erased = ledger.erased_people()
    state = f"{ledger.ledger_id}/{len(erased.marks)}"
    if not erased or get_state(connection, "erasures_applied") == state:
        return 0
    emptied = sum(validate(connection, days, erased, changed_only=False).emptied for days in portions(connection))
    set_state(connection, "erasures_applied", state)
    return emptied


def portions(connection: duckdb.DuckDBPyConnection) -> Iterator[list[date]]:
    """All days with landed rows, as many at a time as make a limited number of rows."""
    days: list[date] = []
    rows = 0
    for day, count in connection.execute(_DAYS).fetchall():
        if days and rows + count > ROWS_AT_A_TIME:
            yield days
            days, rows = [], 0
        days.append(day)
        rows += count
    if days:
        yield days
