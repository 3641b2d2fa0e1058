"""Reads `GET /api/v1/credits`: the balance where the plan has one pool, else unknown. Unknown is never zero."""

import json
from dataclasses import dataclass

from clodura_pipeline.clodura.verdicts import RawAnswer


@dataclass(frozen=True)
class Balance:
    """What `/credits` said. `credits` is None when unknown; `shape` says why; `access_refused`: 401 or 403."""

    credits: float | None
    shape: str
    access_refused: int | None = None


def read_balance(answer: RawAnswer) -> Balance:
    """The balance in an answer. Plans with view counters (`contactsView`, ...) have no pool to read (documented)."""
    if answer.status in (401, 403):
        return Balance(None, f"http_{answer.status}", access_refused=answer.status)
    if answer.status != 200:
        return Balance(None, f"http_{answer.status}")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return Balance(None, "not_json")
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        document = document["data"]
    if not isinstance(document, dict):
        return Balance(None, "unknown_shape")
    pool = _number(document.get("remainingCredits"))
    if pool is not None:
        return Balance(pool, "pool")
    return Balance(None, "view_counters" if "contactsView" in document else "unknown_shape")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number == number and abs(number) != float("inf") else None
