"""One transaction of the ledger, as its parts use it: the statements, the time in it, and what controls all calls."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.ledger.engines.database import Cursor, Row
from clodura_pipeline.ledger.rules.clock import Clock, ClockReading


@dataclass(frozen=True)
class CanonicalForm:
    """The canonical form that callers use, handed in: the ledger stores identifiers and knows no spellings.

    `identifiers_of`: for each request, its canonical profile, e-mail address and name at a company, None where there is
    none. `profile_of`: the canonical identifier of a LinkedIn profile's address, None when it is none.
    """

    version: int
    identifiers_of: Callable[[Sequence[Identifiers]], Iterable[tuple[str | None, str | None, str | None]]]
    profile_of: Callable[[str], str | None]


_MAX_AFTER_OTHERS_SECONDS = 1.0
"""A request that would have to leave later than this, so as not to overtake another, waits and is decided on again."""
_DATABASE = "database"
"""Stands for the boot of a host where times are the database's."""


@dataclass(frozen=True)
class LedgerClock:
    """The one place that decides which clock is asked: the host's, or that of a database which hosts share."""

    clock: Clock
    is_of_database: bool

    def opening(self) -> str:
        """The statement that a transaction begins with: the control row, what stands beside it here, and the time."""
        # From the arrival of the statement: the time that its transaction waited for others.
        waited = "extract(epoch FROM clock_timestamp() - statement_timestamp())::float8"
        stated = f"{self.clock.database_time()} AS stated, {waited} AS waited, " if self.is_of_database else ""
        leases = "(SELECT min(lease_until) FROM attempts WHERE state = 'sent') AS next_lease_end"
        newest = "(SELECT stamp FROM sends ORDER BY id DESC LIMIT 1) AS newest_stamp"
        return f"SELECT {stated}{leases}, {newest}, control.* FROM control"

    def reading(self, opening: Row, began: float) -> ClockReading:
        """The time in a transaction, from its opening row; `began`: when it was sent, on the process's clock."""
        local = self.clock.monotonic()
        if self.is_of_database:
            stated = opening["stated"]
            now = ClockReading(_DATABASE, stated, stated, local, max(0.0, local - began - opening["waited"]))
        else:
            now = ClockReading(self.clock.boot_id(), local, self.clock.wall(), local)
        offset = opening["server_offset"] if opening["boot_id"] == now.boot_id else None
        return now if offset is None else replace(now, server=now.stamp + offset, is_learned=True)


class Transaction:
    """The statements of one transaction (see `database.Cursor`), and what it knows from its first one on.

    `control`: the row that controls all calls, as it was then, with `next_lease_end` of the calls in flight and
    `newest_stamp` of the windows. `now`: the time in the transaction: this orders the times of several processes.
    """

    def __init__(self, cursor: Cursor, control: Row, now: ClockReading, form: CanonicalForm) -> None:
        self.execute, self.executemany = cursor.execute, cursor.executemany
        self.control, self.now, self.form = control, now, form

    def leaving(self, ahead_seconds: float) -> ClockReading:
        """When a request that is permitted now may leave: so far from now, and not before those permitted earlier."""
        newest = self.control["newest_stamp"]
        after_others = 0.0 if newest is None else newest - self.now.sent_stamp
        return self.now.later(max(0.0, ahead_seconds, min(after_others, _MAX_AFTER_OTHERS_SECONDS)))

    @cached_property
    def sequence(self) -> int:
        """The ledger's sequence, raised once by a transaction that changes what readers should see."""
        return self.execute("UPDATE control SET sequence = sequence + 1 RETURNING sequence").fetchone()[0]
