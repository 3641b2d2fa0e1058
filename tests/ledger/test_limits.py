"""Limits on a test clock: sliding windows, 429s, UTC days, clock jumps, boots. Nothing here waits."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clocks import NOON, FakeClock, http_date
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_checks import rows
from manual_run import FREE, UNLIMITED, VERDICTS, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, judge
from clodura_pipeline.ledger import Address, Ledger, Permit, Totals, Wait
from clodura_pipeline.ledger.rules.policy import (
    MAX_CONSECUTIVE_429S,
    MIDNIGHT_GUARD_SECONDS,
    SEND_SLACK_SECONDS,
    Budget,
    Limits,
    Policy,
)
from clodura_pipeline.ledger.rules.stops import Stop, StopKind
from clodura_pipeline.sandbox.call_log import most_within

MIDNIGHT = NOON + 43_200


def limited(per_second: int = 0, per_minute: int = 0, per_day: int = 0, jitter: float = 0.05) -> Policy:
    return replace(FREE, limits=Limits(per_second, per_minute, per_day, jitter))


ON_ONE_HOST = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
"""What a boot of the host changes: nothing where time is a database's."""


def saturate(manual: ManualRun, seconds: float) -> list[float]:
    """Send as soon as the ledger permits it, for so long; when each call was sent."""
    sent: list[float] = []
    until = manual.clock.now + seconds
    while manual.clock.now < until:
        decision = manual.permit(f"p{manual.clock.now}-{len(sent)}")
        if isinstance(decision, Permit):
            sent.append(decision.send_at)
            manual.settle(decision, "no_match")
        else:
            assert isinstance(decision, Wait)
            manual.clock.go_on(decision.seconds)
    return sent


# Ends just after the last window is full: a window that is longer than it must be leaves calls unsent.
@pytest.mark.parametrize(
    ("per_second", "per_minute", "jitter", "full"),
    [(10, 0, 0.05, 5), (100, 0, 0.05, 2), (1, 0, 0.0, 5), (0, 60, 0.05, 3), (10, 100, 0.05, 3), (3, 20, 0.5, 3)],
)
def test_all_of_the_limit_is_used_and_no_window_at_the_server_is_passed_for_jitter_up_to_the_allowance(
    manual: ManualRun, per_second: int, per_minute: int, jitter: float, full: int
) -> None:
    second, minute = (length + jitter + SEND_SLACK_SECONDS for length in (1.0, 60.0))
    calls = (per_minute or per_second) * full
    seconds = (full - 1) * (minute if per_minute else second)
    if per_second and per_minute:
        seconds += (per_minute - 1) // per_second * second
    sent = saturate(manual.new_run("limited", limited(per_second, per_minute, jitter=jitter)), seconds + 0.01)
    assert len(sent) >= calls
    rng = random.Random(7)
    for _ in range(20):
        # Late by the slack that a permit allows, and by the network's unevenness.
        arrived = [now + rng.uniform(0, SEND_SLACK_SECONDS) + rng.choice([0.0, jitter]) for now in sent]
        assert not per_second or most_within(arrived, 1.0) <= per_second
        assert not per_minute or most_within(arrived, 60.0) <= per_minute


@settings(max_examples=100, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from(["send", "send", "stamp again", "release"]), st.floats(0, 0.4), st.integers(0, 9)),
        min_size=10,
        max_size=60,
    )
)
def test_calls_that_leave_late_take_a_new_place_and_no_window_is_passed(
    events: Sequence[tuple[str, float, int]],
) -> None:
    clock = FakeClock()
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder,
        Ledger(Path(folder) / "ledger.sqlite", clock, FORM) as ledger,
    ):
        manual = ManualRun(ledger, clock, policy=limited(per_second=4))
        waiting: list[Permit] = []
        left: list[float] = []
        for place, (kind, pause, which) in enumerate(events):
            clock.go_on(pause)
            if kind == "send":
                decision = manual.permit(f"p{place}")
                if isinstance(decision, Permit):
                    waiting.append(decision)
            elif waiting:
                permit = waiting.pop(which % len(waiting))
                if kind == "release":
                    ledger.release(permit.attempt_id, "not_sent")
                    continue
                again = ledger.reschedule(permit.attempt_id, manual.policy, ahead_seconds=0.1 * which)
                if isinstance(again, Permit):
                    left.append(again.send_at)
                else:
                    waiting.append(permit)
        assert most_within(left, 1.06 - 1e-9) <= 4


