"""What the pending people will cost, day by day, at the limits that hold now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.report.formats import rows_of
from clodura_pipeline.settings import Settings

_STATE = """
SELECT published_at::DATE AS today, calls_per_day,
       (SELECT count(*) FROM people WHERE match_status = 'pending') AS people,
       (SELECT sum(credits_charged) / nullif(sum(persons + organisations + no_matches), 0) FROM credit_usage) AS mean,
       (SELECT coalesce(sum(persons + organisations + no_matches), 0) FROM credit_usage) AS answers
FROM publication
"""


@dataclass(frozen=True)
class ForecastDay:
    """A day to come: calls and credits expected, how many of these the balance covers, and what is left of it."""

    day: date
    calls: int
    credits: float
    covered: float
    balance: float | None


@dataclass(frozen=True)
class Forecast:
    """What is left to call for.

    `credits_per_call`: the mean of all answers so far; the worst cost below CLODURA_MIN_SAMPLE answers.
    """

    today: date
    people: int
    credits_per_call: float
    balance: float | None
    calls_per_day: int | None

    @property
    def credits(self) -> float:
        """Credits expected for all pending people."""
        return self.people * self.credits_per_call

    @property
    def days(self) -> int:
        """Days that the pending people take."""
        return self.days_for(self.people)

    def days_for(self, people: int) -> int:
        """Days that so many people take."""
        return -(-people // self.calls_per_day) if self.calls_per_day else min(people, 1)

    @property
    def exceeds_balance(self) -> bool:
        """Whether the balance is known and does not cover them."""
        return self.balance is not None and self.credits > self.balance

    def each_day(self, at_most: int) -> Iterator[ForecastDay]:
        """The coming days, from tomorrow (UTC)."""
        people, balance = self.people, self.balance
        for number in range(min(self.days, at_most)):
            calls = min(people, self.calls_per_day or people)
            spent = calls * self.credits_per_call
            people -= calls
            covered = spent if balance is None else min(spent, balance)
            balance = None if balance is None else balance - covered
            yield ForecastDay(self.today + timedelta(days=number + 1), calls, spent, covered, balance)


def make_forecast(connection: duckdb.DuckDBPyConnection, settings: Settings, balance: float | None) -> Forecast:
    """The forecast for the people pending in a published file.

    The daily cap in credits counts as a limit of calls too, and CLODURA_MIN_BALANCE is never spent.
    """
    (state,) = rows_of(connection, _STATE)
    per_call = float(state["mean"] or 0.0)
    if state["answers"] < settings.min_sample or not per_call:
        per_call = float(WORST_COST_CREDITS)
    limits = [state["calls_per_day"]]
    if settings.max_credits_per_day:
        limits.append(max(1, int(settings.max_credits_per_day / per_call)))
    spendable = None if balance is None else max(balance - settings.min_balance, 0.0)
    known = [limit for limit in limits if limit]
    return Forecast(state["today"], state["people"], per_call, spendable, min(known) if known else None)
