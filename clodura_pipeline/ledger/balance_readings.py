"""Readings of Clodura's balance, and what two of them prove about the calls between them."""

from dataclasses import asdict, dataclass, fields, replace

from clodura_pipeline.clodura.verdicts import Balance, RawAnswer
from clodura_pipeline.ledger import budget, limits
from clodura_pipeline.ledger.attempts import expire_leases, newest_attempt
from clodura_pipeline.ledger.budget import Wait
from clodura_pipeline.ledger.engines.database import Transaction
from clodura_pipeline.ledger.rules.policy import Policy, Run
from clodura_pipeline.ledger.rules.stops import Stop

SMALLEST_CHARGE_CREDITS = 0.5
"""A smaller drop than this cannot be an enrichment call: other endpoints charge 0.04 and 0.1 credits (documented), so
others who use the key make a balance fractional without putting a call in doubt."""


@dataclass(frozen=True)
class StartedReading:
    """The ledger's state when a reading began, with no call in flight: `watermark` is the newest attempt then.

    The sums are of that time too. What a concurrent run settles while the balance travels may or may not be in it, and
    to count it as not yet in it never overstates what is left. `at_rest`: no call in doubt is so young that Clodura may
    still work on it, and charge it after it stated the balance. `send_at`: when the request may leave, see
    `attempts.Permit`; `send_stamp`: its stamp in the windows.
    """

    watermark: int
    spent: budget.Totals
    began_at: float
    at_rest: bool
    send_at: float = 0.0
    send_stamp: float = 0.0


@dataclass(frozen=True)
class BalanceReading:
    """What a reading proves against the one before it.

    `interval`: "agrees" (the balance dropped by what was settled: nothing in doubt was charged), "unexplained" (more
    was charged than settled: a doubt, or others who use the key), "less_than_charged", "topped_up" (no statement
    possible), or None (no earlier reading to compare with, or none without calls in flight or in young doubt; or the
    answer to an older call was settled between the two, and its cost may be in either).
    """

    credits: float | None
    shape: str
    interval: str | None = None
    drop_credits: float | None = None
    settled_credits: float | None = None
    unexplained_credits: float | None = None


def start(
    tx: Transaction,
    policy: Policy,
    ahead_seconds: float = 0.0,
    instead_of: StartedReading | None = None,
) -> StartedReading | Wait | Stop | None:
    """Start a reading, which takes its place in the windows; None while a call is in flight, which would blur it.

    Args:
        ahead_seconds: how far from now its request is to leave.
        instead_of: one that could not leave in its place, which is given up.
    """
    expire_leases(tx)
    if tx.execute("SELECT 1 FROM attempts WHERE state = 'sent' LIMIT 1").fetchone() is not None:
        return None
    if instead_of is not None:
        limits.free_reading(tx, instead_of.send_stamp)
    then = tx.leaving(ahead_seconds)
    obstacle = limits.windows_allow(tx, policy.limits, then)
    if obstacle is not None:
        return obstacle
    at_rest = seconds_until_doubts_settle(tx) <= 0
    started = StartedReading(newest_attempt(tx), budget.totals(tx, "all"), tx.now.server, at_rest)
    return replace(started, send_at=then.local, send_stamp=limits.count_send(tx, then, None))


def seconds_until_doubts_settle(tx: Transaction) -> float:
    """How long Clodura may still work on a call whose answer was lost: until the last lease of those at risk ends."""
    until = tx.execute(
        "SELECT max(lease_until) FROM attempts WHERE at_risk_credits > 0 AND state = 'ambiguous'"
    ).fetchone()[0]
    return 0.0 if until is None else max(0.0, until - tx.now.stamp)


def record(
    tx: Transaction, run: Run, started: StartedReading, balance: Balance, answer: RawAnswer | None
) -> BalanceReading:
    """Write a reading and compare it with the newest earlier one that was quiet too.

    Args:
        answer: where it was read, for Clodura's time.
    """
    if answer is not None:
        tx.learn_server_time(answer)
    quiet = started.at_rest and newest_attempt(tx) == started.watermark
    spent = started.spent
    before = tx.execute(
        "SELECT * FROM readings WHERE quiet = 1 AND credits IS NOT NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    result = BalanceReading(balance.credits, balance.shape)
    if quiet and balance.credits is not None and before is not None:
        settled = spent.charged - before["charged_credits"]
        # What the calls between the two cost: less than was settled since, where an older answer was late.
        between = "SELECT coalesce(sum(charged_credits), 0) FROM attempts WHERE id > ? AND id <= ?"
        if _is_zero(settled - tx.execute(between, (before["watermark"], started.watermark)).fetchone()[0]):
            result = _compare(before["credits"], result, settled)
    written = {
        "run_id": run.run_id,
        "read_at": started.began_at,
        "watermark": started.watermark,
        "quiet": int(quiet),
        "charged_credits": spent.charged,
        "at_risk_credits": spent.at_risk,
    }
    reading_id = tx.insert("readings", written | asdict(result))
    if before is not None and result.interval == "agrees":
        _free_doubts(tx, before["watermark"], started.watermark, reading_id)
    _ = tx.sequence  # raised: readers see the reading
    return result


def last(tx: Transaction) -> BalanceReading | None:
    """The newest reading; None when there is none."""
    columns = ", ".join(field.name for field in fields(BalanceReading))
    row = tx.execute(f"SELECT {columns} FROM readings ORDER BY id DESC LIMIT 1").fetchone()
    return BalanceReading(*row) if row else None


def _compare(before_credits: float, reading: BalanceReading, settled: float) -> BalanceReading:
    assert reading.credits is not None
    drop = before_credits - reading.credits
    unexplained = 0.0 if _is_zero(drop - settled) else drop - settled
    if drop < 0:
        return replace(reading, interval="topped_up", drop_credits=drop, settled_credits=settled)
    if unexplained < 0:
        interval = "less_than_charged"
    else:
        interval = "agrees" if unexplained < SMALLEST_CHARGE_CREDITS else "unexplained"
    return BalanceReading(reading.credits, reading.shape, interval, drop, settled, unexplained)


def _is_zero(credits: float) -> bool:
    return abs(credits) < 1e-6  # sums of fractions such as 0.04 are not exact in binary


def _free_doubts(tx: Transaction, after: int, until: int, reading_id: int) -> None:
    """The balance dropped by what was settled: nothing in doubt between the readings was charged."""
    doubts = tx.execute(
        "SELECT * FROM attempts WHERE id > ? AND id <= ? AND at_risk_credits > 0", (after, until)
    ).fetchall()
    for attempt in doubts:
        values = {"doubt_settled_by": reading_id, "sequence": tx.sequence}
        budget.set_credits(tx, attempt, attempt["charged_credits"], 0, values)
    freed = sum(attempt["at_risk_credits"] for attempt in doubts)
    tx.execute("UPDATE readings SET at_risk_credits = at_risk_credits - ? WHERE id = ?", (freed, reading_id))
