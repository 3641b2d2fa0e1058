"""Checks of the people who are pending: a day is complete without them, and a limit or the next run explains them."""

from collections.abc import Sequence

from clodura_pipeline.graph.checks import Finding, check
from clodura_pipeline.graph.partitions import NoDays
from clodura_pipeline.graph.step import CheckStep
from clodura_pipeline.ledger.rules.eligibility import ALREADY_ENRICHED, LOST_ONCE
from clodura_pipeline.ledger.rules.stops import LIMITS_AND_BUDGETS
from clodura_pipeline.warehouse.figures import PeoplePending, pending_reasons

_EXPLAINED = {*(kind.value for kind in LIMITS_AND_BUDGETS), LOST_ONCE.code, ALREADY_ENRICHED.code, "not_called_yet"}


@check("clodura_responses", "Everyone with a row on these days has been called for.")
def day_is_complete(step: CheckStep) -> Finding:
    try:
        days = step.days
    except NoDays:  # the check is run by itself
        days = None
    pending = pending_reasons(step.connection, days)
    people = _people(pending)
    return Finding(f"{people} people are pending. {_reasons(pending)}" if people else "", {"pending": people})


@check("enriched_contacts", "A limit, a cap or the next run explains who is pending.")
def pending_is_explained(step: CheckStep) -> Finding:
    pending = pending_reasons(step.connection)
    unexplained = [found for found in pending if found.code not in _EXPLAINED]
    waiting, people = _people(pending), _people(unexplained)
    problem = f"{people} people need your attention. {_reasons(unexplained)}" if people else ""
    return Finding(problem, {"pending": waiting, "unexplained": people})


def _people(pending: Sequence[PeoplePending]) -> int:
    return sum(found.people for found in pending)


def _reasons(pending: Sequence[PeoplePending]) -> str:
    return "; ".join(f"{found.people}: {found.reason}" for found in pending[:5])
