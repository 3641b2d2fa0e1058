"""What the published file says about the demo's contacts."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

# Questions that an analyst asks, and the SQL that answers them; lines fit into a terminal of 80 columns.
QUESTIONS = {
    "In which departments are the people we found?": """\
SELECT department, count(DISTINCT person_key) AS people
FROM enriched_contacts WHERE match_status = 'person'
GROUP BY ALL ORDER BY people DESC, department LIMIT 3""",
    "What did each list yield, and at what price?": """\
SELECT source_file, people, round(match_rate, 2) AS match_rate,
       credits_charged AS credits
FROM list_report ORDER BY credits DESC, source_file LIMIT 3""",
    "Which identifiers find people?": """\
SELECT identifiers_used, sum(requests)::BIGINT AS calls,
       round(sum(persons) / sum(requests), 2) AS match_rate
FROM credit_usage GROUP BY ALL ORDER BY calls DESC, identifiers_used LIMIT 3""",
}

# The first reason of most rejected rows is that nothing usable is left; the second says why.
_REASONS = """
SELECT reason, count(*)::BIGINT AS times
FROM (SELECT reasons[least(2, len(reasons))] AS reason FROM rejected_contacts)
GROUP BY reason ORDER BY times DESC, reason LIMIT 3
"""
_COUNTS = """
SELECT (SELECT count(*) FROM source_files WHERE status = 'loaded') AS files,
       (SELECT coalesce(sum(records), 0)::BIGINT FROM source_files WHERE status = 'loaded') AS records,
       (SELECT count(*) FROM rejected_contacts) AS rejected,
       (SELECT count(*) FROM contact_rows) AS usable,
       (SELECT count(DISTINCT person_key) FROM contact_rows) AS people,
       (SELECT coalesce(sum(credits_charged), 0)::BIGINT FROM credit_usage) AS credits_charged
"""
_STATUSES = "SELECT match_status, count(DISTINCT person_key) FROM enriched_contacts GROUP BY 1"


@dataclass(frozen=True)
class Answer:
    """A question, its SQL, and what that returns."""

    question: str
    sql: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Figures:
    """The state of all contacts, over all runs."""

    files: int
    records: int
    rejected: int
    usable: int
    people: int
    credits_charged: int
    reasons: list[tuple[str, int]]
    by_status: dict[str, int]  # people
    answers: list[Answer]

    @property
    def answered(self) -> int:
        """People who have an answer: the denominator of the match rate."""
        return sum(self.by_status.get(status, 0) for status in ("person", "organisation", "no_match"))


def read_figures(database: Path) -> Figures:
    """Read the published file, as any analyst would."""
    with contextlib.closing(duckdb.connect(database, read_only=True)) as connection:
        counts = connection.execute(_COUNTS).fetchall()[0]
        reasons = connection.execute(_REASONS).fetchall()
        statuses = dict(connection.execute(_STATUSES).fetchall())
        answers: list[Answer] = []
        for question, sql in QUESTIONS.items():
            result = connection.execute(sql)
            columns = [column[0] for column in result.description or []]
            answers.append(Answer(question, sql, columns, result.fetchall()))
        return Figures(*counts, reasons=reasons, by_status=statuses, answers=answers)
