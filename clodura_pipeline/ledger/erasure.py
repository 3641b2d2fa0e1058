"""Erases people at their request: what is left is keyed hashes of their identifiers, and what the totals need."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from clodura_pipeline.ledger.database import Cursor
from clodura_pipeline.ledger.people import find, keys_of, learn_identifier, next_sequence, survivor_of
from clodura_pipeline.ledger.rules.stops import PendingReason
from clodura_pipeline.ledger.server_time import ClockReading

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


def erased_people(cursor: Cursor) -> ErasedPeople:
    """All people who were erased."""
    marks = frozenset(row[0] for row in cursor.execute("SELECT mark FROM erasures"))
    return ErasedPeople(_secret(cursor), marks) if marks else ErasedPeople()


def erase(cursor: Cursor, now: ClockReading, identifiers: Iterable[str]) -> ErasureCounts:
    """Erase the people that these identifiers lead to, and leave a mark for each identifier, known or not.

    The attempts stay, with state and money, and so does the file they were sent for: no total changes.
    """
    given = set(identifiers)
    keys = keys_of(cursor, find(cursor, given).values())
    known = _identifiers_of(cursor, keys)
    secret = _secret(cursor)
    cursor.executemany(
        "INSERT INTO erasures VALUES (?, ?) ON CONFLICT (mark) DO NOTHING",
        [(_mark(secret, each), now.server) for each in given | known],
    )
    return ErasureCounts(len({survivor_of(cursor, key) for key in keys}), len(known), _remove(cursor, now, keys))


def is_erased(cursor: Cursor, person_keys: Iterable[int], identifiers: Iterable[str]) -> bool:
    """Whether one of these people was erased, or one of these identifiers is of a person who was."""
    query = "SELECT 1 FROM people WHERE person_key = ? AND erased_at IS NOT NULL"
    if any(cursor.execute(query, (key,)).fetchone() for key in person_keys):
        return True
    secret = cursor.execute("SELECT erasure_secret FROM control").fetchone()[0]  # None: no one was ever erased
    query = "SELECT 1 FROM erasures WHERE mark = ?"
    return secret is not None and any(cursor.execute(query, (_mark(secret, each),)).fetchone() for each in identifiers)


def learn_profile(cursor: Cursor, now: ClockReading, person_key: int, profile: str | None) -> None:
    """An answer came, and may name a profile: it leads to this person from now on.

    Unless the person was erased while the call was in flight, or the profile is of a person who was erased: then this
    person is erased too, before the transaction that brings the answer ends.
    """
    if is_erased(cursor, [person_key], ()):
        _remove(cursor, now, keys_of(cursor, [person_key]))
    elif profile is not None and is_erased(cursor, (), [profile]):
        erase(cursor, now, {profile, *_identifiers_of(cursor, keys_of(cursor, [person_key]))})
    elif profile is not None:
        learn_identifier(cursor, person_key, profile)


def _identifiers_of(cursor: Cursor, person_keys: Iterable[int]) -> set[str]:
    query = "SELECT identifier FROM identifiers WHERE person_key = ?"
    return {row[0] for key in person_keys for row in cursor.execute(query, (key,))}


def _remove(cursor: Cursor, now: ClockReading, keys: Iterable[int]) -> int:
    """Remove all that says who these people are; returns how many calls that concerned."""
    sequence = next_sequence(cursor)
    calls = 0
    for key in keys:
        cursor.execute("DELETE FROM identifiers WHERE person_key = ?", (key,))
        cursor.execute(
            "UPDATE people SET erased_at = ?, sequence = ? WHERE person_key = ?", (now.server, sequence, key)
        )
        # The hash of a request that is an address alone could be found by trying addresses.
        changed = cursor.execute(
            "UPDATE attempts SET request = NULL, request_hash = '', raw = NULL, content_type = NULL, answer = NULL, "
            "shape_id = NULL, sequence = ? WHERE person_key = ? RETURNING id",
            (sequence, key),
        )
        calls += len(changed.fetchall())
    return calls


def _secret(cursor: Cursor) -> bytes:
    known = cursor.execute("SELECT erasure_secret FROM control").fetchone()[0]
    if known is None:
        known = secrets.token_bytes(32)
        cursor.execute("UPDATE control SET erasure_secret = ?", (known,))
    return known


def _mark(secret: bytes, identifier: str) -> str:
    return hmac.digest(secret, identifier.encode(), "sha256").hex()[:_MARK_DIGITS]
