"""People who are called for: their canonical identifiers, and which of them turned out to be one person.

A new canonical form is applied to the past (`migrate`): people are found by it as if it had always been there, and no
call is made. The requests as they were sent, and the profiles that answers name, are read again. Identifiers in the
former form stay: a spelling that only the former form reads leads to the same person. Attempts and money never move.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from clodura_pipeline.clodura.identifiers import Combination, Identifiers
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.engines.database import LedgerError, Row, Transaction
from clodura_pipeline.ledger.rules.clock import ClockReading
from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS, PastAttempt
from clodura_pipeline.ledger.rules.policy import Refresh


@dataclass(frozen=True, repr=False)
class EnrichmentRequest:
    """One person to call for.

    `person_key`: of the person as the caller knows them; the ledger may know them by an older one. `sent_ids`: the
    canonical identifiers in what is sent; no person with an answer may have one of them. `other_ids`: what else files
    say of who they are. `file_date`, `source_file`: of the person's first row in the partition that calls.
    """

    person_key: int
    identifiers: Identifiers
    sent_ids: tuple[str, ...]
    other_ids: tuple[str, ...]
    file_date: date
    source_file: str

    @property
    def combination(self) -> Combination:
        """The strongest documented combination in it."""
        combination = self.identifiers.combination
        if combination is None:
            raise ValueError("a request needs a documented combination of identifiers")
        return combination

    @property
    def hash(self) -> str:
        """Equal for equal requests; says nothing about the person."""
        return request_hash(self.identifiers.as_json())


def request_hash(request_json: str) -> str:
    """A hash of what is sent."""
    return hashlib.sha256(request_json.encode()).hexdigest()[:32]


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

    def is_overdue(row: Row) -> bool:
        if refresh is None or row["answered_at"] is None:
            return False
        is_miss = row["state"] == State.NO_MATCH
        max_age_days = refresh.no_match_max_age_days if is_miss else refresh.answer_max_age_days
        return now.server - row["answered_at"] > max_age_days * DAY_SECONDS

    return [
        PastAttempt(
            state=State(row["state"]),
            is_weaker=row["strength"] < request.combination.strength,
            is_same_request=row["request_hash"] == request.hash,
            in_lease=row["lease_until"] > now.stamp,
            since_start=row["id"] > watermark,
            is_overdue=is_overdue(row),
            is_repeat=row["detail"] == "already_enriched",
        )
        for row in rows
        if row["id"] is not None
    ]


def require_version(tx: Transaction) -> None:
    """What is written now is found later only if it is in the form that the ledger is in.

    Raises:
        LedgerError: a newer program has opened the ledger, perhaps while this one had it open.
    """
    version = tx.control["canonical_version"]
    if version > tx.form.version:
        raise LedgerError(
            f"A newer clodura_pipeline has migrated the ledger (canonical form {version}; this one writes "
            f"{tx.form.version}). Nothing was changed: calls from this version could pay twice. Install the newer "
            "version."
        )


def migrate(tx: Transaction) -> None:
    """Bring the ledger to the callers' canonical form; at once when it has it.

    Raises:
        LedgerError: the ledger is of a newer form.
    """
    require_version(tx)
    if tx.control["canonical_version"] == tx.form.version:
        return
    for person_key, identifier in _derived(tx):
        person = survivor_of(tx, person_key)  # who may have been joined by an identifier before this one
        owner = owners_of(tx, [identifier]).get(identifier)
        if owner is None:
            assign(tx, person, [identifier])
        elif identifier.startswith("li:") or not (_has_profile(tx, owner) and _has_profile(tx, person)):
            join(tx, (owner, person))
    tx.execute("UPDATE control SET canonical_version = ?", (tx.form.version,))


def _derived(tx: Transaction) -> Iterator[tuple[int, str]]:
    """(person key, identifier) for everything that requests and answers say, profiles first."""
    weaker: list[tuple[int, str]] = []
    rows = tx.execute(
        "SELECT coalesce(p.alias_of, p.person_key), a.request, a.answer FROM attempts a "
        "JOIN people p ON p.person_key = a.person_key WHERE a.request IS NOT NULL ORDER BY a.id"
    ).fetchall()
    sent = [Identifiers.from_request(json.loads(row[1])) for row in rows]
    for row, (profile, email, name) in zip(rows, tx.form.identifiers_of(sent), strict=True):
        answered = json.loads(row[2] or "{}").get("person", {}).get("linkedin_url")
        named = tx.form.profile_of(answered) if answered else None
        yield from ((row[0], found) for found in (profile, named) if found is not None)
        if weakest := email or (None if profile else name):
            weaker.append((row[0], weakest))
    yield from weaker


def _has_profile(tx: Transaction, person_key: int) -> bool:
    query = (
        "SELECT 1 FROM identifiers i JOIN people p ON p.person_key = i.person_key "
        "WHERE coalesce(p.alias_of, p.person_key) = ? AND i.identifier LIKE 'li:%'"
    )
    return tx.execute(query, (person_key,)).fetchone() is not None
