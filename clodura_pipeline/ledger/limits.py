"""Decides when the next request may leave: sliding windows, the UTC day, and the slower rate after a 429."""

import math

from clodura_pipeline.ledger.budget import Sums, Wait
from clodura_pipeline.ledger.engines.database import Transaction
from clodura_pipeline.ledger.rules.clock import ClockReading
from clodura_pipeline.ledger.rules.policy import (
    MAX_OWN_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    MIDNIGHT_GUARD_SECONDS,
    MIN_RATE_PER_SECOND,
    RATE_DOUBLES_SECONDS,
    Limits,
)
from clodura_pipeline.ledger.rules.stops import Stop, StopKind, stop

_DAY_SECONDS = 86_400
_MAX_WINDOW_SECONDS = 3_600.0


def adopt_boot(tx: Transaction) -> None:
    """Carry what was written by another clock (an earlier boot, another engine) over to this one; once for each.

    Calls that were under way died with the machine: their lease ends. Sends of the last hour count as sent just now:
    a clock that is not yet set after a boot cannot tell how long ago they were, and waiting a window is cheap.
    """
    now = tx.now
    if tx.control["boot_id"] == now.boot_id:
        return
    tx.execute(
        "UPDATE control SET boot_id = ?, server_offset = NULL, slowed_at = ?, "
        "paused_until = CASE WHEN paused_until > 0 THEN ? ELSE 0 END",
        (now.boot_id, now.stamp, now.stamp),
    )
    tx.execute(
        "UPDATE sends SET boot_id = ?, stamp = ? WHERE sent_at > ?",
        (now.boot_id, now.stamp, now.server - _MAX_WINDOW_SECONDS),
    )
    tx.execute("DELETE FROM sends WHERE boot_id <> ?", (now.boot_id,))
    for state in ("sent", "ambiguous"):  # one statement for each: they have an index each
        tx.execute(
            f"UPDATE attempts SET boot_id = ?, stamp = ?, lease_until = ?, sequence = ? WHERE state = '{state}'",
            (now.boot_id, now.stamp, now.stamp, tx.sequence),
        )


def drop_old_sends(tx: Transaction) -> None:
    """Drop sends that no window reaches any more."""
    tx.execute("DELETE FROM sends WHERE stamp < ?", (tx.now.stamp - _MAX_WINDOW_SECONDS,))


def day_allows(limits: Limits, now: ClockReading, sums: Sums) -> Stop | Wait | None:
    """Whether one more call fits into the UTC day; None when it does."""
    if sums.day_is_closed:
        return stop(StopKind.DAY_CLOSED)
    if limits.per_day <= 0:
        return None
    calls = sums.day.calls
    if calls >= limits.per_day:
        return stop(StopKind.DAILY_LIMIT, f"{calls} of {limits.per_day} calls made on {now.day}")
    left = _until_the_day_is_sure(limits, now)
    return Wait(left, "UTC midnight to be over by both clocks") if left > 0 else None


def is_surely_on(usage_date: str, limits: Limits, now: ClockReading) -> bool:
    """Whether a call that leaves then counts on this UTC day; always so without a daily limit."""
    return limits.per_day <= 0 or (now.day == usage_date and _until_the_day_is_sure(limits, now) <= 0)


def _until_the_day_is_sure(limits: Limits, now: ClockReading) -> float:
    """Seconds until it is sure on which UTC day the server counts a call; 0 when it is."""
    guard = MIDNIGHT_GUARD_SECONDS + limits.jitter_seconds
    into_day = now.server % _DAY_SECONDS
    if into_day < guard:
        return guard - into_day
    return max(0.0, _DAY_SECONDS - into_day + guard) if into_day > _DAY_SECONDS - guard else 0.0


def windows_allow(tx: Transaction, limits: Limits, now: ClockReading) -> Stop | Wait | None:
    """Whether a request may leave now, by every sliding window and by what 429s lowered; None when it may."""
    pause = tx.control["paused_until"] - now.stamp
    if pause > MAX_PAUSE_SECONDS:
        return stop(StopKind.RATE_LIMITED, f"{pause:.0f} s from now")
    if pause > 0:
        return Wait(pause, "Clodura's request to slow down (429)")
    windows = (*limits.windows(), *_slowed(tx, limits, now))
    if not windows:
        return None
    overtaken = (tx.control["newest_stamp"] or now.sent_stamp) - now.sent_stamp
    if overtaken > 0:
        return Wait(overtaken, "calls that were permitted before to leave")
    stamp = "(SELECT stamp FROM sends WHERE id <= newest.id - ? ORDER BY id DESC LIMIT 1)"
    stamps = tx.execute(
        f"SELECT {', '.join([stamp] * len(windows))} FROM (SELECT max(id) AS id FROM sends) AS newest",
        [calls - 1 for calls, _ in windows],
    ).fetchone()
    for (calls, seconds), stamp in zip(windows, stamps, strict=True):
        if stamp is not None and stamp + seconds > now.stamp:
            return Wait(stamp + seconds - now.stamp, f"the limit of {calls} calls in {seconds:.0f} s")
    return None


