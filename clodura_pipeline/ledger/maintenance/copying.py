"""Copies a whole ledger to another database, row by row: between the engines, and from a server into a file."""

from pathlib import Path

from clodura_pipeline.ledger.engines.database import Address, Cursor, LedgerError
from clodura_pipeline.ledger.engines.opening import exists, open_database, open_to_read
from clodura_pipeline.ledger.engines.schema import columns
from clodura_pipeline.ledger.maintenance.audit import Audit, audit_ledger

_ROWS_AT_A_TIME = 5_000


def copy_ledger(source: Address, target: Address) -> Audit:
    """Copy a ledger to a place that holds none yet, and audit both ends; returns what the copy holds.

    The copy is the same ledger: no call is paid for again. Times of the source's clock mean nothing to another engine:
    see `limits.adopt_boot`.

    Raises:
        LedgerError: the source is not sound or a call is in flight in it, the target is not empty, or the copy differs.
    """
    if exists(target):
        raise LedgerError(f"There is a ledger at {target} already, and nothing was copied. Name an empty place.")
    before = audit_ledger(source)
    if not before.sound:
        raise LedgerError(f"{source} is not sound, and nothing was copied. See `clodura-pipeline ledger check`.")
    if before.reserved:
        raise LedgerError(
            f"A run is calling with {source}, and nothing was copied: its answers would be missing. End all runs, "
            "start the command again after half a minute, and start no run until it has ended."
        )
    with open_to_read(source) as cursor:
        copy_rows(cursor, target)
    after = audit_ledger(target)
    if after != before:
        raise LedgerError(
            f"The copy differs from {source}, which is unchanged. Delete the copy, and try again while no run is "
            f"active. Copy: {target}"
        )
    return after


def copy_rows(source: Cursor, target: Address) -> None:
    """Create a ledger and fill it with all rows of another, in one transaction."""
    database = open_database(target, 0)
    try:
        with database.transaction() as (cursor, _):
            for table in ("control", "totals"):  # what every ledger is created with
                cursor.execute(f"DELETE FROM {table}")
            for table, kinds in columns().items():
                names = ", ".join(kinds)
                # The survivor of two people is older than its alias.
                order = "added" if table == "people" else "1"
                rows = source.execute(f"SELECT {names} FROM {table} ORDER BY {order}")
                statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(kinds))})"
                while some := rows.fetchmany(_ROWS_AT_A_TIME):
                    cursor.executemany(statement, [tuple(row) for row in some])
        database.after_copy()
    finally:
        database.close()
    if isinstance(target, Path):
        target.chmod(0o600)
