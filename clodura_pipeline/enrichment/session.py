"""One run's dealings with Clodura, from the balance before to the balance after."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from clodura_pipeline.clodura.balance import Balance, read_balance
from clodura_pipeline.clodura.client import ClientSettings, CloduraClient, is_loopback
from clodura_pipeline.clodura.errors import CallFailed
from clodura_pipeline.enrichment.caller import Caller
from clodura_pipeline.enrichment.dispatcher import Asker, Outcome, Progress
from clodura_pipeline.ledger import Ledger, ReadingBegun, Reconciled, Wait
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import SEND_SLACK_SECONDS, Policy
from clodura_pipeline.ledger.rules.requests import Question, Run
from clodura_pipeline.ledger.rules.stops import Stop, StopKind, stop


class RefusedToStart(Exception):
    """The run may not begin to ask; the message says what to do."""


class _CallUnderWay(Exception):
    """A balance read now would be blurred by a call that is under way."""


@dataclass(frozen=True)
class RunIdentity:
    """Who asks: the run, the run it is a retry of, and its own cap in credits (0: none)."""

    run_id: str
    root_run_id: str
    max_credits: int


class Session:
    """Asks for one run. Made by `open_session`."""

    def __init__(self, ledger: Ledger, client: CloduraClient, run: Run, policy: Policy, clock: Clock) -> None:
        self.balance_before: Reconciled | None = None
        self.balance_after: Reconciled | None = None
        self.credits_under_way = 0
        self._ledger = ledger
        self._client = client
        self._run = run
        self._policy = policy
        self._clock = clock
        self._asker = Asker(Caller(ledger, client, run, policy, clock), policy.max_workers, random.Random())

    @property
    def stopped(self) -> Stop | None:
        """Why no further call is made; None while nothing speaks against one."""
        return self._asker.stopped

    @property
    def progress(self) -> Progress:
        """Counts so far."""
        return self._asker.progress

    @property
    def waiting_for(self) -> str | None:
        """What the next call waits for, in words."""
        return self._asker.waiting_for

    @property
    def longest_wait_seconds(self) -> float:
        """How long calls under way are awaited at most when the run is stopped."""
        return self._policy.lease_seconds

    def ask(
        self, batches: Iterable[Sequence[Question]], tick: Callable[[], None], tick_seconds: float
    ) -> Iterator[Outcome]:
        """Ask all questions; one outcome each. See `Asker.ask`."""
        return self._asker.ask(batches, tick, tick_seconds)

    def begin(self) -> None:
        """Read the balance, which also shows whether the key and the plan are accepted, before any credit is spent.

        Raises:
            RefusedToStart: `CLODURA_MIN_BALANCE` is set and no balance is known.
        """
        try:
            self.balance_before, balance = self._read_balance()
            is_known = self.balance_before is not None and self.balance_before.credits is not None
        except _CallUnderWay:  # of a rival, which has read the balance when it began
            balance, is_known = None, self._ledger.knows_balance()
        if balance is not None and balance.access_refused:
            refused = StopKind.KEY_REFUSED if balance.access_refused == 401 else StopKind.PLAN_REFUSED
            self._asker.stopped = stop(refused)
        elif balance is not None and balance.credits is not None and balance.credits < 1:
            self._asker.stopped = stop(StopKind.NO_CREDITS, f"balance {balance.credits:g}")
        least = self._policy.budget.min_balance_credits
        if least > 0 and self.stopped is None and not is_known:
            raise RefusedToStart(
                f"CLODURA_MIN_BALANCE is {least}, but Clodura does not tell the balance now, so it cannot be kept. "
                "Start the run again later; if this plan has no balance, set CLODURA_MIN_BALANCE=0 and cap runs with "
                "CLODURA_MAX_CREDITS_PER_RUN instead."
            )

    def end(self) -> None:
        """See that no call is under way, read the balance again, and close the run in the ledger.

        `credits_under_way` then says what is reserved for calls that were not awaited: none, but after a second
        interruption.
        """
        try:
            self._asker.finish()
            # An interrupted run is to end soon; the next run's first reading proves as much.
            hurried = self.stopped and (self.stopped.kind.fails_the_run or self.stopped.kind is StopKind.INTERRUPTED)
            if self.progress.calls and not hurried:
                self._let_doubts_come_to_rest()
                with contextlib.suppress(_CallUnderWay):
                    self.balance_after, _ = self._read_balance()
        finally:
            self._ledger.end_run(self._run, self.stopped)
            self.credits_under_way = self._ledger.totals(f"run:{self._run.root_run_id}").reserved

    def _read_balance(self) -> tuple[Reconciled | None, Balance | None]:
        """The balance and what it proves; None, None when Clodura does not answer.

        Raises:
            _CallUnderWay: of this run or another.
        """
        begun: list[ReadingBegun] = []
        try:
            answer = self._client.credits(lambda: begun.append(self._begin_reading()))
        except CallFailed:
            return None, None
        balance = read_balance(answer)
        return self._ledger.record_reading(self._run, begun[0], balance, answer), balance

    def _begin_reading(self) -> ReadingBegun:
        """Called on the open connection: the request leaves at the time that the windows count it at."""
        ends = self._clock.monotonic() + self._policy.timeout_seconds
        lead_seconds, late = 0.0, None
        while self._clock.monotonic() < ends:
            asked_at = self._clock.monotonic()
            begun = self._ledger.begin_reading(self._policy, lead_seconds, late)
            took = self._clock.monotonic() - asked_at
            if isinstance(begun, Wait):
                late = None
                self._clock.wait(threading.Event(), begun.seconds)
                continue
            if not isinstance(begun, ReadingBegun):
                break
            self._clock.wait(threading.Event(), begun.stamp - self._clock.monotonic())
            if self._clock.monotonic() - begun.stamp <= SEND_SLACK_SECONDS:
                return begun
            lead_seconds, late = 1.5 * took, begun
        raise _CallUnderWay

    def _let_doubts_come_to_rest(self) -> None:
        """Wait until Clodura can no longer be at a call whose answer was lost: it might charge it after the reading."""
        if self.balance_before is not None and self.balance_before.credits is not None:
            seconds = min(self._policy.lease_seconds, self._ledger.doubts_rest_in_seconds())
            if seconds > 0:
                self._clock.wait(threading.Event(), seconds)


@contextlib.contextmanager
def open_session(
    ledger: Ledger, settings: ClientSettings, identity: RunIdentity, policy: Policy, clock: Clock
) -> Iterator[Session]:
    """A session for one run; its connections are closed and its end is written on every path.

    Raises:
        RefusedToStart: there is no key, or a balance is to be kept that is not known.
        LedgerProblem: the ledger is of another world (live or sandbox), or cannot be used.
        UnsafeAddress: the base URL would send the key in the clear.
    """
    if not settings.api_key:
        raise RefusedToStart(
            "CLODURA_API_KEY is not set, so nobody can be asked. Put it into the environment or into .env (see "
            ".env.example); to see it work without a key: clodura-pipeline demo."
        )
    if not (settings.api_key.isascii() and settings.api_key.isprintable()) or " " in settings.api_key:
        raise RefusedToStart(
            "CLODURA_API_KEY holds characters that no key holds (a space, a line break or a letter beyond ASCII): copy "
            "it again. Nobody was asked."
        )
    client = CloduraClient(settings)
    try:
        ledger.enter_world(is_loopback(settings.base_url))
        run = ledger.start_run(identity.run_id, identity.root_run_id, identity.max_credits)
        session = Session(ledger, client, run, policy, clock)
        try:
            session.begin()
            yield session
        finally:
            session.end()
    finally:
        client.close()
