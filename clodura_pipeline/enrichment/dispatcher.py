"""Calls for many people concurrently, every call through the ledger, and stops gracefully.

It begins with a single call and goes parallel once that brought a readable answer; failures and unreadable answers
bring it back to single calls. All state changes happen under one condition; calls run outside of it.
"""

import heapq
import itertools
import math
import queue
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from clodura_pipeline.clodura.verdicts import Next, State
from clodura_pipeline.enrichment.caller import Called, Caller
from clodura_pipeline.enrichment.health import Health, Outcome, Progress, RetryShare
from clodura_pipeline.ledger import LedgerError
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.eligibility import ALREADY_ENRICHED, LOST_ONCE, Answered, Ineligible, InFlight
from clodura_pipeline.ledger.rules.policy import MAX_CONSECUTIVE_429S, MAX_TRIES_PER_PERSON
from clodura_pipeline.ledger.rules.stops import PendingReason, Stop, StopKind, stop

_IN_FLIGHT_RECHECK_SECONDS = 0.5
_RETRY_RECHECK_SECONDS = 0.05
# One Ctrl-C, `systemctl stop` or `timeout` may reach a process twice: from the sender to its whole group, and once
# more from `uv run`, which passes on what it was sent itself.
_SAME_SIGNAL_SECONDS = 1.0
_POLL_SECONDS = 0.01
_INTERRUPTED = stop(StopKind.INTERRUPTED)
_UNAVAILABLE = PendingReason("unreachable", "Clodura was unavailable for a moment; the next run calls again")
_STOPS = {
    Next.STOP_NO_CREDITS: StopKind.NO_CREDITS,
    Next.STOP_DAY_CLOSED: StopKind.DAY_CLOSED,
    Next.STOP_KEY_REFUSED: StopKind.KEY_REFUSED,
    Next.STOP_PLAN_REFUSED: StopKind.PLAN_REFUSED,
    Next.STOP_WRONG_ADDRESS: StopKind.WRONG_ADDRESS,
    Next.STOP_COST_ABOVE_WORST: StopKind.COST_ABOVE_WORST,
}


@dataclass(order=True)
class _QueuedCall:
    due: float
    order: int
    request: EnrichmentRequest = field(compare=False)
    tries: int = field(compare=False, default=0)
    is_retry: bool = field(compare=False, default=False)


