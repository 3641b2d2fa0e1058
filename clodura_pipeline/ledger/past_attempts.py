"""Reads a person's past attempts, as the decision on the next call sees them."""

import sqlite3

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS, PastAttempt
from clodura_pipeline.ledger.rules.policy import Refresh
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest
from clodura_pipeline.ledger.server_time import ClockReading


def past_attempts(
    cursor: sqlite3.Connection,
    keys: list[int],
    request: EnrichmentRequest,
    watermark: int,
    refresh: Refresh | None,
    now: ClockReading,
) -> list[PastAttempt]:
    """All attempts for these keys, oldest first. `enrichment.plan` says the same of many people in SQL."""
    columns = "id, state, detail, strength, request_hash, answered_at, lease_until"
    query = f"SELECT {columns} FROM attempts WHERE person_key = ?"
    rows = sorted((row for key in keys for row in cursor.execute(query, (key,))), key=lambda row: row["id"])
    return [
        PastAttempt(
            state=State(row["state"]),
            is_weaker=row["strength"] < request.combination.strength,
            is_same_request=row["request_hash"] == request.hash,
            in_lease=row["lease_until"] > now.monotonic,
            since_start=row["id"] > watermark,
            is_overdue=_is_overdue(State(row["state"]), row["answered_at"], refresh, now),
            is_repeat=row["detail"] == "already_enriched",
        )
        for row in rows
    ]


def _is_overdue(state: State, answered_at: float | None, refresh: Refresh | None, now: ClockReading) -> bool:
    if refresh is None or answered_at is None:
        return False
    max_age_days = refresh.no_match_max_age_days if state is State.NO_MATCH else refresh.answer_max_age_days
    return now.server - answered_at > max_age_days * DAY_SECONDS
