"""What needs attention: each finding with what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from clodura_pipeline.report.forecast import Forecast
from clodura_pipeline.report.formats import amount, count, number_of, percent, rows_of
from clodura_pipeline.settings import Settings

_FILES_NAMED = 3
_LISTS_NAMED = 5
_FILES = """
SELECT count(*) AS files, coalesce(list(source_file ORDER BY source_file), []) AS names FROM source_files
WHERE status IN ('unreadable', 'outside_partitions')
"""
_LISTS = f"""
SELECT *, coalesce(match_rate < $1 AND answered >= $2, false) AS is_low,
       rejected >= 0.2 * records AND records >= $2 AS is_rejected
FROM (SELECT source_file AS name, file_date, match_rate, matched + organisations + no_matches AS answered, rejected,
             records FROM list_report)
WHERE is_low OR is_rejected ORDER BY file_date DESC, name LIMIT {_LISTS_NAMED}
"""
_ANSWERS = """
SELECT (SELECT count(*) FROM people WHERE match_status = 'unrecognised') AS unrecognised,
       (SELECT coalesce(sum(credits_at_risk), 0) FROM credit_usage) AS at_risk,
       (SELECT count(*) FROM answer_fields WHERE column_name IS NULL AND filled > 0) AS unmapped,
       (SELECT count(*) FROM identity_conflicts) AS conflicts,
       (SELECT count(*) FROM people WHERE agreement IS NOT NULL) AS matched,
       (SELECT count(*) FROM people WHERE agreement = 'differs') AS differing,
       (SELECT stop_reason FROM runs ORDER BY started_at DESC LIMIT 1) AS stop_reason
"""


@dataclass(frozen=True)
class Finding:
    """What is so, and what to do."""

    what: str
    remedy: str


def find_problems(connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast) -> list[Finding]:
    """What needs attention now, money first."""
    (state,) = rows_of(connection, _ANSWERS)
    differing = state["differing"] / max(state["matched"], 1)
    possible = [
        (
            forecast.exceeds_balance,
            f"The pending people are expected to cost {amount(round(forecast.credits))} credits, and "
            f"{amount(forecast.balance or 0)} can be spent.",
            "Buy credits, or call for the most valuable lists first.",
        ),
        (state["stop_reason"], "The latest run stopped early.", f"{state['stop_reason']}."),
        (
            state["at_risk"],
            f"Calls whose answer was lost put {amount(state['at_risk'])} credits at risk.",
            "A later run settles them.",
        ),
        (
            state["unrecognised"],
            f"{number_of(state['unrecognised'], 'answer')} could not be read.",
            "Run clodura-pipeline answers, then map the names in CLODURA_ANSWER_FIELDS.",
        ),
        (
            state["matched"] >= settings.min_sample and differing > settings.max_disagreement,
            f"{percent(differing)} of the matches contradict the row that was called for.",
            "Look at agreement_reasons in enriched_contacts.",
        ),
        *_about_files(connection, settings),
        (
            state["unmapped"],
            f"{number_of(state['unmapped'], 'name')} in Clodura's answers without a column.",
            "See answer_fields; the values are in enriched_contacts.answer.",
        ),
        (
            state["conflicts"],
            f"{number_of(state['conflicts'], 'e-mail address', 'e-mail addresses')} seen with several profiles.",
            "They join nothing and are not sent with a profile; see identity_conflicts.",
        ),
    ]
    return [Finding(what, remedy) for is_so, what, remedy in possible if is_so]


def _about_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[tuple[bool, str, str]]:
    (files,) = rows_of(connection, _FILES)
    more = files["files"] - _FILES_NAMED
    named = ", ".join(files["names"][:_FILES_NAMED]) + (f" and {more} more" if more > 0 else "")
    yield files["files"] > 0, f"{number_of(files['files'], 'file')} not loaded: {named}.", "See source_files."
    for row in rows_of(connection, _LISTS, [settings.min_match_rate, settings.min_sample]):
        yield (
            row["is_low"],
            f"{row['name']}: {percent(row['match_rate'] or 0)} of {count(row['answered'])} answered people matched.",
            "Look at which identifiers the file has.",
        )
        yield (
            row["is_rejected"],
            f"{row['name']}: {count(row['rejected'])} of {count(row['records'])} records are rejected.",
            "The reasons are in rejected_contacts.",
        )
