"""Erases people at their wish: what is left is keyed hashes of their identifiers, and what the books need."""

import hmac
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from clodura_pipeline.ledger.people import learn_identifier, survivor_of
from clodura_pipeline.ledger.sequence import next_sequence

NOT_ASKED = "erased at this person's wish, and not asked again"
_MARK_DIGITS = 32


@dataclass(frozen=True, repr=False)
class Forgotten:
    """Tells whether an identifier is of somebody who was erased, and nothing else about them."""

    secret: bytes = b""
    marks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.marks)

    def __contains__(self, identifier: str) -> bool:
        return bool(self.marks) and _mark(self.secret, identifier) in self.marks


@dataclass(frozen=True)
class Erased:
    """What was erased in the ledger: people, the identifiers that led to them, calls whose content is gone."""

    people: int
    identifiers: int
    calls: int


def forgotten(cursor: sqlite3.Connection) -> Forgotten:
    """Everybody who was erased."""
    marks = frozenset(row[0] for row in cursor.execute("SELECT mark FROM forgotten"))
    return Forgotten(_secret(cursor), marks) if marks else Forgotten()


def find(cursor: sqlite3.Connection, identifiers: Iterable[str]) -> dict[str, int]:
    """The surviving person key of each of these identifiers that is known."""
    found = {}
    for identifier in identifiers:
        row = cursor.execute("SELECT person_key FROM identifiers WHERE identifier = ?", (identifier,)).fetchone()
        if row is not None:
            found[identifier] = survivor_of(cursor, row["person_key"])
    return found


def forget(cursor: sqlite3.Connection, now: float, identifiers: Iterable[str]) -> Erased:
    """Erase whoever these identifiers lead to, and leave a mark for each identifier, known or not.

    The attempts stay, with state and money, and so does what they were sent for: nothing in the books changes.
    """
    given = set(identifiers)
    keys = _all_keys(cursor, find(cursor, given).values())
    known = {row[0] for key in keys for row in cursor.execute(_IDENTIFIERS, (key,))}
    secret = _secret(cursor)
    cursor.executemany(
        "INSERT OR IGNORE INTO forgotten VALUES (?, ?)", ((_mark(secret, each), now) for each in given | known)
    )
    return Erased(len({survivor_of(cursor, key) for key in keys}), len(known), _erase(cursor, now, keys))


def is_forgotten(cursor: sqlite3.Connection, person_key: int) -> bool:
    """Whether a person was erased."""
    row = cursor.execute("SELECT forgotten_at FROM people WHERE person_key = ?", (person_key,)).fetchone()
    return row is not None and row["forgotten_at"] is not None


def learn_profile(
    cursor: sqlite3.Connection, now: float, person_key: int, profile: str | None, former: Iterable[str]
) -> None:
    """An answer came, and may name a profile: it leads to this person from now on, unless somebody was erased.

    That may be the person asked, while the call was under way, or whoever the answer shows them to be: erased too,
    before the transaction that brings the answer ends.

    Args:
        former: what the profile was in former canonical forms, in one of which somebody may have been erased.
    """
    named = [each for each in (profile, *former) if each is not None]
    if is_forgotten(cursor, person_key):
        _erase(cursor, now, _all_keys(cursor, [person_key]))
    elif any(_has_mark(cursor, each) for each in named):
        names = [row[0] for key in _all_keys(cursor, [person_key]) for row in cursor.execute(_IDENTIFIERS, (key,))]
        forget(cursor, now, [*named, *names])
    elif profile is not None:
        learn_identifier(cursor, person_key, profile)


_IDENTIFIERS = "SELECT identifier FROM identifiers WHERE person_key = ?"


def _all_keys(cursor: sqlite3.Connection, person_keys: Iterable[int]) -> list[int]:
    """Every key that these people ever had."""
    survivors = {survivor_of(cursor, key) for key in person_keys}
    aliases = "SELECT person_key FROM people WHERE person_key = ? OR alias_of = ?"
    return sorted(row[0] for key in survivors for row in cursor.execute(aliases, (key, key)))


def _erase(cursor: sqlite3.Connection, now: float, keys: Iterable[int]) -> int:
    """Take everything out of the ledger that tells who these people are; returns how many calls that concerned."""
    sequence = next_sequence(cursor)
    calls = 0
    for key in keys:
        cursor.execute("DELETE FROM identifiers WHERE person_key = ?", (key,))
        cursor.execute("UPDATE people SET forgotten_at = ?, sequence = ? WHERE person_key = ?", (now, sequence, key))
        # The hash of a question that is an address alone could be found by trying addresses.
        calls += cursor.execute(
            "UPDATE attempts SET question = NULL, question_hash = '', raw = NULL, content_type = NULL, answer = NULL, "
            "sequence = ? WHERE person_key = ?",
            (sequence, key),
        ).rowcount
    return calls


def _secret(cursor: sqlite3.Connection) -> bytes:
    known = cursor.execute("SELECT forget_secret FROM control").fetchone()[0]
    if known is None:
        known = secrets.token_bytes(32)
        cursor.execute("UPDATE control SET forget_secret = ?", (known,))
    return known


def _has_mark(cursor: sqlite3.Connection, identifier: str) -> bool:
    secret = cursor.execute("SELECT forget_secret FROM control").fetchone()[0]
    query = "SELECT 1 FROM forgotten WHERE mark = ?"
    return secret is not None and cursor.execute(query, (_mark(secret, identifier),)).fetchone() is not None


def _mark(secret: bytes, identifier: str) -> str:
    return hmac.digest(secret, identifier.encode(), "sha256").hex()[:_MARK_DIGITS]
