"""Decides from a person's past attempts whether they may be asked now. Pure: the heart of "never bought twice"."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.rules.policy import Refresh

DAY_SECONDS = 86_400
MOST_DOUBTS = 2
"""A lost answer is asked for once more; a second doubt is final until asked on purpose."""

LOST_ONCE = "its answer was lost; a later run asks once more"
LOST_TWICE = "its answer was lost twice; asked again only by a run with settle_doubts"
REFUSED = "Clodura refused these identifiers; asked again when the row brings others"
ANSWERED_MOMENTS_AGO = "Clodura says it answered for this contact moments ago; a later run asks again"


class Purpose(StrEnum):
    """Why a person is asked. Stored with the attempt."""

    NEW = "new"
    STRONGER = "stronger"
    CHANGED = "changed"
    DOUBT = "doubt"
    REFRESH = "refresh"


@dataclass(frozen=True, repr=False)
class PastAttempt:
    """One attempt for a person. `question` is a hash of what was sent; times in epoch seconds."""

    id: int
    state: State
    detail: str
    strength: int
    question: str
    answered_at: float | None
    lease_left_seconds: float


@dataclass(frozen=True)
class Rules:
    """The run's side of the decision. `watermark`: the ledger's newest attempt when the run started."""

    watermark: int
    now: float
    refresh: Refresh | None = None
    settle_doubts: bool = False


@dataclass(frozen=True)
class Ask:
    """May be asked."""

    purpose: Purpose


@dataclass(frozen=True)
class Known:
    """Has an answer (or one that cannot be read yet); asking again would buy twice."""

    state: State


@dataclass(frozen=True)
class UnderWay:
    """Is being asked right now; its lease ends in so many seconds."""

    lease_left_seconds: float


@dataclass(frozen=True)
class Held:
    """Has no answer and is not asked now; `reason` says why, for `pending_reason`."""

    state: State
    reason: str


Standing = Ask | Known | UnderWay | Held


def standing(past: Sequence[PastAttempt], strength: int, question: str, rules: Rules) -> Standing:
    """Whether a person with these past attempts (any order) may be asked this question now.

    Args:
        strength: of the strongest combination that would be sent.
        question: hash of what would be sent.
    """
    past = sorted(past, key=lambda attempt: attempt.id)
    live = [a.lease_left_seconds for a in past if a.state is State.SENT and a.lease_left_seconds > 0]
    if live:
        return UnderWay(max(live))
    answers = [a for a in past if a.state.is_readable_answer]
    refusals = [a for a in past if a.state is State.REFUSED]
    purpose = Purpose.CHANGED if refusals else Purpose.NEW
    if answers:
        again = _reason_to_ask_again(answers, strength, rules)
        if again is None:
            return Known(answers[-1].state)
        purpose = again
    since = [a for a in past if not answers or a.id > answers[-1].id]
    if any(a.state is State.UNRECOGNISED for a in since):
        # Bought already, also where it was to follow up an older answer: asking again would buy it at every run.
        return Known(answers[-1].state if answers else State.UNRECOGNISED)
    # A call whose process died is still "sent" when its lease has ended: a doubt like any other.
    doubts = [a for a in since if a.state in (State.AMBIGUOUS, State.SENT)]
    if any(a.question == question for a in refusals):
        if answers:
            return Known(answers[-1].state)
        state = State.AMBIGUOUS if doubts else State.REFUSED
        return Held(state, REFUSED)
    if since and since[-1].detail == "already_enriched" and since[-1].id > rules.watermark:
        return Held(State.NOT_PROCESSED, ANSWERED_MOMENTS_AGO)
    return _unless_in_doubt(doubts, rules) if doubts else Ask(purpose)


def _unless_in_doubt(doubts: Sequence[PastAttempt], rules: Rules) -> Standing:
    newest = doubts[-1]
    if newest.lease_left_seconds > 0 or newest.id > rules.watermark:
        return Held(State.AMBIGUOUS, LOST_ONCE)
    if len(doubts) >= MOST_DOUBTS and not rules.settle_doubts:
        return Held(State.AMBIGUOUS, LOST_TWICE)
    return Ask(Purpose.DOUBT)


def _reason_to_ask_again(answers: Sequence[PastAttempt], strength: int, rules: Rules) -> Purpose | None:
    newest = answers[-1]
    bought = [a for a in answers if a.state is not State.NO_MATCH]
    if not bought and strength > max(a.strength for a in answers):
        return Purpose.STRONGER
    if rules.refresh is None or newest.answered_at is None:
        return None
    missed = newest.state is State.NO_MATCH
    max_age_days = rules.refresh.no_match_max_age_days if missed else rules.refresh.answer_max_age_days
    return Purpose.REFRESH if rules.now - newest.answered_at > max_age_days * DAY_SECONDS else None
