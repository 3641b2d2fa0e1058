"""One call through the ledger: wait for the permit, send on time, settle what came."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.client import CloduraClient
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict, judge, judge_failure, unparsed_verdict
from clodura_pipeline.errors import AnswerLost, NotSent
from clodura_pipeline.ledger import (
    Ledger,
    LedgerError,
    LedgerUnavailable,
    LedgerUnreachable,
    Permit,
    Wait,
)
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.eligibility import Answered, Ineligible, InFlight
from clodura_pipeline.ledger.rules.policy import SEND_SLACK_SECONDS, Policy, Run
from clodura_pipeline.ledger.rules.stops import Stop

_MIN_LEAD_SECONDS = 0.002
_MAX_LEAD_SECONDS = 1.0
_LEDGER_RETRY_SECONDS = 0.25
MAX_STORE_RETRY_SECONDS = 900.0
_REPORTED_WAIT_SECONDS = 1.0
Stored = TypeVar("Stored")


class PermitReleased(Exception):
    """A permitted call was not sent and will not be: what it held is to be freed."""


@dataclass(frozen=True)
class Called:
    """A call that was made, or that failed to connect (`was_sent` tells). `sent_at`: monotonic time of its permit."""

    verdict: Verdict
    sent_at: float
    consecutive_429s: int
    was_sent: bool = True


class Caller:
    """Makes the calls of one run; several threads may use it at once."""

    def __init__(
        self, ledger: Ledger, client: CloduraClient, run: Run, policy: Policy, clock: Clock, reader: AnswerReader
    ) -> None:
        self.policy = policy
        self.clock = clock
        self.waiting_for: str | None = None
        self.waiting_until = 0.0  # monotonic
        self._ledger = ledger
        self._client = client
        self._run = run
        self._reader = reader
        self._permit_lock = threading.Lock()
        self._awake = threading.Event()
        self._unreachable_since: float | None = None
        self._took_seconds = 0.0  # from the time in a permit to its return, the last time

    def wake(self) -> None:
        """End all waiting: the run stops."""
        self._awake.set()

    def call(
        self, request: EnrichmentRequest, stopping: Callable[[], bool]
    ) -> Called | Answered | InFlight | Ineligible | Stop | None:
        """Call for one person as soon as the ledger permits it; None when the run stops before it does.

        Raises:
            LedgerError: the ledger could not be written. Storing an answer is tried again for as long as its lease,
                and for a quarter of an hour while the ledger is locked or its disk full; after that the ledger lists
                the call as in doubt.
        """
        permit = self._await_permit(request, stopping)
        if not isinstance(permit, Permit):
            return permit
        raw: RawAnswer | None = None
        try:
            raw = self._client.enrich(request.identifiers, lambda: self._send_on_time(permit, stopping))
            now = datetime.fromtimestamp(self.clock.wall(), UTC)
            verdict = judge(raw, request.identifiers, now, self._reader)
        except PermitReleased:
            self._store(lambda: self._ledger.release(permit.attempt_id, "not_sent"))
            return None
        except NotSent as failure:
            reason = failure.reason.value
            self._store(lambda: self._ledger.release(permit.attempt_id, reason))
            return Called(judge_failure(failure), permit.send_at, 0, was_sent=False)
        except AnswerLost as failure:
            verdict = judge_failure(failure)
        except Exception as error:
            if raw is None:
                raise
            # An answer is paid for and kept, also when our parser fails on it.
            verdict = unparsed_verdict(f"the parser failed: {type(error).__name__}")
        verdict, consecutive_429s = self._settle(permit, verdict, raw)
        return Called(verdict, permit.send_at, consecutive_429s)

    def _await_permit(
        self, request: EnrichmentRequest, stopping: Callable[[], bool]
    ) -> Permit | Answered | InFlight | Ineligible | Stop | None:
        # One thread at a time: otherwise all threads that wait for a window would race when it opens.
        with self._permit_lock:
            while not stopping():
                # It leaves at most the slack after its permit: where committing takes longer, it gets a later time.
                late = self._took_seconds > SEND_SLACK_SECONDS / 2
                ahead_seconds = min(_MAX_LEAD_SECONDS, 1.5 * self._took_seconds) if late else 0.0
                try:
                    decision = self._ledger.permit(request, self._run, self.policy, ahead_seconds)
                    self._unreachable_since = None
                except LedgerUnreachable as error:  # wait, for as long as an answer would be kept
                    self._unreachable_since = self._unreachable_since or self.clock.monotonic()
                    if self.clock.monotonic() - self._unreachable_since >= MAX_STORE_RETRY_SECONDS:
                        raise
                    decision = Wait(_REPORTED_WAIT_SECONDS, f"the ledger ({error})")
                if isinstance(decision, Permit):
                    self._took_seconds = self.clock.monotonic() - decision.send_at + ahead_seconds
                if not isinstance(decision, Wait):
                    self.waiting_for = None
                    return decision
                if decision.seconds >= _REPORTED_WAIT_SECONDS:
                    self.waiting_for = decision.why
                    self.waiting_until = self.clock.monotonic() + decision.seconds
                self.clock.wait(self._awake, decision.seconds)
            return None

    def _send_on_time(self, permit: Permit, stopping: Callable[[], bool]) -> None:
        """Called on the open connection: a request leaves at the time of its permit, or gets another time.

        Opening a connection, or a slow commit, can take longer than the slack that the windows hold.

        Raises:
            PermitReleased: the run stops, or the ledger no longer permits this call.
        """
        send_at = permit.send_at
        # The call's time runs since its connection was begun: what leaves needs half of it for the answer.
        ends = permit.send_at + self.policy.timeout_seconds / 2
        self.clock.wait(self._awake, send_at - self.clock.monotonic())
        while self.clock.monotonic() - send_at > SEND_SLACK_SECONDS:
            if stopping() or self.clock.monotonic() >= ends:
                raise PermitReleased
            # The new time must lie beyond the commit that writes it: as far as that took, and half as far again.
            ahead_seconds = min(_MAX_LEAD_SECONDS, max(_MIN_LEAD_SECONDS, 1.5 * self._took_seconds))
            try:
                again = self._ledger.reschedule(permit.attempt_id, self.policy, ahead_seconds)
            except LedgerUnreachable:
                self.clock.wait(self._awake, _REPORTED_WAIT_SECONDS)
                continue
            if again is None:
                raise PermitReleased
            if isinstance(again, Wait):
                self.clock.wait(self._awake, again.seconds)
                continue
            send_at = again.send_at
            self._took_seconds = self.clock.monotonic() - send_at + ahead_seconds
            self.clock.wait(self._awake, send_at - self.clock.monotonic())
        if stopping() or self.clock.monotonic() >= ends:
            raise PermitReleased

    def _settle(self, permit: Permit, verdict: Verdict, raw: RawAnswer | None) -> tuple[Verdict, int]:
        """Store the outcome; only the bytes of the answer where what was read in them cannot be stored.

        Returns:
            What was stored, and how many 429s in a row it is the last of.
        """

        def write(verdict: Verdict, raw: RawAnswer | None) -> int:
            version = self._reader.version
            return self._store(lambda: self._ledger.settle(permit.attempt_id, verdict, raw, self.policy, version))

        try:
            return verdict, write(verdict, raw)
        except LedgerError:
            raise
        except Exception as error:
            if raw is None:
                raise
            kept = unparsed_verdict(f"could not be stored as read: {type(error).__name__}")
            return kept, write(kept, replace(raw, date=None))  # the bytes are kept whatever else of it is odd

    def _store(self, write: Callable[[], Stored]) -> Stored:
        """Write to the ledger, trying again for a while: a disk that is full for a moment loses no paid answer."""
        began = self.clock.monotonic()
        while True:
            try:
                return write()
            except LedgerError as error:
                # No other run can take the call for lost meanwhile: waiting costs nothing but time.
                is_unavailable = isinstance(error, LedgerUnavailable)
                max_seconds = MAX_STORE_RETRY_SECONDS if is_unavailable else self.policy.lease_seconds
                if self.clock.monotonic() - began >= max_seconds:
                    raise
                self.waiting_for = f"the ledger, to store an answer ({error})"
                self.clock.wait(threading.Event(), _LEDGER_RETRY_SECONDS)
                self.waiting_for = None
