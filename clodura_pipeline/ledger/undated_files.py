"""The days of contact files without a date in their path."""

from clodura_pipeline.ledger.engines.database import Transaction


def day_of_undated_file(tx: Transaction, path: str, today: str) -> str:
    """The day of a file without a date in its path: the one it was first seen on, remembered."""
    tx.execute("INSERT INTO undated_files VALUES (?, ?) ON CONFLICT (path) DO NOTHING", (path, today))
    return tx.execute("SELECT file_date FROM undated_files WHERE path = ?", (path,)).fetchone()[0]