class Dispatcher:
    """Makes the calls of one run. `stopped` says why no further call is made, None while none is ruled out."""

    def __init__(self, caller: Caller, rng: random.Random) -> None:
        self.stopped: Stop | None = None
        self.progress = Progress()
        self._caller = caller
        self._clock = caller.clock
        self._max_workers = caller.policy.max_workers
        self._changed = threading.Condition()
        self._orders = itertools.count()
        self._ready: list[_QueuedCall] = []
        self._source: Iterator[Sequence[EnrichmentRequest]] = iter(())
        self._in_flight = 0
        self._health = Health(caller.policy, rng)
        self._retries = RetryShare()
        self._working: set[int] = set()
        self._given_up = False
        self._outcomes: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()

    def dispatch(
        self,
        batches: Iterable[Sequence[EnrichmentRequest]],
        on_progress: Callable[[], None] = lambda: None,
        progress_seconds: float = 1.0,
    ) -> Iterator[Outcome]:
        """Call for everyone in all batches; yields one outcome each, as they come.

        The next batch is begun while the last calls of the one before are in flight. After a stop no further batch is
        read: the limits may leave a million people for later runs. When the consumer is interrupted, no new call is
        made; `drain` then awaits those in flight.

        Args:
            on_progress: called about every `progress_seconds` on the consuming thread.

        Raises:
            LedgerError: an outcome could not be written to the ledger.
        """
        self._source = iter(batches)
        try:
            for number in range(self._max_workers):
                threading.Thread(target=self._work, name=f"clodura-{number}", daemon=True).start()
            yield from self._consume(self._max_workers, on_progress, progress_seconds)
        except BaseException:
            # A consumer that stops reading has stopped calling. Calls in flight are awaited by `drain`, on a stack
            # where a second interruption is seen: an exception out of a generator that is thrown away is not.
            self._note_interruption()
            raise
        if self.stopped is not None:  # the people left over, of the batches begun, or else of the next
            self._fill()
            yield from (Outcome(queued.request, None, False, self.stopped.pending) for queued in self._ready)

    def drain(self) -> None:
        """Make no further call; await and store those in flight. A second interruption ends that waiting for good."""
        began = self._clock.monotonic()
        while self._working and not self._given_up:
            try:
                self._note_interruption()
                threading.Thread(target=self._wake_all, daemon=True).start()
                # Not by `Thread.join`: an exception that a signal raises in it marks a thread as ended that has not
                # ended (python/cpython#90882).
                while self._working and self._clock.monotonic() < began + self._caller.policy.lease_seconds:
                    self._clock.wait(threading.Event(), _POLL_SECONDS)
                self._given_up = True
            except BaseException:
                if self._clock.monotonic() - began >= _SAME_SIGNAL_SECONDS:
                    self._given_up = True
                    raise

    def stop(self, reached: Stop) -> None:
        """Make no further call, for this reason; calls in flight are awaited."""
        with self._changed:
            # A stop that fails the run outranks one that does not: its remedy is the one to show.
            if self.stopped is None or (reached.kind.fails_the_run and not self.stopped.kind.fails_the_run):
                self.stopped = reached
            self._wake_all()

    def _note_interruption(self) -> None:
        # Without a lock: an exception that a signal raises on the main thread could leave one locked for good.
        if self.stopped is None:
            self.stopped = _INTERRUPTED

    def _consume(self, workers: int, on_progress: Callable[[], None], progress_seconds: float) -> Iterator[Outcome]:
        reported_at = self._clock.monotonic()
        while workers:
            try:
                item = self._outcomes.get(timeout=progress_seconds)
            except queue.Empty:
                item = False
            if self._clock.monotonic() - reported_at >= progress_seconds:
                reported_at = self._clock.monotonic()
                on_progress()
            if item is None:
                workers -= 1
            elif isinstance(item, BaseException):
                raise item
            elif item:
                yield item

    # On the worker threads

    def _work(self) -> None:
        self._working.add(threading.get_ident())
        try:
            while (queued := self._next_queued()) is not None:
                try:
                    self._handle(queued)
                finally:
                    with self._changed:
                        self._in_flight -= 1
                        self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  (handed to the consuming thread, which raises it)
            kind = StopKind.LEDGER if isinstance(error, LedgerError) else StopKind.INTERRUPTED
            self.stop(stop(kind, str(error) if isinstance(error, LedgerError) else type(error).__name__))
            self._outcomes.put(error)
        finally:
            self._working.discard(threading.get_ident())
            self._outcomes.put(None)

    def _next_queued(self) -> _QueuedCall | None:
        with self._changed:
            while self.stopped is None:
                self._fill()
                if not self._ready and self._in_flight == 0:
                    self._changed.notify_all()
                    return None
                wait = None  # until something changes
                if self._ready and (self._health.is_parallel or not self._in_flight):
                    wait = max(self._ready[0].due, self._health.not_before) - self._clock.monotonic()
                    if wait <= 0:
                        self._in_flight += 1
                        return heapq.heappop(self._ready)
                self._changed.wait(wait)
            return None

    def _fill(self) -> None:
        """Take the next batch when fewer requests are ready than workers could send."""
        while len(self._ready) < self._max_workers:
            batch = next(self._source, None)
            if batch is None:
                return
            for request in batch:
                heapq.heappush(self._ready, _QueuedCall(-math.inf, next(self._orders), request))

    def _handle(self, queued: _QueuedCall) -> None:
        with self._changed:
            if queued.is_retry and not self._retries.begin():
                self._fill()
                if self._in_flight > 1 or any(not other.is_retry for other in self._ready):
                    self._requeue(queued, _RETRY_RECHECK_SECONDS)
                else:
                    self._outcomes.put(Outcome(queued.request, None, True, _UNAVAILABLE))
                return
        called = self._caller.call(queued.request, lambda: self.stopped is not None)
        arrived = isinstance(called, Called) and called.was_sent and called.verdict.next is not Next.SLOW_DOWN
        with self._changed:
            self._retries.ended(queued.is_retry, arrived)
        match called:
            case Called():
                self._note_call(queued, called)
            case Answered(state):
                with self._changed:
                    self.progress = self.progress.plus(already_answered=1)
                self._outcomes.put(Outcome(queued.request, state, False))
            case Ineligible(state, reason):
                self._outcomes.put(Outcome(queued.request, state, False, reason))
            case InFlight():
                self._requeue(queued, _IN_FLIGHT_RECHECK_SECONDS)
            case Stop():
                self.stop(called)
                self._requeue(queued, 0.0)
            case None:
                self._requeue(queued, 0.0)

    def _note_call(self, queued: _QueuedCall, called: Called) -> None:
        verdict = called.verdict
        with self._changed:
            self.progress = self.progress.plus_call(verdict, queued.tries, queued.is_retry)
            unhealthy = self._health.learn(verdict, called.sent_at, self._clock.monotonic())
        if unhealthy is not None:
            self.stop(unhealthy)
        reached = stop(_STOPS[verdict.next]) if verdict.next in _STOPS else None
        if reached is not None:
            self.stop(reached)
        if verdict.next is Next.SLOW_DOWN:
            if called.consecutive_429s >= MAX_CONSECUTIVE_429S:
                self.stop(stop(StopKind.RATE_LIMITED, f"{called.consecutive_429s} times in a row"))
            self._requeue(queued, 0.0)
        elif verdict.next is Next.TRY_AGAIN_LATER and queued.tries + 1 < MAX_TRIES_PER_PERSON:
            pause = verdict.retry_after_seconds or self._health.backoff(queued.tries)
            self._requeue(replace(queued, is_retry=True, tries=queued.tries + 1), pause)
        elif verdict.state is State.NOT_PROCESSED:
            why = f"Clodura could not be reached ({verdict.detail}); the next run calls again"
            pending = ALREADY_ENRICHED if verdict.next is Next.SET_ASIDE else PendingReason("unreachable", why)
            self._outcomes.put(Outcome(queued.request, None, True, reached.pending if reached else pending))
        else:
            doubt = LOST_ONCE if verdict.state is State.AMBIGUOUS else None
            self._outcomes.put(Outcome(queued.request, verdict.state, True, doubt, verdict.enrichment))

    def _requeue(self, queued: _QueuedCall, delay_seconds: float) -> None:
        with self._changed:
            due = self._clock.monotonic() + delay_seconds if delay_seconds > 0 else queued.due
            heapq.heappush(self._ready, replace(queued, due=due, order=next(self._orders)))
            self._changed.notify_all()

    def _wake_all(self) -> None:
        with self._changed:
            self._caller.wake()
            self._changed.notify_all()
