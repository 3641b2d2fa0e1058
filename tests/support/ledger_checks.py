"""Reads a ledger on either engine, and checks its totals against its attempts."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from clodura_pipeline.ledger import Address, Totals
from clodura_pipeline.ledger.engines.database import database_at
from clodura_pipeline.sandbox import CallLog

_SUMS = (
    "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL), "
    "coalesce(sum(reserved_credits), 0), coalesce(sum(charged_credits), 0), coalesce(sum(at_risk_credits), 0)"
)


def rows(address: Address, query: str, *values: object) -> list[Any]:
    """What a query finds in the ledger: a file is read with SQLite alone."""
    if not isinstance(address, Path):
        with database_at(address).read() as cursor:
            return cursor.execute(query, values).fetchall()
    with closing(sqlite3.connect(address)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query, values).fetchall()


def change(address: Address, statement: str) -> None:
    """Change rows of a ledger behind the program's back."""
    database = database_at(address)
    database.open(canonical_version=1)
    with database.transaction() as (cursor, _):
        cursor.execute(statement)
    database.close()


def sums(address: Address) -> Totals:
    """The sums over all attempts, after every stored total was compared with the sums over its attempts."""
    assert_totals_are_the_sums(address)
    return Totals(*rows(address, f"SELECT {_SUMS} FROM attempts")[0])


def owners(address: Address, *sought: str) -> dict[str, int]:
    """The surviving key that each identifier leads to; of all identifiers, or of these."""
    query = (
        "SELECT i.identifier, coalesce(p.alias_of, p.person_key) FROM identifiers i JOIN people p USING (person_key)"
    )
    return {row[0]: row[1] for row in rows(address, query) if not sought or row[0] in sought}


def partition(address: Address) -> set[frozenset[str]]:
    """Which identifiers belong to one person."""
    together: dict[int, set[str]] = defaultdict(set)
    for identifier, key in owners(address).items():
        together[key].add(identifier)
    return {frozenset(group) for group in together.values()}


def assert_totals_are_the_sums(address: Address) -> None:
    """Every stored total equals the sums over its attempts; a released call (never answered) is no call."""
    expected: dict[str, Totals] = {"all": Totals(*rows(address, f"SELECT {_SUMS} FROM attempts")[0])}
    for column, prefix in (("usage_date", "day:"), ("cap_scope", "run:")):
        for row in rows(address, f"SELECT {column}, {_SUMS} FROM attempts GROUP BY {column}"):
            expected[prefix + row[0]] = Totals(*tuple(row)[1:])
    stored = {
        row[0]: Totals(*tuple(row)[1:])
        for row in rows(address, "SELECT scope, calls, reserved_credits, charged_credits, at_risk_credits FROM totals")
    }
    assert {scope: total for scope, total in stored.items() if total != Totals()} == {
        scope: total for scope, total in expected.items() if total != Totals()
    }


def assert_ledger_agrees(address: Address, call_log: CallLog) -> Totals:
    """charged <= what the sandbox charged <= charged + at risk, and nothing is reserved any more."""
    total = sums(address)
    assert total.charged <= call_log.charged <= total.charged + total.at_risk
    return total
