"""Applies a new canonical form to the past: people are found by it as if it had always been there; no call is made.

The requests as they were sent, and the profiles that answers name, are read again. Identifiers in the former form
stay: a spelling that only the former form reads leads to the same person. Attempts and money never move.
"""

import json
from collections.abc import Iterator

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.ledger.engines.database import LedgerError
from clodura_pipeline.ledger.people import assign, join, owners_of, survivor_of
from clodura_pipeline.ledger.transaction import Transaction


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
