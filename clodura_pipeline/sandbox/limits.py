"""Limits of the sandbox: sliding windows of a second and a minute, and the UTC day."""

from collections import Counter, deque
from datetime import UTC, date, datetime

from .options import SandboxOptions


class Limits:
    """Counts the calls let through and refuses those above a limit; refused calls do not count. Not thread-safe."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque()
        self._days: Counter[date] = Counter()

    def refusal(self, arrived: float, server_time: float, options: SandboxOptions) -> tuple[int, float] | None:
        """Count a call that arrived at a monotonic time; or the status of its refusal and the seconds to wait."""
        today = datetime.fromtimestamp(server_time, UTC).date()
        if options.requests_per_day and self._days[today] >= options.requests_per_day:
            return 409, 0.0
        if self._arrivals:
            # Threads may come here in another order than their calls arrived, by fractions of a millisecond.
            arrived = max(arrived, self._arrivals[-1])
        while self._arrivals and self._arrivals[0] <= arrived - 60.0:
            self._arrivals.popleft()
        for most, seconds in ((options.requests_per_minute, 60.0), (options.requests_per_second, 1.0)):
            # The call before which `most` others have come is the one that has to leave the window first.
            if most and len(self._arrivals) >= most and arrived - self._arrivals[-most] < seconds:
                return 429, self._arrivals[-most] + seconds - arrived
        self._arrivals.append(arrived)
        self._days[today] += 1
        return None
