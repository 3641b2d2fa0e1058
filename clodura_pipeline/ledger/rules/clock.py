"""Time as the ledger needs it: this host's clocks (handed in, so that tests decide what time it is), and Clodura's.

On one host, windows and leases are measured on the monotonic clock, which all processes of one boot share (Linux
CLOCK_MONOTONIC, macOS mach_absolute_time) and which no clock change moves. Hosts that share a ledger use its database's
clock: see `Ledger.transaction`. UTC days go by Clodura's clock, as the `Date` headers of its answers state it.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from clodura_pipeline.clodura.verdicts import RawAnswer, http_date

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_AGREES_WITHIN_SECONDS = 2.0
"""A `Date` header has whole seconds: within this, the own, finer clock is taken to be right."""
_PLAUSIBLE_YEARS = range(2020, 2100)


class Clock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        try:
            self._boot_id = _BOOT_ID_FILE.read_text().strip()
        except OSError:
            # Where the system names no boot, the time of boot does, to the minute: close enough to tell two apart.
            self._boot_id = f"booted-{round((time.time() - time.monotonic()) / 60)}"

    def monotonic(self) -> float:
        """Seconds that only go forward, comparable between processes of one boot."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 UTC by this machine's clock, which may be wrong and may jump."""
        return time.time()

    def boot_id(self) -> str:
        """What tells this boot of the machine from others: monotonic times of another boot mean nothing."""
        return self._boot_id

    def database_time(self) -> str:
        """SQL for the time of the ledger's database, in epoch seconds, where hosts share it."""
        return "extract(epoch FROM clock_timestamp())::float8"

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep for `seconds` or until `event` is set; returns whether it is set."""
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

    def stamp_of_arrival(self, answer: RawAnswer) -> float:
        """When an answer's headers arrived."""
        return self.stamp - (self.local - answer.arrived_at) if answer.arrived_at else self.stamp

    def corrected_by(self, answer: RawAnswer, sent_stamp: float | None) -> "ClockReading":
        """This time with Clodura's clock as an answer's `Date` states it; itself where that changes nothing.

        It was stated after the request was sent and before the answer's headers arrived: what is believed of Clodura's
        clock stands as long as it fits in between, however late the answer is settled. It is kept as an offset against
        the clock of the stamps, so a jump of a host's wall clock moves no UTC day.
        """
        stated = stated_time(answer)
        if stated is None:
            return self
        arrived = self.stamp_of_arrival(answer)
        least = stated + 0.5 - arrived
        most = max(least, stated + 0.5 - (arrived if sent_stamp is None else sent_stamp))
        offset = self.server - self.stamp
        agrees = least - _AGREES_WITHIN_SECONDS <= offset <= most + _AGREES_WITHIN_SECONDS
        if agrees and self.is_learned:
            return self
        offset = offset if agrees else min(max(offset, least), most)
        return replace(self, server=self.stamp + offset, is_learned=True)


def stated_time(answer: RawAnswer) -> float | None:
    """The time in an answer's `Date`, in epoch seconds; None where there is none that can be believed."""
    date = http_date(answer.date)
    return date.timestamp() if date is not None and date.year in _PLAUSIBLE_YEARS else None


def utc_day(epoch_seconds: float) -> str:
    """`YYYY-MM-DD` of a time, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).date().isoformat()
