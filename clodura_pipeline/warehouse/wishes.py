"""Sees that everything landed so far heeds whoever was erased since it was validated."""

from collections.abc import Iterator
from datetime import date

import duckdb

from clodura_pipeline.enrichment.ledger import Ledger
from clodura_pipeline.warehouse.database import get_state, set_state
from clodura_pipeline.warehouse.validating import ROWS_AT_A_TIME, validate

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
