"""What the published file says about the demo's contacts."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

QUERY = """\
SELECT department,
       count(DISTINCT person_key) AS people,
       count(DISTINCT person_key) FILTER (seniority = 'CXO') AS chiefs
FROM enriched_contacts
WHERE match_status = 'person'
GROUP BY department
ORDER BY people DESC, department
LIMIT 5"""

# The first reason of most rejected rows is that nothing usable is left; what follows says why.
_REASONS = """
SELECT reason, count(*)::BIGINT AS times
FROM (SELECT reasons[least(2, len(reasons))] AS reason FROM rejected_contacts)
GROUP BY reason ORDER BY times DESC, reason LIMIT 3
"""
_COUNTS = {
    "files": "SELECT count(*) FROM source_files WHERE status = 'loaded'",
    "records": "SELECT coalesce(sum(records), 0)::BIGINT FROM source_files WHERE status = 'loaded'",
    "rejected": "SELECT count(*) FROM rejected_contacts",
    "usable": "SELECT count(*) FROM contact_rows",
    "people": "SELECT count(DISTINCT person_key) FROM contact_rows",
    "credits_charged": "SELECT coalesce(sum(credits_charged), 0)::BIGINT FROM credit_usage",
}
_STATUSES = "SELECT match_status, count(DISTINCT person_key) FROM enriched_contacts GROUP BY 1"


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
    example: "Example"

    @property
    def answered(self) -> int:
        """People who have an answer: the denominator of the match rate."""
        return sum(self.by_status.get(status, 0) for status in ("person", "organisation", "no_match"))

    @property
    def match_rate(self) -> float | None:
        """Share of a person among the answers; None when there are none."""
        return self.by_status.get("person", 0) / self.answered if self.answered else None


@dataclass(frozen=True)
class Example:
    """What `QUERY` returns."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def read_figures(database: Path) -> Figures:
    """Read the published file, as any analyst would."""
    with contextlib.closing(duckdb.connect(database, read_only=True)) as connection:
        counts = {name: connection.execute(query).fetchall()[0][0] for name, query in _COUNTS.items()}
        reasons = connection.execute(_REASONS).fetchall()
        statuses = dict(connection.execute(_STATUSES).fetchall())
        example = connection.execute(QUERY)
        columns = [column[0] for column in example.description or []]
        return Figures(**counts, reasons=reasons, by_status=statuses, example=Example(columns, example.fetchall()))
