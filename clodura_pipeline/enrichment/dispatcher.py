"""The asking loop: asks people concurrently, every call through the ledger, and stops kindly.

It begins with a single call and fans out once one brought an answer that can be read; failures and unreadable answers
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

from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.enrichment.caller import Called, Caller
from clodura_pipeline.enrichment.health import Health, RetryShare
from clodura_pipeline.enrichment.outcomes import Outcome, Progress
from clodura_pipeline.ledger import LedgerProblem
from clodura_pipeline.ledger.rules.eligibility import ANSWERED_MOMENTS_AGO, LOST_ONCE, Held, Known, UnderWay
from clodura_pipeline.ledger.rules.policy import MOST_TRIES_PER_PERSON, STRIKES_UNTIL_STOP
from clodura_pipeline.ledger.rules.requests import Question
from clodura_pipeline.ledger.rules.stops import Stop, StopKind, stop

_RIVAL_RECHECK_SECONDS = 0.5
_RETRY_RECHECK_SECONDS = 0.05
# One Ctrl-C, `systemctl stop` or `timeout` may reach a process twice: from whoever signals its whole group, and once
# more from `uv run`, which passes on what it was sent itself.
_ONE_ACT_SECONDS = 1.0
_LOOK_SECONDS = 0.01
_INTERRUPTED = stop(StopKind.INTERRUPTED)
_STOPS = {
    Next.STOP_NO_CREDITS: StopKind.NO_CREDITS,
    Next.STOP_DAY_CLOSED: StopKind.DAY_CLOSED,
    Next.STOP_KEY_REFUSED: StopKind.KEY_REFUSED,
    Next.STOP_PLAN_REFUSED: StopKind.PLAN_REFUSED,
    Next.STOP_WRONG_ADDRESS: StopKind.WRONG_ADDRESS,
    Next.STOP_COST_ABOVE_WORST: StopKind.COST_ABOVE_WORST,
}


@dataclass(order=True)
class _Task:
    due: float
    order: int
    question: Question = field(compare=False)
    tries: int = field(compare=False, default=0)
    is_retry: bool = field(compare=False, default=False)


class Asker:
    """Asks for one run. `ask` may be called several times; `stopped` says why no further call is made."""

    def __init__(self, caller: Caller, max_workers: int, rng: random.Random) -> None:
        self.stopped: Stop | None = None
        self.progress = Progress()
        self._caller = caller
        self._policy = caller.policy
        self._clock = caller.clock
        self._max_workers = max_workers
        self._changed = threading.Condition()
        self._orders = itertools.count()
        self._ready: list[_Task] = []
        self._source: Iterator[Sequence[Question]] = iter(())
        self._in_flight = 0
        self._health = Health(caller.policy, rng)
        self._retries = RetryShare()
        self._at_work: set[int] = set()
        self._given_up = False
        self._outcomes: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()

    @property
    def waiting_for(self) -> str | None:
        """What the next call waits for, in words; None when it waits for nothing."""
        return self._caller.waiting_for

    def ask(
        self, batches: Iterable[Sequence[Question]], tick: Callable[[], None] = lambda: None, tick_seconds: float = 1.0
    ) -> Iterator[Outcome]:
        """Ask all questions of all batches; yields one outcome each, as they come.

        The next batch is begun while the last calls of the one before are still under way. When the consumer is
        interrupted, no new call is made; `finish` then awaits those in flight.

        Args:
            tick: called about every `tick_seconds` on the consuming thread.

        Raises:
            LedgerProblem: an outcome could not be written to the ledger.
        """
        self._source = iter(batches)
        try:
            for number in range(self._max_workers):
                threading.Thread(target=self._work, name=f"clodura-{number}", daemon=True).start()
            yield from self._consume(self._max_workers, tick, tick_seconds)
        except BaseException:
            # Whoever stops reading has stopped asking. Calls in flight are awaited by `finish`, on a stack where a
            # second interruption is seen: an exception out of a generator that is thrown away is not.
            self._take_note_of_interruption()
            raise
        yield from self._unasked()

    def finish(self) -> None:
        """Make no further call; await and store those in flight. A second interruption ends that waiting for good."""
        began = self._clock.monotonic()
        while self._at_work and not self._given_up:
            try:
                self._take_note_of_interruption()
                threading.Thread(target=self._wake_all, daemon=True).start()
                self._await_calls_in_flight(began + self._policy.lease_seconds)
                self._given_up = True
            except BaseException:
                if self._clock.monotonic() - began >= _ONE_ACT_SECONDS:
                    self._given_up = True
                    raise

    def _take_note_of_interruption(self) -> None:
        # Without a lock: what a signal raises on the main thread would leave one taken that is just being taken.
        if self.stopped is None:
            self.stopped = _INTERRUPTED

    def _await_calls_in_flight(self, ends: float) -> None:
        # Not by `Thread.join`: what a signal raises in it marks a thread as ended that is not (python/cpython#90882).
        while self._at_work and self._clock.monotonic() < ends:
            self._clock.wait(threading.Event(), _LOOK_SECONDS)

    def _consume(self, working: int, tick: Callable[[], None], tick_seconds: float) -> Iterator[Outcome]:
        ticked = self._clock.monotonic()
        while working:
            try:
                item = self._outcomes.get(timeout=tick_seconds)
            except queue.Empty:
                item = False
            if self._clock.monotonic() - ticked >= tick_seconds:
                ticked = self._clock.monotonic()
                tick()
            if item is None:
                working -= 1
            elif isinstance(item, BaseException):
                raise item
            elif item:
                yield item

    def _unasked(self) -> Iterator[Outcome]:
        """What a stop left over, each with the reason."""
        if self.stopped is None:
            return
        left = [task.question for task in self._ready] + [question for batch in self._source for question in batch]
        self._ready.clear()
        for question in left:
            yield Outcome(question, None, False, self.stopped.reason)

    # On the workers

    def _work(self) -> None:
        self._at_work.add(threading.get_ident())
        try:
            while (task := self._next_task()) is not None:
                try:
                    self._handle(task)
                finally:
                    with self._changed:
                        self._in_flight -= 1
                        self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  (handed to the consuming thread, which raises it)
            kind = StopKind.LEDGER if isinstance(error, LedgerProblem) else StopKind.INTERRUPTED
            self._stop(stop(kind, str(error) if isinstance(error, LedgerProblem) else type(error).__name__))
            self._outcomes.put(error)
        finally:
            self._at_work.discard(threading.get_ident())
            self._outcomes.put(None)

    def _next_task(self) -> _Task | None:
        with self._changed:
            while self.stopped is None:
                self._fill()
                now = self._clock.monotonic()
                if not self._ready and self._in_flight == 0:
                    self._changed.notify_all()
                    return None
                wait = self._wait_before_next(now)
                if wait <= 0:
                    self._in_flight += 1
                    return heapq.heappop(self._ready)
                self._changed.wait(None if math.isinf(wait) else wait)
            return None

    def _wait_before_next(self, now: float) -> float:
        if not self._ready or (self._in_flight and not self._health.fanned_out):
            return math.inf
        return max(self._ready[0].due, self._health.not_before) - now

    def _fill(self) -> None:
        """Take the next batch when fewer questions are ready than workers could ask."""
        while len(self._ready) < self._max_workers:
            batch = next(self._source, None)
            if batch is None:
                return
            for question in batch:
                heapq.heappush(self._ready, _Task(-math.inf, next(self._orders), question))

    def _handle(self, task: _Task) -> None:
        with self._changed:
            may_call = not task.is_retry or self._retries.begin()
        if not may_call:
            self._later_or_never(task)
            return
        called = self._caller.call(task.question, lambda: self.stopped is not None)
        arrived = isinstance(called, Called) and called.was_sent and called.verdict.next is not Next.SLOW_DOWN
        with self._changed:
            self._retries.ended(task.is_retry, arrived)
        match called:
            case Called():
                self._note(task, called)
            case Known(state):
                self._count(already_known=1)
                self._outcomes.put(Outcome(task.question, state, False))
            case Held(state, reason):
                self._outcomes.put(Outcome(task.question, state, False, reason))
            case UnderWay(lease_left_seconds):
                self._again(task, min(_RIVAL_RECHECK_SECONDS, lease_left_seconds + 0.01))
            case Stop():
                self._stop(called)
                self._again(task, 0.0)
            case None:
                self._again(task, 0.0)

    def _note(self, task: _Task, called: Called) -> None:
        verdict = called.verdict
        with self._changed:
            self.progress = self.progress.plus_call(verdict, task.tries, task.is_retry)
            unhealthy = self._health.learn(verdict, called.sent_at, self._clock.monotonic())
        if unhealthy is not None:
            self._stop(unhealthy)
        if verdict.next in _STOPS:
            self._stop(stop(_STOPS[verdict.next]))
        if verdict.next is Next.SLOW_DOWN:
            if called.strikes >= STRIKES_UNTIL_STOP:
                self._stop(stop(StopKind.RATE_LIMITED, f"{called.strikes} times in a row"))
            self._again(task, 0.0)
        elif verdict.next is Next.TRY_AGAIN_LATER and task.tries + 1 < MOST_TRIES_PER_PERSON:
            pause = verdict.retry_after_seconds or self._health.backoff(task.tries)
            self._again(replace(task, is_retry=True, tries=task.tries + 1), pause)
        elif verdict.state is State.NOT_PROCESSED:
            self._outcomes.put(Outcome(task.question, None, True, _pending_reason(verdict)))
        else:
            doubt = LOST_ONCE if verdict.state is State.AMBIGUOUS else None
            self._outcomes.put(Outcome(task.question, verdict.state, True, doubt))

    def _later_or_never(self, task: _Task) -> None:
        with self._changed:
            self._fill()
            others = self._in_flight > 1 or any(not other.is_retry for other in self._ready)
        if others:
            self._again(task, _RETRY_RECHECK_SECONDS)
        else:
            reason = "Clodura was briefly unavailable; the next run asks again"
            self._outcomes.put(Outcome(task.question, None, True, reason))

    def _again(self, task: _Task, delay_seconds: float) -> None:
        with self._changed:
            due = self._clock.monotonic() + delay_seconds if delay_seconds > 0 else task.due
            heapq.heappush(self._ready, replace(task, due=due, order=next(self._orders)))
            self._changed.notify_all()

    def _count(self, **more: int) -> None:
        with self._changed:
            self.progress = self.progress.plus(**more)

    def _stop(self, reached: Stop) -> None:
        with self._changed:
            # A stop that fails the run outranks one that does not: its remedy is the one to show.
            if self.stopped is None or (reached.kind.fails_the_run and not self.stopped.kind.fails_the_run):
                self.stopped = reached
            self._wake_all()

    def _wake_all(self) -> None:
        with self._changed:
            self._caller.wake()
            self._changed.notify_all()


def _pending_reason(verdict: Verdict) -> str:
    if verdict.next in _STOPS:
        return stop(_STOPS[verdict.next]).reason
    if verdict.next is Next.SET_ASIDE:
        return ANSWERED_MOMENTS_AGO
    return f"Clodura could not be reached ({verdict.detail}); the next run asks again"
