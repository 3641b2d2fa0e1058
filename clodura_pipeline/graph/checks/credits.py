"""Checks of money: caps are kept, and the ledger agrees with Clodura's own balance."""

import dagster as dg

from clodura_pipeline.graph.checks import warning_unless
from clodura_pipeline.graph.instance import GraphInstance, Step

_AGREEMENT = {
    "agrees": (True, "Clodura's balance fell by exactly what the ledger charged."),
    "topped_up": (True, "Clodura's balance rose since the reading before (a top-up), so nothing can be compared."),
    "unexplained": (
        False,
        "Clodura's balance fell by more than the ledger charged: others use the key, or calls in doubt were charged. "
        "Compare with Clodura's own usage page.",
    ),
    "less_than_charged": (
        False,
        "Clodura's balance fell by less than the ledger charged: prices may differ from 2 / 1 / 0 for this plan, or "
        "credits were added. Compare with Clodura's own usage page.",
    ),
}


def build_credit_checks(instance: GraphInstance) -> list[dg.AssetChecksDefinition]:
    """The checks of `credit_usage`."""
    return [
        instance.checks(
            "credit_usage",
            ("credits_within_budget", credits_within_budget, "No cap on credits was passed."),
            ("ledger_agrees_with_balance", ledger_agrees_with_balance, "The ledger agrees with Clodura's own balance."),
        )
    ]


def credits_within_budget(step: Step) -> dg.AssetCheckResult:
    """Holds what runs and today were charged against their caps."""
    day_cap = step.settings.max_credits_per_day
    with step.ledger() as ledger:
        runs, spent, today = ledger.runs_over_cap(), ledger.totals(), ledger.read_clock().day
        spent_today = ledger.totals(f"day:{today}").committed  # other days may have had other caps
    over = [f"run {scope}: {credits:g} of {cap}" for scope, credits, cap in runs]
    if 0 < day_cap < spent_today:
        over.append(f"{today}: {spent_today:g} of {day_cap}")
    message = f"Over the cap: {'; '.join(over)}. Look at these calls in credit_usage." if over else "Every cap holds."
    return warning_unless(not over, message, {"credits_charged": spent.charged, "credits_at_risk": spent.at_risk})


def ledger_agrees_with_balance(step: Step) -> dg.AssetCheckResult:
    """Compares the drop between the last two balances with what the ledger charged meanwhile."""
    with step.ledger() as ledger:
        reading = ledger.last_reading()
    if reading is None or reading.interval is None:
        shape = reading.shape if reading else "not read yet"
        figures = {"balance": reading.credits} if reading and reading.credits is not None else {}
        return warning_unless(True, f"No two balances to compare ({shape}); not every plan states one.", figures)
    passed, message = _AGREEMENT[reading.interval]
    figures = {
        "balance": reading.credits,
        "drop_credits": reading.drop_credits,
        "settled_credits": reading.settled_credits,
        "unexplained_credits": reading.unexplained_credits,
    }
    rounded = {name: round(value, 2) for name, value in figures.items() if value is not None}
    return warning_unless(passed, message, rounded)
