"""Limits of the sandbox: sliding windows of a second and a minute, and the UTC day."""

from bisect import bisect_right, insort
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .options import SandboxOptions

_KEPT_SECONDS = 120.0


@dataclass(frozen=True)
class Refusal:
    """A limit that is reached, and in how many seconds there is room again."""

    status: int
    wait_seconds: float


class Limits:
    """Counts the calls let through and refuses those above a limit; refused calls do not count. Not thread-safe."""

    def __init__(self) -> None:
        self._arrivals: list[float] = []
        self._days: Counter[date] = Counter()

    def admit(self, arrived: float, server_time: float, options: SandboxOptions) -> Refusal | None:
        """Counts a call that arrived at a monotonic time, or says which limit it would exceed."""
        now = datetime.fromtimestamp(server_time, UTC)
        if options.requests_per_day and self._days[now.date()] >= options.requests_per_day:
            midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
            return Refusal(409, (midnight - now).total_seconds())
        self._forget_before(arrived - _KEPT_SECONDS)
        insort(self._arrivals, arrived)
        for most, seconds in ((options.requests_per_minute, 60.0), (options.requests_per_second, 1.0)):
            full = self._is_exceeded(arrived, most, seconds) if most else None
            if full is not None:
                self._arrivals.remove(arrived)
                return Refusal(429, full)
        self._days[now.date()] += 1
        return None

    def _is_exceeded(self, arrived: float, most: int, seconds: float) -> float | None:
        """Seconds to wait if a window that holds this arrival holds too many, else None.

        Threads may come here in another order than their calls arrived, so the windows that end with the later
        arrivals are looked at too.
        """
        first = bisect_right(self._arrivals, arrived) - 1
        for last in range(first, len(self._arrivals)):
            end = self._arrivals[last]
            begin = bisect_right(self._arrivals, end - seconds)
            if last - begin + 1 > most:
                return max(0.0, self._arrivals[begin] + seconds - arrived)
        return None

    def _forget_before(self, moment: float) -> None:
        if self._arrivals and self._arrivals[0] < moment:
            del self._arrivals[: bisect_right(self._arrivals, moment)]
