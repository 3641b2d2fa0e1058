"""Time as the ledger needs it, handed in so that tests decide what time it is.

On one host, windows and leases are measured on the monotonic clock, which all processes of one boot share (Linux
CLOCK_MONOTONIC, macOS mach_absolute_time) and which no clock change moves. UTC days need wall time, corrected by
Clodura's `Date`. Hosts that share a ledger take both from its database: see `transaction.LedgerClock`.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Seconds that only go forward, comparable between processes of one boot."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 UTC by this machine's clock, which may be wrong and may jump."""
        ...

    def boot_id(self) -> str:
        """What tells this boot of the machine from others: monotonic times of another boot mean nothing."""
        ...

    def database_time(self) -> str:
        """SQL for the time of the ledger's database, in epoch seconds, where hosts share it."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep for `seconds` or until `event` is set; returns whether it is set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        try:
            self._boot_id = _BOOT_ID_FILE.read_text().strip()
        except OSError:
            # Where the system names no boot, the time of boot does, to the minute: close enough to tell two apart.
            self._boot_id = f"booted-{round((time.time() - time.monotonic()) / 60)}"

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def boot_id(self) -> str:
        return self._boot_id

    def database_time(self) -> str:
        return "extract(epoch FROM clock_timestamp())::float8"

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


@dataclass(frozen=True)
class ClockReading:
    """Now, on the clock that stamps are taken from, on Clodura's clock, and on this process's own.

    `stamp`: seconds on the monotonic clock of this boot, or on the database's clock; not later than now. `server`:
    epoch seconds, the best estimate. `local`: this process's monotonic clock; not earlier than `stamp`, and at most
    `uncertain_seconds` later. `is_learned`: `server` is corrected by Clodura's `Date`.
    """

    boot_id: str
    stamp: float
    server: float
    local: float
    uncertain_seconds: float = 0.0
    is_learned: bool = False

    def later(self, seconds: float) -> "ClockReading":
        """So many seconds from then."""
        return replace(self, stamp=self.stamp + seconds, server=self.server + seconds, local=self.local + seconds)

    @property
    def sent_stamp(self) -> float:
        """The stamp of a request that may leave at `local`: the latest that this can be.

        Windows are checked for the earliest time at which a request may leave and remember the latest, so they hold
        however long the database takes to state its time.
        """
        return self.stamp + self.uncertain_seconds

    @property
    def day(self) -> str:
        """The UTC day by Clodura's clock."""
        return utc_day(self.server)


def utc_day(epoch_seconds: float) -> str:
    """`YYYY-MM-DD` of a time, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).date().isoformat()
