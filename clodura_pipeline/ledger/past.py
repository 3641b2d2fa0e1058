"""What was asked about people before, as their standing needs it."""

import sqlite3

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger import people
from clodura_pipeline.ledger.rules.eligibility import PastAttempt
from clodura_pipeline.ledger.server_time import Moment


def of_person(cursor: sqlite3.Connection, person_key: int, moment: Moment) -> list[PastAttempt]:
    """All attempts for a person, under whichever of their keys they were made."""
    survivor = people.survivor_of(cursor, person_key)
    rows = cursor.execute(
        "SELECT id, state, detail, strength, question_hash, answered_at, lease_until FROM attempts WHERE person_key IN "
        "(SELECT ? UNION ALL SELECT person_key FROM people WHERE alias_of = ?)",
        (survivor, survivor),
    )
    return [_past_attempt(row, moment) for row in rows]


def of_everybody(cursor: sqlite3.Connection, moment: Moment) -> dict[int, list[PastAttempt]]:
    """All attempts of everybody, by surviving person key."""
    rows = cursor.execute(
        "SELECT coalesce(p.alias_of, a.person_key) AS survivor, a.id, a.state, a.detail, a.strength, a.question_hash, "
        "a.answered_at, a.lease_until FROM attempts a JOIN people p ON p.person_key = a.person_key ORDER BY a.id"
    )
    by_person: dict[int, list[PastAttempt]] = {}
    for row in rows:
        by_person.setdefault(row["survivor"], []).append(_past_attempt(row, moment))
    return by_person


def _past_attempt(row: sqlite3.Row, moment: Moment) -> PastAttempt:
    """A row of `attempts` as the standing of a person needs it."""
    return PastAttempt(
        id=row["id"],
        state=State(row["state"]),
        detail=row["detail"],
        strength=row["strength"],
        question=row["question_hash"],
        answered_at=row["answered_at"],
        lease_left_seconds=row["lease_until"] - moment.monotonic,
    )
