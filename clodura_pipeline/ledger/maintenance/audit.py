"""Checks a ledger by the rules that always hold in it, and adds up its totals; changes nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.engines.database import Address, Cursor
from clodura_pipeline.ledger.engines.opening import open_to_read
from clodura_pipeline.ledger.engines.sqlite import damage_of

DAMAGED = "The file is damaged. Restore it from a backup, and keep this one: it may hold answers that the backup lacks."
DEFECT = "This is a defect: report it with this output, no run repairs it. Until then, cap what runs may spend."


Rule = tuple[str, str, str]
"""What always holds; the query that names what breaks it, without contact data; what to do then."""


@dataclass(frozen=True)
class Problem:
    """A rule that does not hold: which, where (ids and scopes, no values), and what to do."""

    rule: str
    where: str
    remedy: str


@dataclass(frozen=True)
class Day:
    """What was sent on a UTC day, and what it cost in credits."""

    day: str
    calls: int
    charged: float
    at_risk: float


@dataclass(frozen=True)
class Audit:
    """The totals of a ledger. `calls`: sent to Clodura; `kept_raw`: answers whose bytes are kept."""

    ledger_id: str = ""
    environment: str | None = None
    problems: tuple[Problem, ...] = ()
    people: int = 0
    erased_people: int = 0
    calls: int = 0
    by_state: tuple[tuple[str, int], ...] = ()
    reserved: float = 0
    charged: float = 0
    at_risk: float = 0
    kept_raw: int = 0
    by_day: tuple[Day, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every rule holds."""
        return not self.problems


def audit_ledger(address: Address, show: Callable[[Sequence[Rule]], Iterable[Rule]] = iter) -> Audit:
    """Check a ledger by its rules, in one consistent state, while runs write to it.

    Args:
        show: hands on the rules one by one, and may show how far the check is: of a large ledger it takes minutes.

    Raises:
        LedgerError: there is none, or it cannot be opened; a damaged file that can be is in `problems`.
    """
    problems: list[Problem] = []
    with open_to_read(address) as cursor:
        # A server holds pages and references together; in a file they can break.
        for rule in show((_INTEGRITY, _REFERENCES, *_RULES) if isinstance(address, Path) else _RULES):
            if rule is _INTEGRITY:
                damage = damage_of(cursor)
                if damage is not None:
                    return Audit(problems=(Problem(*damage, DAMAGED),))
            else:
                problems += _violations(cursor, *rule)
        return _totals(cursor, tuple(problems))


_INTEGRITY = ("the file is whole", "", DAMAGED)
_ANSWERED = "('person', 'organisation', 'no_match')"
_STATES = ", ".join(f"'{state}'" for state in State)
# A released call never left: it keeps its row, without an answer, and does not count as a call.
_CALLS = "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL)"
_SUMS = (
    f"{_CALLS} AS calls, coalesce(sum(reserved_credits), 0) AS reserved, "
    "coalesce(sum(charged_credits), 0) AS charged, coalesce(sum(at_risk_credits), 0) AS at_risk FROM attempts"
)
_FREE = "('no_match', 'refused', 'not_processed')"
_REFERENCES = (
    "every row refers to rows that are there",
    "SELECT DISTINCT \"table\" || ' ' || coalesce(rowid, '') FROM pragma_foreign_key_check",
    DEFECT,
)