def test_a_late_call_waits_where_others_have_filled_the_window_since(manual: ManualRun) -> None:
    run = manual.new_run("limited", limited(per_second=2))
    late = run.permitted("a")
    run.permitted("b")
    manual.clock.go_on(1.1)
    run.permitted("c")
    run.permitted("d")
    again = manual.ledger.reschedule(late.attempt_id, run.policy, 0.0)
    assert isinstance(again, Wait)
    manual.clock.go_on(again.seconds)
    assert isinstance(manual.ledger.reschedule(late.attempt_id, run.policy, 0.0), Permit)


def test_a_released_call_frees_its_place_in_the_windows_and_later_calls_keep_theirs(manual: ManualRun) -> None:
    run = manual.new_run("limited", limited(per_minute=3))
    first, second = run.permitted("a"), run.permitted("b")
    manual.clock.go_on(10)
    run.permitted("c")
    manual.ledger.release(second.attempt_id, "released")
    manual.ledger.release(second.attempt_id, "a lost connection repeats it")
    run.permitted("d")
    assert isinstance(run.permit("e"), Wait)
    manual.clock.go_on(51)  # the first is a minute ago
    run.permitted("e")
    waits = run.permit("f")
    assert isinstance(waits, Wait)
    assert waits.seconds == pytest.approx(60.06 - 51)
    manual.ledger.release(first.attempt_id, "released")
    manual.clock.go_on(9.07)
    run.permitted("f")


def test_a_call_that_others_take_for_dead_does_not_leave_any_more(manual: ManualRun, address: Address) -> None:
    permit = manual.permitted("a")
    manual.clock.go_on(manual.policy.lease_seconds + 1)
    concurrent = manual.new_run("concurrent")
    concurrent.call("a", "person")
    assert manual.ledger.reschedule(permit.attempt_id, manual.policy, 0.01) is None
    assert [row["state"] for row in rows(address, "SELECT state FROM attempts ORDER BY id")] == [
        "ambiguous",
        "person",
    ]


def test_a_call_does_not_leave_into_another_day_or_a_long_pause(manual: ManualRun) -> None:
    manual = manual.new_run("limited", limited(per_day=10))
    manual.clock.go_on(43_200 - 3)
    permit, other = manual.permitted("a"), manual.permitted("b")
    assert isinstance(manual.ledger.reschedule(permit.attempt_id, manual.policy, 0.1), Permit)
    assert manual.ledger.reschedule(permit.attempt_id, manual.policy, 2.0) is None
    manual.settle(other, replace(VERDICTS["rate_limited"], retry_after_seconds=500.0))
    assert manual.ledger.reschedule(permit.attempt_id, manual.policy, 0.1) is None


# 429


@pytest.mark.parametrize(
    ("retry_after", "waits"), [(None, 1.0), (0.0, 0.0), (7.0, 7.0), (119.0, 119.0), (121.0, None), (86_400.0, None)]
)
def test_a_429_pauses_all_runs_of_the_key(manual: ManualRun, retry_after: float | None, waits: float | None) -> None:
    concurrent = manual.new_run("concurrent")
    manual.settle(manual.permitted("a"), replace(VERDICTS["rate_limited"], retry_after_seconds=retry_after))
    decision = concurrent.permit("b")
    if waits is None:
        assert isinstance(decision, Stop)
        assert decision.kind is StopKind.RATE_LIMITED
    elif waits == 0:
        assert isinstance(decision, Wait)  # the lowered rate
    else:
        assert isinstance(decision, Wait)
        assert decision.seconds == pytest.approx(waits)
        manual.clock.go_on(waits + 2.0)
        assert isinstance(concurrent.permit("b"), Permit)


