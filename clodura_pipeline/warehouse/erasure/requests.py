"""Sees that everything landed so far heeds whoever was erased, and today's canonical form, since it was validated."""

from collections.abc import Iterator
from datetime import date

import duckdb

from clodura_pipeline.identity import canonical
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import get_state, set_state
from clodura_pipeline.warehouse.validation import ROWS_AT_A_TIME, validate

_DAYS = """
SELECT file_date, count(*) FROM (
    SELECT file_date FROM raw_contacts UNION ALL SELECT file_date FROM unreadable_records
) GROUP BY 1 ORDER BY 1
"""


def heed_wishes(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Validate all rows again when somebody was erased since that was last done; returns how many rows it wiped.

    What the ledger holds is compared with what was heeded, so that a process killed between the two leaves nothing:
    the next one does it before it looks at people.
    """
    forgotten = ledger.forgotten()
    state = f"{ledger.ledger_id}/{len(forgotten.marks)}"
    if not forgotten or get_state(connection, "wishes_heeded") == state:
        return 0
    wiped = sum(validate(connection, days, forgotten).wiped for days in _portions(connection))
    set_state(connection, "wishes_heeded", state)
    return wiped


def read_anew_if_form_changed(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Validate all rows again that were validated under another canonical form, so that all agree on who is who.

    A `contact_id` that was made of a row's identifiers is made anew with them: it is told by the row alone, so that a
    working database that is built again from the files has the same. Where the form leaves them as they were, it stays.
    """
    form = str(canonical.CANONICAL_VERSION)
    # Under the first form this was not remembered yet.
    if (get_state(connection, "canonical_version") or "1") == form:
        return
    forgotten = ledger.forgotten()
    for days in _portions(connection):
        validate(connection, days, forgotten)
    set_state(connection, "canonical_version", form)


def _portions(connection: duckdb.DuckDBPyConnection) -> Iterator[list[date]]:
    """All days, as many at a time as make a fair number of rows."""
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
