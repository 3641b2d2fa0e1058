"""Readings of Clodura's balance, and what two of them prove about the calls between them."""

import sqlite3
from dataclasses import dataclass

from clodura_pipeline.clodura.balance import Balance
from clodura_pipeline.ledger import budget as money
from clodura_pipeline.ledger.sequence import next_sequence
from clodura_pipeline.ledger.server_time import Moment


@dataclass(frozen=True)
class ReadingBegun:
    """The ledger's state when a reading began, with no call under way: `watermark` is the newest attempt then.

    The sums are of that moment too. What a rival settles while the balance travels may or may not be in it, and to
    count it as not yet in it never overstates what is left. `at_rest`: no call in doubt is so young that Clodura may
    still be at it, and charge it after the balance was told. `stamp`: the monotonic time that the windows count it at.
    """

    watermark: int
    spent: money.Totals
    began_at: float
    at_rest: bool
    stamp: float = 0.0
    send_id: int = 0


@dataclass(frozen=True)
class Reconciled:
    """What a reading proves against the one before it.

    `interval`: "agrees" (drop = settled: nothing in doubt was charged), "unexplained" (more was charged than settled:
    a doubt, or others who use the key), "less_than_charged", "topped_up" (no statement possible), or None (no
    earlier reading to compare with, or none without calls under way or in young doubt; or the answer to an older call
    was settled between the two, and nobody knows which of them its cost is in).
    """

    credits: float | None
    shape: str
    interval: str | None
    drop_credits: float | None
    settled_credits: int | None
    unexplained_credits: float | None


def newest_attempt(cursor: sqlite3.Connection) -> int:
    """Id of the newest attempt; 0 when there is none."""
    return cursor.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]


def begin(cursor: sqlite3.Connection, moment: Moment) -> ReadingBegun | None:
    """Begin a reading; None while a call of any run is under way, for then its cost would blur the balance."""
    if cursor.execute("SELECT 1 FROM attempts WHERE state = 'sent' LIMIT 1").fetchone():
        return None
    at_rest = doubts_rest_in_seconds(cursor, moment) <= 0
    return ReadingBegun(newest_attempt(cursor), money.totals(cursor, "all"), moment.server, at_rest)


def doubts_rest_in_seconds(cursor: sqlite3.Connection, moment: Moment) -> float:
    """How long Clodura may still be at a call whose answer was lost: until the last lease of those at risk ends."""
    until = cursor.execute(
        "SELECT max(lease_until) FROM attempts WHERE at_risk_credits > 0 AND state = 'ambiguous'"
    ).fetchone()[0]
    return 0.0 if until is None else max(0.0, until - moment.monotonic)


def record(cursor: sqlite3.Connection, run_id: str, begun: ReadingBegun, balance: Balance) -> Reconciled:
    """Write a reading and compare it with the newest earlier one that was quiet too."""
    quiet = begun.at_rest and newest_attempt(cursor) == begun.watermark
    spent = begun.spent
    before = cursor.execute(
        "SELECT * FROM readings WHERE quiet = 1 AND credits IS NOT NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    result = Reconciled(balance.credits, balance.shape, None, None, None, None)
    if quiet and balance.credits is not None and before is not None:
        settled = spent.charged - before["charged_credits"]
        if settled == _settled_between(cursor, before["watermark"], begun.watermark):
            result = _compare(before, balance, settled)
    written = cursor.execute(
        "INSERT INTO readings (run_id, read_at, watermark, quiet, credits, shape, charged_credits, at_risk_credits, "
        "interval, drop_credits, settled_credits, unexplained_credits) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run_id, begun.began_at, begun.watermark, int(quiet), balance.credits, balance.shape, spent.charged,
         spent.at_risk, result.interval, result.drop_credits, result.settled_credits, result.unexplained_credits),
    )  # fmt: skip
    if before is not None and result.interval == "agrees":
        assert written.lastrowid is not None
        _free_doubts(cursor, before["watermark"], begun.watermark, written.lastrowid)
    next_sequence(cursor)
    return result


def last(cursor: sqlite3.Connection) -> Reconciled | None:
    """The newest reading; None when there is none."""
    row = cursor.execute(
        "SELECT credits, shape, interval, drop_credits, settled_credits, unexplained_credits FROM readings "
        "ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return Reconciled(*row) if row else None


def _settled_between(cursor: sqlite3.Connection, after: int, until: int) -> int:
    """What the calls between two readings cost: other than what was settled since, where an older one was late."""
    query = "SELECT coalesce(sum(charged_credits), 0) FROM attempts WHERE id > ? AND id <= ?"
    return cursor.execute(query, (after, until)).fetchone()[0]


def _compare(before: sqlite3.Row, balance: Balance, settled: int) -> Reconciled:
    assert balance.credits is not None
    drop = before["credits"] - balance.credits
    if drop < 0:
        interval, unexplained = "topped_up", None
    elif drop == settled:
        interval, unexplained = "agrees", 0.0
    else:
        interval, unexplained = ("unexplained" if drop > settled else "less_than_charged"), drop - settled
    return Reconciled(balance.credits, balance.shape, interval, drop, settled, unexplained)


def _free_doubts(cursor: sqlite3.Connection, after: int, until: int, reading_id: int) -> None:
    """The balance fell by exactly what was settled: nothing in doubt between the readings was charged."""
    doubts = cursor.execute(
        "SELECT * FROM attempts WHERE id > ? AND id <= ? AND at_risk_credits > 0", (after, until)
    ).fetchall()
    for attempt in doubts:
        money.rebook(cursor, attempt, attempt["charged_credits"], 0)
        cursor.execute(
            "UPDATE attempts SET doubt_settled_by = ?, sequence = ? WHERE id = ?",
            (reading_id, next_sequence(cursor), attempt["id"]),
        )
    freed = sum(attempt["at_risk_credits"] for attempt in doubts)
    cursor.execute("UPDATE readings SET at_risk_credits = at_risk_credits - ? WHERE id = ?", (freed, reading_id))
