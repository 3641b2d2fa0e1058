"""Registers many people and keeps nobody waiting: looks while others write, then writes what is new in small portions.

Rival runs need the write lock for every call's permit, so it is held for a portion at a time, with room in between.
"""

import contextlib
import itertools
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from clodura_pipeline.ledger import people
from clodura_pipeline.ledger.people import Registered

GROUPS_AT_A_TIME = 10_000
_ROOM_FOR_RIVALS = 0.3
"""The pause between two portions, as a share of the time that the write lock was held."""
Transaction = Callable[[], contextlib.AbstractContextManager[sqlite3.Connection]]


@dataclass(frozen=True)
class _Looked:
    """What one state of the ledger knows of the groups given, which go by their number.

    `labels`: by number. `keys`: of groups that are known already, as one person. `portions`: numbers of the others;
    groups that share an identifier or a person are in the same portion, so that each is decided as if all were at once.
    """

    labels: Sequence[str]
    keys: dict[str, int]
    portions: Iterable[list[int]]
    parted: tuple[tuple[str, str, int], ...]
    alias_sequence: int


def register(
    reading: Transaction,
    writing: Transaction,
    identifiers: Iterable[tuple[str, str]],
    in_conflict: Iterable[str],
    addresses_of: people.AddressesOf,
) -> Registered:
    """As `people.register` for all groups at once; with nothing new the write lock is not taken at all.

    What was looked up is decided again in the transaction that writes: a rival may have been there first. Killed
    between two portions, it leaves people that are registered, as they would be by a shorter list.
    """
    _part_from_profiles(reading, writing, list(in_conflict), addresses_of)
    with reading() as cursor:
        looked = _look(cursor, identifiers)
    keys, parted = looked.keys, list(looked.parted)
    for portion in looked.portions:
        with reading() as cursor:
            pairs = [(looked.labels[int(row["label"])], row["identifier"]) for row in _pairs(cursor, portion)]
        with writing() as cursor:
            began = time.monotonic()
            registered = people.register(cursor, pairs)
        keys.update(registered.keys)
        parted += registered.parted
        # SQLite gives the lock to whoever tries at the right moment: without a pause that is nobody else.
        time.sleep(_ROOM_FOR_RIVALS * (time.monotonic() - began))
    with reading() as cursor:
        cursor.execute("DROP TABLE everyone")
        alias_sequence = people.alias_sequence(cursor)
        if alias_sequence == looked.alias_sequence:
            return Registered(keys, tuple(parted), alias_sequence)
        joined = people.survivors(cursor)
    keys = {label: joined.get(key, key) for label, key in keys.items()}
    return Registered(keys, tuple((label, name, joined.get(key, key)) for label, name, key in parted), alias_sequence)


def _part_from_profiles(
    reading: Transaction, writing: Transaction, in_conflict: Sequence[str], addresses_of: people.AddressesOf
) -> None:
    with reading() as cursor:
        parting = people.to_part(cursor, in_conflict, addresses_of)
    for start in range(0, len(parting), GROUPS_AT_A_TIME):
        with writing() as cursor:
            people.part_from_profiles(cursor, parting[start : start + GROUPS_AT_A_TIME], addresses_of)


def _look(cursor: sqlite3.Connection, identifiers: Iterable[tuple[str, str]]) -> _Looked:
    numbers: dict[str, int] = {}
    cursor.execute("DROP TABLE IF EXISTS temp.everyone")
    cursor.execute("CREATE TEMP TABLE everyone (label INTEGER NOT NULL, identifier TEXT NOT NULL)")
    cursor.executemany(
        "INSERT INTO everyone VALUES (?, ?)",
        ((numbers.setdefault(label, len(numbers)), identifier) for label, identifier in identifiers),
    )
    cursor.execute("CREATE INDEX temp.everyone_by_label ON everyone (label)")
    labels = list(numbers)
    parted = people.part_from_other_profiles(cursor, "everyone")
    keys: dict[str, int] = {}
    unsettled: list[int] = []
    for number, new, person, other in cursor.execute(_KNOWN):
        if new or person != other:
            unsettled.append(number)
        else:
            keys[labels[number]] = person
    leads = _belonging_together(cursor, unsettled) if unsettled else {}
    return _Looked(
        labels,
        keys,
        _portions(unsettled, leads),
        tuple((labels[number], identifier, owner) for number, identifier, owner in parted),
        people.alias_sequence(cursor),
    )


_KNOWN = """
SELECT e.label, count(*) - count(i.identifier), min(coalesce(p.alias_of, p.person_key)),
       max(coalesce(p.alias_of, p.person_key))
FROM everyone e LEFT JOIN identifiers i ON i.identifier = e.identifier
LEFT JOIN people p ON p.person_key = i.person_key
GROUP BY e.label ORDER BY e.label
"""
_KNOWN_PEOPLE = """
SELECT coalesce(p.alias_of, p.person_key) AS person_key, e.label FROM unsettled u JOIN everyone e USING (label)
JOIN identifiers i ON i.identifier = e.identifier JOIN people p ON p.person_key = i.person_key
"""


def _belonging_together(cursor: sqlite3.Connection, unsettled: Sequence[int]) -> dict[int, int]:
    """For groups that share an identifier or a person with another, the number to go by."""
    cursor.execute("CREATE TEMP TABLE unsettled (label INTEGER PRIMARY KEY)")
    cursor.executemany("INSERT INTO unsettled VALUES (?)", ((number,) for number in unsettled))
    shared = people.shared_identifiers(cursor, "everyone JOIN unsettled USING (label)")
    leads = people.leads_of(itertools.chain(shared, cursor.execute(_KNOWN_PEOPLE)))
    cursor.execute("DROP TABLE unsettled")
    return leads


def _portions(unsettled: Iterable[int], leads: dict[int, int]) -> Iterator[list[int]]:
    """The numbers in order, as many at a time as make a fair portion."""
    together: dict[int, list[int]] = defaultdict(list)
    for number, lead in leads.items():
        together[lead].append(number)
    portion: list[int] = []
    for number in unsettled:
        portion += together.pop(leads[number], ()) if number in leads else (number,)
        if len(portion) >= GROUPS_AT_A_TIME:
            yield portion
            portion = []
    if portion:
        yield portion


def _pairs(cursor: sqlite3.Connection, portion: Sequence[int]) -> list[sqlite3.Row]:
    return cursor.execute(
        "SELECT label, identifier FROM everyone WHERE label IN (SELECT value FROM json_each(?)) ORDER BY rowid",
        (json.dumps(portion),),
    ).fetchall()
