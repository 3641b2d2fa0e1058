"""Erases people at their request: what is left is keyed hashes of their identifiers, and what the totals need."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from clodura_pipeline.ledger.engines.database import Row, Transaction
from clodura_pipeline.ledger.people import keys_of, learn_identifier, owners_of, survivor_of
from clodura_pipeline.ledger.rules.stops import PendingReason

NOT_CALLED = PendingReason("erased", "erased at this person's request; not called for again")
_MARK_DIGITS = 32


@dataclass(frozen=True, repr=False)
class ErasedPeople:
    """Says whether an identifier is of a person who was erased, and nothing else about them."""

    secret: bytes = b""
    marks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.marks)

    def __contains__(self, identifier: str) -> bool:
        return bool(self.marks) and _mark(self.secret, identifier) in self.marks


@dataclass(frozen=True)
class ErasureCounts:
    """What was erased in the ledger: people, the identifiers that led to them, calls whose content is gone."""

    people: int
    identifiers: int
    calls: int


def erased_people(tx: Transaction) -> ErasedPeople:
    """All people who were erased."""
    marks = frozenset(row[0] for row in tx.execute("SELECT mark FROM erasures"))
    return ErasedPeople(_secret(tx), marks) if marks else ErasedPeople()


def erase(tx: Transaction, identifiers: Iterable[str]) -> ErasureCounts:
    """Erase the people that these identifiers lead to, and leave a mark for each identifier, known or not.

    The attempts stay, with state and money, and so does the file they were sent for: no total changes.
    """
    given = set(identifiers)
    keys = keys_of(tx, owners_of(tx, given, from_calls_only=False).values())
    known = _identifiers_of(tx, keys)
    secret = _secret(tx)
    tx.executemany(
        "INSERT INTO erasures VALUES (?, ?) ON CONFLICT (mark) DO NOTHING",
        [(_mark(secret, each), tx.now.server) for each in given | known],
    )
    return ErasureCounts(len({survivor_of(tx, key) for key in keys}), len(known), _remove(tx, keys))


def is_erased(tx: Transaction, identifiers: Iterable[str]) -> bool:
    """Whether one of these identifiers is of a person who was erased."""
    secret = tx.control["erasure_secret"]  # None: no one was ever erased
    query = "SELECT 1 FROM erasures WHERE mark = ?"
    return secret is not None and any(tx.execute(query, (_mark(secret, each),)).fetchone() for each in identifiers)


def learn_profile(tx: Transaction, attempt: Row, profile: str | None) -> None:
    """The answer to an attempt (with its person's `erased_at`) may name a profile: it leads to this person from now on.

    Unless the person was erased while the call was in flight, or the profile is of a person who was erased: then this
    person is erased too, before the transaction that brings the answer ends.
    """
    person_key = attempt["person_key"]
    if attempt["erased_at"] is not None:
        _remove(tx, keys_of(tx, [person_key]))
    elif profile is not None and is_erased(tx, [profile]):
        erase(tx, {profile, *_identifiers_of(tx, keys_of(tx, [person_key]))})
    elif profile is not None:
        learn_identifier(tx, person_key, profile)


def _identifiers_of(tx: Transaction, person_keys: Iterable[int]) -> set[str]:
    query = "SELECT identifier FROM identifiers WHERE person_key = ?"
    return {row[0] for key in person_keys for row in tx.execute(query, (key,))}


def _remove(tx: Transaction, keys: Iterable[int]) -> int:
    """Remove all that says who these people are; returns how many calls that concerned."""
    calls = 0
    for key in keys:
        tx.execute("DELETE FROM identifiers WHERE person_key = ?", (key,))
        tx.execute(
            "UPDATE people SET erased_at = ?, sequence = ? WHERE person_key = ?", (tx.now.server, tx.sequence, key)
        )
        # The hash of a request that is an address alone could be found by trying addresses.
        changed = tx.execute(
            "UPDATE attempts SET request = NULL, request_hash = '', raw = NULL, content_type = NULL, answer = NULL, "
            "shape_id = NULL, sequence = ? WHERE person_key = ? RETURNING id",
            (tx.sequence, key),
        )
        calls += len(changed.fetchall())
    return calls


def _secret(tx: Transaction) -> bytes:
    known = tx.control["erasure_secret"]
    if known is None:
        known = secrets.token_bytes(32)
        tx.execute("UPDATE control SET erasure_secret = ?", (known,))
    return known


def _mark(secret: bytes, identifier: str) -> str:
    return hmac.digest(secret, identifier.encode(), "sha256").hex()[:_MARK_DIGITS]
