"""Copies what changed in the ledger into the working database: attempts, answers, people who turned out to be one."""

import duckdb
import polars as pl

from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import get_state, scalar, set_state, transaction, want_compaction
from clodura_pipeline.warehouse.frames import insert

_COLUMNS: dict[str, pl.DataType] = {
    "id": pl.Int64(),
    "person_key": pl.Int64(),
    "run_id": pl.String(),
    "root_run_id": pl.String(),
    "file_date": pl.String(),
    "source_file": pl.String(),
    "purpose": pl.String(),
    "combination": pl.String(),
    "strength": pl.Int64(),
    "sent_at": pl.Float64(),
    "usage_date": pl.String(),
    "state": pl.String(),
    "detail": pl.String(),
    "http_status": pl.Int64(),
    "reserved_credits": pl.Int64(),
    "charged_credits": pl.Int64(),
    "at_risk_credits": pl.Int64(),
    "cost_basis": pl.String(),
    "answered_at": pl.Float64(),
    "answer": pl.String(),
}
_DDL = """
CREATE TABLE IF NOT EXISTS ledger_attempts (
    id BIGINT, person_key BIGINT, run_id VARCHAR, root_run_id VARCHAR, file_date VARCHAR, source_file VARCHAR,
    purpose VARCHAR, combination VARCHAR, strength BIGINT, sent_at DOUBLE, usage_date VARCHAR, state VARCHAR,
    detail VARCHAR, http_status BIGINT, reserved_credits BIGINT, charged_credits BIGINT, at_risk_credits BIGINT,
    cost_basis VARCHAR, answered_at DOUBLE, answer JSON)
"""


# Answers that retention or a wish took out of the ledger since they were projected.
_REMOVED = """
SELECT count(*) FROM ledger_attempts WHERE answer IS NOT NULL AND (? OR id IN (SELECT unnest(?::BIGINT[])))
"""


def project(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Bring the working database up to the ledger's newest change; returns that sequence.

    A ledger that is not the one projected before, or that is older (restored from a back-up), is projected anew.
    """
    connection.execute(_DDL)
    since = int(get_state(connection, "projected_sequence") or 0)
    if get_state(connection, "projected_ledger") != ledger.ledger_id or ledger.sequence() < since:
        since = 0
    changes = ledger.changes_since(since)
    attempts = pl.DataFrame({name: [row[name] for row in changes.attempts] for name in _COLUMNS}, schema=dict(_COLUMNS))
    with transaction(connection):
        empty = attempts.filter(pl.col("answer").is_null())["id"].to_list()
        if scalar(connection, _REMOVED, [since == 0, empty]):
            want_compaction(connection)
        if since == 0:
            connection.execute("DELETE FROM ledger_attempts")
            connection.execute("DELETE FROM person_aliases")
        _replace(connection, "ledger_attempts", "id", attempts)
        aliases = pl.DataFrame(changes.aliases, schema={"person_key": pl.Int64, "survivor": pl.Int64}, orient="row")
        _replace(connection, "person_aliases", "person_key", aliases)
        set_state(connection, "projected_ledger", changes.ledger_id)
        set_state(connection, "projected_sequence", str(changes.sequence))
        if changes.sequence != since:
            set_state(connection, "witness", ledger.leave_witness())
    return changes.sequence


def begin_anew_if_restored(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """A ledger without the mark that was last left in it was restored from an older back-up.

    Its keys may since have gone to other people, so all that was worked out from it is forgotten and worked out anew.
    """
    mark = get_state(connection, "witness")
    if mark is None or ledger.knows_witness(mark):
        return
    with transaction(connection):
        connection.execute("DELETE FROM pending_reasons")
        names = ["witness", "people_of", "projected_ledger", "projected_sequence", "built_from", "wishes_heeded"]
        connection.execute("DELETE FROM working_state WHERE name IN (SELECT unnest(?))", [names])


def _replace(connection: duckdb.DuckDBPyConnection, table: str, key: str, frame: pl.DataFrame) -> None:
    if frame.is_empty():
        return
    connection.register("changed", frame.select(key).to_arrow())
    connection.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM changed)")
    connection.unregister("changed")
    insert(connection, table, frame)
