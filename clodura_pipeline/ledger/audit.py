"""Checks a ledger's file by the rules that always hold in it, and adds up its totals; changes nothing."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.connection import open_to_read

DAMAGED = "The file is damaged. Restore it from a backup, and keep this one: it may hold answers that the backup lacks."
DEFECT = "This is a defect: report it with this output, no run repairs it. Until then, cap what runs may spend."


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


def audit_file(path: Path) -> Audit:
    """Check a ledger's file by its rules, in one consistent state, while runs write to it.

    Raises:
        LedgerError: there is none, or it cannot be opened; a damaged file that can be is in `problems`.
    """
    with open_to_read(path) as connection:
        try:
            damage = _damage(connection)
            if damage:
                return Audit(problems=damage)
            return _totals(connection, tuple(_violations(connection)))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise
            return Audit(problems=(Problem("the file can be read", str(error), DAMAGED),))


def _damage(connection: sqlite3.Connection) -> tuple[Problem, ...]:
    lines = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    # "row 7 missing from index": pages and rows by number, nothing of what they hold.
    return () if lines == ["ok"] else (Problem("SQLite's integrity check", "; ".join(lines)[:500], DAMAGED),)


_ANSWERED = "('person', 'organisation', 'no_match')"
_STATES = ", ".join(f"'{state}'" for state in State)
# A released call never left: it keeps its row, without an answer, and does not count as a call.
_CALLS = "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL)"
_SUMS = (
    f"{_CALLS} AS calls, round(coalesce(sum(reserved_credits), 0), 6) AS reserved, "
    "round(coalesce(sum(charged_credits), 0), 6) AS charged, round(coalesce(sum(at_risk_credits), 0), 6) AS at_risk "
    "FROM attempts"
)
_FREE = "('no_match', 'refused', 'not_processed')"

# Each query names what breaks its rule; none of them shows contact data.
_RULES = (
    (
        "every total is the sum over its attempts",
        f"""
        WITH sums AS (
            SELECT 'all' AS scope, {_SUMS}
            UNION ALL SELECT 'day:' || usage_date, {_SUMS} GROUP BY usage_date
            UNION ALL SELECT 'run:' || cap_scope, {_SUMS} GROUP BY cap_scope)
        SELECT scope FROM (SELECT * FROM sums EXCEPT SELECT scope, calls, round(reserved_credits, 6),
            round(charged_credits, 6), round(at_risk_credits, 6) FROM totals)
        UNION SELECT scope FROM totals WHERE scope NOT IN (SELECT scope FROM sums)
            AND (calls, reserved_credits, round(charged_credits, 6), round(at_risk_credits, 6)) <> (0, 0, 0, 0)
        """,
        "Limits and budgets rest on these totals. " + DEFECT,
    ),
    (
        "every row refers to rows that are there",
        "SELECT DISTINCT \"table\" || ' ' || coalesce(rowid, '') FROM pragma_foreign_key_check",
        DEFECT,
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
        SELECT 'call ' || id FROM attempts WHERE min(reserved_credits, charged_credits, at_risk_credits) < 0
        UNION ALL SELECT scope FROM totals
            WHERE min(calls, reserved_credits, charged_credits, at_risk_credits) < -0.000001
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


def _violations(connection: sqlite3.Connection) -> list[Problem]:
    problems = []
    for rule, query, remedy in _RULES:
        found = [row[0] for row in connection.execute(query)]
        if found:
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            problems.append(Problem(rule, ", ".join(found[:5]) + more, remedy))
    return problems


def _totals(connection: sqlite3.Connection, problems: tuple[Problem, ...]) -> Audit:
    ledger_id, environment = connection.execute("SELECT ledger_id, environment FROM control").fetchone()
    people, erased_people = connection.execute(
        "SELECT count(*), count(erased_at) FROM people WHERE alias_of IS NULL"
    ).fetchone()
    calls, reserved, charged, at_risk = connection.execute(f"SELECT {_SUMS}").fetchone()
    days = connection.execute(
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
            for state, count in connection.execute("SELECT state, count(*) FROM attempts GROUP BY 1 ORDER BY 2 DESC, 1")
        ),
        reserved=reserved,
        charged=charged,
        at_risk=at_risk,
        kept_raw=connection.execute("SELECT count(raw) FROM attempts").fetchone()[0],
        by_day=tuple(Day(*row) for row in days),
    )