def count_send(tx: Transaction, then: ClockReading, attempt_id: int | None) -> float:
    """Give a request its place in the sliding windows; returns its stamp there.

    Places are numbered in the order of their stamps, so that a window of n calls is decided by one row, however many
    calls it holds.

    Args:
        then: by `Transaction.leaving`, and allowed by the windows.
    """
    stamp = max(then.sent_stamp, tx.control["newest_stamp"] or 0.0)
    tx.execute(
        "INSERT INTO sends (id, attempt_id, boot_id, stamp, sent_at) VALUES "
        "((SELECT coalesce(max(id), 0) + 1 FROM sends), ?, ?, ?, ?)",
        (attempt_id, then.boot_id, stamp, then.server),
    )
    return stamp


def free_send(tx: Transaction, attempt_id: int) -> None:
    """An attempt did not leave at its time: free its place in the windows."""
    _free_place(tx, "attempt_id = ?", attempt_id)


def free_reading(tx: Transaction, stamp: float) -> None:
    """A request for the balance did not leave at its time: free its place in the windows."""
    _free_place(tx, "attempt_id IS NULL AND stamp = ?", stamp)


def _free_place(tx: Transaction, condition: str, value: float) -> None:
    """Later places move up; by way of negative numbers, because no two rows may have one number in between."""
    place = tx.execute(f"SELECT max(id) FROM sends WHERE {condition}", (value,)).fetchone()[0]
    if place is not None:
        tx.execute("DELETE FROM sends WHERE id = ?", (place,))
        tx.execute("UPDATE sends SET id = -id WHERE id > ?", (place,))
        tx.execute("UPDATE sends SET id = -id - 1 WHERE id < 0")


def slow_down(tx: Transaction, limits: Limits, sent_stamp: float, asked_seconds: float | None) -> int:
    """After a 429: all runs of the key pause, then continue at half the rate, which grows back.

    Calls that were already on their way when the rate was lowered lengthen the pause but do not lower it again.

    Args:
        asked_seconds: by the answer's `Retry-After`; None when it has none that can be read.

    Returns:
        How many times in a row this has happened, each after a pause of its own.
    """
    control, now = tx.control, tx.now
    known = control["consecutive_429s"]
    own_seconds = min(MAX_OWN_PAUSE_SECONDS, 2.0 ** max(0, known - (0 if asked_seconds is None else 2)))
    pause_seconds = max(asked_seconds or 0.0, own_seconds if asked_seconds is None or known > 2 else 0.0)
    paused_until = max(control["paused_until"], now.stamp + pause_seconds)
    tx.execute("UPDATE control SET paused_until = ?", (paused_until,))
    if sent_stamp <= control["slowed_at"]:
        return known
    lately = tx.execute(
        "SELECT count(*) FROM sends WHERE boot_id = ? AND stamp > ?", (now.boot_id, now.stamp - 1.0)
    ).fetchone()[0]
    present = min(filter(None, (limits.per_second, control["rate_per_second"], lately)), default=1)
    tx.execute(
        "UPDATE control SET rate_per_second = ?, slowed_at = ?, consecutive_429s = consecutive_429s + 1",
        (max(MIN_RATE_PER_SECOND, present / 2), now.stamp),
    )
    return known + 1


def accepted(tx: Transaction, sent_stamp: float) -> None:
    """A call that was sent after the last 429 was let through: the series of 429s is over."""
    if tx.control["consecutive_429s"] > 0 and tx.control["slowed_at"] < sent_stamp:
        tx.execute("UPDATE control SET consecutive_429s = 0")


def _slowed(tx: Transaction, limits: Limits, now: ClockReading) -> tuple[tuple[int, float], ...]:
    """The window of the lowered rate, which has grown since; empty when there is none."""
    control = tx.control
    if control["rate_per_second"] is None:
        return ()
    since = max(0.0, now.stamp - max(control["slowed_at"], control["paused_until"]))
    rate = control["rate_per_second"] * 2 ** min(50.0, since / RATE_DOUBLES_SECONDS)
    if rate >= (limits.per_second or 1_000):
        tx.execute("UPDATE control SET rate_per_second = NULL")
        return ()
    return ((math.floor(rate), 1.0),) if rate >= 1 else ((1, 1.0 / rate),)
