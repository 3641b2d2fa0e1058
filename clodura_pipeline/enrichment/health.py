"""What a run's calls have come to so far: outcomes and counts, and parallel or single calls, pause, retry or stop."""

import math
import random
from dataclasses import dataclass, replace

from clodura_pipeline.clodura.answers.reader import Enrichment
from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.policy import (
    MAX_CONSECUTIVE_FAILURES,
    MAX_PAUSE_SECONDS,
    MAX_UNREADABLE_ANSWERS,
    RETRY_SHARE,
    Policy,
)
from clodura_pipeline.ledger.rules.stops import PendingReason, Stop, StopKind, stop

_COUNTED = {
    State.PERSON: "persons",
    State.ORGANISATION: "organisations",
    State.NO_MATCH: "no_matches",
    State.REFUSED: "refused",
    State.AMBIGUOUS: "ambiguous",
    State.UNRECOGNISED: "unrecognised",
}


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


class Health:
    """Learns from each call. For one thread at a time; times are monotonic seconds."""

    def __init__(self, policy: Policy, rng: random.Random) -> None:
        self.is_parallel = False
        self.not_before = -math.inf
        self._policy = policy
        self._rng = rng
        self._failures = 0
        self._failed_at = -math.inf
        self._unreadable = 0

    def learn(self, verdict: Verdict, sent_at: float, now: float) -> Stop | None:
        """Note what one call came to; returns a stop when the run is to end for it."""
        if verdict.next is Next.TRY_AGAIN_LATER or verdict.state is State.AMBIGUOUS:
            if sent_at > self._failed_at:  # those sent before the last failure failed with it
                self._failures += 1
                self._failed_at = now
            self.is_parallel = self.is_parallel and self._failures <= 1
            asked_seconds = verdict.retry_after_seconds or 0.0
            if asked_seconds or not self.is_parallel:
                self.not_before = max(self.not_before, now + max(asked_seconds, self.backoff(self._failures - 1)))
            if asked_seconds > MAX_PAUSE_SECONDS:
                return stop(StopKind.UNAVAILABLE, f"{verdict.detail}, for {asked_seconds:.0f} s")
            return stop(StopKind.UNAVAILABLE, verdict.detail) if self._failures >= MAX_CONSECUTIVE_FAILURES else None
        after_failures = sent_at > self._failed_at  # what was sent before says nothing about the service now
        if after_failures:
            self._failures = 0
        if verdict.state is State.UNRECOGNISED:
            self._unreadable += 1
            self.is_parallel = False
            if self._unreadable >= MAX_UNREADABLE_ANSWERS:
                return stop(StopKind.UNREADABLE, verdict.detail)
        elif verdict.state.is_readable_answer:
            self.is_parallel = self.is_parallel or after_failures
            if verdict.state is not State.NO_MATCH:
                self._unreadable = 0
        return None

    def backoff(self, tries: int) -> float:
        """Seconds to wait before trying again, after so many tries before the last."""
        longest = min(self._policy.max_backoff_seconds, self._policy.first_backoff_seconds * 2.0 ** max(0, tries))
        return longest * self._rng.uniform(0.5, 1.0)


class RetryShare:
    """Keeps retries below their share of the calls that Clodura looked at. For one thread at a time."""

    def __init__(self) -> None:
        self._arrived = 0
        self._begun = 0

    def begin(self) -> bool:
        """Take a retry's place, before its call: of several at once, each must find one of its own."""
        if self._begun + 1 > math.ceil(RETRY_SHARE * (self._arrived + 1)):
            return False
        self._begun += 1
        return True

    def ended(self, is_retry: bool, arrived: bool) -> None:
        """A call has ended; one that never arrived, or was refused with 429, was no retry either."""
        self._arrived += int(arrived)
        if is_retry and not arrived:
            self._begun -= 1