def test_a_429_halves_the_rate_once_and_it_grows_back(manual: ManualRun) -> None:
    manual = manual.new_run("limited", limited(per_second=16, jitter=0.0))
    together = [manual.permitted(f"a{n}") for n in range(16)]
    for permit in together:
        manual.settle(permit, replace(VERDICTS["rate_limited"], retry_after_seconds=1.0))
    manual.clock.go_on(1.0)
    assert len(saturate(manual, 1.0)) == 8
    manual.clock.go_on(30.0)
    assert 15 <= len(saturate(manual, 1.0)) <= 16
    manual.clock.go_on(3_600.0)
    assert len(saturate(manual, 1.0)) == 16


def test_429s_for_ever_end_in_a_kind_stop_and_a_row_of_them_is_counted_once(manual: ManualRun) -> None:
    consecutive_429s: list[int] = []
    while len(consecutive_429s) < MAX_CONSECUTIVE_429S:
        decision = manual.permit(f"p{len(consecutive_429s)}")
        if isinstance(decision, Permit):
            verdict = replace(VERDICTS["rate_limited"], retry_after_seconds=0.0)
            consecutive_429s.append(manual.settle(decision, verdict))
        else:
            assert isinstance(decision, Wait)
            manual.clock.go_on(decision.seconds)
    assert consecutive_429s == list(range(1, MAX_CONSECUTIVE_429S + 1))
    manual.clock.go_on(120.0)
    permit = manual.permitted("through")
    assert manual.settle(permit, "no_match") == 0
    manual.clock.go_on(120.0)
    assert manual.settle(manual.permitted("again"), VERDICTS["rate_limited"]) == 1


# Days


def test_the_daily_limit_holds_over_runs_and_restarts_and_ends_at_utc_midnight(
    manual: ManualRun, address: Address
) -> None:
    policy = limited(per_day=3)
    manual.new_run("one", policy).call("a", "person")
    with Ledger(address, manual.clock, FORM) as reopened:
        ManualRun(reopened, manual.clock, "two", policy).call("b", "no_match")
    manual.new_run("three", policy).call("c", "unavailable")
    stopped = manual.new_run("four", policy).permit("d")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.DAILY_LIMIT
    assert "CLODURA_REQUESTS_PER_DAY" in stopped.reason
    manual.clock.go_on(43_200 + MIDNIGHT_GUARD_SECONDS + 1)
    for name in ("d", "e", "f"):
        manual.new_run(name, policy).call(name, "no_match")
    assert isinstance(manual.new_run("five", policy).permit("g"), Stop)


def test_a_released_call_takes_no_place_of_the_day(manual: ManualRun) -> None:
    manual = manual.new_run("limited", limited(per_day=1))
    manual.ledger.release(manual.permitted("a").attempt_id, "connection_refused")
    assert isinstance(manual.permit("a"), Permit)


def test_409_closes_the_utc_day_for_all_runs_and_the_next_day_goes_on(manual: ManualRun) -> None:
    manual.settle(manual.permitted("a"), VERDICTS["day_closed"])
    concurrent = manual.new_run("concurrent")
    stopped = concurrent.permit("b")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.DAY_CLOSED
    manual.clock.go_on(43_200 + 5)
    assert isinstance(concurrent.permit("b"), Permit)


