"""Reads a ledger's file with SQLite alone, and checks its totals against its attempts."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from clodura_pipeline.ledger import Totals
from clodura_pipeline.sandbox import CallLog

_SUMS = (
    "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL), "
    "coalesce(sum(reserved_credits), 0), coalesce(sum(charged_credits), 0), coalesce(sum(at_risk_credits), 0)"
)


def rows(path: Path, query: str, *values: object) -> list[sqlite3.Row]:
    """What a query finds in the ledger's file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query, values).fetchall()


def sums(path: Path) -> Totals:
    """The sums over all attempts, after every stored total was compared with the sums over its attempts."""
    assert_totals_are_the_sums(path)
    return Totals(*rows(path, f"SELECT {_SUMS} FROM attempts")[0])


def partition(path: Path) -> set[frozenset[str]]:
    """Which identifiers belong to one person."""
    together: dict[int, set[str]] = defaultdict(set)
    query = (
        "SELECT i.identifier, coalesce(p.alias_of, p.person_key) FROM identifiers i JOIN people p USING (person_key)"
    )
    for identifier, key in rows(path, query):
        together[key].add(identifier)
    return {frozenset(group) for group in together.values()}


def assert_totals_are_the_sums(path: Path) -> None:
    """Every stored total equals the sums over its attempts; a released call (never answered) is no call."""
    expected: dict[str, Totals] = {"all": Totals(*rows(path, f"SELECT {_SUMS} FROM attempts")[0])}
    for column, prefix in (("usage_date", "day:"), ("cap_scope", "run:")):
        for row in rows(path, f"SELECT {column}, {_SUMS} FROM attempts GROUP BY {column}"):
            expected[prefix + row[0]] = Totals(*tuple(row)[1:])
    stored = {
        row[0]: Totals(*tuple(row)[1:])
        for row in rows(path, "SELECT scope, calls, reserved_credits, charged_credits, at_risk_credits FROM totals")
    }
    assert {scope: total for scope, total in stored.items() if total != Totals()} == {
        scope: total for scope, total in expected.items() if total != Totals()
    }


def assert_ledger_agrees(path: Path, call_log: CallLog) -> Totals:
    """charged <= what the sandbox charged <= charged + at risk, and nothing is reserved any more."""
    total = sums(path)
    assert total.charged <= call_log.charged <= total.charged + total.at_risk
    return total
