"""Copies what changed in the ledger into the working database: attempts, answers, people and their identifiers."""

import json
from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from clodura_pipeline.clodura.answers.enrichment import Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.identity.agreement import agreements
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import scalar, transaction
from clodura_pipeline.warehouse.erasure.compaction import want_compaction
from clodura_pipeline.warehouse.frames import insert, registered
from clodura_pipeline.warehouse.ledger_tables import ATTEMPTS, IDENTIFIERS, LEDGER_TABLES, PEOPLE, SHAPES
from clodura_pipeline.warehouse.state import get_state, raise_version, set_state

PEOPLE_VERSION = "ledger_people_version"
"""Raised when people of the ledger, or their identifiers, changed: rows have to be resolved again."""

# Answers that retention or an erasure took out of the ledger since they were projected.
_REMOVED = """
SELECT count(*) FROM ledger_attempts WHERE answer IS NOT NULL AND (? OR id IN (SELECT unnest(?::BIGINT[])))
"""


def project_ledger(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Bring the working database up to the ledger's newest change; returns that sequence.

    Only what changed since is read. A ledger that is not the one projected before, or that was restored from a backup,
    is projected from the start: without the marker last written to it, its keys may have gone to other people since.
    """
    since = int(get_state(connection, "projected_sequence") or 0)
    marker = get_state(connection, "restore_marker")
    is_same = get_state(connection, "projected_ledger") == ledger.ledger_id
    if not is_same or (marker is not None and not ledger.has_restore_marker(marker)):
        since = 0
    changes = ledger.changes_since(since)
    if changes.sequence == since and since:
        return since
    attempts = _frame(changes.attempts, ATTEMPTS)
    people = _frame(changes.people, PEOPLE)
    with transaction(connection):
        emptied = attempts.filter(pl.col("answer").is_null())["id"].to_list()
        if scalar(connection, _REMOVED, [since == 0, emptied]):
            want_compaction(connection)
        if since == 0:
            for table in (*LEDGER_TABLES, "person_aliases", "pending_reasons"):
                connection.execute(f"DELETE FROM {table}")
        _replace(connection, "ledger_attempts", "id", attempts)
        _replace(connection, "ledger_people", "person_key", people)
        _replace(connection, "ledger_identifiers", "identifier", _frame(changes.identifiers, IDENTIFIERS))
        _replace(connection, "ledger_shapes", "shape_id", _frame(changes.shapes, SHAPES))
        connection.execute("DELETE FROM ledger_runs")
        if runs := ledger.all_runs():
            connection.executemany("INSERT INTO ledger_runs VALUES (?, ?, ?, ?, ?, ?, ?)", runs)
        _replace(connection, "agreements", "id", _agreements(attempts))
        connection.execute(
            "DELETE FROM ledger_identifiers WHERE person_key IN (SELECT person_key FROM ledger_people WHERE is_erased)"
        )
        if len(people) or since == 0:
            raise_version(connection, PEOPLE_VERSION)
        set_state(connection, "projected_ledger", changes.ledger_id)
        set_state(connection, "projected_sequence", str(changes.sequence))
        set_state(connection, "restore_marker", ledger.write_restore_marker())
    return changes.sequence


def _frame(rows: Sequence[tuple[object, ...]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    typed = zip(schema.items(), columns, strict=True)
    return pl.DataFrame({name: pl.Series(values, dtype=kind, strict=False) for (name, kind), values in typed})


def _agreements(attempts: pl.DataFrame) -> pl.DataFrame:
    """For each answer with a person: whether it is about the person who was called for, and why."""
    answered = attempts.filter((pl.col("state") == "person") & pl.col("answer").is_not_null())
    found = [
        (Identifiers.from_request(json.loads(request or "{}")), json.loads(answer))
        for request, answer in answered.select("request", "answer").iter_rows()
    ]
    judged = agreements(
        [
            (request, Person(**answer.get("person", {})), Organisation(**answer.get("organisation", {})))
            for request, answer in found
        ]
    )
    rows = [(key, one.verdict.value, list(one.reasons)) for key, one in zip(answered["id"], judged, strict=True)]
    kinds = {"id": pl.Int64(), "agreement": pl.String(), "reasons": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _replace(connection: duckdb.DuckDBPyConnection, table: str, key: str, frame: pl.DataFrame) -> None:
    if frame.is_empty():
        return
    with registered(connection, "changed", frame.select(key)):
        connection.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM changed)")
    insert(connection, table, frame)
