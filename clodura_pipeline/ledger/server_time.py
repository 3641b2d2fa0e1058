"""The ledger's sense of time: this boot's monotonic clock for windows and leases, the server's clock for UTC days."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from clodura_pipeline.clodura.verdicts import RawAnswer, http_date
from clodura_pipeline.ledger.people import next_sequence
from clodura_pipeline.ledger.rules.clock import Clock

_MAX_WINDOW_SECONDS = 3_600.0
_AGREES_WITHIN_SECONDS = 2.0
"""A `Date` header has whole seconds: within this, the machine's own, finer clock is taken to be right."""
_PLAUSIBLE_YEARS = range(2020, 2100)


@dataclass(frozen=True)
class ClockReading:
    """Now: on the monotonic clock of this boot, and on the server's clock (epoch seconds, our best estimate)."""

    boot_id: str
    monotonic: float
    server: float

    def later(self, seconds: float) -> "ClockReading":
        """So many seconds from then."""
        return ClockReading(self.boot_id, self.monotonic + seconds, self.server + seconds)

    @property
    def day(self) -> str:
        """The UTC day by the server's clock."""
        return utc_day(self.server)


def utc_day(epoch_seconds: float) -> str:
    """`YYYY-MM-DD` of a time, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).date().isoformat()


def read_clock(cursor: sqlite3.Connection, clock: Clock) -> ClockReading:
    """The time now. Call it inside the transaction: that is what makes times of several processes ordered."""
    monotonic, boot_id = clock.monotonic(), clock.boot_id()
    known = cursor.execute("SELECT server_offset FROM control WHERE boot_id = ?", (boot_id,)).fetchone()
    offset = known["server_offset"] if known else None
    return ClockReading(boot_id, monotonic, clock.wall() if offset is None else monotonic + offset)


def adopt_boot(cursor: sqlite3.Connection, clock: Clock) -> None:
    """Carry what an earlier boot of the machine wrote over to this one's monotonic clock; once per boot.

    Calls that were under way died with the machine: their lease ends. Sends of the last hour count as sent just now:
    a clock that is not yet set after a boot cannot tell how long ago they were, and waiting a window is cheap.
    """
    boot_id, monotonic, wall = clock.boot_id(), clock.monotonic(), clock.wall()
    if cursor.execute("SELECT 1 FROM control WHERE boot_id = ?", (boot_id,)).fetchone():
        return
    cursor.execute(
        "UPDATE control SET boot_id = ?, server_offset = NULL, slowed_at = ?, "
        "paused_until = CASE WHEN paused_until > 0 THEN ? ELSE 0 END",
        (boot_id, monotonic, monotonic),
    )
    cursor.execute(
        "UPDATE sends SET boot_id = ?, stamp = ? WHERE sent_at > ?",
        (boot_id, monotonic, wall - _MAX_WINDOW_SECONDS),
    )
    cursor.execute(
        "UPDATE attempts SET boot_id = ?, stamp = ?, lease_until = ?, sequence = ? "
        "WHERE state IN ('sent', 'ambiguous')",
        (boot_id, monotonic, monotonic, next_sequence(cursor)),
    )


def drop_old_sends(cursor: sqlite3.Connection, now: ClockReading) -> None:
    """Drop sends that no window can reach any more."""
    cursor.execute("DELETE FROM sends WHERE boot_id <> ?", (now.boot_id,))
    cursor.execute("DELETE FROM sends WHERE stamp < ?", (now.monotonic - _MAX_WINDOW_SECONDS,))


def learn_server_time(
    cursor: sqlite3.Connection, clock: Clock, answer: RawAnswer | None, sent_at: float | None = None
) -> float | None:
    """Take over the server's clock from an answer's `Date`; returns that time (epoch seconds), None when unusable.

    It was stated after the request was sent (`sent_at`, monotonic) and before the answer's headers arrived: what is
    believed of the server's clock stands as long as it fits in between, however late the answer is settled. The offset
    is against the monotonic clock, so a jump of this machine's wall clock moves no UTC day.
    """
    date = http_date(answer.date) if answer else None
    if answer is None or date is None or date.year not in _PLAUSIBLE_YEARS:
        return None
    stated, monotonic = date.timestamp(), clock.monotonic()
    arrived_at = answer.arrived_at or monotonic
    least = stated + 0.5 - arrived_at
    most = max(least, stated + 0.5 - (arrived_at if sent_at is None else sent_at))
    row = cursor.execute("SELECT server_offset FROM control WHERE boot_id = ?", (clock.boot_id(),)).fetchone()
    known = row["server_offset"] if row else None
    offset = clock.wall() - monotonic if known is None else known
    if not least - _AGREES_WITHIN_SECONDS <= offset <= most + _AGREES_WITHIN_SECONDS:
        offset = min(max(offset, least), most)
    if offset != known:
        cursor.execute("UPDATE control SET server_offset = ? WHERE boot_id = ?", (offset, clock.boot_id()))
    return stated
