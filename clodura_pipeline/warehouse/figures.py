"""The figures that runs, checks and commands report, each from one query.

The queries of days give one row per day that has any figure, `file_date` first; their parameter is the list of days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from clodura_pipeline.warehouse.database import first_row

LANDED_BY_DAY = """
SELECT file_date, sum(rows_landed)::BIGINT AS rows, sum(records_unreadable)::BIGINT AS unreadable_records,
       count(*) AS files, sum(rows_landed)::BIGINT AS "dagster/partition_row_count"
FROM source_files WHERE rows_landed IS NOT NULL AND file_date IN (SELECT unnest(?)) GROUP BY file_date
"""
VALIDATED_BY_DAY = """
SELECT file_date, count(*) AS rows, count(*) AS "dagster/partition_row_count"
FROM validated_contacts WHERE file_date IN (SELECT unnest(?)) GROUP BY file_date
"""
REJECTED_BY_DAY = VALIDATED_BY_DAY.replace("validated_contacts", "rejected_contacts")
PLANNED_BY_DAY = """
SELECT e.file_date, count(*) FILTER (e.decision = 'eligible') AS to_call,
       coalesce(sum(p.expected_credits) FILTER (e.decision = 'eligible'), 0) AS expected_credits,
       coalesce(sum(p.worst_credits) FILTER (e.decision = 'eligible'), 0)::BIGINT AS worst_credits,
       count(*) AS people, count(*) FILTER (e.decision = 'answered') AS answered,
       count(*) FILTER (e.decision = 'ineligible') AS held_back, count(p.person_key) AS "dagster/partition_row_count"
FROM eligibility e LEFT JOIN enrichment_plan p USING (person_key, file_date)
WHERE e.file_date IN (SELECT unnest(?)) GROUP BY e.file_date
"""
ANSWERED_BY_DAY = """
WITH days AS (SELECT unnest($1) AS file_date), people AS (
    SELECT DISTINCT r.file_date, e.person_key, e.match_status
    FROM contact_rows r JOIN enriched_contacts e USING (source, contact_id)
    WHERE r.file_date IN (SELECT file_date FROM days)
), counted AS (
    SELECT file_date, count(*) AS people, count(*) FILTER (match_status = 'person') AS persons,
           count(*) FILTER (match_status = 'organisation') AS organisations,
           count(*) FILTER (match_status = 'no_match') AS no_matches,
           count(*) FILTER (match_status = 'pending') AS pending FROM people GROUP BY file_date
), spent AS (
    SELECT file_date, sum(requests)::BIGINT AS calls, sum(credits_charged) AS credits_charged,
           sum(credits_at_risk) AS credits_at_risk FROM credit_usage SEMI JOIN days USING (file_date) GROUP BY file_date
)
SELECT file_date, round(100 * persons / nullif(persons + organisations + no_matches, 0), 1) AS match_rate_percent,
       coalesce(credits_charged, 0) AS credits_charged, coalesce(pending, 0) AS pending, coalesce(people, 0) AS people,
       coalesce(persons, 0) AS persons, coalesce(organisations, 0) AS organisations,
       coalesce(no_matches, 0) AS no_matches, coalesce(calls, 0) AS calls,
       coalesce(credits_at_risk, 0) AS credits_at_risk
FROM days LEFT JOIN counted USING (file_date) LEFT JOIN spent USING (file_date)
"""
REJECTION_REASONS = """
SELECT reasons[1] AS reason, count(*) AS rows FROM rejected_contacts WHERE file_date IN (SELECT unnest(?))
GROUP BY 1 ORDER BY 2 DESC LIMIT 20
"""
STATUSES = "SELECT match_status, count(*) AS contacts FROM enriched_contacts GROUP BY 1 ORDER BY 2 DESC"
LISTS = """
SELECT source_file AS file, people, matched, round(100 * match_rate, 1) AS match_rate_percent,
       credits_charged AS credits, unanswered FROM list_report ORDER BY file_date DESC, source_file LIMIT 50
"""
USAGE_BY_DAY = """
SELECT usage_date AS day, sum(requests)::BIGINT AS calls, sum(persons)::BIGINT AS persons,
       sum(credits_charged) AS credits FROM credit_usage GROUP BY 1 ORDER BY 1 DESC LIMIT 30
"""
_PENDING = """
SELECT pending_code, any_value(pending_reason), count(DISTINCT person_key) FROM enriched_contacts
WHERE match_status = 'pending'
AND ($1 IS NULL OR person_key IN (SELECT person_key FROM contact_rows WHERE file_date IN (SELECT unnest($1::DATE[]))))
GROUP BY 1 ORDER BY 3 DESC
"""
_OUTCOMES = """
SELECT count(*) FILTER (match_status = 'person'), count(*) FILTER (match_status = 'organisation'),
       count(*) FILTER (match_status = 'no_match')
FROM (SELECT DISTINCT person_key, match_status FROM enriched_contacts)
"""
_OF_RUN = """
SELECT coalesce(sum(persons), 0)::BIGINT, coalesce(sum(organisations), 0)::BIGINT,
       coalesce(sum(no_matches), 0)::BIGINT, coalesce(sum(requests), 0)::BIGINT,
       coalesce(sum(credits_charged), 0), coalesce(sum(credits_at_risk), 0) FROM credit_usage WHERE run_id = ?
"""


@dataclass(frozen=True)
class Outcomes:
    """What came back for people who were called for."""

    persons: int
    organisations: int
    no_matches: int

    @property
    def answered(self) -> int:
        """People with an answer."""
        return self.persons + self.organisations + self.no_matches


@dataclass(frozen=True)
class RunFigures(Outcomes):
    """What a run called for and spent."""

    calls: int
    credits_charged: float
    credits_at_risk: float


@dataclass(frozen=True)
class PeoplePending:
    """Why people have no answer though they may be called for."""

    code: str
    reason: str
    people: int


def outcomes(connection: duckdb.DuckDBPyConnection) -> Outcomes:
    """The outcomes of all people answered so far."""
    return Outcomes(*(first_row(connection, _OUTCOMES) or ()))


def run_figures(connection: duckdb.DuckDBPyConnection, run_id: str) -> RunFigures:
    """The figures of one run."""
    return RunFigures(*(first_row(connection, _OF_RUN, [run_id]) or ()))


def pending_reasons(connection: duckdb.DuckDBPyConnection, days: Sequence[date] | None = None) -> list[PeoplePending]:
    """Why people are pending, most frequent first; `days`: only people with a row of these days."""
    rows = connection.execute(_PENDING, [list(days) if days else None]).fetchall()
    return [PeoplePending(*row) for row in rows]


def percent(part: float, whole: float) -> float | None:
    """A share as a percentage with one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None