_RULES: tuple[Rule, ...] = (
    (
        "every total is the sum over its attempts",
        f"""
        SELECT scope FROM (
            SELECT 'all' AS scope, {_SUMS}
            UNION ALL SELECT 'day:' || usage_date, {_SUMS} GROUP BY usage_date
            UNION ALL SELECT 'run:' || cap_scope, {_SUMS} GROUP BY cap_scope
            UNION ALL SELECT scope, -calls, -reserved_credits, -charged_credits, -at_risk_credits FROM totals
        ) AS differences GROUP BY scope HAVING sum(calls) <> 0 OR abs(sum(reserved)) > 0.000001
            OR abs(sum(charged)) > 0.000001 OR abs(sum(at_risk)) > 0.000001
        """,
        "Limits and budgets rest on these totals. " + DEFECT,
    ),
    (
        "an alias names the older key that survived, never another alias",
        "SELECT 'person ' || p.person_key FROM people p LEFT JOIN people s ON s.person_key = p.alias_of "
        "WHERE s.added > p.added OR s.alias_of IS NOT NULL",
        DEFECT,
    ),
    (
        "every identifier leads to a person",
        "SELECT 'person ' || person_key FROM identifiers WHERE person_key NOT IN (SELECT person_key FROM people)",
        DEFECT,
    ),
    (
        "every call has a known state",
        f"SELECT 'call ' || id FROM attempts WHERE state NOT IN ({_STATES})",
        "A later version may have written it: install that one. Else: " + DEFECT,
    ),
    (
        f"a call in flight has {WORST_COST_CREDITS} credits reserved, every other none",
        "SELECT 'call ' || id FROM attempts WHERE reserved_credits <> "
        f"CASE state WHEN 'sent' THEN {WORST_COST_CREDITS} ELSE 0 END",
        DEFECT,
    ),
    (
        "a call costs what its state says",
        f"""
        SELECT 'call ' || id FROM attempts WHERE state IN {_FREE} AND charged_credits <> 0
            AND coalesce(cost_basis, '') <> 'stated'
        UNION ALL SELECT 'call ' || id FROM attempts WHERE state IN ('sent', 'ambiguous') AND charged_credits <> 0
        UNION ALL SELECT 'call ' || id FROM attempts WHERE cost_basis = 'content'
            AND charged_credits <> CASE state WHEN 'person' THEN 2 WHEN 'organisation' THEN 1 ELSE 0 END
        """,
        DEFECT,
    ),
    (
        "only a doubt is at risk, until a balance settles it",
        f"""
        SELECT 'call ' || id FROM attempts WHERE state NOT IN ('ambiguous', 'unrecognised') AND at_risk_credits <> 0
        UNION ALL SELECT 'call ' || id FROM attempts WHERE state IN ('ambiguous', 'unrecognised')
            AND cost_basis = 'doubt' AND at_risk_credits <> {WORST_COST_CREDITS}
            AND (doubt_settled_by IS NULL OR at_risk_credits <> 0)
        """,
        DEFECT,
    ),
    (
        "no credits are negative",
        """
        SELECT 'call ' || id FROM attempts WHERE reserved_credits < 0 OR charged_credits < 0 OR at_risk_credits < 0
        UNION ALL SELECT scope FROM totals WHERE calls < 0 OR reserved_credits < -0.000001
            OR charged_credits < -0.000001 OR at_risk_credits < -0.000001
        """,
        DEFECT,
    ),
    (
        "an answer has a time",
        f"SELECT 'call ' || id FROM attempts WHERE state IN {_ANSWERED} AND answered_at IS NULL",
        DEFECT,
    ),
    (
        "no person with an answer was called for as if there were none",
        f"""
        SELECT 'call ' || a.id FROM attempts a WHERE a.purpose = 'new' AND EXISTS (
            SELECT 1 FROM attempts b WHERE b.person_key = a.person_key AND b.id < a.id AND b.state IN {_ANSWERED})
        """,
        DEFECT,
    ),
    (
        "no person is being called for twice at once",
        "SELECT 'person ' || person_key FROM attempts WHERE state = 'sent' GROUP BY person_key HAVING count(*) > 1",
        DEFECT,
    ),
    (
        "nothing is newer than the ledger's sequence",
        "SELECT 'call ' || attempts.id FROM attempts, control WHERE attempts.sequence > control.sequence "
        "UNION ALL SELECT 'person ' || person_key FROM people, control WHERE people.sequence > control.sequence",
        "The published file may miss changes. " + DEFECT,
    ),
    (
        "nothing is left of erased people",
        "SELECT DISTINCT 'person ' || person_key FROM people JOIN attempts USING (person_key) "
        "WHERE erased_at IS NOT NULL AND (request IS NOT NULL OR raw IS NOT NULL OR answer IS NOT NULL) "
        "UNION SELECT 'person ' || person_key FROM people JOIN identifiers USING (person_key) "
        "WHERE erased_at IS NOT NULL",
        "Run `clodura-pipeline forget` for these people again. " + DEFECT,
    ),
)


def _violations(cursor: Cursor, rule: str, query: str, remedy: str) -> list[Problem]:
    found = [row[0] for row in cursor.execute(query)]
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return [Problem(rule, ", ".join(found[:5]) + more, remedy)] if found else []


def _totals(cursor: Cursor, problems: tuple[Problem, ...]) -> Audit:
    ledger_id, environment = cursor.execute("SELECT ledger_id, environment FROM control").fetchone()
    people, erased_people = cursor.execute(
        "SELECT count(*), count(erased_at) FROM people WHERE alias_of IS NULL"
    ).fetchone()
    calls, reserved, charged, at_risk = cursor.execute(f"SELECT {_SUMS}").fetchone()
    days = cursor.execute(
        f"SELECT usage_date, {_CALLS}, sum(charged_credits), sum(at_risk_credits) FROM attempts GROUP BY 1 ORDER BY 1"
    )
    return Audit(
        ledger_id=ledger_id,
        environment=environment,
        problems=problems,
        people=people,
        erased_people=erased_people,
        calls=calls,
        by_state=tuple(
            (state, count)
            for state, count in cursor.execute("SELECT state, count(*) FROM attempts GROUP BY 1 ORDER BY 2 DESC, 1")
        ),
        reserved=round(reserved, 6),
        charged=round(charged, 6),
        at_risk=round(at_risk, 6),
        kept_raw=cursor.execute("SELECT count(raw) FROM attempts").fetchone()[0],
        by_day=tuple(Day(*row) for row in days),
    )
