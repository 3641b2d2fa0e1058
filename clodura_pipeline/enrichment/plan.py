"""Plans who is asked for some days: in which order, with what, at what cost. Opens no socket."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb
import polars as pl

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS, Combination, Identifiers
from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.eligibility import Ask, Held, Known, Purpose, Rules, UnderWay, standing
from clodura_pipeline.ledger.rules.policy import Limits, Refresh
from clodura_pipeline.ledger.rules.requests import Question
from clodura_pipeline.warehouse.database import scalar, transaction
from clodura_pipeline.warehouse.frames import read, replace_rows
from clodura_pipeline.warehouse.suppression import apply_suppression
from clodura_pipeline.warehouse.tables import ENRICHMENT_PLAN

ENOUGH_ANSWERS = 30
"""Below this many answers an average cost says little, and the worst cost is planned with."""


@dataclass(frozen=True, repr=False)
class Planned:
    """One person to ask: the question, why, and what it is expected to cost in credits."""

    question: Question
    source_row: int
    purpose: str
    expected_credits: float


@dataclass(frozen=True, repr=False)
class Plan:
    """Who is asked, in order; and how many of the people in these days are not, and why.

    `waiting`: another run is asking them, or one was when it died: their turn comes last, when that is decided.
    """

    planned: tuple[Planned, ...]
    people: int
    known: int
    waiting: tuple[Planned, ...] = ()
    held: dict[int, str] = field(default_factory=dict)
    suppressed: int = 0

    @property
    def questions(self) -> list[Question]:
        """All that a run asks or waits for, in order."""
        return [item.question for item in (*self.planned, *self.waiting)]

    @property
    def worst_credits(self) -> int:
        """What it costs at most."""
        return len(self.planned) * WORST_COST_CREDITS

    @property
    def expected_credits(self) -> float:
        """What it costs going by the answers so far."""
        return sum(item.expected_credits for item in self.planned)

    @property
    def purposes(self) -> dict[str, int]:
        """How many are asked for each reason."""
        return dict(Counter(item.purpose for item in self.planned))

    def days_needed(self, limits: Limits) -> int:
        """UTC days that the calls take at the daily limit."""
        return math.ceil(len(self.planned) / limits.per_day) if limits.per_day else int(bool(self.planned))


_CANDIDATES = """
WITH first_rows AS (
    SELECT p.person_key, v.file_date, v.source_file, v.source_row
    FROM contact_people p JOIN validated_contacts v USING (source_file, source_row)
    WHERE v.file_date IN (SELECT unnest(?)) AND p.person_key NOT IN (SELECT person_key FROM suppressed_people)
    QUALIFY row_number() OVER (PARTITION BY p.person_key ORDER BY v.file_date, v.source_file, v.source_row) = 1
)
SELECT f.*, q.* EXCLUDE (person_key, set_aside)
FROM first_rows f JOIN people_questions q USING (person_key)
ORDER BY f.file_date, f.source_file, f.source_row
"""


_SUPPRESSED = """
SELECT count(DISTINCT person_key) FROM contact_people JOIN validated_contacts USING (source_file, source_row)
JOIN suppressed_people USING (person_key) WHERE file_date IN (SELECT unnest(?))
"""


def plan(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    suppression: Suppression,
    days: Sequence[date],
    refresh: Refresh | None = None,
    settle_doubts: bool = False,
) -> Plan:
    """Who of the people with rows in these days would be asked by a run that starts now.

    The strongest combinations come first (they match most), then the order of days, files and rows. People on the
    suppression list are not among them, nor in `people`.
    """
    apply_suppression(connection, ledger, suppression)
    past_by_person, now = ledger.past_by_person()
    rules = Rules(ledger.newest_attempt(), now, refresh, settle_doubts)
    mean_credits = ledger.mean_credits()
    planned: list[Planned] = []
    held: dict[int, str] = {}
    waiting: list[Planned] = []
    known = people = 0
    for row in read(connection, _CANDIDATES, [list(days)]).iter_rows(named=True):
        people += 1
        question = _question(row)
        decision = standing(
            past_by_person.get(question.person_key, ()), question.combination.strength, question.hash, rules
        )
        match decision:
            case Ask(purpose):
                expected = _expected_credits(question.combination, mean_credits)
                planned.append(Planned(question, row["source_row"], purpose, expected))
            case Known():
                known += 1
            case UnderWay():
                waiting.append(Planned(question, row["source_row"], Purpose.DOUBT, float(WORST_COST_CREDITS)))
            case Held(_, reason):
                held[question.person_key] = reason
    planned.sort(key=lambda item: -item.question.combination.strength)
    suppressed = scalar(connection, _SUPPRESSED, [list(days)])
    return Plan(tuple(planned), people, known, tuple(waiting), held, suppressed)


def store_plan(connection: duckdb.DuckDBPyConnection, made: Plan, days: Sequence[date]) -> None:
    """Put a plan in the place of earlier ones for its days."""
    rows = [
        {
            "file_date": item.question.file_date,
            "position": position,
            "person_key": item.question.person_key,
            "source_file": item.question.source_file,
            "source_row": item.source_row,
            "identifiers_used": item.question.combination.label,
            "purpose": str(item.purpose),
            "worst_credits": WORST_COST_CREDITS,
            "expected_credits": item.expected_credits,
        }
        for position, item in enumerate(made.planned, start=1)
    ]
    frame = pl.DataFrame(rows) if rows else pl.DataFrame(schema=dict.fromkeys(ENRICHMENT_PLAN.names, pl.Null))
    with transaction(connection):
        replace_rows(connection, ENRICHMENT_PLAN, frame, "file_date", days)


def _question(row: dict[str, object]) -> Question:
    def text(name: str) -> str | None:
        value = row[name]
        return value if isinstance(value, str) else None

    identifiers = Identifiers(
        linkedin_url=text("linkedin_url"),
        email=text("email"),
        first_name=text("first_name"),
        last_name=text("last_name"),
        organisation_name=text("organisation_name"),
        organisation_linkedin_url=text("organisation_linkedin_url"),
    )
    person_key, file_date, source_file = row["person_key"], row["file_date"], row["source_file"]
    assert isinstance(person_key, int)
    assert isinstance(file_date, date)
    assert isinstance(source_file, str)
    return Question(person_key, identifiers, file_date, source_file)


def _expected_credits(combination: Combination, mean_credits: dict[str, tuple[int, float]]) -> float:
    answers, mean = mean_credits.get(combination.label, (0, 0.0))
    return mean if answers >= ENOUGH_ANSWERS else float(WORST_COST_CREDITS)
