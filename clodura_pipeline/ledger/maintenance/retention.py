"""Removes answers that are kept long enough; state, money, identifiers and the request's hash stay."""

from dataclasses import dataclass

from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS
from clodura_pipeline.ledger.transaction import Transaction


@dataclass(frozen=True)
class Retention:
    """For how many days raw answers and the fields read from them are kept; 0: for good."""

    raw_days: float = 0.0
    field_days: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.raw_days or self.field_days)


@dataclass(frozen=True)
class Removed:
    """Raw answers and parsed answers removed (or overdue). `unread`: of the raw ones, never read."""

    raw: int = 0
    fields: int = 0
    unread: int = 0

    def __bool__(self) -> bool:
        return bool(self.raw or self.fields)


_RAW = "raw IS NOT NULL AND answered_at <= ?"
_FIELDS = "answer IS NOT NULL AND answered_at <= ?"


def overdue(tx: Transaction, retention: Retention) -> tuple[Removed, float]:
    """How much is kept that should be gone, and the time now by Clodura's clock (epoch seconds)."""

    def count(condition: str, days: float) -> int:
        if not days:
            return 0
        query = f"SELECT count(*) FROM attempts WHERE {condition}"
        return tx.execute(query, (tx.now.server - days * DAY_SECONDS,)).fetchone()[0]

    found = Removed(
        count(_RAW, retention.raw_days),
        count(_FIELDS, retention.field_days),
        count(f"{_RAW} AND state = 'unrecognised'", retention.raw_days),
    )
    return found, tx.now.server


def remove_overdue(tx: Transaction, retention: Retention) -> Removed:
    """Remove what is overdue; the sequence rises, so that readers follow."""
    found, _ = overdue(tx, retention)
    if found.raw:
        tx.execute(
            f"UPDATE attempts SET raw = NULL, content_type = NULL, sequence = ? WHERE {_RAW}",
            (tx.sequence, tx.now.server - retention.raw_days * DAY_SECONDS),
        )
    if found.fields:
        tx.execute(
            f"UPDATE attempts SET answer = NULL, shape_id = NULL, sequence = ? WHERE {_FIELDS}",
            (tx.sequence, tx.now.server - retention.field_days * DAY_SECONDS),
        )
    return found
