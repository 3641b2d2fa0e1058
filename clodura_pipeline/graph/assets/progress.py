"""Shows a run's progress while it asks, and keeps what is to be told at its end."""

import time
from collections.abc import Container
from typing import Any

import dagster as dg

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.enrichment.dispatcher import Outcome, Progress
from clodura_pipeline.enrichment.session import Session
from clodura_pipeline.ledger.rules.eligibility import LOST_TWICE, REFUSED
from clodura_pipeline.ledger.rules.stops import Stop

EVERY_SECONDS = 5.0


class ProgressReport:
    """Counts outcomes, logs a line and an observation every few seconds, and collects pending reasons."""

    def __init__(self, context: dg.AssetExecutionContext, total: int, doubts: Container[int]) -> None:
        """`doubts`: people who are asked because an answer was lost before."""
        self.pending_reasons: dict[int, str] = {}
        self.progress = Progress()
        self.stopped: Stop | None = None
        self.balance_figures: dict[str, object] = {}
        self._context = context
        self._total = total
        self._doubts = doubts
        self._done = 0
        self._stopping: Session | None = None
        self._began = self._told = time.monotonic()

    def note(self, outcome: Outcome) -> None:
        """Take up what became of one person."""
        self._done += 1
        person_key, reason = outcome.question.person_key, outcome.pending_reason
        if outcome.state is State.AMBIGUOUS and person_key in self._doubts:
            reason = LOST_TWICE
        elif outcome.state is State.REFUSED:
            reason = REFUSED
        if reason is not None:
            self.pending_reasons[person_key] = reason

    def tick(self, session: Session) -> None:
        """Tell how it stands, at most every few seconds."""
        now = time.monotonic()
        if now - self._told < EVERY_SECONDS:
            return
        self._told = now
        progress, left = session.progress, self._total - self._done
        rate = progress.calls / max(0.001, now - self._began)
        eta_minutes = left / rate / 60 if rate else None
        waiting = session.waiting_for
        self._context.log.info(
            f"{self._done} of {self._total} done, {left} left; {rate:.1f} calls/s, {progress.credits_charged} credits"
            + (f"; about {eta_minutes:.1f} min to go at this rate" if eta_minutes is not None else "")
            + (f"; waiting for {waiting}" if waiting else "")
        )
        metadata: dict[str, Any] = {
            "answered": progress.answered,
            "left": left,
            "calls_per_second": round(rate, 2),
            "credits_charged": progress.credits_charged,
        }
        if eta_minutes is not None:
            metadata["eta_minutes"] = round(eta_minutes, 1)
        for key in self._context.partition_keys[-1:]:
            asset_key = self._context.asset_key
            self._context.log_event(dg.AssetObservation(asset_key=asset_key, partition=key, metadata=metadata))

    def stopping(self, session: Session) -> None:
        """Tell that the run was stopped from outside, before what is under way is awaited."""
        self._stopping = session
        self._context.log.warning(
            "Stopping: no new calls are made. Those under way are awaited, for at most "
            f"{session.longest_wait_seconds:.0f} s, and their answers stored; if the run is ended again meanwhile, "
            "they are in doubt."
        )

    def how_it_stopped(self) -> str:
        """What became of a run that was stopped from outside, and what comes next."""
        session = self._stopping
        if session is None:
            return "The run was stopped from outside while nobody was being asked. Start it again."
        told = (
            f"The run was stopped from outside after {session.progress.calls} answered calls. All answers are stored; "
            "the next run publishes them and goes on from there."
        )
        if session.credits_under_way:
            told += (
                f" Calls that were under way were not awaited: up to {session.credits_under_way} credits are at risk, "
                "and a later run asks these people once more."
            )
        return told

    def finish(self, session: Session) -> None:
        """Take over the final state of a session that has ended."""
        self.progress, self.stopped = session.progress, session.stopped
        readings = {"balance_before": session.balance_before, "balance_after": session.balance_after}
        self.balance_figures = {
            name: reading.credits for name, reading in readings.items() if reading and reading.credits is not None
        }
        if self.stopped:
            self._context.log.warning(f"Stopped asking: {self.stopped.reason}")
        self._context.log.info(
            f"{self.progress.asked} people asked in {self.progress.calls} calls: {self.progress.persons} persons, "
            f"{self.progress.organisations} organisations only, {self.progress.no_matches} no match; "
            f"{self.progress.credits_charged} credits; {len(self.pending_reasons)} left pending."
        )
