"""Copies what changed in the ledger into the working database: attempts, answers, people and their identifiers."""

import json
from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from clodura_pipeline.clodura.answers.reader import Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.identity.agreement import agreements
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import scalar, transaction
from clodura_pipeline.warehouse.erasure.compaction import want_compaction
from clodura_pipeline.warehouse.frames import insert, registered
from clodura_pipeline.warehouse.state import get_state, raise_version, set_state
from clodura_pipeline.warehouse.tables.ledger_tables import ATTEMPTS, IDENTIFIERS, LEDGER_TABLES, PEOPLE, SHAPES

PEOPLE_VERSION = "ledger_people_version"
"""Raised when the ledger says something new about who is who: rows have to be resolved again."""

# Answers that retention or an erasure took out of the ledger since they were projected.
_REMOVED = """
SELECT count(*) FROM ledger_attempts WHERE answer IS NOT NULL AND (? OR id IN (SELECT unnest(?::BIGINT[])))
"""

# People of the ledger that may change who rows are about. None do, as most, who were called for with all that their
# rows know, under the key that the rows gave them. Two profiles of one person are an exception: a third one beside
# both passes to that person when both lead to one key (see `resolution`).
_NEWS = """
WITH stated AS (
    SELECT i.person_key, bool_and(CASE WHEN o.person_key IS NOT NULL
        THEN k.person_key = i.person_key AND k.from_call = i.from_call
        ELSE k.identifier IS NULL AND list_contains(CASE WHEN i.from_call THEN q.sent_ids ELSE q.other_ids END,
                                                    i.identifier) END) AS is_known
    FROM changed_identifiers i LEFT JOIN ledger_people o USING (person_key)
    LEFT JOIN people_requests q USING (person_key) LEFT JOIN ledger_identifiers k ON k.identifier = i.identifier
    GROUP BY i.person_key
)
SELECT count(*) FROM changed_people c LEFT JOIN ledger_people o USING (person_key)
LEFT JOIN people_requests q USING (person_key) LEFT JOIN stated t USING (person_key)
WHERE c.is_erased OR c.survivor <> c.person_key OR NOT coalesce(t.is_known, false)
OR CASE WHEN o.person_key IS NOT NULL THEN (o.survivor, o.added, o.is_erased) <> (c.survivor, c.added, c.is_erased)
        ELSE len(list_filter(q.sent_ids || q.other_ids, lambda x: x LIKE 'li:%')) > 1 END
"""


def project_ledger(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Bring the working database up to the ledger's newest change; returns that sequence.

    Only what changed since is read. A ledger that is not the one projected before, or that was restored from a backup,
    is projected from the start: without the marker last written to it, its keys may have gone to other people since.
    """
    since = int(get_state(connection, "projected_sequence") or 0)
    marker = get_state(connection, "restore_marker")
    is_same = get_state(connection, "projected_ledger") == ledger.ledger_id
    is_same = is_same and marker is not None and ledger.has_restore_marker(marker)
    changes = ledger.changes_since(since if is_same else 0)
    if is_same and changes.sequence == since:
        return since
    attempts = _frame(changes.attempts, ATTEMPTS)
    people = _frame(changes.people, PEOPLE)
    identifiers = _frame(changes.identifiers, IDENTIFIERS)
    with transaction(connection):
        with (
            registered(connection, "changed_people", people),
            registered(connection, "changed_identifiers", identifiers),
        ):
            if not is_same or scalar(connection, _NEWS):
                raise_version(connection, PEOPLE_VERSION)
        emptied = attempts.filter(pl.col("answer").is_null())["id"].to_list()
        if scalar(connection, _REMOVED, [not is_same, emptied]):
            want_compaction(connection)
        if not is_same:
            for table in (*LEDGER_TABLES, "person_aliases", "pending_reasons"):
                connection.execute(f"DELETE FROM {table}")
        _replace(connection, "ledger_attempts", "id", attempts)
        _replace(connection, "ledger_people", "person_key", people)
        _replace(connection, "ledger_identifiers", "identifier", identifiers)
        _replace(connection, "ledger_shapes", "shape_id", _frame(changes.shapes, SHAPES))
        connection.execute("DELETE FROM ledger_runs")
        if runs := ledger.all_runs():
            connection.executemany("INSERT INTO ledger_runs VALUES (?, ?, ?, ?, ?, ?, ?)", runs)
        _replace(connection, "agreements", "id", _agreements(attempts))
        connection.execute(
            "DELETE FROM ledger_identifiers WHERE person_key IN (SELECT person_key FROM ledger_people WHERE is_erased)"
        )
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
