"""The figures of a plan: how many people it is about, what it costs, and how many days it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.ledger.rules.policy import Limits
from clodura_pipeline.warehouse.database import scalar

_SUPPRESSED = """
SELECT count(DISTINCT person_key) FROM contact_people SEMI JOIN suppressed_people USING (person_key)
WHERE source_file IN (SELECT source_file FROM validated_contacts WHERE file_date IN (SELECT unnest(?)))
"""


@dataclass(frozen=True)
class PlanSummary:
    """How many people have rows in these days, and what is planned for them.

    `answered`: have an answer. `to_call`: will be called for. `in_flight`: a concurrent run calls for them now, or did
    when it died; they come last, when that is decided. `held_back`: have no answer and may not be called for.
    """

    people: int
    answered: int
    to_call: int
    in_flight: int
    held_back: int
    suppressed: int
    expected_credits: float
    purposes: dict[str, int]

    @property
    def worst_credits(self) -> int:
        """What it costs at most."""
        return self.to_call * WORST_COST_CREDITS

    def days_needed(self, limits: Limits) -> int:
        """UTC days that the calls take at the daily limit."""
        return math.ceil(self.to_call / limits.per_day) if limits.per_day else int(bool(self.to_call))


def summarise(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> PlanSummary:
    """What the stored plan of these days comes to."""
    counted = connection.execute(
        "SELECT decision, count(*) FROM eligibility WHERE file_date IN (SELECT unnest(?)) GROUP BY 1", [list(days)]
    ).fetchall()
    purposes = connection.execute(
        "SELECT e.purpose, count(*), sum(expected_credits) FROM enrichment_plan p "
        "JOIN eligibility e USING (person_key, file_date) WHERE e.decision = 'eligible' "
        "AND p.file_date IN (SELECT unnest(?)) GROUP BY 1 ORDER BY 2 DESC",
        [list(days)],
    ).fetchall()
    counts = dict(counted)
    return PlanSummary(
        people=sum(counts.values()),
        answered=counts.get("answered", 0),
        to_call=counts.get("eligible", 0),
        in_flight=counts.get("in_flight", 0),
        held_back=counts.get("ineligible", 0),
        suppressed=scalar(connection, _SUPPRESSED, [list(days)]),
        expected_credits=sum(credits for _, _, credits in purposes),
        purposes={purpose: count for purpose, count, _ in purposes},
    )
