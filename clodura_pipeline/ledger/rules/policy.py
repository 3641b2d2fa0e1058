"""What may be spent and how fast: limits, budget, refresh ages, the run that calls, and constants of the dispatcher."""

from dataclasses import dataclass

SEND_SLACK_SECONDS = 0.01
"""How late after its permit a request may leave. Part of every window, so being this late passes no limit."""

MIDNIGHT_GUARD_SECONDS = 1.5
"""No call is sent so close to a UTC midnight that it is unsure on which day the server counts it: `Date` headers have
whole seconds, so the server's clock is known to about one second."""

LEASE_MARGIN_SECONDS = 5.0
MAX_PAUSE_SECONDS = 120.0
"""A server that asks for a longer pause than this stops the run gracefully."""

MAX_OWN_PAUSE_SECONDS = 60.0
"""How far the pause after a 429 without `Retry-After` grows."""

RATE_DOUBLES_SECONDS = 30.0
MIN_RATE_PER_SECOND = 0.1
MAX_CONSECUTIVE_429S = 10
"""So many 429s in a row, each after a pause of its own, stop the run."""

MAX_CONSECUTIVE_FAILURES = 5
MAX_UNREADABLE_ANSWERS = 5
MAX_TRIES_PER_PERSON = 4
RETRY_SHARE = 0.2
"""Retries never exceed this share of a run's calls (rounded up, so that a short list survives one hiccup)."""


@dataclass(frozen=True)
class Limits:
    """Calls allowed per window; 0: no such limit. `jitter_seconds`: allowance for uneven network travel."""

    per_second: int = 10
    per_minute: int = 100
    per_day: int = 2000
    jitter_seconds: float = 0.05

    def windows(self) -> tuple[tuple[int, float], ...]:
        """(calls, seconds) for each window, lengthened so that jitter on the way passes no limit at the server.

        Two calls sent `seconds + jitter` apart arrive at least `seconds` apart while their travel times differ by
        less than `jitter`.
        """
        margin = self.jitter_seconds + SEND_SLACK_SECONDS
        named = ((self.per_second, 1.0), (self.per_minute, 60.0))
        return tuple((calls, seconds + margin) for calls, seconds in named if calls > 0)


@dataclass(frozen=True)
class Budget:
    """Caps in credits; 0: no cap. `min_balance_credits`: credits to leave untouched."""

    per_run_credits: int = 1000
    per_day_credits: int = 0
    min_balance_credits: int = 0


@dataclass(frozen=True)
class Refresh:
    """Eligible again whose answers are older than this. Only a refresh run has one."""

    answer_max_age_days: float
    no_match_max_age_days: float


@dataclass(frozen=True)
class Policy:
    """All that decides whether a call may be made."""

    limits: Limits
    budget: Budget
    timeout_seconds: float = 30.0
    max_workers: int = 16
    refresh: Refresh | None = None
    retry_ambiguous: bool = False
    first_backoff_seconds: float = 0.5
    max_backoff_seconds: float = 8.0

    @property
    def lease_seconds(self) -> float:
        """How long a call may be in flight before its answer counts as lost."""
        return self.timeout_seconds + LEASE_MARGIN_SECONDS


@dataclass(frozen=True)
class Run:
    """One run that calls.

    `cap_scope`: what its cap counts over: the backfill, or the root run of its retries. `max_credits` 0: no cap.
    `watermark`: the newest attempt when it started; it decides what "starts after it was sent" means.
    """

    run_id: str
    cap_scope: str
    max_credits: int
    first_day: str = ""
    last_day: str = ""
    watermark: int = 0
