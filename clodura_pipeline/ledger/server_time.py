"""Clodura's clock, as its answers state it: it decides on which UTC day a call counts."""

from dataclasses import replace

from clodura_pipeline.clodura.verdicts import RawAnswer, http_date
from clodura_pipeline.ledger.rules.clock import ClockReading
from clodura_pipeline.ledger.transaction import Transaction

_AGREES_WITHIN_SECONDS = 2.0
"""A `Date` header has whole seconds: within this, the own, finer clock is taken to be right."""
_PLAUSIBLE_YEARS = range(2020, 2100)


def stated_time(answer: RawAnswer | None) -> float | None:
    """The time in an answer's `Date`, in epoch seconds; None where there is none that can be believed."""
    date = http_date(answer.date) if answer else None
    return date.timestamp() if date is not None and date.year in _PLAUSIBLE_YEARS else None


def learn_server_time(tx: Transaction, answer: RawAnswer | None, sent_at: float | None = None) -> None:
    """Take over Clodura's clock from an answer's `Date`; the transaction's `now` follows it.

    It was stated after the request was sent (`sent_at`, a stamp) and before the answer's headers arrived: what is
    believed of Clodura's clock stands as long as it fits in between, however late the answer is settled. The offset
    is against the clock of the stamps, so a jump of a host's wall clock moves no UTC day.
    """
    now, stated = tx.now, stated_time(answer)
    if answer is None or stated is None:
        return
    arrived = arrival_stamp(answer, now)
    least = stated + 0.5 - arrived
    most = max(least, stated + 0.5 - (arrived if sent_at is None else sent_at))
    offset = now.server - now.stamp
    agrees = least - _AGREES_WITHIN_SECONDS <= offset <= most + _AGREES_WITHIN_SECONDS
    if agrees and now.is_learned:
        return
    offset = offset if agrees else min(max(offset, least), most)
    tx.execute("UPDATE control SET server_offset = ? WHERE boot_id = ?", (offset, now.boot_id))
    tx.now = replace(now, server=now.stamp + offset, is_learned=True)


def arrival_stamp(answer: RawAnswer, now: ClockReading) -> float:
    """When an answer's headers arrived, as a stamp."""
    return now.stamp - (now.local - answer.arrived_at) if answer.arrived_at else now.stamp
