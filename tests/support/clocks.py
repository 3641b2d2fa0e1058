"""Clocks under the test's control."""

import threading
from datetime import UTC, datetime
from email.utils import format_datetime

from clodura_pipeline.ledger.rules.clock import Clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


class FakeClock(Clock):
    """Time that passes only when the test lets it. Waiting lets it pass."""

    def __init__(self, wall: float = NOON, monotonic: float = 5_000.0) -> None:
        self.now = monotonic
        self.wall_now = wall
        self.boot = "boot-1"
        self.database_now = NOON

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.wall_now

    def boot_id(self) -> str:
        return self.boot

    def database_time(self) -> str:
        return f"{self.database_now!r}::float8"

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.go_on(max(0.0, seconds))
        return event.is_set()

    def go_on(self, seconds: float) -> None:
        """Let time pass, on all clocks."""
        self.now += seconds
        self.database_now += seconds
        self.wall_now += seconds

    def jump(self, seconds: float) -> None:
        """The machine's clock is set; no time passes."""
        self.wall_now += seconds

    def reboot(self, off_seconds: float, boot: str = "boot-2") -> None:
        """The machine starts again: monotonic time starts again too."""
        self.wall_now += off_seconds
        self.now = 10.0
        self.boot = boot


class SkippingClock(Clock):
    """The machine's clock, on which time can be skipped: leases end without waiting for them."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def wall(self) -> float:
        return super().wall() + self.skipped

    def database_time(self) -> str:
        return f"{super().database_time()} + {self.skipped!r}"

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Long waits are skipped."""
        if seconds < 1.0:
            return super().wait(event, seconds)
        self.skip(seconds)
        return event.is_set()

    def skip(self, seconds: float) -> None:
        """Let so much time have passed."""
        self.skipped += seconds


def http_date(epoch_seconds: float) -> str:
    """A `Date` header."""
    return format_datetime(datetime.fromtimestamp(epoch_seconds, UTC), usegmt=True)
