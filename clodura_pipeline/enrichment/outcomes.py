"""What became of each question, and the counts of a run."""

from dataclasses import dataclass, replace

from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.ledger.rules.requests import Question


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of one question. `pending_reason` is None once there is an answer or a verdict on it."""

    question: Question
    state: State | None
    asked: bool
    pending_reason: str | None = None


@dataclass(frozen=True)
class Progress:
    """Counts of one run so far. `calls` counts requests, retries and 429s included."""

    calls: int = 0
    retries: int = 0
    asked: int = 0
    persons: int = 0
    organisations: int = 0
    no_matches: int = 0
    refused: int = 0
    ambiguous: int = 0
    unrecognised: int = 0
    already_known: int = 0
    credits_charged: int = 0
    credits_at_risk: int = 0

    def plus(self, **more: int) -> "Progress":
        """These counts and more, by name."""
        return replace(self, **{name: getattr(self, name) + count for name, count in more.items()})

    def plus_call(self, verdict: Verdict, tries: int, is_retry: bool) -> "Progress":
        """These counts and one call that came to this verdict; `tries` for the person before it."""
        refused_for_now = verdict.next is Next.SLOW_DOWN  # a 429 is no retry, and nobody has been asked yet
        counted = {_COUNTED[verdict.state]: 1} if verdict.state in _COUNTED else {}
        return self.plus(
            calls=1,
            retries=int(is_retry and not refused_for_now),
            asked=int(tries == 0 and not refused_for_now),
            credits_charged=verdict.charged_credits,
            credits_at_risk=verdict.at_risk_credits,
            **counted,
        )

    @property
    def answered(self) -> int:
        """People whose question got an answer: a person, an organisation or a miss."""
        return self.persons + self.organisations + self.no_matches


_COUNTED = {
    State.PERSON: "persons",
    State.ORGANISATION: "organisations",
    State.NO_MATCH: "no_matches",
    State.REFUSED: "refused",
    State.AMBIGUOUS: "ambiguous",
    State.UNRECOGNISED: "unrecognised",
}