@pytest.mark.parametrize("off_seconds", [-86_400.0, -7_200.0, 7_200.0, 86_400.0])
def test_the_day_is_the_servers_where_the_machines_clock_is_wrong(manual: ManualRun, off_seconds: float) -> None:
    manual = manual.new_run("limited", limited(per_day=2))
    server = manual.clock.wall() - off_seconds
    permit = manual.permitted("a")
    manual.settle(permit, VERDICTS["no_match"], http_date(server))
    assert (
        manual.ledger.read_clock().day == "2026-11-22" if abs(off_seconds) < 10_000 else manual.ledger.read_clock().day
    )
    assert manual.ledger.totals(f"day:{manual.ledger.read_clock().day}").calls == 1
    manual.clock.go_on(5)
    manual.call("b", "no_match")
    assert isinstance(manual.permit("c"), Stop)


@pytest.mark.parametrize("jump_seconds", [-86_400.0, 86_400.0, 10 * 86_400.0])
def test_a_clock_jump_gives_no_second_daily_limit(manual: ManualRun, jump_seconds: float) -> None:
    manual = manual.new_run("limited", limited(per_day=2))
    for name in ("a", "b"):
        manual.settle(manual.permitted(name), VERDICTS["no_match"], http_date(manual.clock.wall()))
    manual.clock.jump(jump_seconds)
    assert isinstance(manual.permit("c"), Stop)
    assert isinstance(manual.new_run("later", limited(per_day=2)).permit("c"), Stop)
    manual.clock.go_on(43_210)
    assert isinstance(manual.permit("c"), Permit)


@ON_ONE_HOST
def test_a_clock_that_is_wrong_after_a_boot_gives_one_call_at_most(manual: ManualRun, address: Address) -> None:
    policy = limited(per_day=2)
    for name in ("a", "b"):
        manual.settle(
            manual.new_run(name, policy).permitted(name), VERDICTS["no_match"], http_date(manual.clock.wall())
        )
    true_time = manual.clock.wall() + 60
    manual.clock.reboot(60 + 86_400)
    with Ledger(address, manual.clock, FORM) as reopened:
        after = ManualRun(reopened, manual.clock, "after", policy)
        # The run's single first call learns the server's time, and is counted on the day it was.
        after.settle(after.permitted("c"), VERDICTS["no_match"], http_date(true_time))
        stopped = after.permit("d")
        assert isinstance(stopped, Stop)
        assert "3 of 2" in stopped.reason


@pytest.mark.parametrize("before_midnight", [30.0, 1.6, 1.5, 0.5, 0.0, -0.5, -1.5])
def test_no_call_is_sent_when_it_is_unsure_on_which_day_it_counts(manual: ManualRun, before_midnight: float) -> None:
    manual = manual.new_run("limited", limited(per_day=10))
    manual.clock.go_on(MIDNIGHT - before_midnight - manual.clock.wall())
    decision = manual.permit("a")
    guard = MIDNIGHT_GUARD_SECONDS + 0.05
    if abs(before_midnight) > guard:
        assert isinstance(decision, Permit)
        return
    assert isinstance(decision, Wait)
    assert decision.seconds == pytest.approx(before_midnight + guard)
    manual.clock.go_on(decision.seconds + 1e-6)
    assert isinstance(manual.permit("a"), Permit)
    assert manual.ledger.totals("day:2026-11-23").calls == 1


def test_a_call_sent_before_midnight_and_answered_after_it_counts_on_the_day_it_was_sent(manual: ManualRun) -> None:
    manual = manual.new_run("limited", limited(per_day=10))
    manual.clock.go_on(43_200 - 10)
    permit = manual.permitted("a")
    manual.clock.go_on(25)
    manual.settle(permit, VERDICTS["person"], http_date(manual.clock.wall()))
    assert manual.ledger.totals("day:2026-11-22").charged == 2
    assert manual.ledger.totals("day:2026-11-23").calls == 0


