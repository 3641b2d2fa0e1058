"""The sections of the page, each from one or two aggregate queries on the published file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from clodura_pipeline.report import charts
from clodura_pipeline.report.forecast import Forecast
from clodura_pipeline.report.formats import amount, count, number_of, percent
from clodura_pipeline.report.formats import rows_of as query
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.answers import ANSWER_COLUMNS
from clodura_pipeline.warehouse.published.contacts import COMBINATION_LABELS
from clodura_pipeline.warehouse.published.views import WILSON_HIGH, WILSON_LOW

MOST_LISTS = 20
"""Lists on a chart: those with the most answers or credits; list_report has them all."""
MOST_DAYS = 60
"""Days on a chart: the latest with calls, and those before."""

# The names of columns are the headings of the tables, and those of the values that charts show under the pointer.
_FUNNEL = """
SELECT (SELECT count(*) FROM contact_rows) + (SELECT count(*) FROM rejected_contacts) AS "Rows in files",
       (SELECT count(*) FROM contact_rows) AS "Usable rows", count(*) AS "People",
       count(first_called_at) AS "Called for",
       count(*) FILTER (match_status IN ('person', 'organisation', 'no_match')) AS "Answered",
       count(*) FILTER (match_status = 'person') AS "Matched" FROM people
"""
# Counts become a rate with its interval, as in the view match_rates.
_RATES = f"""
SELECT name AS "{{}}", answered AS "Answered", matched AS "Matched", round(r, 4) AS "Match rate",
       round({WILSON_LOW}, 4) AS "From", round({WILSON_HIGH}, 4) AS "To"
FROM (SELECT *, matched / answered AS r, answered AS n FROM ({{}}))
"""
_BY_LIST = f"""
SELECT source_file AS name, matched + organisations + no_matches AS answered, matched FROM list_report
WHERE matched + organisations + no_matches > 0 ORDER BY answered DESC, name LIMIT {MOST_LISTS}
"""
_BY_IDENTIFIERS = """
SELECT identifiers_used AS name, sum(persons + organisations + no_matches)::BIGINT AS answered,
       sum(persons)::BIGINT AS matched
FROM credit_usage GROUP BY 1 HAVING sum(persons + organisations + no_matches) > 0 ORDER BY 2 DESC, 1
"""
_BY_DAY = f"""
SELECT usage_date::VARCHAR AS "Day (UTC)", sum(requests)::BIGINT AS "Calls", sum(persons)::BIGINT AS "Matched",
       sum(credits_charged) AS "Credits", sum(credits_at_risk) AS "At risk", NULL AS "Balance left"
FROM credit_usage WHERE usage_date > (SELECT max(usage_date) - {MOST_DAYS} FROM credit_usage) GROUP BY 1 ORDER BY 1
"""
_FIELDS = [name for name in ANSWER_COLUMNS if not name.endswith(("_min", "_max"))]
_FILLED = f"SELECT count(*) AS people, {', '.join(f'count({name}) AS {name}' for name in _FIELDS)} FROM people " \
          "WHERE match_status = 'person'"  # fmt: skip
_AGREEMENT = """
SELECT name AS "Agreement", count(people.agreement) AS "People",
       round(count(people.agreement) / nullif(sum(count(people.agreement)) OVER (), 0), 4) AS "Share"
FROM (VALUES ('agrees'), ('differs'), ('unknown')) known (name) LEFT JOIN people ON agreement = name
GROUP BY name ORDER BY name
"""
_PENDING = """
SELECT pending_code AS "Reason", any_value(pending_reason) AS "Meaning", count(*) AS "Contacts",
       count(DISTINCT person_key) AS "People"
