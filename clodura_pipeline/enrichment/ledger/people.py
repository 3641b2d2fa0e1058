"""Maps canonical identifiers to surrogate person keys, and joins two people who turn out to be one."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from clodura_pipeline.enrichment.ledger.sequence import next_sequence


def register(cursor: sqlite3.Connection, identifiers: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Give every group of identifiers its person key.

    A group with a known identifier keeps that person's key; one with several known people joins them (the oldest key
    survives); one with none gets a new key.

    Args:
        identifiers: (group label, canonical identifier) pairs; labels mean nothing beyond this call.

    Returns:
        Surviving person key by group label.
    """
    cursor.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (label TEXT NOT NULL, identifier TEXT NOT NULL)")
    cursor.execute("DELETE FROM wanted")
    cursor.executemany("INSERT INTO wanted VALUES (?, ?)", identifiers)
    known = cursor.execute(
        "SELECT DISTINCT w.label, coalesce(p.alias_of, p.person_key) AS person_key FROM wanted w "
        "JOIN identifiers i ON i.identifier = w.identifier JOIN people p ON p.person_key = i.person_key"
    )
    keys_of: dict[str, set[int]] = defaultdict(set)
    for label, person_key in known:
        keys_of[label].add(person_key)
    survivors = _join_all(cursor, keys_of.values())
    result = {label: survivors.get(min(keys), min(keys)) for label, keys in keys_of.items()}
    _add_new_people(cursor, result)
    _add_identifiers(cursor, result)
    cursor.execute("DELETE FROM wanted")
    return result


def join(cursor: sqlite3.Connection, one: int, other: int) -> int:
    """Two people are one: the older key survives, the other becomes its alias. Attempts stay where they are."""
    survivor, joined = sorted((survivor_of(cursor, one), survivor_of(cursor, other)))
    if survivor == joined:
        return survivor
    sequence = next_sequence(cursor)
    cursor.execute(
        "UPDATE people SET alias_of = ?, sequence = ? WHERE person_key = ? OR alias_of = ?",
        (survivor, sequence, joined, joined),
    )
    return survivor


def survivor_of(cursor: sqlite3.Connection, person_key: int) -> int:
    """The key that a person goes by today."""
    row = cursor.execute("SELECT alias_of FROM people WHERE person_key = ?", (person_key,)).fetchone()
    return person_key if row is None or row["alias_of"] is None else row["alias_of"]


def learn_identifier(cursor: sqlite3.Connection, person_key: int, identifier: str) -> None:
    """An answer named an identifier of this person: it leads to them from now on, joining who had it before."""
    row = cursor.execute("SELECT person_key FROM identifiers WHERE identifier = ?", (identifier,)).fetchone()
    if row is not None:
        join(cursor, row["person_key"], person_key)
        return
    survivor = survivor_of(cursor, person_key)
    cursor.execute("INSERT INTO identifiers VALUES (?, ?)", (identifier, survivor))


def _join_all(cursor: sqlite3.Connection, groups: Iterable[set[int]]) -> dict[int, int]:
    """Join the people within each group; groups may overlap. Returns the survivor of every key touched."""
    touched: set[int] = set()
    for keys in groups:
        if len(keys) > 1:
            first, *rest = sorted(keys)
            touched |= keys
            for other in rest:
                join(cursor, first, other)
    return {key: survivor_of(cursor, key) for key in touched}


def _add_new_people(cursor: sqlite3.Connection, result: dict[str, int]) -> None:
    rows = cursor.execute("SELECT label FROM wanted GROUP BY label ORDER BY min(rowid)").fetchall()
    new = [row["label"] for row in rows if row["label"] not in result]
    if not new:
        return
    sequence = next_sequence(cursor)
    last = cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'people'").fetchone()
    first_key = (last[0] if last else 0) + 1
    cursor.executemany(
        "INSERT INTO people (person_key, sequence) VALUES (?, ?)",
        ((first_key + position, sequence) for position in range(len(new))),
    )
    result.update((label, first_key + position) for position, label in enumerate(new))


def _add_identifiers(cursor: sqlite3.Connection, keys: dict[str, int]) -> None:
    rows = cursor.execute(
        "SELECT w.label, w.identifier FROM wanted w LEFT JOIN identifiers i ON i.identifier = w.identifier "
        "WHERE i.identifier IS NULL"
    ).fetchall()
    cursor.executemany(
        "INSERT OR IGNORE INTO identifiers VALUES (?, ?)", ((row["identifier"], keys[row["label"]]) for row in rows)
    )
