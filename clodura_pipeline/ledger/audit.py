"""Holds a ledger's file up to the rules that always hold in it, and adds up its books; changes nothing."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger import schema

DAMAGED = "The file is damaged. Restore it from a back-up, and keep this one: it may hold what the back-up lacks."
DEFECT = (
    "This is a defect worth reporting with this output; no run repairs it. Until it is clear, cap what runs may spend."
)


@dataclass(frozen=True)
class Problem:
    """A rule that does not hold: which, where (ids, scopes; never what somebody's row says), and what to do."""

    rule: str
    where: str
    remedy: str


@dataclass(frozen=True)
class Day:
    """What was sent on a UTC day, and what it cost in credits."""

    day: str
    calls: int
    charged: int
    at_risk: int


@dataclass(frozen=True)
class Audit:
    """A ledger's books. `calls`: sent to Clodura; `kept_raw`: answers whose bytes are kept."""

    ledger_id: str = ""
    world: str | None = None
    problems: tuple[Problem, ...] = ()
    people: int = 0
    forgotten: int = 0
    calls: int = 0
    by_state: tuple[tuple[str, int], ...] = ()
    reserved: int = 0
    charged: int = 0
    at_risk: int = 0
    kept_raw: int = 0
    by_day: tuple[Day, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every rule holds."""
        return not self.problems


def audit_file(path: Path) -> Audit:
    """Hold a ledger's file up to its rules, in one consistent state, beside runs that write to it.

    Raises:
        LedgerProblem: there is none, or it cannot be opened; a damaged file that can be is in `problems`.
    """
    with schema.open_to_read(path) as connection:
        try:
            damage = _damage(connection)
            if damage:
                return Audit(problems=damage)
            return _books(connection, tuple(_broken_rules(connection)))
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
# A withdrawn call never left: it keeps its row, without an answer, and counts as no call.
_CALLS = "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL)"
_SUMS = (
    f"{_CALLS} AS calls, coalesce(sum(reserved_credits), 0) AS reserved, coalesce(sum(charged_credits), 0) AS charged, "
    "coalesce(sum(at_risk_credits), 0) AS at_risk FROM attempts"
)
_FREE = "('no_match', 'refused', 'not_processed')"

# Each query names what breaks its rule; none of them shows anybody's data.
_RULES = (
    (
        "every total is the sum over its attempts",
        f"""
        WITH sums AS (
            SELECT 'all' AS scope, {_SUMS}
            UNION ALL SELECT 'day:' || usage_date, {_SUMS} GROUP BY usage_date
            UNION ALL SELECT 'run:' || root_run_id, {_SUMS} GROUP BY root_run_id)
        SELECT scope FROM (SELECT * FROM sums EXCEPT SELECT * FROM totals)
        UNION SELECT scope FROM totals WHERE scope NOT IN (SELECT scope FROM sums)
            AND (calls, reserved_credits, charged_credits, at_risk_credits) <> (0, 0, 0, 0)
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
        "WHERE p.alias_of >= p.person_key OR s.alias_of IS NOT NULL",
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
        f"a call under way has {WORST_COST_CREDITS} credits reserved, any other none",
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
        UNION ALL SELECT scope FROM totals WHERE min(calls, reserved_credits, charged_credits, at_risk_credits) < 0
        """,
        DEFECT,
    ),
    (
        "an answer has a time",
        f"SELECT 'call ' || id FROM attempts WHERE state IN {_ANSWERED} AND answered_at IS NULL",
        DEFECT,
    ),
    (
        "nobody who had an answer was asked as if they had none",
        f"""
        SELECT 'call ' || a.id FROM attempts a WHERE a.purpose = 'new' AND EXISTS (
            SELECT 1 FROM attempts b WHERE b.person_key = a.person_key AND b.id < a.id AND b.state IN {_ANSWERED})
        """,
        DEFECT,
    ),
    (
        "nobody is being asked twice at once",
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
        "nothing is left of people who were erased",
        "SELECT DISTINCT 'person ' || person_key FROM people JOIN attempts USING (person_key) "
        "WHERE forgotten_at IS NOT NULL AND (question IS NOT NULL OR raw IS NOT NULL OR answer IS NOT NULL) "
        "UNION SELECT 'person ' || person_key FROM people JOIN identifiers USING (person_key) "
        "WHERE forgotten_at IS NOT NULL",
        "Run `clodura-pipeline forget` for them again. " + DEFECT,
    ),
)


def _broken_rules(connection: sqlite3.Connection) -> list[Problem]:
    problems = []
    for rule, query, remedy in _RULES:
        found = [row[0] for row in connection.execute(query)]
        if found:
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            problems.append(Problem(rule, ", ".join(found[:5]) + more, remedy))
    return problems


def _books(connection: sqlite3.Connection, problems: tuple[Problem, ...]) -> Audit:
    ledger_id, world = connection.execute("SELECT ledger_id, world FROM control").fetchone()
    people, forgotten = connection.execute(
        "SELECT count(*), count(forgotten_at) FROM people WHERE alias_of IS NULL"
    ).fetchone()
    calls, reserved, charged, at_risk = connection.execute(f"SELECT {_SUMS}").fetchone()
    days = connection.execute(
        f"SELECT usage_date, {_CALLS}, sum(charged_credits), sum(at_risk_credits) FROM attempts GROUP BY 1 ORDER BY 1"
    )
    return Audit(
        ledger_id=ledger_id,
        world=world,
        problems=problems,
        people=people,
        forgotten=forgotten,
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