FROM enriched_contacts WHERE match_status = 'pending' GROUP BY 1 ORDER BY 3 DESC, 1
"""
_COSTS = f"""
SELECT source_file AS "List", credits_charged AS "Credits", round(credits_per_match, 4) AS "Credits per match"
FROM list_report WHERE credits_charged > 0 ORDER BY 2 DESC, 1 LIMIT {MOST_LISTS}
"""
_KINDS = ("charged", "at risk", "forecast", "beyond the balance")
_DAYS_AHEAD = 30
_LABELS = {combination.label: words for combination, words in COMBINATION_LABELS.items()}
_AMOUNTS = ("Credits", "At risk", "Balance left", "Credits per match")


@dataclass(frozen=True)
class Section:
    """A heading, what its figures say, the rows of its table by heading, and a chart (Vega-Lite) of the same figures.

    Without rows, the summary says why there is nothing to show.
    """

    anchor: str
    title: str
    summary: str
    rows: Sequence[Mapping[str, Any]] = ()
    chart: Mapping[str, Any] = field(default_factory=dict)

    def is_numeric(self, heading: str) -> bool:
        """Whether a column of the table holds numbers."""
        return not any(isinstance(row[heading], str) for row in self.rows)

    def text(self, heading: str, value: str | float | None) -> str:
        """A value as the table shows it; a dash for none."""
        if value is None or isinstance(value, str):
            return value or "–"
        return (percent if heading in charts.SHARES else amount if heading in _AMOUNTS else count)(value)


def make_sections(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> list[Section]:
    """All sections in their order. Queries aggregate; no contact leaves the file."""
    return [
        _funnel(connection),
        _match_rates(connection, "identifiers", "Identifiers", _BY_IDENTIFIERS, settings),
        _match_rates(connection, "lists", "List", _BY_LIST, settings),
        _credits_by_day(connection, settings, forecast),
        _pending(connection, forecast),
        _agreement(connection),
        _costs(connection),
        _fill_rates(connection),
    ]


def _funnel(connection: duckdb.DuckDBPyConnection) -> Section:
    (figures,) = query(connection, _FUNNEL)
    rows = [{"Step": step, "Count": number} for step, number in figures.items()]
    in_files, usable, people, *_, matched = map(count, figures.values())
    summary = f"Of {in_files} rows in files, {usable} are usable. They are about {people} people; {matched} of them " \
              "are matched."  # fmt: skip
    chart = charts.bars(rows, "Step", "Count", "rows, then people")
    return Section("funnel", "From rows to matches", summary, rows, chart)


def _match_rates(
    connection: duckdb.DuckDBPyConnection, anchor: str, heading: str, counts: str, settings: Settings
) -> Section:
    title = f"Match rate by {heading.lower()}"
    rows = query(connection, _RATES.format(heading, counts))
    if not rows:
        return Section(anchor, title, "No answers yet.")
    rows = [{**row, heading: _LABELS.get(row[heading], row[heading])} for row in rows]
    worst, *_, best = sorted(rows, key=lambda row: row["Match rate"]) * 2
    between = f" Rates go from {percent(worst['Match rate'])} ({worst[heading]}) to {percent(best['Match rate'])} (" \
              f"{best[heading]})." if len(rows) > 1 else ""  # fmt: skip
    summary = (
        "A dot is the share of answered people who were found as a person; the bar is its 95 % interval, the line is "
        f"CLODURA_MIN_MATCH_RATE.{between}{_limited(rows)}"
    )
    chart = charts.intervals(rows, heading, "Match rate", "From", "To", settings.min_match_rate)
    return Section(anchor, title, summary, rows, chart)


def _credits_by_day(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> Section:
    title = "Credits by day"
    spent = query(connection, _BY_DAY)
    ahead = list(forecast.each_day(_DAYS_AHEAD))
    if not spent and not ahead:
        return Section("credits", title, "There are no calls yet, and no one is pending.")
    charged = [
        (row["Day (UTC)"], row[kind], _KINDS[at]) for row in spent for at, kind in ((0, "Credits"), (1, "At risk"))
    ]
    expected = [
        (day.day.isoformat(), round(credits, 1), kind)
        for day in ahead
        for credits, kind in ((day.covered, _KINDS[2]), (day.credits - day.covered, _KINDS[3]))
    ]
    bars = [{"day": day, "credits": credits, "kind": kind} for day, credits, kind in (*charged, *expected) if credits]
    rows = spent + [
        {"Day (UTC)": f"{day.day.isoformat()} (forecast)", "Calls": day.calls, "Matched": None, "Credits": day.credits,
         "At risk": None, "Balance left": day.balance} for day in ahead
    ]  # fmt: skip
    cap = settings.max_credits_per_day
    summary = (
        f"{amount(sum(row['Credits'] for row in spent))} credits were charged on {number_of(len(spent), 'day')}. "
        + (f"The line is the cap of {count(cap)} credits a day. " if cap else "There is no cap for a day. ")
        + _ahead(forecast)
    )
    chart = charts.days(bars, "day", "credits", "kind", _KINDS, cap or None) if bars else {}
    return Section("credits", title, summary, rows, chart)


def _ahead(forecast: Forecast) -> str:
    """The forecast in words."""
    if not forecast.people:
        return "No one is pending."
    balance = "The balance is unknown." if forecast.balance is None else f"{amount(forecast.balance)} can be spent."
    return (
        f"{number_of(forecast.people, 'pending person', 'pending people')} are expected to take "
        f"{number_of(forecast.days, 'day')} and {amount(round(forecast.credits))} credits, at "
        f"{forecast.credits_per_call:.2f} a call. {balance}"
    )


def _pending(connection: duckdb.DuckDBPyConnection, forecast: Forecast) -> Section:
    rows = query(connection, _PENDING)
    if not rows:
        return Section("pending", "Pending", "Every contact has an answer, or is not to be called for.")
    rows = [{**row, "Days to go": forecast.days_for(row["People"])} for row in rows]
    summary = "Contacts without an answer, by reason. Days to go: what so many people take at the daily limit."
    return Section("pending", "Pending", summary, rows, charts.bars(rows, "Reason", "Contacts", "contacts"))


def _agreement(connection: duckdb.DuckDBPyConnection) -> Section:
    title, rows = "Agreement with the question", query(connection, _AGREEMENT)
    if not any(row["People"] for row in rows):
        return Section("agreement", title, "No person was found yet.")
    summary = "Whether a match is about the person who was called for, by profile, name, company and domain."
    return Section("agreement", title, summary, rows, charts.bars(rows, "Agreement", "People", "matched people"))


def _costs(connection: duckdb.DuckDBPyConnection) -> Section:
    title, rows = "Cost per match by list", query(connection, _COSTS)
    if not rows:
        return Section("costs", title, "No credits were charged yet.")
    summary = f"Credits charged for calls of a list, divided by the people it found.{_limited(rows)}"
    matched = [row for row in rows if row["Credits per match"] is not None]
    chart = charts.bars(matched, "List", "Credits per match", "credits per match", ".2f")
    return Section("costs", title, summary, rows, chart)


def _fill_rates(connection: duckdb.DuckDBPyConnection) -> Section:
    title = "Fill rate of each field"
    (filled,) = query(connection, _FILLED)
    people = filled.pop("people")
    if not people:
        return Section("fields", title, "No person was found yet.")
    rows = [{"Field": name, "Fill rate": round(value / people, 4), "People": value} for name, value in filled.items()]
    rows.sort(key=lambda row: -row["Fill rate"])
    summary = f"Share of the {count(people)} matched people whose answer has the field."
    return Section(
        "fields", title, summary, rows, charts.bars(rows, "Field", "Fill rate", "share of matched people", ".0%")
    )


def _limited(rows: Sequence[object]) -> str:
    return f" Shown are the {MOST_LISTS} largest lists; list_report has all." if len(rows) == MOST_LISTS else ""
