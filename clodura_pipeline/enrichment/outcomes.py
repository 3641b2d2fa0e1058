"""What became of each request, and the counts of a run."""

from dataclasses import dataclass, replace

from clodura_pipeline.clodura.answers.reader import Enrichment
from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest
from clodura_pipeline.ledger.rules.stops import PendingReason


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of one request. `pending_reason` is None once there is a final answer."""

    request: EnrichmentRequest
    state: State | None
    called: bool
    pending_reason: PendingReason | None = None
    enrichment: Enrichment | None = None


@dataclass(frozen=True)
class Progress:
    """Counts of one run so far. `calls` counts requests, retries and 429s included."""

    calls: int = 0
    retries: int = 0
    people_called: int = 0
    persons: int = 0
    organisations: int = 0
    no_matches: int = 0
    refused: int = 0
    ambiguous: int = 0
    unrecognised: int = 0
    already_answered: int = 0
    credits_charged: float = 0
    credits_at_risk: float = 0

    def plus(self, **more: float) -> "Progress":
        """These counts and more, by name."""
        return replace(self, **{name: getattr(self, name) + count for name, count in more.items()})

    def plus_call(self, verdict: Verdict, tries: int, is_retry: bool) -> "Progress":
        """These counts and one call that came to this verdict; `tries` for the person before it."""
        was_429 = verdict.next is Next.SLOW_DOWN  # no retry, and the person has not been called for yet
        counted = {_COUNTED[verdict.state]: 1} if verdict.state in _COUNTED else {}
        return self.plus(
            calls=1,
            retries=int(is_retry and not was_429),
            people_called=int(tries == 0 and not was_429),
            credits_charged=verdict.charged_credits,
            credits_at_risk=verdict.at_risk_credits,
            **counted,
        )

    @property
    def answered(self) -> int:
        """People with an answer: a person, an organisation or a miss."""
        return self.persons + self.organisations + self.no_matches


_COUNTED = {
    State.PERSON: "persons",
    State.ORGANISATION: "organisations",
    State.NO_MATCH: "no_matches",
    State.REFUSED: "refused",
    State.AMBIGUOUS: "ambiguous",
    State.UNRECOGNISED: "unrecognised",
}
