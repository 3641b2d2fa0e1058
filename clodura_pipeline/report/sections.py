"""The sections of the page, each from one or two aggregate queries on the published file."""

from collections.abc import Sequence
from typing import Any

import duckdb

from clodura_pipeline.report import charts
from clodura_pipeline.report.forecast import Forecast
from clodura_pipeline.report.section import COUNT, CREDITS, PERCENT, Column, Section, amount, count, number_of, percent
from clodura_pipeline.report.section import rows_of as query
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.answers import ANSWER_COLUMNS
from clodura_pipeline.warehouse.published.contacts import COMBINATION_LABELS
from clodura_pipeline.warehouse.published.views import WILSON_HIGH, WILSON_LOW

MOST_LISTS = 20
"""Lists on a chart: those with the most answers or credits; list_report has them all."""
MOST_DAYS = 60
"""Days on a chart: the latest with calls, and those before."""

_FUNNEL = """
SELECT (SELECT count(*) FROM contact_rows) + (SELECT count(*) FROM rejected_contacts) AS rows,
       (SELECT count(*) FROM contact_rows) AS usable, count(*) AS people, count(first_called_at) AS called,
       count(*) FILTER (match_status IN ('person', 'organisation', 'no_match')) AS answered,
       count(*) FILTER (match_status = 'person') AS matched FROM people
"""
_STEPS = {
    "rows": "Rows in files",
    "usable": "Usable rows",
    "people": "People",
    "called": "Called for",
    "answered": "Answered",
    "matched": "Matched",
}
# Counts become a rate with its interval, as in the view match_rates.
_RATES = f"""
SELECT name, answered, matched, r AS match_rate, {WILSON_LOW} AS low, {WILSON_HIGH} AS high
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
SELECT usage_date AS day, sum(requests)::BIGINT AS calls, sum(persons)::BIGINT AS matched,
       sum(credits_charged) AS charged, sum(credits_at_risk) AS at_risk
FROM credit_usage WHERE usage_date > (SELECT max(usage_date) - {MOST_DAYS} FROM credit_usage) GROUP BY 1 ORDER BY 1
"""
_FIELDS = [name for name in ANSWER_COLUMNS if not name.endswith(("_min", "_max"))]
_FILLED = f"SELECT count(*) AS people, {', '.join(f'count({name}) AS {name}' for name in _FIELDS)} FROM people " \
          "WHERE match_status = 'person'"  # fmt: skip
_AGREEMENT = "SELECT agreement AS name, count(*) AS people FROM people WHERE agreement IS NOT NULL GROUP BY 1"
_PENDING = """
SELECT pending_code AS reason, any_value(pending_reason) AS meaning, count(*) AS contacts,
       count(DISTINCT person_key) AS people
FROM enriched_contacts WHERE match_status = 'pending' GROUP BY 1 ORDER BY contacts DESC, reason
"""
_COSTS = f"""
SELECT source_file AS name, credits_charged AS credits, credits_per_match AS cost FROM list_report
WHERE credits_charged > 0 ORDER BY credits DESC, name LIMIT {MOST_LISTS}
"""
_KINDS = ("charged", "at risk", "forecast", "beyond the balance")
_DAYS_AHEAD = 30
_LABELS = {combination.label: words for combination, words in COMBINATION_LABELS.items()}
_NO_ANSWER = "No answers yet."


