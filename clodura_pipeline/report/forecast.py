"""What the pending people will cost, day by day, at the limits that hold now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.frames import read

_STATE = """
SELECT published_at::DATE AS today, calls_per_day,
       (SELECT count(*) FROM people WHERE match_status = 'pending') AS people, mean, answers
FROM publication, (
    SELECT sum(persons + organisations + no_matches)::BIGINT AS answers,
           sum(credits_charged) / nullif(answers, 0) AS mean
    FROM credit_usage)
"""


@dataclass(frozen=True)
class Forecast:
    """The people to call for, in the days after `today` (UTC).

    `credits_per_call`: the mean of all answers so far; the worst cost below CLODURA_MIN_SAMPLE answers. `balance`: what
    can be spent of it; None: unknown.
    """

    today: date
    people: int
    calls_per_day: int
    credits_per_call: float
    balance: float | None

    @property
    def credits(self) -> float:
        """Credits expected for all pending people."""
        return self.people * self.credits_per_call

    @property
    def days(self) -> int:
        """Days that the pending people take."""
        return -(-self.people // self.calls_per_day)

    def shortfall(self, people: int) -> float:
        """Credits for the first so many people that the balance does not cover; 0 when it is unknown."""
        return 0.0 if self.balance is None else max(people * self.credits_per_call - self.balance, 0.0)

    def each_day(self, at_most: int) -> Iterator[tuple[dict[str, Any], float]]:
        """Each day to come: its row in the table of credits, and the credits that the balance does not cover."""
        for number in range(min(self.days, at_most)):
            before = number * self.calls_per_day
            after = min(before + self.calls_per_day, self.people)
            day = (self.today + timedelta(days=number + 1)).isoformat()
            left = None if self.balance is None else max(self.balance - after * self.credits_per_call, 0.0)
            figures = {"Calls": after - before, "Matched": None, "Credits": (after - before) * self.credits_per_call,
                       "At risk": None, "Balance left": left}  # fmt: skip
            yield {"Day (UTC)": day, **figures}, self.shortfall(after) - self.shortfall(before)


def make_forecast(connection: duckdb.DuckDBPyConnection, settings: Settings, balance: float | None) -> Forecast:
    """The forecast for the people pending in a published file.

    The daily cap in credits counts as a limit of calls too, and CLODURA_MIN_BALANCE is never spent.
    """
    (state,) = read(connection, _STATE).to_dicts()
    per_call = float(WORST_COST_CREDITS)
    if state["mean"] and state["answers"] >= settings.min_sample:  # it is 0 where all answers were misses
        per_call = state["mean"]
    by_cap = max(1, int(settings.max_credits_per_day / per_call)) if settings.max_credits_per_day else None
    calls_per_day = min((limit for limit in (state["calls_per_day"], by_cap) if limit), default=max(state["people"], 1))
    spendable = None if balance is None else max(balance - settings.min_balance, 0.0)
    return Forecast(state["today"], state["people"], calls_per_day, per_call, spendable)
