"""Moves credits between reserved, charged and at risk, keeping the attempt and the sums in step."""

from collections.abc import Mapping
from dataclasses import dataclass

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.ledger.engines.database import Row, Transaction
from clodura_pipeline.ledger.rules.policy import Budget, Run
from clodura_pipeline.ledger.rules.stops import Stop, StopKind, stop

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


@dataclass(frozen=True)
class Sums:
    """The sums of all scopes that a call would count in, and whether its UTC day is closed (409)."""

    all: Totals
    day: Totals
    run: Totals
    day_is_closed: bool


def totals(tx: Transaction, scope: str = "all") -> Totals:
    """The sums of a scope: 'all', 'day:<date>' or 'run:<cap scope>'."""
    row = tx.execute(f"{_TOTALS} = ?", (scope,)).fetchone()
    return Totals(*tuple(row)[1:]) if row else Totals()


def sums_of(tx: Transaction, usage_date: str, cap_scope: str) -> Sums:
    """The sums that decide on a call on that day, for that run or backfill."""
    scopes = scopes_of(usage_date, cap_scope)
    rows = tx.execute(
        f"{_TOTALS} IN (?, ?, ?) UNION ALL SELECT 'closed', 1, 0, 0, 0 FROM closed_days WHERE usage_date = ?",
        (*scopes, usage_date),
    )
    found = {row[0]: Totals(*tuple(row)[1:]) for row in rows}
    everything, day, run = (found.get(scope, Totals()) for scope in scopes)
    return Sums(everything, day, run, "closed" in found)


_TOTALS = "SELECT scope, calls, reserved_credits, charged_credits, at_risk_credits FROM totals WHERE scope"


def add(tx: Transaction, scopes: tuple[str, ...], change: Totals) -> None:
    """Add a change (parts may be negative) to each scope's sums."""
    amounts = (change.calls, change.reserved, change.charged, change.at_risk)
    tx.execute(
        f"INSERT INTO totals VALUES {', '.join(['(?, ?, ?, ?, ?)'] * len(scopes))} ON CONFLICT (scope) DO UPDATE SET "
        "calls = totals.calls + excluded.calls, "
        "reserved_credits = totals.reserved_credits + excluded.reserved_credits, "
        "charged_credits = totals.charged_credits + excluded.charged_credits, "
        "at_risk_credits = totals.at_risk_credits + excluded.at_risk_credits",
        [value for scope in scopes for value in (scope, *amounts)],
    )


def scopes_of(usage_date: str, cap_scope: str) -> tuple[str, str, str]:
    """The scopes an attempt counts in."""
    return ("all", f"day:{usage_date}", f"run:{cap_scope}")


def set_credits(
    tx: Transaction,
    attempt: Row,
    charged: float,
    at_risk: float,
    values: Mapping[str, int | float | str | bytes | None],
) -> None:
    """Set an attempt's charged and at-risk credits, ending its reservation; the sums follow.

    Args:
        values: of other columns, written with it.
    """
    change = Totals(
        reserved=-attempt["reserved_credits"],
        charged=charged - attempt["charged_credits"],
        at_risk=at_risk - attempt["at_risk_credits"],
    )
    if change != Totals():
        add(tx, scopes_of(attempt["usage_date"], attempt["cap_scope"]), change)
    changed = {"reserved_credits": 0, "charged_credits": charged, "at_risk_credits": at_risk, **values}
    columns = ", ".join(f"{column} = ?" for column in changed)
    tx.execute(f"UPDATE attempts SET {columns} WHERE id = ?", (*changed.values(), attempt["id"]))


def budget_allows(tx: Transaction, run: Run, budget: Budget, sums: Sums) -> Stop | Wait | None:
    """Whether the worst cost of one more call fits under every cap; None when it does.

    What is at risk counts as spent: it may have been charged. The outcome of calls in flight may free credits, so a
    budget is used up only with nothing reserved.
    """
    caps = (
        (run.max_credits, sums.run, StopKind.RUN_BUDGET),
        (budget.per_day_credits, sums.day, StopKind.DAY_BUDGET),
    )
    for cap, spent, kind in caps:
        if cap <= 0:
            continue
        if spent.committed + WORST_COST_CREDITS > cap:
            detail = f"{spent.charged:g} of {cap} credits charged" + f", {spent.at_risk:g} at risk" * bool(
                spent.at_risk
            )
            return _wait_or_stop(spent.reserved, stop(kind, detail))
    if budget.min_balance_credits > 0:
        return _balance_allows(tx, budget.min_balance_credits, sums.all)
    return None


# Of calls after a reading, and of those that Clodura may still have worked on when it stated the balance.
_AT_RISK_SINCE = """
SELECT coalesce(sum(at_risk_credits), 0) FROM attempts WHERE at_risk_credits > 0
AND (id > ? OR (state = 'ambiguous' AND sent_at + lease_until - stamp > ?))
"""


def _balance_allows(tx: Transaction, least: int, spent: Totals) -> Stop | Wait | None:
    reading = tx.execute(
        "SELECT credits, charged_credits, watermark, read_at FROM readings WHERE credits IS NOT NULL "
        "ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if reading is None:
        return stop(StopKind.MIN_BALANCE, "the balance is not known")
    in_doubt = tx.execute(_AT_RISK_SINCE, (reading["watermark"], reading["read_at"]))
    since = spent.charged - reading["charged_credits"] + in_doubt.fetchone()[0]
    left = reading["credits"] - since - spent.reserved
    if left - WORST_COST_CREDITS >= least:
        return None
    return _wait_or_stop(spent.reserved, stop(StopKind.MIN_BALANCE, f"{left:g} credits left, {least} to keep"))


def _wait_or_stop(reserved: float, reached: Stop) -> Stop | Wait:
    return Wait(RESERVED_RECHECK_SECONDS, "credits reserved by calls in flight") if reserved else reached


def runs_over_cap(tx: Transaction) -> list[tuple[str, float, int]]:
    """Runs and backfills that spent more than the largest cap they were given: (cap scope, credits, cap)."""
    rows = tx.execute(
        "SELECT * FROM (SELECT r.cap_scope, max(t.charged_credits + t.at_risk_credits) AS spent, "
        "max(r.max_credits) AS cap FROM runs r JOIN totals t ON t.scope = 'run:' || r.cap_scope "
        "GROUP BY r.cap_scope HAVING min(r.max_credits) > 0) AS capped WHERE spent > cap"
    )
    return [(row[0], row[1], row[2]) for row in rows]
