"""Removes answers that are kept long enough; state, money, identifiers and the request's hash stay."""

from dataclasses import dataclass

from clodura_pipeline.ledger.engines.database import Transaction
from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS


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


_RAW = "raw IS NOT NULL AND answered_at <= ?"
_FIELDS = "answer IS NOT NULL AND answered_at <= ?"


def overdue(tx: Transaction, retention: Retention) -> Removed:
    """How much is kept that should be gone."""
    if not retention:
        return Removed()
    raw, fields = _ends(tx, retention)
    query = (
        f"SELECT count(*) FILTER (WHERE {_RAW}), count(*) FILTER (WHERE {_FIELDS}), "
        f"count(*) FILTER (WHERE {_RAW} AND state = 'unrecognised') FROM attempts"
    )
    return Removed(*tx.execute(query, (raw, fields, raw)).fetchone())


def remove_overdue(tx: Transaction, retention: Retention) -> Removed:
    """Remove what is overdue; the sequence rises, so that readers follow."""
    found = overdue(tx, retention)
    raw, fields = _ends(tx, retention)
    if found.raw:
        tx.execute(
            f"UPDATE attempts SET raw = NULL, content_type = NULL, sequence = ? WHERE {_RAW}", (tx.sequence, raw)
        )
    if found.fields:
        tx.execute(
            f"UPDATE attempts SET answer = NULL, shape_id = NULL, sequence = ? WHERE {_FIELDS}", (tx.sequence, fields)
        )
    return found


def _ends(tx: Transaction, retention: Retention) -> list[float]:
    """Raw answers and fields of answers up to these times are overdue (epoch seconds)."""
    return [tx.now.server - days * DAY_SECONDS if days else 0.0 for days in (retention.raw_days, retention.field_days)]
