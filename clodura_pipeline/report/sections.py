"""The sections of the page, each from an aggregate query on the published file; no contact leaves the file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from clodura_pipeline.report import charts
from clodura_pipeline.report.forecast import Forecast
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.published.answer_tables import ANSWER_COLUMNS
from clodura_pipeline.warehouse.published.contacts import COMBINATIONS
from clodura_pipeline.warehouse.published.views import WILSON_HIGH, WILSON_LOW

_MOST_LISTS = 20
_MOST_DAYS = 60
_DAYS_AHEAD = 30
_LARGEST = f"At most {_MOST_LISTS} lists are shown, the largest; list_report has all."
_AMOUNTS = ("Credits", "At risk", "Balance left", "Credits per match")
_KINDS = ("charged", "at risk", "forecast", "beyond the balance")

# The names of columns are the headings of the tables, and those of the values that charts show under the pointer.
_FUNNEL = """
UNPIVOT (
    SELECT (SELECT count(*) FROM contact_rows) + (SELECT count(*) FROM rejected_contacts) AS "Rows in files",
           (SELECT count(*) FROM contact_rows) AS "Usable rows", count(*) AS "People",
           count(first_called_at) AS "Called for",
           count(*) FILTER (match_status IN ('person', 'organisation', 'no_match')) AS "Answered",
           count(*) FILTER (match_status = 'person') AS "Matched" FROM people
) ON COLUMNS(*) INTO NAME "Step" VALUE "Count"
"""
# Counts become a rate with its interval, as in the view match_rates.
_RATES = f"""
SELECT name AS "{{}}", answered AS "Answered", matched AS "Matched", round(r, 4) AS "Match rate",
       round({WILSON_LOW}, 4) AS "From", round({WILSON_HIGH}, 4) AS "To"
FROM (SELECT *, matched / answered AS r, answered AS n FROM ({{}})) WHERE answered > 0
ORDER BY answered DESC, name LIMIT {_MOST_LISTS}
"""
_BY_LIST = "SELECT source_file AS name, matched + organisations + no_matches AS answered, matched FROM list_report"
_BY_IDENTIFIERS = f"""
SELECT label AS name, sum(persons + organisations + no_matches)::BIGINT AS answered, sum(persons)::BIGINT AS matched
FROM credit_usage JOIN {COMBINATIONS} ON combination = identifiers_used GROUP BY 1
"""
_BY_DAY = f"""
SELECT usage_date::VARCHAR AS "Day (UTC)", sum(requests)::BIGINT AS "Calls", sum(persons)::BIGINT AS "Matched",
       sum(credits_charged) AS "Credits", sum(credits_at_risk) AS "At risk", NULL::DOUBLE AS "Balance left"
FROM credit_usage WHERE usage_date > (SELECT max(usage_date) - {_MOST_DAYS} FROM credit_usage) GROUP BY 1 ORDER BY 1
"""
_FIELDS = [name for name in ANSWER_COLUMNS if not name.endswith(("_min", "_max"))]
_FILLED = f"""
SELECT name AS "Field", round(filled / people, 4) AS "Fill rate", filled AS "People" FROM (
    UNPIVOT (SELECT count(*) AS people, {", ".join(f"count({name}) AS {name}" for name in _FIELDS)} FROM people
             WHERE match_status = 'person')
    ON {", ".join(_FIELDS)} INTO NAME name VALUE filled
) WHERE people > 0 ORDER BY 2 DESC, 1
"""
_AGREEMENT = """
SELECT name AS "Agreement", count(people.agreement) AS "People",
       round(count(people.agreement) / sum(count(people.agreement)) OVER (), 4) AS "Share"
FROM (VALUES ('agrees'), ('differs'), ('unknown')) known (name) LEFT JOIN people ON agreement = name
GROUP BY name QUALIFY sum(count(people.agreement)) OVER () > 0 ORDER BY name
"""
_PENDING = """
SELECT pending_code AS "Reason", any_value(pending_reason) AS "Meaning", count(*) AS "Contacts",
       count(DISTINCT person_key) AS "People", ceil("People" / {calls_per_day})::BIGINT AS "Days to go"
