"""The ledger's sequence: raised by every change that readers should see, so that they read only what is new."""

import sqlite3


def next_sequence(cursor: sqlite3.Connection) -> int:
    """Raise the sequence by one and return it."""
    cursor.execute("UPDATE control SET sequence = sequence + 1")
    return current_sequence(cursor)


def current_sequence(cursor: sqlite3.Connection) -> int:
    """The sequence of the newest change."""
    return cursor.execute("SELECT sequence FROM control").fetchone()[0]
