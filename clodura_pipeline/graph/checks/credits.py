"""Checks of money: caps are kept, and the ledger agrees with Clodura's own balance."""

from clodura_pipeline.graph.checks import Finding, check
from clodura_pipeline.graph.step import CheckStep

_COMPARED = {
    "agrees": "Clodura's balance fell by exactly what the ledger charged.",
    "topped_up": "Clodura's balance rose since the reading before (a top-up), so nothing can be compared.",
}
_DISAGREES = {
    "unexplained": "Clodura's balance fell by more than the ledger charged: others use the key, or calls in doubt were "
    "charged. Compare with Clodura's own usage page.",
    "less_than_charged": "Clodura's balance fell by less than the ledger charged: prices may differ from 2 / 1 / 0 for "
    "this plan, or credits were added. Compare with Clodura's own usage page.",
}


@check("credit_usage", "No cap on credits was passed.")
def credits_within_budget(step: CheckStep) -> Finding:
    day_cap = step.settings.max_credits_per_day
    with step.ledger() as ledger:
        spent, today = ledger.totals(), ledger.read_clock().day
        over = [f"run {scope}: {credits:g} of {cap}" for scope, credits, cap in ledger.runs_over_cap()]
        spent_today = ledger.totals(f"day:{today}").committed  # other days may have had other caps
    if 0 < day_cap < spent_today:
        over.append(f"{today}: {spent_today:g} of {day_cap}")
    problem = f"Over the cap: {'; '.join(over)}. Look at these calls in credit_usage." if over else ""
    return Finding(problem, {"credits_charged": spent.charged, "credits_at_risk": spent.at_risk})


@check("credit_usage", "The ledger agrees with Clodura's own balance.")
def ledger_agrees_with_balance(step: CheckStep) -> Finding:
    with step.ledger() as ledger:
        reading = ledger.last_reading()
    if reading is None or reading.interval is None:
        shape, balance = (reading.shape, reading.credits) if reading else ("not read yet", None)
        note = f"No two balances to compare ({shape}); not every plan states one."
        return Finding("", {"balance": balance}, note)
    figures = {
        "balance": reading.credits,
        "drop_credits": reading.drop_credits,
        "settled_credits": reading.settled_credits,
        "unexplained_credits": reading.unexplained_credits,
    }
    rounded = {name: round(value, 2) for name, value in figures.items() if value is not None}
    return Finding(_DISAGREES.get(reading.interval, ""), rounded, _COMPARED.get(reading.interval, ""))
