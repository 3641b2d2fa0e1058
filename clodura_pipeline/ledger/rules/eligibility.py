"""Decides from a person's past attempts whether they may be called for now. Pure: the heart of "never paid twice"."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.rules.stops import PendingReason

RULES_VERSION = 1
"""Raised when the decision below changes: stored plans are then made again."""
DAY_SECONDS = 86_400
MAX_DOUBTS = 2
"""After a lost answer a person is called for once more; a second doubt is final until settled on purpose."""

LOST_ONCE = PendingReason("answer_lost", "the answer was lost; a later run calls once more")
LOST_TWICE = PendingReason(
    "answer_lost_twice", "the answer was lost twice; only a run with retry_ambiguous: true calls again"
)
REFUSED = PendingReason("refused", "Clodura refuses these identifiers; called for again when the row has others")
ALREADY_ENRICHED = PendingReason(
    "already_enriched", "Clodura answered for this contact a moment ago (409); a later run calls again"
)


class Purpose(StrEnum):
    """Why a person is called for. Stored with the attempt."""

    NEW = "new"
    STRONGER = "stronger"
    CHANGED = "changed"
    DOUBT = "doubt"
    REFRESH = "refresh"


@dataclass(frozen=True)
class PastAttempt:
    """One earlier attempt for a person, seen from the request that is to be decided on.

    Only what the decision needs, so that people with the same past are decided on together: see `enrichment.plan`.
    `is_weaker`: its combination is weaker than the one to be sent. `is_same_request`: exactly this was sent.
    `in_lease`: its answer may still come. `since_start`: the run that decides started before it. `is_overdue`: an
    answer older than a refresh run accepts. `is_repeat`: Clodura had just answered for this contact (409).
    """

    state: State
    is_weaker: bool = False
    is_same_request: bool = False
    in_lease: bool = False
    since_start: bool = False
    is_overdue: bool = False
    is_repeat: bool = False


@dataclass(frozen=True)
class Eligible:
    """May be called for."""

    purpose: Purpose


@dataclass(frozen=True)
class Answered:
    """Has an answer, or one that cannot be read yet; another call would pay twice."""

    state: State


@dataclass(frozen=True)
class InFlight:
    """Is being called for right now."""


@dataclass(frozen=True)
class Ineligible:
    """Has no answer and may not be called for now."""

    state: State
    reason: PendingReason


Eligibility = Eligible | Answered | InFlight | Ineligible


def eligibility(past: Sequence[PastAttempt], retry_ambiguous: bool = False) -> Eligibility:
    """Whether a person may be called for now.

    Args:
        past: all their attempts, oldest first.
        retry_ambiguous: call again for people whose answer was lost twice.
    """
    if any(a.state is State.SENT and a.in_lease for a in past):
        return InFlight()
    answers = [a for a in past if a.state.is_readable_answer]
    refusals = [a for a in past if a.state is State.REFUSED]
    purpose = Purpose.CHANGED if refusals else Purpose.NEW
    if answers:
        again = _reason_to_call_again(answers)
        if again is None:
            return Answered(answers[-1].state)
        purpose = again
    last_answer = max((n for n, a in enumerate(past) if a.state.is_readable_answer), default=-1)
    since = past[last_answer + 1 :]
    if any(a.state is State.UNRECOGNISED for a in since):
        # Paid for already, also where it was to follow up an older answer: every run would pay for it again.
        return Answered(answers[-1].state if answers else State.UNRECOGNISED)
    # A call whose process died is still "sent" when its lease has ended: a doubt like any other.
    doubts = [a for a in since if a.state in (State.AMBIGUOUS, State.SENT)]
    if any(a.is_same_request for a in refusals):
        if answers:
            return Answered(answers[-1].state)
        return Ineligible(State.AMBIGUOUS if doubts else State.REFUSED, REFUSED)
    if since and since[-1].is_repeat and since[-1].since_start:
        return Ineligible(State.NOT_PROCESSED, ALREADY_ENRICHED)
    return _unless_in_doubt(doubts, retry_ambiguous) if doubts else Eligible(purpose)


def _unless_in_doubt(doubts: Sequence[PastAttempt], retry_ambiguous: bool) -> Eligibility:
    if doubts[-1].in_lease or doubts[-1].since_start:
        return Ineligible(State.AMBIGUOUS, LOST_ONCE)
    if len(doubts) >= MAX_DOUBTS and not retry_ambiguous:
        return Ineligible(State.AMBIGUOUS, LOST_TWICE)
    return Eligible(Purpose.DOUBT)


def _reason_to_call_again(answers: Sequence[PastAttempt]) -> Purpose | None:
    missed = all(a.state is State.NO_MATCH for a in answers)
    if missed and all(a.is_weaker for a in answers):
        return Purpose.STRONGER
    return Purpose.REFRESH if answers[-1].is_overdue else None