def make_sections(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> list[Section]:
    """All sections in their order. Queries aggregate; no contact leaves the file."""
    return [
        _funnel(connection),
        _match_rates(connection, "identifiers", "Match rate by identifiers", _BY_IDENTIFIERS, settings),
        _match_rates(connection, "lists", "Match rate by list", _BY_LIST, settings),
        _credits_by_day(connection, settings, forecast),
        _pending(connection, forecast),
        _agreement(connection),
        _costs(connection),
        _fill_rates(connection),
    ]


def _funnel(connection: duckdb.DuckDBPyConnection) -> Section:
    (figures,) = query(connection, _FUNNEL)
    rows = [{"step": title, "count": figures[name]} for name, title in _STEPS.items()]
    return Section(
        "funnel",
        "From rows to matches",
        f"Of {count(figures['rows'])} rows in files, {count(figures['usable'])} are usable. They are about "
        f"{count(figures['people'])} people; {count(figures['matched'])} of them are matched.",
        (Column("Step"), Column("Count", COUNT)),
        [(row["step"], row["count"]) for row in rows],
        charts.bars(rows, "step", "count", "rows, then people"),
    )


def _match_rates(
    connection: duckdb.DuckDBPyConnection, anchor: str, title: str, counts: str, settings: Settings
) -> Section:
    rows = [_rounded(row) for row in query(connection, _RATES.format(counts))]
    if not rows:
        return Section(anchor, title, _NO_ANSWER)
    rows = [{**row, "name": _LABELS.get(row["name"], row["name"])} for row in rows]
    best, worst = max(rows, key=lambda row: row["match_rate"]), min(rows, key=lambda row: row["match_rate"])
    between = f" Rates go from {percent(worst['match_rate'])} ({worst['name']}) to {percent(best['match_rate'])} (" \
              f"{best['name']})." if len(rows) > 1 else ""  # fmt: skip
    return Section(
        anchor,
        title,
        "A dot is the share of answered people who were found as a person; the bar is its 95 % interval, the line is "
        f"CLODURA_MIN_MATCH_RATE.{between}{_limited(rows)}",
        (
            Column("List" if anchor == "lists" else "Identifiers"),
            Column("Answered", COUNT),
            Column("Matched", COUNT),
            Column("Match rate", PERCENT),
            Column("From", PERCENT),
            Column("To", PERCENT),
        ),
        [tuple(row.values()) for row in rows],
        charts.intervals(rows, "name", "match_rate", "low", "high", settings.min_match_rate),
    )


def _credits_by_day(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> Section:
    title = "Credits by day"
    spent = query(connection, _BY_DAY)
    ahead = list(forecast.each_day(_DAYS_AHEAD))
    if not spent and not ahead:
        return Section("credits", title, "There are no calls yet, and no one is pending.")
    bars = [
        {"day": row["day"].isoformat(), "credits": row[kind], "kind": label}
        for row in spent
        for kind, label in (("charged", _KINDS[0]), ("at_risk", _KINDS[1]))
        if row[kind]
    ] + [
        {"day": day.day.isoformat(), "credits": round(credits, 1), "kind": kind}
        for day in ahead
        for credits, kind in ((day.covered, _KINDS[2]), (day.credits - day.covered, _KINDS[3]))
        if credits
    ]
    rows = [
        (row["day"].isoformat(), row["calls"], row["matched"], row["charged"], row["at_risk"], None) for row in spent
    ]
    rows += [(f"{day.day.isoformat()} (forecast)", day.calls, None, day.credits, None, day.balance) for day in ahead]
    cap = settings.max_credits_per_day
    return Section(
        "credits",
        title,
        f"{amount(sum(row['charged'] for row in spent))} credits were charged on {number_of(len(spent), 'day')}. "
        + (f"The line is the cap of {count(cap)} credits a day. " if cap else "There is no cap for a day. ")
        + _ahead(forecast),
        (
            Column("Day (UTC)"),
            Column("Calls", COUNT),
            Column("Matched", COUNT),
            Column("Credits", CREDITS),
            Column("At risk", CREDITS),
            Column("Balance left", CREDITS),
        ),
        rows,
        charts.days(bars, "day", "credits", "kind", _KINDS, cap or None) if bars else {},
    )


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
    title = "Pending"
    rows = query(connection, _PENDING)
    if not rows:
        return Section("pending", title, "Every contact has an answer, or is not to be called for.")
    shown = [{"reason": row["reason"], "contacts": row["contacts"]} for row in rows]
    return Section(
        "pending",
        title,
        "Contacts without an answer, by reason. Days to go: what so many people take at the daily limit.",
        (
            Column("Reason"),
            Column("Meaning"),
            Column("Contacts", COUNT),
            Column("People", COUNT),
            Column("Days to go", COUNT),
        ),
        [(*row.values(), forecast.days_for(row["people"])) for row in rows],
        charts.bars(shown, "reason", "contacts", "contacts"),
    )  # fmt: skip


def _costs(connection: duckdb.DuckDBPyConnection) -> Section:
    title = "Cost per match by list"
    rows = [_rounded(row) for row in query(connection, _COSTS)]
    if not rows:
        return Section("costs", title, "No credits were charged yet.")
    shown = [{"list": row["name"], "credits_per_match": row["cost"], "credits": row["credits"]} for row in rows]
    return Section(
        "costs",
        title,
        f"Credits charged for calls of a list, divided by the people it found.{_limited(rows)}",
        (Column("List"), Column("Credits", CREDITS), Column("Credits per match", CREDITS)),
        [tuple(row.values()) for row in rows],
        charts.bars([row for row in shown if row["credits_per_match"] is not None], "list", "credits_per_match",
                    "credits per match", ".2f"),
    )  # fmt: skip


def _fill_rates(connection: duckdb.DuckDBPyConnection) -> Section:
    title = "Fill rate of each field"
    (filled,) = query(connection, _FILLED)
    people = filled.pop("people")
    if not people:
        return Section("fields", title, "No person was found yet.")
    rows = [{"field": name, "fill_rate": round(value / people, 4), "filled": value} for name, value in filled.items()]
    rows.sort(key=lambda row: -row["fill_rate"])
    return Section(
        "fields",
        title,
        f"Share of the {count(people)} matched people whose answer has the field.",
        (Column("Field"), Column("Fill rate", PERCENT), Column("People", COUNT)),
        [tuple(row.values()) for row in rows],
        charts.bars(rows, "field", "fill_rate", "share of matched people", ".0%"),
    )


def _agreement(connection: duckdb.DuckDBPyConnection) -> Section:
    title = "Agreement with the question"
    found = {row["name"]: row["people"] for row in query(connection, _AGREEMENT)}
    if not found:
        return Section("agreement", title, "No person was found yet.")
    people = sum(found.values())
    rows = [{"agreement": name, "people": found.get(name, 0), "share": round(found.get(name, 0) / people, 4)}
            for name in ("agrees", "differs", "unknown")]  # fmt: skip
    return Section(
        "agreement",
        title,
        "Whether a match is about the person who was called for, by profile, name, company and domain.",
        (Column("Agreement"), Column("People", COUNT), Column("Share", PERCENT)),
        [tuple(row.values()) for row in rows],
        charts.bars(rows, "agreement", "people", "matched people"),
    )


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def _limited(rows: Sequence[object]) -> str:
    return f" Shown are the {MOST_LISTS} largest lists; list_report has all." if len(rows) == MOST_LISTS else ""
