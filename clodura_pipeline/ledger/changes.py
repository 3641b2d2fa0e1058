"""What changed in the ledger since a reader last looked."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from clodura_pipeline.ledger.attempts import expire_leases
from clodura_pipeline.ledger.engines.database import Transaction

# What readers need of an attempt: without the bytes of its answer.
ATTEMPT_COLUMNS = (
    "id", "person_key", "run_id", "cap_scope", "file_date", "source_file", "purpose", "combination", "strength",
    "request", "request_hash", "sent_at", "usage_date", "state", "detail", "http_status", "reserved_credits",
    "charged_credits", "at_risk_credits", "cost_basis", "answered_at", "answer", "lease_until", "shape_id",
)  # fmt: skip
PERSON_COLUMNS = ("person_key", "survivor", "added", "is_erased")
_MARKERS_KEPT = 100


@dataclass(frozen=True, repr=False)
class Changes:
    """What changed in the ledger after a sequence, as rows, from one consistent state.

    `attempts`: `ATTEMPT_COLUMNS`; `people`: `PERSON_COLUMNS`; `identifiers`: all identifiers of these people, as
    (identifier, person key, whether a call sent it or an answer named it). `shapes`: all shapes of answers, as (id,
    JSON of [path, value type, filled, column]). `sequence`: what they are complete up to.
    """

    ledger_id: str
    sequence: int
    attempts: Sequence[tuple[object, ...]]
    people: Sequence[tuple[object, ...]]
    identifiers: Sequence[tuple[object, ...]]
    shapes: Sequence[tuple[object, ...]]


def changes_since(tx: Transaction, sequence: int) -> Changes:
    """All attempts and people that changed after a sequence."""
    expire_leases(tx)

    def found(query: str, *values: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in tx.execute(query, values)]

    changed_people = "FROM people WHERE sequence > ?"
    return Changes(
        tx.control["ledger_id"],
        tx.execute("SELECT sequence FROM control").fetchone()[0],
        found(f"SELECT {', '.join(ATTEMPT_COLUMNS)} FROM attempts WHERE sequence > ? ORDER BY id", sequence),
        found(
            "SELECT person_key, coalesce(alias_of, person_key), added, erased_at IS NOT NULL " + changed_people,
            sequence,
        ),
        found(
            "SELECT identifier, person_key, from_call FROM identifiers WHERE person_key IN "
            f"(SELECT person_key {changed_people})",
            sequence,
        ),
        found("SELECT shape_id, shape FROM answer_shapes"),
    )


def write_restore_marker(tx: Transaction) -> str:
    """A mark that is in the ledger from now on: a ledger without it was restored from an older backup."""
    mark = uuid.uuid4().hex
    written = tx.insert("restore_markers", {"mark": mark})
    tx.execute("DELETE FROM restore_markers WHERE id <= ?", (written - _MARKERS_KEPT,))
    return mark


def has_restore_marker(tx: Transaction, mark: str) -> bool:
    """Whether a mark was written to this ledger."""
    return tx.execute("SELECT 1 FROM restore_markers WHERE mark = ?", (mark,)).fetchone() is not None
