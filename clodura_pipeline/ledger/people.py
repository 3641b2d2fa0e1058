"""Maps canonical identifiers to surrogate person keys, and joins two people who turn out to be one."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from clodura_pipeline.ledger.sequence import next_sequence

Label = TypeVar("Label", str, int)
AddressesOf = Callable[[Sequence[str]], Mapping[str, str | None]]
"""The canonical identifiers of e-mail addresses as they were sent."""


@dataclass(frozen=True)
class Registered:
    """What a registration came to.

    `keys`: surviving person key by group label. `parted`: (label, address, person key) where the address leads to that
    person, who has another profile: it neither joins nor may be sent with this one. `alias_sequence`: of the newest
    join.
    """

    keys: dict[str, int]
    parted: tuple[tuple[str, str, int], ...]
    alias_sequence: int


def register(
    cursor: sqlite3.Connection,
    identifiers: Iterable[tuple[str, str]],
    in_conflict: Iterable[str] = (),
    addresses_of: AddressesOf = lambda _: {},
) -> Registered:
    """Give every group of identifiers its person key.

    A group with a known identifier keeps that person's key; one with several known people joins them (the oldest key
    survives); one with none gets a new key.

    Args:
        identifiers: (group label, canonical identifier) pairs; labels mean nothing beyond this call.
        in_conflict: addresses seen with several profiles, which therefore join nothing.

    """
    cursor.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (label TEXT NOT NULL, identifier TEXT NOT NULL)")
    cursor.execute("CREATE INDEX IF NOT EXISTS temp.wanted_by_label ON wanted (label)")
    cursor.execute("DELETE FROM wanted")
    cursor.executemany("INSERT INTO wanted VALUES (?, ?)", identifiers)
    part_from_profiles(cursor, list(in_conflict), addresses_of)
    parted = part_from_other_profiles(cursor, "wanted")
    leads = leads_of(shared_identifiers(cursor, "wanted"))
    known = cursor.execute(
        "SELECT DISTINCT w.label, coalesce(p.alias_of, p.person_key) AS person_key FROM wanted w "
        "JOIN identifiers i ON i.identifier = w.identifier JOIN people p ON p.person_key = i.person_key"
    )
    keys_of: dict[str, set[int]] = defaultdict(set)
    for label, person_key in known:
        keys_of[leads.get(label) or label].add(person_key)
    survivors = _join_all(cursor, keys_of.values())
    result = {label: survivors.get(min(keys), min(keys)) for label, keys in keys_of.items()}
    _add_new_people(cursor, result, leads)
    result.update({label: result[lead] for label, lead in leads.items()})
    _add_identifiers(cursor, result)
    cursor.execute("DELETE FROM wanted")
    return Registered(result, parted, alias_sequence(cursor))


def alias_sequence(cursor: sqlite3.Connection) -> int:
    """The sequence of the newest joining of two people; 0 when there was none."""
    query = "SELECT coalesce(max(sequence), 0) FROM people WHERE alias_of IS NOT NULL"
    return cursor.execute(query).fetchone()[0]


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


def survivors(cursor: sqlite3.Connection) -> dict[int, int]:
    """The key that everybody who was joined to somebody goes by today."""
    return dict(cursor.execute("SELECT person_key, alias_of FROM people WHERE alias_of IS NOT NULL").fetchall())


def learn_identifier(cursor: sqlite3.Connection, person_key: int, identifier: str) -> None:
    """An answer named an identifier of this person: it leads to them from now on, joining who had it before."""
    row = cursor.execute("SELECT person_key FROM identifiers WHERE identifier = ?", (identifier,)).fetchone()
    if row is not None:
        join(cursor, row["person_key"], person_key)
        return
    survivor = survivor_of(cursor, person_key)
    cursor.execute("INSERT INTO identifiers VALUES (?, ?)", (identifier, survivor))


def part_from_profiles(cursor: sqlite3.Connection, identifiers: Sequence[str], addresses_of: AddressesOf) -> None:
    """Addresses that came to a person beside a profile, and are now seen with another profile, lead to them no more.

    Unless that person was asked by it, alone or beside the profile: who has only this address would be bought again.
    """
    parting = ((identifier,) for identifier in to_part(cursor, identifiers, addresses_of))
    cursor.executemany("DELETE FROM identifiers WHERE identifier = ?", parting)


_KEYS = "(SELECT person_key FROM people WHERE person_key = :person OR alias_of = :person)"
_OWNER = """
SELECT coalesce(p.alias_of, p.person_key) FROM identifiers i JOIN people p USING (person_key) WHERE i.identifier = ?
"""
_HAS_PROFILE = f"SELECT EXISTS (SELECT 1 FROM identifiers WHERE person_key IN {_KEYS} AND identifier LIKE 'li:%')"
_SENT = (
    "SELECT combination, question IS NOT NULL AS is_kept, json_extract(question, '$.email') AS email "
    f"FROM attempts WHERE person_key IN {_KEYS} AND state <> 'not_processed'"
)


def to_part(cursor: sqlite3.Connection, identifiers: Sequence[str], addresses_of: AddressesOf) -> list[str]:
    """The identifiers that `part_from_profiles` would part."""
    sent_by_identifier: dict[str, list[str]] = {}
    for identifier in identifiers:
        owner = cursor.execute(_OWNER, (identifier,)).fetchone()
        person = {"person": owner[0]} if owner else {}
        if not owner or not cursor.execute(_HAS_PROFILE, person).fetchone()[0]:
            continue
        sent = cursor.execute(_SENT, person).fetchall()
        # A question that was removed when its time was over may have held the address.
        if all(row["is_kept"] and row["combination"] not in ("email", "firstName+lastName+email") for row in sent):
            sent_by_identifier[identifier] = [row["email"] for row in sent if row["email"]]
    anew = addresses_of([email for emails in sent_by_identifier.values() for email in emails])
    return [
        identifier
        for identifier, emails in sent_by_identifier.items()
        if not any(anew.get(email) == identifier for email in emails)
    ]


def part_from_other_profiles(cursor: sqlite3.Connection, table: str) -> tuple[tuple[Any, str, int], ...]:
    """Addresses beside a profile that are known to lead to somebody with another one, by a file or by an answer.

    A person is their profile: such an address joins nothing, and what it was answered with is not this person's. It is
    taken out of the table of groups (which has an index by label) and returned: label, address, whom it leads to.
    """
    rows = cursor.execute(
        f"""
        WITH led AS MATERIALIZED (
            SELECT w.rowid AS place, w.label, w.identifier, coalesce(p.alias_of, p.person_key) AS owner FROM {table} w
            CROSS JOIN identifiers i ON i.identifier = w.identifier CROSS JOIN people p ON p.person_key = i.person_key
            WHERE w.identifier LIKE 'em:%')
        SELECT place, label, identifier, owner FROM led
        WHERE EXISTS (SELECT 1 FROM {table} own WHERE own.label = led.label AND own.identifier LIKE 'li:%')
        AND EXISTS (SELECT 1 {_THEIR_PROFILES})
        AND NOT EXISTS (SELECT 1 {_THEIR_PROFILES}
            AND theirs.identifier IN (SELECT own.identifier FROM {table} own WHERE own.label = led.label))
        ORDER BY place
        """
    ).fetchall()
    cursor.executemany(f"DELETE FROM {table} WHERE rowid = ?", ((row["place"],) for row in rows))
    return tuple((row["label"], row["identifier"], row["owner"]) for row in rows)


_THEIR_PROFILES = (
    "FROM identifiers theirs WHERE theirs.identifier LIKE 'li:%' AND theirs.person_key IN "
    "(SELECT led.owner UNION ALL SELECT a.person_key FROM people a WHERE a.alias_of = led.owner)"
)


def shared_identifiers(cursor: sqlite3.Connection, table: str) -> sqlite3.Cursor:
    """`identifier, label` wherever several groups of a table share an identifier."""
    return cursor.execute(
        f"SELECT identifier, label FROM {table} WHERE identifier IN "
        f"(SELECT identifier FROM {table} GROUP BY identifier HAVING min(label) <> max(label)) ORDER BY label"
    )


def leads_of(shared: Iterable[tuple[Any, Label]]) -> dict[Label, Label]:
    """Groups that share something (given as what, label) are one person: for each of them, the label to go by."""
    leads: dict[Label, Label] = {}
    first_with: dict[Any, Label] = {}

    def lead_of(label: Label) -> Label:
        while leads.setdefault(label, label) != label:
            leads[label] = leads[leads[label]]
            label = leads[label]
        return label

    for what, label in shared:
        leads[lead_of(label)] = lead_of(first_with.setdefault(what, label))
    return {label: lead_of(label) for label in leads}


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


def _add_new_people(cursor: sqlite3.Connection, result: dict[str, int], leads: dict[str, str]) -> None:
    rows = cursor.execute("SELECT label FROM wanted GROUP BY label ORDER BY min(rowid)").fetchall()
    labels = dict.fromkeys(leads.get(row["label"]) or str(row["label"]) for row in rows)
    new = [label for label in labels if label not in result]
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
