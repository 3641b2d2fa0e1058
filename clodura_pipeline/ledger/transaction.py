"""One transaction of the ledger, as its parts use it: the statements, the time in it, and what controls all calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer
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


def opening_statement(clock: Clock, has_own_clock: bool) -> str:
    """What a transaction begins with: it finds the control row, what decides beside it, and the database's time.

    Args:
        has_own_clock: hosts share the database, so that times are its own.
    """
    # From the arrival of the statement: the time that its transaction waited for others.
    waited = "extract(epoch FROM clock_timestamp() - statement_timestamp())::float8"
    stated = f"{clock.database_time()} AS stated, {waited} AS waited, " if has_own_clock else ""
    leases = "(SELECT min(lease_until) FROM attempts WHERE state = 'sent') AS next_lease_end"
    newest = "(SELECT stamp FROM sends ORDER BY id DESC LIMIT 1) AS newest_stamp"
    return f"SELECT {stated}{leases}, {newest}, control.* FROM control"


def read_clock(clock: Clock, has_own_clock: bool, opening: Row, began: float) -> ClockReading:
    """The time in a transaction, from its opening row; `began`: when it was sent, on the process's clock."""
    local = clock.monotonic()
    if has_own_clock:
        stated = opening["stated"]  # no boot of a host changes it
        now = ClockReading("database", stated, stated, local, max(0.0, local - began - opening["waited"]))
    else:
        now = ClockReading(clock.boot_id(), local, clock.wall(), local)
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

    def insert(self, table: str, values: Mapping[str, object]) -> int:
        """Insert a row; returns its id, the next one."""
        statement = (
            f"INSERT INTO {table} (id, {', '.join(values)}) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM {table}), "
            f"{', '.join('?' * len(values))}) RETURNING id"
        )
        return self.execute(statement, tuple(values.values())).fetchone()[0]

    def learn_server_time(self, answer: RawAnswer, sent_stamp: float | None = None) -> None:
        """Take over Clodura's clock from an answer, for this transaction and later ones."""
        learned = self.now.corrected_by(answer, sent_stamp)
        if learned is not self.now:
            offset = learned.server - learned.stamp
            self.execute("UPDATE control SET server_offset = ? WHERE boot_id = ?", (offset, learned.boot_id))
            self.now = learned

    @cached_property
    def sequence(self) -> int:
        """The ledger's sequence, raised once by a transaction that changes what readers should see."""
        return self.execute("UPDATE control SET sequence = sequence + 1 RETURNING sequence").fetchone()[0]
