"""The ledger's sense of time: one clock for windows, leases and pauses, and Clodura's clock for UTC days."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from clodura_pipeline.clodura.verdicts import RawAnswer, http_date
from clodura_pipeline.ledger.database import Cursor
from clodura_pipeline.ledger.rules.clock import Clock

_AGREES_WITHIN_SECONDS = 2.0
"""A `Date` header has whole seconds: within this, the own, finer clock is taken to be right."""
_PLAUSIBLE_YEARS = range(2020, 2100)
_DATABASE = "database"
"""Stands for the boot of a host where times are the database's."""


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


@dataclass(frozen=True)
class LedgerClock:
    """The one place that decides which clock is asked: the host's, or that of a database which hosts share."""

    clock: Clock
    is_of_database: bool

    def read(self, cursor: Cursor) -> ClockReading:
        """The time now. Call it inside the transaction: that is what makes times of several processes ordered."""
        now = self._read(cursor)
        known = cursor.execute("SELECT server_offset FROM control WHERE boot_id = ?", (now.boot_id,)).fetchone()
        offset = known["server_offset"] if known else None
        return now if offset is None else replace(now, server=now.stamp + offset, is_learned=True)

    def _read(self, cursor: Cursor) -> ClockReading:
        before = self.clock.monotonic()
        if not self.is_of_database:
            return ClockReading(self.clock.boot_id(), before, self.clock.wall(), before)
        stated = cursor.execute(f"SELECT {self.clock.database_time()}").fetchone()[0]
        after = self.clock.monotonic()
        return ClockReading(_DATABASE, stated, stated, after, after - before)


def utc_day(epoch_seconds: float) -> str:
    """`YYYY-MM-DD` of a time, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).date().isoformat()


def stated_time(answer: RawAnswer | None) -> float | None:
    """The time in an answer's `Date`, in epoch seconds; None where there is none that can be believed."""
    date = http_date(answer.date) if answer else None
    return date.timestamp() if date is not None and date.year in _PLAUSIBLE_YEARS else None


def learn_server_time(
    cursor: Cursor, now: ClockReading, answer: RawAnswer | None, sent_at: float | None = None
) -> ClockReading:
    """Take over Clodura's clock from an answer's `Date`; returns `now` by what is known then.

    It was stated after the request was sent (`sent_at`, a stamp) and before the answer's headers arrived: what is
    believed of Clodura's clock stands as long as it fits in between, however late the answer is settled. The offset
    is against the clock of the stamps, so a jump of a host's wall clock moves no UTC day.
    """
    stated = stated_time(answer)
    if answer is None or stated is None:
        return now
    arrived = arrival_stamp(answer, now)
    least = stated + 0.5 - arrived
    most = max(least, stated + 0.5 - (arrived if sent_at is None else sent_at))
    offset = now.server - now.stamp
    agrees = least - _AGREES_WITHIN_SECONDS <= offset <= most + _AGREES_WITHIN_SECONDS
    if agrees and now.is_learned:
        return now
    offset = offset if agrees else min(max(offset, least), most)
    cursor.execute("UPDATE control SET server_offset = ? WHERE boot_id = ?", (offset, now.boot_id))
    return replace(now, server=now.stamp + offset, is_learned=True)


def arrival_stamp(answer: RawAnswer, now: ClockReading) -> float:
    """When an answer's headers arrived, as a stamp."""
    return now.stamp - (now.local - answer.arrived_at) if answer.arrived_at else now.stamp
