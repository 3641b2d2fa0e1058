"""One run's calls to Clodura, from the balance before to the balance after, and the ledger that they go through."""

import contextlib
import random
import threading
from collections.abc import Iterator
from functools import partial

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.client import ClientSettings, CloduraClient, is_loopback
from clodura_pipeline.clodura.verdicts import Balance, read_balance
from clodura_pipeline.enrichment.caller import Caller
from clodura_pipeline.enrichment.dispatcher import Dispatcher
from clodura_pipeline.errors import CallFailed, UserFixableError
from clodura_pipeline.identity.canonical import CANONICAL_VERSION, identifiers_of
from clodura_pipeline.identity.cells.linkedin import profile_id
from clodura_pipeline.ledger import Address, BalanceReading, CanonicalForm, Ledger, StartedReading, Wait
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import SEND_SLACK_SECONDS, Policy, Run
from clodura_pipeline.ledger.rules.stops import StopKind, stop


class RefusedToStart(UserFixableError):
    """The run may not make calls."""


class _CallInFlight(Exception):
    """A balance read now would be blurred by a call that is in flight."""


class Session:
    """The calls of one run. Made by `open_session`."""

    def __init__(
        self, ledger: Ledger, client: CloduraClient, run: Run, policy: Policy, clock: Clock, reader: AnswerReader
    ) -> None:
        self.balance_before: BalanceReading | None = None
        self.balance_after: BalanceReading | None = None
        self.credits_in_flight = 0.0
        self.policy = policy
        self.caller = Caller(ledger, client, run, policy, clock, reader)
        self.dispatcher = Dispatcher(self.caller, random.Random())
        self._ledger = ledger
        self._client = client
        self._run = run
        self._clock = clock

    def begin(self) -> None:
        """Read the balance, which also shows whether the key and the plan are accepted, before any credit is spent.

        Raises:
            RefusedToStart: `CLODURA_MIN_BALANCE` is set and no balance is known.
        """
        try:
            reading, balance = self._read_balance()
            self.balance_before = reading
        except _CallInFlight:  # of a concurrent run, which has read the balance when it began
            balance, reading = None, self._ledger.last_reading()
        is_known = reading is not None and reading.credits is not None
        if balance is not None and balance.access_refused:
            refused = StopKind.KEY_REFUSED if balance.access_refused == 401 else StopKind.PLAN_REFUSED
            self.dispatcher.stop(stop(refused))
        elif balance is not None and balance.credits is not None and balance.credits < 1:
            self.dispatcher.stop(stop(StopKind.NO_CREDITS, f"balance {balance.credits:g}"))
        least = self.policy.budget.min_balance_credits
        if least > 0 and self.dispatcher.stopped is None and not is_known:
            raise RefusedToStart(
                f"CLODURA_MIN_BALANCE is {least}, but Clodura does not state the balance now. No call was made. Start "
                "the run again later; if this plan has no balance, set CLODURA_MIN_BALANCE=0 and cap runs with "
                "CLODURA_MAX_CREDITS_PER_RUN instead."
            )

    def end(self) -> None:
        """Drain calls in flight, read the balance again, and close the run in the ledger.

        `credits_in_flight` is then what is reserved for calls that were not awaited: none, except after a second
        interruption.
        """
        stopped = self.dispatcher.stopped
        try:
            self.dispatcher.drain()
            stopped = self.dispatcher.stopped
            # An interrupted run is to end soon; the next run's first reading proves as much.
            in_hurry = stopped and (stopped.kind.fails_the_run or stopped.kind is StopKind.INTERRUPTED)
            if self.dispatcher.progress.calls and not in_hurry:
                if self.balance_before is not None and self.balance_before.credits is not None:
                    # Clodura may still work on a call whose answer was lost, and charge it after the reading.
                    seconds = min(self.policy.lease_seconds, self._ledger.seconds_until_doubts_settle())
                    self._clock.wait(threading.Event(), seconds)
                with contextlib.suppress(_CallInFlight):
                    self.balance_after, _ = self._read_balance()
        finally:
            self._ledger.end_run(self._run, stopped)
            self.credits_in_flight = self._ledger.totals(f"run:{self._run.cap_scope}").reserved

    def _read_balance(self) -> tuple[BalanceReading | None, Balance | None]:
        """The balance and what it proves; None, None when Clodura does not answer.

        Raises:
            _CallInFlight: of this run or another.
        """
        started: list[StartedReading] = []
        try:
            answer = self._client.credits(lambda: started.append(self._start_reading()))
        except CallFailed:
            return None, None
        balance = read_balance(answer)
        return self._ledger.record_reading(self._run, started[0], balance, answer), balance

    def _start_reading(self) -> StartedReading:
        """Called on the open connection: the request leaves at the time that the windows count it at."""
        ends = self._clock.monotonic() + self.policy.timeout_seconds
        wait = partial(self._clock.wait, threading.Event())
        lead_seconds, late = 0.0, None
        while (began := self._clock.monotonic()) < ends:
            started = self._ledger.start_reading(self.policy, lead_seconds, late)
            took = self._clock.monotonic() - began
            if isinstance(started, Wait):
                late = None
                wait(started.seconds)
                continue
            if not isinstance(started, StartedReading):
                break
            wait(started.send_at - self._clock.monotonic())
            if self._clock.monotonic() - started.send_at <= SEND_SLACK_SECONDS:
                return started
            lead_seconds, late = 1.5 * took, started
        raise _CallInFlight


def open_ledger(address: Address) -> Ledger:
    """The ledger at an address, with the canonical form of this version; created when there is none.

    Raises:
        LedgerError: it cannot be used; the message says what to do.
    """
    return Ledger(address, Clock(), CanonicalForm(CANONICAL_VERSION, identifiers_of, profile_id))


@contextlib.contextmanager
def open_session(
    ledger: Ledger,
    settings: ClientSettings,
    run: Run,
    policy: Policy,
    clock: Clock,
    reader: AnswerReader | None = None,
) -> Iterator[Session]:
    """A session for one run; its connections are closed and its end is written on every path.

    Raises:
        RefusedToStart: there is no key, or a balance is to be kept that is not known.
        LedgerError: the ledger is of another environment (live or sandbox), or cannot be used.
        UnsafeAddress: the base URL would send the key in the clear.
    """
    if not settings.api_key:
        raise RefusedToStart(
            "CLODURA_API_KEY is not set, so no call can be made. Put it into the environment or into .env (see "
            ".env.example). To see the pipeline work without a key: clodura-pipeline demo."
        )
    if not (settings.api_key.isascii() and settings.api_key.isprintable()) or " " in settings.api_key:
        raise RefusedToStart(
            "CLODURA_API_KEY holds characters that no key holds: a space, a line break or a letter beyond ASCII. No "
            "call was made. Copy the key again."
        )
    client = CloduraClient(settings)
    try:
        ledger.bind_environment(is_loopback(settings.base_url))
        run = ledger.start_run(run)
        session = Session(ledger, client, run, policy, clock, reader or AnswerReader())
        try:
            session.begin()
            yield session
        finally:
            session.end()
    finally:
        client.close()
