"""People who were called for: their canonical identifiers, and which of them turned out to be one person."""

from collections.abc import Iterable

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.database import Cursor
from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS, PastAttempt
from clodura_pipeline.ledger.rules.policy import Refresh
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest
from clodura_pipeline.ledger.server_time import ClockReading


def next_sequence(cursor: Cursor) -> int:
    """Raise the ledger's sequence, as every change that readers should see does, and return it."""
    return cursor.execute("UPDATE control SET sequence = sequence + 1 RETURNING sequence").fetchone()[0]


def current_sequence(cursor: Cursor) -> int:
    """The sequence of the newest change."""
    return cursor.execute("SELECT sequence FROM control").fetchone()[0]


def owners_of(cursor: Cursor, identifiers: Iterable[str], from_calls_only: bool = True) -> dict[str, int]:
    """The surviving key of each of these identifiers that the ledger knows.

    Args:
        from_calls_only: leave out what only files said: files may have said since that it is of several people.
    """
    sought = tuple(identifiers)
    if not sought:
        return {}
    found = cursor.execute(
        "SELECT i.identifier, coalesce(p.alias_of, p.person_key) FROM identifiers i "
        "JOIN people p ON p.person_key = i.person_key "
        f"WHERE i.identifier IN ({', '.join('?' * len(sought))}) AND i.from_call >= ?",
        (*sought, int(from_calls_only)),
    )
    return {row[0]: row[1] for row in found}


def find(cursor: Cursor, identifiers: Iterable[str]) -> dict[str, int]:
    """The surviving person key of each of these canonical identifiers that is known."""
    return owners_of(cursor, identifiers, from_calls_only=False)


def survivor_of(cursor: Cursor, person_key: int) -> int:
    """The key that a person goes by today."""
    row = cursor.execute("SELECT alias_of FROM people WHERE person_key = ?", (person_key,)).fetchone()
    return person_key if row is None or row["alias_of"] is None else row["alias_of"]


def keys_of(cursor: Cursor, person_keys: Iterable[int]) -> list[int]:
    """Every key that these people ever had in the ledger."""
    survivors = {survivor_of(cursor, key) for key in person_keys}
    query = "SELECT person_key FROM people WHERE person_key = ? OR alias_of = ?"
    return sorted(row[0] for key in survivors for row in cursor.execute(query, (key, key)))


def known_keys(cursor: Cursor, request: EnrichmentRequest) -> set[int]:
    """The surviving keys of everyone that the ledger knows by the request's key or by what it sends."""
    query = "SELECT coalesce(alias_of, person_key) FROM people WHERE person_key = ?"
    own = {row[0] for row in cursor.execute(query, (request.person_key,))}
    return own | set(owners_of(cursor, request.sent_ids).values())


def register(cursor: Cursor, request: EnrichmentRequest) -> int:
    """Enter the person that a permitted call is about, with their identifiers; returns their surviving key.

    People that the ledger knows by what is sent turn out to be one person.
    """
    keys = known_keys(cursor, request)
    if not keys:
        sequence = next_sequence(cursor)
        new = (request.person_key, sequence, sequence)
        cursor.execute("INSERT INTO people (person_key, added, sequence) VALUES (?, ?, ?)", new)
        keys = {request.person_key}
    survivor = join(cursor, keys)
    for identifier in request.other_ids:
        cursor.execute(
            "INSERT INTO identifiers VALUES (?, ?, 0) ON CONFLICT (identifier) DO NOTHING", (identifier, survivor)
        )
    assign(cursor, survivor, request.sent_ids)
    return survivor


def assign(cursor: Cursor, survivor: int, identifiers: Iterable[str]) -> None:
    """Calls sent these identifiers, or answers named them: they lead to this person from now on.

    They pass to this person from one that only files gave them to. Join people that calls know by them first.
    """
    for identifier in identifiers:
        cursor.execute(
            "INSERT INTO identifiers VALUES (?, ?, 1) ON CONFLICT (identifier) DO UPDATE SET from_call = 1, "
            "person_key = CASE WHEN identifiers.from_call = 1 THEN identifiers.person_key ELSE excluded.person_key END",
            (identifier, survivor),
        )
    # Readers of the ledger take over identifiers with their person.
    cursor.execute("UPDATE people SET sequence = ? WHERE person_key = ?", (next_sequence(cursor), survivor))


def join(cursor: Cursor, person_keys: Iterable[int]) -> int:
    """These people are one: the key that was called for first survives. Attempts stay where they are."""
    survivors = {survivor_of(cursor, key) for key in person_keys}
    if len(survivors) == 1:
        return survivors.pop()
    survivor, *others = sorted(survivors, key=lambda key: (_added(cursor, key), key))
    for other in others:
        cursor.execute(
            "UPDATE people SET alias_of = ?, sequence = ? WHERE person_key = ? OR alias_of = ?",
            (survivor, next_sequence(cursor), other, other),
        )
    return survivor


def learn_identifier(cursor: Cursor, person_key: int, identifier: str) -> None:
    """An answer named an identifier of this person: it leads to them from now on, joining who had it before."""
    owner = find(cursor, [identifier]).get(identifier, person_key)
    assign(cursor, join(cursor, (owner, person_key)), [identifier])


def _added(cursor: Cursor, person_key: int) -> int:
    return cursor.execute("SELECT added FROM people WHERE person_key = ?", (person_key,)).fetchone()[0]


def past_attempts(
    cursor: Cursor,
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
            in_lease=row["lease_until"] > now.stamp,
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
