"""Moves credits between reserved, charged and at risk, keeping the attempt and the sums in step."""

from dataclasses import dataclass

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.ledger.database import Cursor, Row
from clodura_pipeline.ledger.rules.policy import Budget
from clodura_pipeline.ledger.rules.requests import Run
from clodura_pipeline.ledger.rules.stops import Stop, StopKind, stop
from clodura_pipeline.ledger.server_time import ClockReading

RESERVED_RECHECK_SECONDS = 0.05


@dataclass(frozen=True)
class Wait:
    """Not now; look again in so many seconds. `why` is for people."""

    seconds: float
    why: str


@dataclass(frozen=True)
class Totals:
    """Sums over attempts, in calls and credits."""

    calls: int = 0
    reserved: float = 0
    charged: float = 0
    at_risk: float = 0

    @property
    def committed(self) -> float:
        """What is or may have been spent."""
        return self.reserved + self.charged + self.at_risk


def totals(cursor: Cursor, scope: str = "all") -> Totals:
    """The sums of a scope: 'all', 'day:<date>' or 'run:<cap scope>'."""
    row = cursor.execute(
        "SELECT calls, reserved_credits, charged_credits, at_risk_credits FROM totals WHERE scope = ?", (scope,)
    ).fetchone()
    return Totals(*row) if row else Totals()


def add(cursor: Cursor, scopes: tuple[str, ...], change: Totals) -> None:
    """Add a change (parts may be negative) to each scope's sums."""
    amounts = (change.calls, change.reserved, change.charged, change.at_risk)
    cursor.execute(
        f"INSERT INTO totals VALUES {', '.join(['(?, ?, ?, ?, ?)'] * len(scopes))} ON CONFLICT (scope) DO UPDATE SET "
        "calls = totals.calls + excluded.calls, "
        "reserved_credits = totals.reserved_credits + excluded.reserved_credits, "
        "charged_credits = totals.charged_credits + excluded.charged_credits, "
        "at_risk_credits = totals.at_risk_credits + excluded.at_risk_credits",
        [value for scope in scopes for value in (scope, *amounts)],
    )


def scopes_of(usage_date: str, cap_scope: str) -> tuple[str, ...]:
    """The scopes an attempt counts in."""
    return ("all", f"day:{usage_date}", f"run:{cap_scope}")


def set_credits(cursor: Cursor, attempt: Row, charged: float, at_risk: float) -> None:
    """Set an attempt's charged and at-risk credits, ending its reservation; the sums follow."""
    change = Totals(
        reserved=-attempt["reserved_credits"],
        charged=charged - attempt["charged_credits"],
        at_risk=at_risk - attempt["at_risk_credits"],
    )
    add(cursor, scopes_of(attempt["usage_date"], attempt["cap_scope"]), change)
    cursor.execute(
        "UPDATE attempts SET reserved_credits = 0, charged_credits = ?, at_risk_credits = ? WHERE id = ?",
        (charged, at_risk, attempt["id"]),
    )


def budget_allows(cursor: Cursor, run: Run, budget: Budget, now: ClockReading) -> Stop | Wait | None:
    """Whether the worst cost of one more call fits under every cap; None when it does.

    What is at risk counts as spent: it may have been charged. The outcome of calls in flight may free credits, so a
    budget is used up only with nothing reserved.
    """
    caps = (
        (run.max_credits, f"run:{run.cap_scope}", StopKind.RUN_BUDGET),
        (budget.per_day_credits, f"day:{now.day}", StopKind.DAY_BUDGET),
    )
    for cap, scope, kind in caps:
        if cap <= 0:
            continue
        spent = totals(cursor, scope)
        if spent.committed + WORST_COST_CREDITS > cap:
            detail = f"{spent.charged:g} of {cap} credits charged" + f", {spent.at_risk:g} at risk" * bool(
                spent.at_risk
            )
            return _wait_or_stop(spent.reserved, stop(kind, detail))
    if budget.min_balance_credits > 0:
        return _balance_allows(cursor, budget.min_balance_credits)
    return None


# Of calls after a reading, and of those that Clodura may still have worked on when it stated the balance.
_AT_RISK_SINCE = """
SELECT coalesce(sum(at_risk_credits), 0) FROM attempts WHERE at_risk_credits > 0
AND (id > ? OR (state = 'ambiguous' AND sent_at + lease_until - stamp > ?))
"""


def _balance_allows(cursor: Cursor, least: int) -> Stop | Wait | None:
    reading = cursor.execute(
        "SELECT credits, charged_credits, watermark, read_at FROM readings WHERE credits IS NOT NULL "
        "ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if reading is None:
        return stop(StopKind.MIN_BALANCE, "the balance is not known")
    spent = totals(cursor, "all")
    in_doubt = cursor.execute(_AT_RISK_SINCE, (reading["watermark"], reading["read_at"]))
    since = spent.charged - reading["charged_credits"] + in_doubt.fetchone()[0]
    left = reading["credits"] - since - spent.reserved
    if left - WORST_COST_CREDITS >= least:
        return None
    return _wait_or_stop(spent.reserved, stop(StopKind.MIN_BALANCE, f"{left:g} credits left, {least} to keep"))


def _wait_or_stop(reserved: float, reached: Stop) -> Stop | Wait:
    return Wait(RESERVED_RECHECK_SECONDS, "credits reserved by calls in flight") if reserved else reached


def runs_over_cap(cursor: Cursor) -> list[tuple[str, float, int]]:
    """Runs and backfills that spent more than the largest cap they were given: (cap scope, credits, cap)."""
    rows = cursor.execute(
        "SELECT * FROM (SELECT r.cap_scope, max(t.charged_credits + t.at_risk_credits) AS spent, "
        "max(r.max_credits) AS cap FROM runs r JOIN totals t ON t.scope = 'run:' || r.cap_scope "
        "GROUP BY r.cap_scope HAVING min(r.max_credits) > 0) AS capped WHERE spent > cap"
    )
    return [(row[0], row[1], row[2]) for row in rows]


def days_over(cursor: Cursor, cap: int) -> list[tuple[str, float]]:
    """UTC days that spent more than a cap: (day, credits)."""
    rows = cursor.execute(
        "SELECT substr(scope, 5), charged_credits + at_risk_credits FROM totals "
        "WHERE scope LIKE 'day:%' AND charged_credits + at_risk_credits > ?",
        (cap,),
    )
    return [(row[0], row[1]) for row in rows]
