"""Reports a run's progress while it calls, and keeps what is reported at its end."""

import math
import time
from collections.abc import Container

import dagster as dg

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.enrichment.health import Outcome, Progress
from clodura_pipeline.enrichment.session import Session
from clodura_pipeline.ledger.rules.eligibility import LOST_TWICE, REFUSED
from clodura_pipeline.ledger.rules.policy import Limits
from clodura_pipeline.ledger.rules.stops import PendingReason, Stop, StopKind

REPORT_SECONDS = 30.0


class ProgressReport:
    """What a run's session came to so far; logs a line every 30 seconds, and collects pending reasons."""

    def __init__(self, context: dg.AssetExecutionContext, total: int, calls_today: int, doubts: Container[int]) -> None:
        """
        Args:
            total: people to call for.
            calls_today: calls of all runs on this UTC day, before this run's.
            doubts: people who are called for because an answer was lost before.
        """
        self.pending_reasons: dict[int, PendingReason] = {}
        self.session: Session | None = None  # until there is one, no call was made
        self._context = context
        self._total = total
        self._calls_today = calls_today
        self._doubts = doubts
        self._done = 0
        self._began = self._reported_at = time.monotonic()

    @property
    def progress(self) -> Progress:
        """The run's counts."""
        return self.session.dispatcher.progress if self.session else Progress()

    @property
    def stopped(self) -> Stop | None:
        """Why the run makes no further call."""
        return self.session.dispatcher.stopped if self.session else None

    def note(self, outcome: Outcome) -> None:
        """Take up what became of one person."""
        if not outcome.called and outcome.state is None:
            return  # not reached: the reason is the run's stop
        self._done += 1
        reason = outcome.pending_reason
        if outcome.state is State.AMBIGUOUS and outcome.request.person_key in self._doubts:
            reason = LOST_TWICE
        elif outcome.state is State.REFUSED:
            reason = REFUSED
        if reason is not None:
            self.pending_reasons[outcome.request.person_key] = reason

    def report(self, session: Session) -> None:
        """Log how far the run is, at most every 30 seconds."""
        now = time.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        progress, left = self.progress, self._total - self._done
        rate = progress.calls / max(0.001, now - self._began)
        waiting_for = session.caller.waiting_for
        waits = max(0.0, session.caller.waiting_until - now) if waiting_for else 0.0
        line = (
            f"{progress.answered} answered, {left} left; {rate:.1f} calls/s; {progress.credits_charged:g} credits; "
            f"{_time_left(left, rate, session.policy.limits, self._calls_today + progress.calls, waits)}"
        )
        if waiting_for:
            line += f"; waiting for {waiting_for}" + (f", {waits:.0f} s to go" if waits >= 1 else "")
        self._context.log.info(line)

    def log_interruption(self, session: Session) -> None:
        """Log that the run was stopped from outside, before calls in flight are awaited."""
        self._context.log.warning(
            "Stopping: no new calls are made. Calls in flight are awaited for at most "
            f"{session.policy.lease_seconds:.0f} s and their answers stored. If the run is terminated again meanwhile, "
            "these calls are in doubt."
        )

    @property
    def interruption(self) -> str:
        """What a run that was stopped from outside came to, and what comes next."""
        if self.session is None:
            return "The run was stopped from outside before any call. Start it again."
        message = (
            f"The run was stopped from outside after {self.progress.calls} calls. All answers are stored; the next "
            "run publishes them and continues from there."
        )
        if at_risk := self.session.credits_in_flight:
            message += (
                f" Calls in flight were not awaited: up to {at_risk:g} credits are at risk, and a later run calls once "
                "more for these people."
            )
        return message

    @property
    def people_left(self) -> int:
        """People to call for who have no outcome; answers awaited after an interruption are counted, not noted."""
        return self._total - max(self._done, self.progress.people_called + self.progress.already_answered)

    @property
    def found_no_service(self) -> bool:
        """Whether people were to be called for and nothing at all came back, because the API could not be reached."""
        progress = self.progress
        if progress.answered or progress.refused or progress.unrecognised or progress.already_answered:
            return False
        if self.stopped is not None:
            return self.stopped.kind in (StopKind.UNAVAILABLE, StopKind.WRONG_ADDRESS)
        return any(reason.code == "unreachable" for reason in self.pending_reasons.values())


def _time_left(left: int, calls_per_second: float, limits: Limits, calls_today: int, waiting_seconds: float) -> str:
    """How long the calls that are left take at this rate, within every limit, as words.

    Args:
        calls_per_second: as measured, so that pauses and lowered rates count.
        calls_today: of all runs on this UTC day, by this run's knowledge.
        waiting_seconds: until the next call may be made.
    """
    if limits.per_day and left > (today := max(0, limits.per_day - calls_today)):
        days = math.ceil((left - today) / limits.per_day)
        return f"{today} today, the rest on {days} more day(s) at the daily limit"
    highest = min([limit for limit in (limits.per_second, limits.per_minute / 60) if limit > 0], default=math.inf)
    rate = min(calls_per_second or highest, highest)
    if not rate or math.isinf(rate):
        return "time left unknown"
    seconds = waiting_seconds + left / rate
    return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"