@pytest.mark.parametrize("arrived_after", [0.1, None], ids=["headers at once", "not known when"])
def test_an_answer_that_drips_or_is_settled_late_moves_no_day(manual: ManualRun, arrived_after: float | None) -> None:
    manual = manual.new_run("limited", limited(per_day=3))
    manual.settle(manual.permitted("before"), VERDICTS["no_match"], http_date(manual.clock.wall()))
    manual.clock.go_on(43_200 + 3)
    for name in "abc":
        permit = manual.permitted(name)
        stated, arrived_at = http_date(manual.clock.wall()), arrived_after and manual.clock.now + arrived_after
        manual.clock.go_on(9)  # until its body is there, or the process goes on
        answer = RawAnswer(200, b"{}", date=stated, arrived_at=arrived_at)
        manual.ledger.settle(permit.attempt_id, VERDICTS["no_match"], answer, manual.policy, "1")
    assert manual.ledger.totals("day:2026-11-22").calls == 1
    assert manual.ledger.totals("day:2026-11-23").calls == 3
    assert isinstance(manual.permit("d"), Stop)


ODD_DATES = [
    "", "junk", "Sun, 99 Nov 2026 12:00:00 GMT", "nan", "Sun, 22 Nov 99999 1:1:1 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 +99999999999999999", "Sat, 01 Jan 2000 00:00:00 GMT",
]  # fmt: skip


@pytest.mark.parametrize("date", [None, *ODD_DATES])
def test_a_date_that_is_none_changes_nothing(manual: ManualRun, date: str | None) -> None:
    manual.settle(manual.permitted("a"), VERDICTS["person"], date)
    assert manual.ledger.read_clock().day == "2026-11-22"
    sent = Identifiers(email="a@x.example")
    assert judge(RawAnswer(200, b"{}", date=date), sent, datetime.now(UTC)).state == "no_match"
    assert manual.ledger.totals("day:2026-11-22") == Totals(1, 0, 2, 0)


# Boots


@pytest.mark.parametrize("clock_off", [0.0, -300.0, 300.0])
def test_what_was_sent_before_a_boot_still_fills_the_windows(
    manual: ManualRun, address: Address, clock_off: float
) -> None:
    policy = limited(per_minute=3)
    for name in ("a", "b", "c"):
        manual.new_run(name, policy).call(name, "no_match")
    manual.clock.reboot(20 + clock_off)
    with Ledger(address, manual.clock, FORM) as reopened:
        after = ManualRun(reopened, manual.clock, "after", policy)
        waited = manual.clock.now
        assert len(saturate(after, 30.0)) == 0
        manual.clock.now = waited
        manual.clock.go_on(61)
        assert isinstance(after.permit("d"), Permit)


@ON_ONE_HOST
def test_a_boot_ends_leases_and_doubts_of_before_are_called_for_again(manual: ManualRun, address: Address) -> None:
    manual.clock.now = 900_000.0  # long uptime: its monotonic times lie far ahead of the next boot's
    manual.permitted("in flight")
    manual.call("lost", "ambiguous")
    manual.settle(manual.permitted("slow"), replace(VERDICTS["rate_limited"], retry_after_seconds=100.0))
    manual.clock.reboot(200)
    with Ledger(address, manual.clock, FORM) as reopened:
        after = ManualRun(reopened, manual.clock, "after")
        for name in ("in flight", "lost"):
            paused = after.permit(name)  # the pause of before, and one call a second after it
            manual.clock.go_on(paused.seconds + 0.001 if isinstance(paused, Wait) else 0.0)
            assert isinstance(paused, Permit) or isinstance(after.permit(name), Permit)
        assert manual.clock.now < 120
        assert reopened.totals().at_risk == 4
        # A second opening of the same boot carries nothing over again.
        with Ledger(address, manual.clock, FORM) as again:
            assert again.totals().reserved == 4


def test_a_server_that_names_a_wild_date_once_is_corrected_by_its_next_answer(manual: ManualRun) -> None:
    manual.settle(manual.permitted("a"), VERDICTS["person"], http_date(NOON + 30 * 86_400))
    manual.settle(manual.permitted("b"), VERDICTS["person"], http_date(NOON))
    assert manual.ledger.read_clock().day == "2026-11-22"
    assert UNLIMITED.windows() == ()
    assert Policy(Limits(), Budget()).limits.windows()[0] == (10, 1.06)
