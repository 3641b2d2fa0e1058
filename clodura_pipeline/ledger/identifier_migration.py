"""Applies a new canonical form to the past: people are found by it as if it had always been there; no call is made.

The requests as they were sent, and the profiles that answers name, are read again. Identifiers in the former form
stay: a spelling that only the former form reads leads to the same person. Attempts and money never move.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.ledger.database import Cursor, LedgerError
from clodura_pipeline.ledger.people import assign, join, owners_of, survivor_of

_ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True)
class CanonicalForm:
    """The canonical form that callers use, handed in: the ledger stores identifiers and knows no spellings.

    `identifiers_of`: for each request, its canonical profile, e-mail address and name at a company, None where there is
    none. `profile_of`: the canonical identifier of a LinkedIn profile's address, None when it is none.
    """

    version: int
    identifiers_of: Callable[[Sequence[Identifiers]], Iterable[tuple[str | None, str | None, str | None]]]
    profile_of: Callable[[str], str | None]


def require_version(cursor: Cursor, form: CanonicalForm) -> None:
    """What is written now is found later only if it is in the form that the ledger is in.

    Raises:
        LedgerError: a newer program has opened the ledger, perhaps while this one had it open.
    """
    version = _version(cursor)
    if version > form.version:
        raise LedgerError(
            f"A newer clodura_pipeline has migrated the ledger (canonical form {version}; this one writes "
            f"{form.version}). Nothing was changed: calls from this version could pay twice. Install the newer version."
        )


def migrate(cursor: Cursor, form: CanonicalForm) -> None:
    """Bring the ledger to a canonical form, in the caller's transaction; at once when it has it.

    Raises:
        LedgerError: the ledger is of a newer form.
    """
    require_version(cursor, form)
    if _version(cursor) == form.version:
        return
    for person_key, identifier in _derived(cursor, form):
        person = survivor_of(cursor, person_key)  # who may have been joined by an identifier before this one
        owner = owners_of(cursor, [identifier]).get(identifier)
        if owner is None:
            assign(cursor, person, [identifier])
        elif identifier.startswith("li:") or not (_has_profile(cursor, owner) and _has_profile(cursor, person)):
            join(cursor, (owner, person))
    cursor.execute("UPDATE control SET canonical_version = ?", (form.version,))


def _derived(cursor: Cursor, form: CanonicalForm) -> Iterator[tuple[int, str]]:
    """(person key, identifier) for everything that requests and answers say, profiles first."""
    weaker: list[tuple[int, str]] = []
    rows = cursor.execute(
        "SELECT coalesce(p.alias_of, p.person_key), a.request, a.answer FROM attempts a "
        "JOIN people p ON p.person_key = a.person_key WHERE a.request IS NOT NULL ORDER BY a.id"
    ).fetchall()
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        portion = rows[start : start + _ROWS_AT_A_TIME]
        sent = [Identifiers.from_request(json.loads(row[1])) for row in portion]
        for row, (profile, email, name) in zip(portion, form.identifiers_of(sent), strict=True):
            answered = json.loads(row[2] or "{}").get("person", {}).get("linkedin_url")
            named = form.profile_of(answered) if answered else None
            yield from ((row[0], found) for found in (profile, named) if found is not None)
            if weakest := email or (None if profile else name):
                weaker.append((row[0], weakest))
    yield from weaker


def _version(cursor: Cursor) -> int:
    return cursor.execute("SELECT canonical_version FROM control").fetchone()[0]


def _has_profile(cursor: Cursor, person_key: int) -> bool:
    query = (
        "SELECT 1 FROM identifiers i JOIN people p ON p.person_key = i.person_key "
        "WHERE coalesce(p.alias_of, p.person_key) = ? AND i.identifier LIKE 'li:%'"
    )
    return cursor.execute(query, (person_key,)).fetchone() is not None
