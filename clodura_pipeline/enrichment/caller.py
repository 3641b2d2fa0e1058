"""One call through the ledger: wait for the permit, send on time, settle what came."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from clodura_pipeline.clodura.client import CloduraClient
from clodura_pipeline.clodura.errors import AnswerLost, CallFailed, NotSent
from clodura_pipeline.clodura.verdicts import RawAnswer, Verdict, judge, judge_failure, judge_unjudged
from clodura_pipeline.ledger import Granted, Ledger, LedgerProblem, LedgerUnavailable, Settled, Wait
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.eligibility import Held, Known, UnderWay
from clodura_pipeline.ledger.rules.policy import SEND_SLACK_SECONDS, Policy
from clodura_pipeline.ledger.rules.requests import Question, Run
from clodura_pipeline.ledger.rules.stops import Stop

_SHORTEST_LEAD_SECONDS = 0.002
_LONGEST_LEAD_SECONDS = 1.0
_SETTLE_RETRY_SECONDS = 0.25
_LONGEST_PATIENCE_SECONDS = 900.0
_WORTH_TELLING_SECONDS = 1.0
Stored = TypeVar("Stored")


class _GivenBack(Exception):
    """A permitted call did not leave and will not: what it held is to be freed."""


@dataclass(frozen=True)
class Called:
    """A call that was made, or that failed to connect (`was_sent` tells). `sent_at`: monotonic time of its permit."""

    verdict: Verdict
    sent_at: float
    strikes: int
    was_sent: bool = True


class Caller:
    """Makes the calls of one run; several threads may use it at once."""

    def __init__(self, ledger: Ledger, client: CloduraClient, run: Run, policy: Policy, clock: Clock) -> None:
        self.policy = policy
        self.clock = clock
        self.waiting_for: str | None = None
        self._ledger = ledger
        self._client = client
        self._run = run
        self._next_in_line = threading.Lock()
        self._awake = threading.Event()
        self._lead_seconds = _SHORTEST_LEAD_SECONDS

    def wake(self) -> None:
        """End all waiting: the run stops."""
        self._awake.set()

    def call(self, question: Question, stopping: Callable[[], bool]) -> Called | Known | UnderWay | Held | Stop | None:
        """Ask one question as soon as the ledger permits it; None when the run stops before it does.

        Raises:
            LedgerProblem: the ledger could not be written. An answer that came is tried to be stored for as long as
                its lease, and for a quarter of an hour while nobody can write to the ledger because it is locked or
                its disk full; after that the ledger lists the call as in doubt.
        """
        permit = self._await_permit(question, stopping)
        if not isinstance(permit, Granted):
            return permit
        try:
            raw, verdict = self._send(question, permit, stopping)
        except _GivenBack:
            self._store(lambda: self._ledger.withdraw(permit.attempt_id, "not_sent"))
            return None
        if isinstance(raw, NotSent):
            self._store(lambda: self._ledger.withdraw(permit.attempt_id, raw.trouble.value))
            return Called(verdict, permit.stamp, 0, was_sent=False)
        verdict, settled = self._settle(permit, verdict, raw if isinstance(raw, RawAnswer) else None)
        return Called(verdict, permit.stamp, settled.strikes)

    def _await_permit(
        self, question: Question, stopping: Callable[[], bool]
    ) -> Granted | Known | UnderWay | Held | Stop | None:
        # One at a time: who waits for a window would otherwise race with all others of the process when it opens.
        with self._next_in_line:
            while not stopping():
                decision = self._ledger.permit(question, self._run, self.policy)
                if not isinstance(decision, Wait):
                    self.waiting_for = None
                    return decision
                if decision.seconds >= _WORTH_TELLING_SECONDS:
                    self.waiting_for = f"{decision.why}, {decision.seconds:.0f} s"
                self.clock.wait(self._awake, decision.seconds)
            return None

    def _send(
        self, question: Question, permit: Granted, stopping: Callable[[], bool]
    ) -> tuple[RawAnswer | CallFailed, Verdict]:
        try:
            raw = self._client.enrich(question.identifiers, lambda: self._leave_on_time(permit, stopping))
        except (NotSent, AnswerLost) as failure:
            return failure, judge_failure(failure)
        try:
            return raw, judge(raw, question.identifiers, datetime.fromtimestamp(self.clock.wall(), UTC))
        except Exception as error:  # noqa: BLE001  (whatever our parser trips over, the answer is paid: it is kept)
            return raw, judge_unjudged(f"the parser failed: {type(error).__name__}")

    def _leave_on_time(self, permit: Granted, stopping: Callable[[], bool]) -> None:
        """Called on the open connection: a request leaves at the time its permit counts for, or gets another time.

        Opening a connection, or a slow commit, can take longer than the slack that the windows hold.

        Raises:
            _GivenBack: the run stops, or the ledger does not let this call leave any more.
        """
        stamp = permit.stamp
        ends = permit.stamp + self.policy.timeout_seconds
        while self.clock.monotonic() - stamp > SEND_SLACK_SECONDS:
            if stopping() or self.clock.monotonic() >= ends:
                raise _GivenBack
            began = self.clock.monotonic()
            again = self._ledger.stamp_again(permit.attempt_id, self.policy, self._lead_seconds)
            # The new time must lie beyond the commit that writes it: as far as that took, and half as far again.
            took = self.clock.monotonic() - began
            self._lead_seconds = min(_LONGEST_LEAD_SECONDS, max(_SHORTEST_LEAD_SECONDS, 1.5 * took))
            if again is None:
                raise _GivenBack
            if isinstance(again, Wait):
                self.clock.wait(self._awake, again.seconds)
                continue
            stamp = again.stamp
            self.clock.wait(self._awake, stamp - self.clock.monotonic())
        if stopping():
            raise _GivenBack

    def _settle(self, permit: Granted, verdict: Verdict, raw: RawAnswer | None) -> tuple[Verdict, Settled]:
        """Store the outcome; the bytes of the answer alone, where what was read in them cannot be stored."""
        try:
            return verdict, self._store(lambda: self._ledger.settle(permit.attempt_id, verdict, raw, self.policy))
        except LedgerProblem:
            raise
        except Exception as error:
            if raw is None:
                raise
            kept = judge_unjudged(f"could not be stored as read: {type(error).__name__}")
            bare = replace(raw, date=None)  # the bytes are to be kept whatever else about the answer is odd
            return kept, self._store(lambda: self._ledger.settle(permit.attempt_id, kept, bare, self.policy))

    def _store(self, write: Callable[[], Stored]) -> Stored:
        """Write to the ledger. A paid answer is not let go because the disk is full: room may be made in time."""
        began = self.clock.monotonic()
        while True:
            try:
                return write()
            except LedgerProblem as problem:
                # Nobody else can take the call for lost meanwhile either: patience costs nothing but the run's time.
                shut = isinstance(problem, LedgerUnavailable)
                if self.clock.monotonic() - began >= (_LONGEST_PATIENCE_SECONDS if shut else self.policy.lease_seconds):
                    raise
                self.waiting_for = f"a place for an answer ({problem})"
                self.clock.wait(threading.Event(), _SETTLE_RETRY_SECONDS)
                self.waiting_for = None