FROM enriched_contacts WHERE match_status = 'pending' GROUP BY 1 ORDER BY 3 DESC, 1
"""
_COSTS = f"""
SELECT source_file AS "List", credits_charged AS "Credits", round(credits_per_match, 4) AS "Credits per match"
FROM list_report WHERE credits_charged > 0 ORDER BY 2 DESC, 1 LIMIT {_MOST_LISTS}
"""


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


def count(value: float) -> str:
    """A number with separators: 12,500."""
    return f"{value:,.0f}"


def amount(value: float) -> str:
    """Credits, which may be fractional: 12,500 or 0.25."""
    return f"{value:,.2f}".removesuffix(".00")


def percent(value: float) -> str:
    """A share with one decimal: 61.3 %."""
    return f"{100 * value:.1f} %"


def make_sections(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> list[Section]:
    """All sections in their order."""

    def section(
        anchor: str, title: str, query: str, empty: str, summary: str, chart: Callable[[charts.Rows], charts.Spec]
    ) -> Section:
        rows = read(connection, query).to_dicts()
        return Section(anchor, title, summary, rows, chart(rows)) if rows else Section(anchor, title, empty)

    def bars(label: str, value: str, axis: str, number_format: str = ",~f") -> Callable[[charts.Rows], charts.Spec]:
        return lambda rows: charts.bars(rows, label, value, axis, number_format)

    def match_rates(anchor: str, heading: str, counts: str, also: str = "") -> Section:
        summary = "A dot is the share of answered people who were found as a person; the bar is its 95 % interval, " \
                  f"the line is CLODURA_MIN_MATCH_RATE. {also}"  # fmt: skip
        return section(
            anchor, f"Match rate by {heading.lower()}", _RATES.format(heading, counts), "No answers yet.", summary,
            lambda rows: charts.intervals(rows, heading, "Match rate", "From", "To", settings.min_match_rate),
        )  # fmt: skip

    return [
        section(
            "funnel", "From rows to matches", _FUNNEL, "",
            "Rows in files, those that are usable, the people they are about, and what came of these.",
            bars("Step", "Count", "rows, then people"),
        ),
        match_rates("identifiers", "Identifiers", _BY_IDENTIFIERS),
        match_rates("lists", "List", _BY_LIST, _LARGEST),
        _credits_by_day(connection, settings, forecast),
        section(
            "pending", "Pending", _PENDING.format(calls_per_day=forecast.calls_per_day),
            "Every contact has an answer, or is not to be called for.",
            "Contacts without an answer, by reason. Days to go: what so many people take at the daily limit.",
            bars("Reason", "Contacts", "contacts"),
        ),
        section(
            "agreement", "Agreement with the question", _AGREEMENT, "No person was found yet.",
            "Whether a match is about the person who was called for, by profile, name, company and domain.",
            bars("Agreement", "People", "matched people"),
        ),
        section(
            "costs", "Cost per match by list", _COSTS, "No credits were charged yet.",
            f"Credits charged for calls of a list, divided by the people it found. {_LARGEST}",
            bars("List", "Credits per match", "credits per match", ".2f"),
        ),
        section(
            "fields", "Fill rate of each field", _FILLED, "No person was found yet.",
            "Share of the matched people whose answer has the field.",
            bars("Field", "Fill rate", "share of matched people", ".0%"),
        ),
    ]  # fmt: skip


def _credits_by_day(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> Section:
    spent = read(connection, _BY_DAY).to_dicts()
    ahead = list(forecast.each_day(_DAYS_AHEAD))
    if not spent and not ahead:
        return Section("credits", "Credits by day", "There are no calls yet, and no one is pending.")
    amounts = [(row, (row["Credits"], row["At risk"], 0, 0)) for row in spent]
    amounts += [(row, (0, 0, row["Credits"] - beyond, beyond)) for row, beyond in ahead]
    columns = [
        {"day": row["Day (UTC)"], "credits": round(credits, 2), "kind": kind}
        for row, credits_by_kind in amounts
        for credits, kind in zip(credits_by_kind, _KINDS, strict=True)
        if credits
    ]
    rows = spent + [{**row, "Day (UTC)": f"{row['Day (UTC)']} (forecast)"} for row, _ in ahead]
    cap, balance = settings.max_credits_per_day, forecast.balance
    summary = (
        f"{amount(sum(row['Credits'] for row in spent))} credits were charged in these days. "
        + (f"The line is the cap of {count(cap)} credits a day. " if cap else "There is no cap for a day. ")
        + (
            f"Pending people: {count(forecast.people)}, expected to cost {count(forecast.credits)} credits, at "
            f"{forecast.credits_per_call:.2f} a call. Days to go: {count(forecast.days)}. "
            + ("The balance is unknown." if balance is None else f"{amount(balance)} can be spent.")
            if forecast.people
            else "No one is pending."
        )
    )
    chart = charts.days(columns, "day", "credits", "kind", _KINDS, cap) if columns else {}
    return Section("credits", "Credits by day", summary, rows, chart)
