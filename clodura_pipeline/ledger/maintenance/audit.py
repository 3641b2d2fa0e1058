"""Checks a ledger by the rules that always hold in it, and adds up its totals; changes nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.engines.database import Address, database_at

_DEFECT = "This is a defect: report it with this output, no run repairs it. Until then, cap what runs may spend."


class Rule(NamedTuple):
    """What always holds; the query that names what breaks it (ids and scopes, no contact data); what to do then."""

    text: str
    query: str
    remedy: str = _DEFECT


class Problem(NamedTuple):
    """A rule that does not hold: which, where, and what to do."""

    rule: str
    where: str
    remedy: str


@dataclass(frozen=True)
class Audit:
    """The totals of a ledger. `calls`: sent to Clodura; `kept_raw`: answers whose bytes are kept."""

    ledger_id: str
    environment: str | None
    problems: tuple[Problem, ...]
    people: int
    erased_people: int
    calls: int
    by_state: tuple[tuple[str, int], ...]
    reserved: float
    charged: float
    at_risk: float
    kept_raw: int

    @property
    def sound(self) -> bool:
        """Whether every rule holds."""
        return not self.problems


def audit_ledger(address: Address, show: Callable[[Sequence[Rule]], Iterable[Rule]] = iter) -> Audit:
    """Check a ledger by its rules, in one consistent state, while runs write to it.

    Args:
        show: hands on the rules one by one, and may show how far the check is: of a large ledger it takes minutes.

    Raises:
        LedgerError: there is none, or it cannot be read.
    """
    rules = (*_RULES_OF_FILES, *_RULES) if isinstance(address, Path) else _RULES
    problems: list[Problem] = []
    with database_at(address).read() as cursor:
        for rule in show(rules):
            found = [str(row[0]) for row in cursor.execute(rule.query)]
            if found:
                more = f" and {len(found) - 5} more" if len(found) > 5 else ""
                problems.append(Problem(rule.text, ", ".join(found[:5]) + more, rule.remedy))
        ledger_id, environment = cursor.execute("SELECT ledger_id, environment FROM control").fetchone()
        people, erased_people = cursor.execute(
            "SELECT count(*), count(erased_at) FROM people WHERE alias_of IS NULL"
        ).fetchone()
        kept_raw = cursor.execute("SELECT count(raw) FROM attempts").fetchone()[0]
        states = cursor.execute("SELECT state, count(*) FROM attempts GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
        calls, reserved, charged, at_risk = cursor.execute(f"SELECT {_SUMS}").fetchone()
    return Audit(
        ledger_id, environment, tuple(problems), people, erased_people, calls, tuple(map(tuple, states)),
        round(reserved, 6), round(charged, 6), round(at_risk, 6), kept_raw,
    )  # fmt: skip


def _of_calls(text: str, broken_where: str, remedy: str = _DEFECT) -> Rule:
    return Rule(text, f"SELECT 'call ' || id FROM attempts WHERE {broken_where}", remedy)


_STATES = ", ".join(f"'{state}'" for state in State)
_ANSWERED = "('person', 'organisation', 'no_match')"
_IN_DOUBT = "('ambiguous', 'unrecognised')"
# A released call never left: it keeps its row, without an answer, and does not count as a call.
_CALLS = "count(*) FILTER (WHERE state <> 'not_processed' OR answered_at IS NOT NULL)"
_SUMS = (
    f"{_CALLS} AS calls, coalesce(sum(reserved_credits), 0) AS reserved, "
    "coalesce(sum(charged_credits), 0) AS charged, coalesce(sum(at_risk_credits), 0) AS at_risk FROM attempts"
)

# A server holds pages and references together; in a file they can break.
_RULES_OF_FILES = (
    Rule(
        "the file is whole",
        "SELECT integrity_check FROM pragma_integrity_check(20) WHERE integrity_check <> 'ok'",
        "The file is damaged. Restore it from a backup, and keep this one: it may hold answers that the backup lacks.",
    ),
    Rule(
        "every row refers to rows that are there",
        "SELECT DISTINCT \"table\" || ' ' || coalesce(rowid, '') FROM pragma_foreign_key_check",
    ),
)
_RULES = (
    Rule(
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
        f"Limits and budgets rest on these totals. {_DEFECT}",
    ),
    Rule(
        "an alias names the older key that survived, never another alias",
        "SELECT 'person ' || p.person_key FROM people p JOIN people s ON s.person_key = p.alias_of "
        "WHERE s.added > p.added OR s.alias_of IS NOT NULL",
    ),
    _of_calls(
        "every call has a known state",
        f"state NOT IN ({_STATES})",
        f"A later version may have written it: install that one. Else: {_DEFECT}",
    ),
    _of_calls(
        f"a call in flight has {WORST_COST_CREDITS} credits reserved, every other none",
        f"reserved_credits <> CASE state WHEN 'sent' THEN {WORST_COST_CREDITS} ELSE 0 END",
    ),
    _of_calls(
        "a call costs what its state says",
        f"""
        (state IN ('no_match', 'refused', 'not_processed') AND charged_credits <> 0
            AND coalesce(cost_basis, '') <> 'stated')
        OR (state IN ('sent', 'ambiguous') AND charged_credits <> 0)
        OR (cost_basis = 'content' AND charged_credits <>
            CASE state WHEN 'person' THEN {WORST_COST_CREDITS} WHEN 'organisation' THEN 1 ELSE 0 END)
        """,
    ),
    _of_calls(
        "only a doubt is at risk, until a balance settles it",
        f"""
        (state NOT IN {_IN_DOUBT} AND at_risk_credits <> 0)
        OR (state IN {_IN_DOUBT} AND cost_basis = 'doubt' AND at_risk_credits <> {WORST_COST_CREDITS}
            AND (doubt_settled_by IS NULL OR at_risk_credits <> 0))
        """,
    ),
    _of_calls("no credits are negative", "reserved_credits < 0 OR charged_credits < 0 OR at_risk_credits < 0"),
    _of_calls("an answer has a time", f"state IN {_ANSWERED} AND answered_at IS NULL"),
    _of_calls(
        "no person with an answer was called for as if there were none",
        "purpose = 'new' AND EXISTS (SELECT 1 FROM attempts b WHERE b.person_key = attempts.person_key "
        f"AND b.id < attempts.id AND b.state IN {_ANSWERED})",
    ),
    Rule(
        "no person is being called for twice at once",
        "SELECT 'person ' || person_key FROM attempts WHERE state = 'sent' GROUP BY person_key HAVING count(*) > 1",
    ),
    Rule(
        "nothing is newer than the ledger's sequence",
        "SELECT 'call ' || attempts.id FROM attempts, control WHERE attempts.sequence > control.sequence "
        "UNION ALL SELECT 'person ' || person_key FROM people, control WHERE people.sequence > control.sequence",
        f"The published file may miss changes. {_DEFECT}",
    ),
    Rule(
        "nothing is left of erased people",
        "SELECT DISTINCT 'person ' || person_key FROM people JOIN attempts USING (person_key) "
        "WHERE erased_at IS NOT NULL AND (request IS NOT NULL OR raw IS NOT NULL OR answer IS NOT NULL) "
        "UNION SELECT 'person ' || person_key FROM people JOIN identifiers USING (person_key) "
        "WHERE erased_at IS NOT NULL",
        f"Run `clodura-pipeline forget` for these people again. {_DEFECT}",
    ),
)
