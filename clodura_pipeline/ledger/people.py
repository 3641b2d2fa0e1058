"""People who were called for: their canonical identifiers, and which of them turned out to be one person."""

from collections.abc import Iterable, Sequence

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.engines.database import Row
from clodura_pipeline.ledger.rules.clock import ClockReading
from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS, PastAttempt
from clodura_pipeline.ledger.rules.policy import Refresh
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest
from clodura_pipeline.ledger.transaction import Transaction


def owners_of(tx: Transaction, identifiers: Iterable[str], from_calls_only: bool = True) -> dict[str, int]:
    """The surviving key of each of these identifiers that the ledger knows.

    Args:
        from_calls_only: leave out what only files said: files may have said since that it is of several people.
    """
    sought = tuple(identifiers)
    if not sought:
        return {}
    found = tx.execute(
        "SELECT i.identifier, coalesce(p.alias_of, p.person_key) FROM identifiers i "
        "JOIN people p ON p.person_key = i.person_key "
        f"WHERE i.identifier IN ({', '.join('?' * len(sought))}) AND i.from_call >= ?",
        (*sought, int(from_calls_only)),
    )
    return {row[0]: row[1] for row in found}


def survivor_of(tx: Transaction, person_key: int) -> int:
    """The key that a person goes by today."""
    row = tx.execute("SELECT alias_of FROM people WHERE person_key = ?", (person_key,)).fetchone()
    return person_key if row is None or row["alias_of"] is None else row["alias_of"]


def keys_of(tx: Transaction, person_keys: Iterable[int]) -> list[int]:
    """Every key that these people ever had in the ledger."""
    survivors = {survivor_of(tx, key) for key in person_keys}
    query = "SELECT person_key FROM people WHERE person_key = ? OR alias_of = ?"
    return sorted(row[0] for key in survivors for row in tx.execute(query, (key, key)))


_RECALL = """
WITH survivors (person_key) AS (
    SELECT coalesce(alias_of, person_key) FROM people WHERE person_key IN (
        SELECT person_key FROM identifiers WHERE from_call = 1 AND identifier IN ({places})
        UNION SELECT CAST(? AS BIGINT)
    )
), keys (person_key) AS (
    SELECT person_key FROM survivors
    UNION SELECT people.person_key FROM survivors JOIN people ON people.alias_of = survivors.person_key
)
SELECT coalesce(alias_of, person_key) AS survivor, erased_at, id, state, detail, strength, request_hash, answered_at,
    lease_until
FROM keys JOIN people USING (person_key) LEFT JOIN attempts USING (person_key) ORDER BY id
"""


def recall(tx: Transaction, request: EnrichmentRequest) -> list[Row]:
    """All attempts for the people that the ledger knows by the request's key or by what it sends, oldest first.

    A person without attempts has one row, whose `id` is None.
    """
    query = _RECALL.format(places=", ".join("?" * len(request.sent_ids)))
    return tx.execute(query, (*request.sent_ids, request.person_key)).fetchall()


def register(tx: Transaction, request: EnrichmentRequest, known: Sequence[Row]) -> int:
    """Enter the person that a permitted call is about, with their identifiers; returns their surviving key.

    People that the ledger knows by what is sent turn out to be one person.

    Args:
        known: what `recall` found.
    """
    if known:
        survivor = join(tx, {row["survivor"] for row in known})
        assign(tx, survivor, request.sent_ids, request.other_ids)
        return survivor
    new = (request.person_key, tx.sequence, tx.sequence)
    tx.execute("INSERT INTO people (person_key, added, sequence) VALUES (?, ?, ?)", new)
    _write_identifiers(tx, request.person_key, request.sent_ids, request.other_ids)
    return request.person_key


def assign(tx: Transaction, survivor: int, sent: Iterable[str], others: Iterable[str] = ()) -> None:
    """Calls sent these identifiers, or answers named them: they lead to this person from now on.

    They pass to this person from one that only files gave them to. Join people that calls know by them first.

    Args:
        others: what only files say; they pass from no one.
    """
    _write_identifiers(tx, survivor, sent, others)
    # Readers of the ledger take over identifiers with their person.
    tx.execute("UPDATE people SET sequence = ? WHERE person_key = ?", (tx.sequence, survivor))


def _write_identifiers(tx: Transaction, survivor: int, sent: Iterable[str], others: Iterable[str]) -> None:
    from_call = dict.fromkeys(others, 0) | dict.fromkeys(sent, 1)
    tx.execute(
        f"INSERT INTO identifiers VALUES {', '.join(['(?, ?, ?)'] * len(from_call))} "
        "ON CONFLICT (identifier) DO UPDATE SET person_key = excluded.person_key, from_call = 1 "
        "WHERE excluded.from_call > identifiers.from_call",
        [value for identifier, called in from_call.items() for value in (identifier, survivor, called)],
    )


def join(tx: Transaction, person_keys: Iterable[int]) -> int:
    """These people are one: the key that was called for first survives. Attempts stay where they are."""
    keys = tuple(person_keys)
    rows = tx.execute(
        "SELECT person_key FROM people WHERE person_key IN (SELECT coalesce(alias_of, person_key) FROM people "
        f"WHERE person_key IN ({', '.join('?' * len(keys))})) ORDER BY added, person_key",
        keys,
    )
    survivor, *others = [row[0] for row in rows]
    for other in others:
        tx.execute(
            "UPDATE people SET alias_of = ?, sequence = ? WHERE person_key = ? OR alias_of = ?",
            (survivor, tx.sequence, other, other),
        )
    return survivor


def learn_identifier(tx: Transaction, person_key: int, identifier: str) -> None:
    """An answer named an identifier of this person: it leads to them from now on, joining who had it before."""
    if owners_of(tx, [identifier]).get(identifier) == person_key:
        return
    owner = owners_of(tx, [identifier], from_calls_only=False).get(identifier, person_key)
    assign(tx, join(tx, (owner, person_key)), [identifier])


def past_attempts(
    rows: Iterable[Row], request: EnrichmentRequest, watermark: int, refresh: Refresh | None, now: ClockReading
) -> list[PastAttempt]:
    """The attempts that `recall` found. `enrichment.plan` says the same of many people in SQL."""
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
        if row["id"] is not None
    ]


def _is_overdue(state: State, answered_at: float | None, refresh: Refresh | None, now: ClockReading) -> bool:
    if refresh is None or answered_at is None:
        return False
    max_age_days = refresh.no_match_max_age_days if state is State.NO_MATCH else refresh.answer_max_age_days
    return now.server - answered_at > max_age_days * DAY_SECONDS
