"""Limits on a clock that obeys: sliding windows, 429s, UTC days, clock jumps, boots. Nothing here waits."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asking_process import profile_of
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import FREE, NOON, UNLIMITED, VERDICTS, Desk, FakeClock, http_date, rows

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, judge
from clodura_pipeline.ledger import Granted, Ledger, Totals, Wait
from clodura_pipeline.ledger.rules.policy import (
    MIDNIGHT_GUARD_SECONDS,
    SEND_SLACK_SECONDS,
    STRIKES_UNTIL_STOP,
    Budget,
    Limits,
    Policy,
)
from clodura_pipeline.ledger.rules.stops import Stop, StopKind
from clodura_pipeline.sandbox.books import most_within

MIDNIGHT = NOON + 43_200


def limited(per_second: int = 0, per_minute: int = 0, per_day: int = 0, jitter: float = 0.05) -> Policy:
    return replace(FREE, limits=Limits(per_second, per_minute, per_day, jitter))


def saturate(desk: Desk, seconds: float) -> list[float]:
    """Send as soon as the ledger permits it, for so long; when each call was sent."""
    sent: list[float] = []
    until = desk.clock.now + seconds
    while desk.clock.now < until:
        decision = desk.permit(f"p{desk.clock.now}-{len(sent)}")
        if isinstance(decision, Granted):
            sent.append(decision.stamp)
            desk.settle(decision, "no_match")
        else:
            assert isinstance(decision, Wait)
            desk.clock.go_on(decision.seconds)
    return sent


@pytest.mark.parametrize(
    ("per_second", "per_minute", "jitter"), [(10, 0, 0.05), (100, 0, 0.05), (10, 100, 0.05), (1, 0, 0.0), (3, 20, 0.5)]
)
def test_no_window_at_the_server_is_passed_for_jitter_up_to_the_allowance(
    desk: Desk, per_second: int, per_minute: int, jitter: float
) -> None:
    sent = saturate(
        desk.new_run("limited", limited(per_second, per_minute, jitter=jitter)), 130.0 if per_minute else 5.0
    )
    rng = random.Random(7)
    for _ in range(20):
        # Late by the slack that a permit allows, and by the network's unevenness.
        arrived = [moment + rng.uniform(0, SEND_SLACK_SECONDS) + rng.choice([0.0, jitter]) for moment in sent]
        assert most_within(arrived, 1.0) <= per_second
        assert not per_minute or most_within(arrived, 60.0) <= per_minute


@pytest.mark.parametrize(("per_second", "per_minute"), [(10, 0), (100, 0), (0, 60)])
def test_all_of_the_limit_is_used(desk: Desk, per_second: int, per_minute: int) -> None:
    seconds = 20.0 if per_second else 600.0
    sent = saturate(desk.new_run("limited", limited(per_second, per_minute)), seconds)
    allowed = per_second * seconds / 1.06 if per_second else per_minute * seconds / 60.06
    assert len(sent) >= 0.999 * allowed


@settings(max_examples=100, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from(["send", "send", "stamp again", "withdraw"]), st.floats(0, 0.4), st.integers(0, 9)),
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
        Ledger(Path(folder) / "ledger.sqlite", clock, profile_of) as ledger,
    ):
        desk = Desk(ledger, clock, policy=limited(per_second=4))
        waiting: list[Granted] = []
        left: list[float] = []
        for place, (kind, pause, which) in enumerate(events):
            clock.go_on(pause)
            if kind == "send":
                decision = desk.permit(f"p{place}")
                if isinstance(decision, Granted):
                    waiting.append(decision)
            elif waiting:
                granted = waiting.pop(which % len(waiting))
                if kind == "withdraw":
                    ledger.withdraw(granted.attempt_id, "not_sent")
                    continue
                again = ledger.stamp_again(granted.attempt_id, desk.policy, ahead_seconds=0.1 * which)
                if isinstance(again, Granted):
                    left.append(again.stamp)
                else:
                    waiting.append(granted)
        assert most_within(left, 1.06 - 1e-9) <= 4


def test_a_call_that_others_take_for_dead_does_not_leave_any_more(desk: Desk, ledger_path: Path) -> None:
    granted = desk.granted("a")
    desk.clock.go_on(desk.policy.lease_seconds + 1)
    rival = desk.new_run("rival")
    rival.asked("a", "person")
    assert desk.ledger.stamp_again(granted.attempt_id, desk.policy, 0.01) is None
    assert [row["state"] for row in rows(ledger_path, "SELECT state FROM attempts ORDER BY id")] == [
        "ambiguous",
        "person",
    ]


def test_a_call_does_not_leave_into_another_day_or_a_long_pause(desk: Desk) -> None:
    desk = desk.new_run("limited", limited(per_day=10))
    desk.clock.go_on(43_200 - 3)
    granted, other = desk.granted("a"), desk.granted("b")
    assert isinstance(desk.ledger.stamp_again(granted.attempt_id, desk.policy, 0.1), Granted)
    assert desk.ledger.stamp_again(granted.attempt_id, desk.policy, 2.0) is None
    desk.settle(other, replace(VERDICTS["rate_limited"], retry_after_seconds=500.0))
    assert desk.ledger.stamp_again(granted.attempt_id, desk.policy, 0.1) is None


# 429


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, 1.0), (0.0, 0.0), (7.0, 7.0), (119.0, 119.0), (121.0, None), (86_400.0, None)]
)
def test_a_429_pauses_all_runs_of_the_key(desk: Desk, asked: float | None, waits: float | None) -> None:
    rival = desk.new_run("rival")
    desk.settle(desk.granted("a"), replace(VERDICTS["rate_limited"], retry_after_seconds=asked))
    decision = rival.permit("b")
    if waits is None:
        assert isinstance(decision, Stop)
        assert decision.kind is StopKind.RATE_LIMITED
    elif waits == 0:
        assert isinstance(decision, Wait)  # the lowered rate
    else:
        assert isinstance(decision, Wait)
        assert decision.seconds == pytest.approx(waits)
        desk.clock.go_on(waits + 2.0)
        assert isinstance(rival.permit("b"), Granted)


def test_a_429_halves_the_rate_once_and_it_grows_back(desk: Desk) -> None:
    desk = desk.new_run("limited", limited(per_second=16, jitter=0.0))
    together = [desk.granted(f"a{n}") for n in range(16)]
    for granted in together:
        desk.settle(granted, replace(VERDICTS["rate_limited"], retry_after_seconds=1.0))
    desk.clock.go_on(1.0)
    assert len(saturate(desk, 1.0)) == 8
    desk.clock.go_on(30.0)
    assert 15 <= len(saturate(desk, 1.0)) <= 16
    desk.clock.go_on(3_600.0)
    assert len(saturate(desk, 1.0)) == 16


def test_429s_for_ever_end_in_a_kind_stop_and_a_row_of_them_is_counted_once(desk: Desk) -> None:
    strikes: list[int] = []
    while len(strikes) < STRIKES_UNTIL_STOP:
        decision = desk.permit(f"p{len(strikes)}")
        if isinstance(decision, Granted):
            verdict = replace(VERDICTS["rate_limited"], retry_after_seconds=0.0)
            strikes.append(desk.settle(decision, verdict).strikes)
        else:
            assert isinstance(decision, Wait)
            desk.clock.go_on(decision.seconds)
    assert strikes == list(range(1, STRIKES_UNTIL_STOP + 1))
    desk.clock.go_on(120.0)
    granted = desk.granted("through")
    assert desk.settle(granted, "no_match").strikes == 0
    desk.clock.go_on(120.0)
    assert desk.settle(desk.granted("again"), VERDICTS["rate_limited"]).strikes == 1


# Days


def test_the_daily_limit_holds_over_runs_and_restarts_and_ends_at_utc_midnight(desk: Desk, ledger_path: Path) -> None:
    policy = limited(per_day=3)
    desk.new_run("one", policy).asked("a", "person")
    with Ledger(ledger_path, desk.clock, profile_of) as reopened:
        Desk(reopened, desk.clock, "two", policy).asked("b", "no_match")
    desk.new_run("three", policy).asked("c", "unavailable")
    stopped = desk.new_run("four", policy).permit("d")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.DAILY_LIMIT
    assert "CLODURA_REQUESTS_PER_DAY" in stopped.reason
    desk.clock.go_on(43_200 + MIDNIGHT_GUARD_SECONDS + 1)
    for name in ("d", "e", "f"):
        desk.new_run(name, policy).asked(name, "no_match")
    assert isinstance(desk.new_run("five", policy).permit("g"), Stop)


def test_a_withdrawn_call_takes_no_place_of_the_day(desk: Desk) -> None:
    desk = desk.new_run("limited", limited(per_day=1))
    desk.ledger.withdraw(desk.granted("a").attempt_id, "connection_refused")
    assert isinstance(desk.permit("a"), Granted)


def test_409_closes_the_utc_day_for_all_runs_and_the_next_day_goes_on(desk: Desk) -> None:
    desk.settle(desk.granted("a"), VERDICTS["day_closed"])
    rival = desk.new_run("rival")
    stopped = rival.permit("b")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.DAY_CLOSED
    desk.clock.go_on(43_200 + 5)
    assert isinstance(rival.permit("b"), Granted)


@pytest.mark.parametrize("off_seconds", [-86_400.0, -7_200.0, 7_200.0, 86_400.0])
def test_the_day_is_the_servers_where_the_machines_clock_is_wrong(desk: Desk, off_seconds: float) -> None:
    desk = desk.new_run("limited", limited(per_day=2))
    server = desk.clock.wall() - off_seconds
    granted = desk.granted("a")
    desk.settle(granted, VERDICTS["no_match"], http_date(server))
    assert desk.ledger.today() == "2026-11-22" if abs(off_seconds) < 10_000 else desk.ledger.today()
    assert desk.ledger.totals(f"day:{desk.ledger.today()}").calls == 1
    desk.clock.go_on(5)
    desk.asked("b", "no_match")
    assert isinstance(desk.permit("c"), Stop)


@pytest.mark.parametrize("jump_seconds", [-86_400.0, 86_400.0, 10 * 86_400.0])
def test_a_clock_jump_gives_no_second_daily_limit(desk: Desk, jump_seconds: float) -> None:
    desk = desk.new_run("limited", limited(per_day=2))
    for name in ("a", "b"):
        desk.settle(desk.granted(name), VERDICTS["no_match"], http_date(desk.clock.wall()))
    desk.clock.jump(jump_seconds)
    assert isinstance(desk.permit("c"), Stop)
    assert isinstance(desk.new_run("later", limited(per_day=2)).permit("c"), Stop)
    desk.clock.go_on(43_210)
    assert isinstance(desk.permit("c"), Granted)


def test_a_clock_that_is_wrong_after_a_boot_gives_one_call_at_most(desk: Desk, ledger_path: Path) -> None:
    policy = limited(per_day=2)
    for name in ("a", "b"):
        desk.settle(desk.new_run(name, policy).granted(name), VERDICTS["no_match"], http_date(desk.clock.wall()))
    true_time = desk.clock.wall() + 60
    desk.clock.reboot(60 + 86_400)
    with Ledger(ledger_path, desk.clock, profile_of) as reopened:
        after = Desk(reopened, desk.clock, "after", policy)
        # The run's single first call tells the server's time, and is counted on the day it was.
        after.settle(after.granted("c"), VERDICTS["no_match"], http_date(true_time))
        stopped = after.permit("d")
        assert isinstance(stopped, Stop)
        assert "3 of 2" in stopped.reason


@pytest.mark.parametrize("before_midnight", [30.0, 1.6, 1.5, 0.5, 0.0, -0.5, -1.5])
def test_no_call_is_sent_when_it_is_unsure_on_which_day_it_counts(desk: Desk, before_midnight: float) -> None:
    desk = desk.new_run("limited", limited(per_day=10))
    desk.clock.go_on(MIDNIGHT - before_midnight - desk.clock.wall())
    decision = desk.permit("a")
    guard = MIDNIGHT_GUARD_SECONDS + 0.05
    if abs(before_midnight) > guard:
        assert isinstance(decision, Granted)
        return
    assert isinstance(decision, Wait)
    assert decision.seconds == pytest.approx(before_midnight + guard)
    desk.clock.go_on(decision.seconds + 1e-6)
    assert isinstance(desk.permit("a"), Granted)
    assert desk.ledger.totals("day:2026-11-23").calls == 1


def test_a_call_sent_before_midnight_and_answered_after_it_counts_on_the_day_it_was_sent(desk: Desk) -> None:
    desk = desk.new_run("limited", limited(per_day=10))
    desk.clock.go_on(43_200 - 10)
    granted = desk.granted("a")
    desk.clock.go_on(25)
    desk.settle(granted, VERDICTS["person"], http_date(desk.clock.wall()))
    assert desk.ledger.totals("day:2026-11-22").charged == 2
    assert desk.ledger.totals("day:2026-11-23").calls == 0


@pytest.mark.parametrize("arrived_after", [0.1, None], ids=["headers at once", "nobody knows when"])
def test_an_answer_that_drips_or_is_settled_late_moves_no_day(desk: Desk, arrived_after: float | None) -> None:
    desk = desk.new_run("limited", limited(per_day=3))
    desk.settle(desk.granted("before"), VERDICTS["no_match"], http_date(desk.clock.wall()))
    desk.clock.go_on(43_200 + 3)
    for name in "abc":
        granted = desk.granted(name)
        stated, arrived_at = http_date(desk.clock.wall()), arrived_after and desk.clock.now + arrived_after
        desk.clock.go_on(9)  # until its body is there, or the process goes on
        answer = RawAnswer(200, b"{}", date=stated, arrived_at=arrived_at)
        desk.ledger.settle(granted.attempt_id, VERDICTS["no_match"], answer, desk.policy)
    assert desk.ledger.totals("day:2026-11-22").calls == 1
    assert desk.ledger.totals("day:2026-11-23").calls == 3
    assert isinstance(desk.permit("d"), Stop)


ODD_DATES = [
    "", "junk", "Sun, 99 Nov 2026 12:00:00 GMT", "nan", "Sun, 22 Nov 99999 1:1:1 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 +99999999999999999", "Sat, 01 Jan 2000 00:00:00 GMT",
]  # fmt: skip


@pytest.mark.parametrize("date", [None, *ODD_DATES])
def test_a_date_that_is_none_changes_nothing(desk: Desk, date: str | None) -> None:
    desk.settle(desk.granted("a"), VERDICTS["person"], date)
    assert desk.ledger.today() == "2026-11-22"
    asked = Identifiers(email="a@x.example")
    assert judge(RawAnswer(200, b"{}", date=date), asked, datetime.now(UTC)).state == "no_match"
    assert desk.ledger.totals("day:2026-11-22") == Totals(1, 0, 2, 0)


# Boots


@pytest.mark.parametrize("clock_off", [0.0, -300.0, 300.0])
def test_what_was_sent_before_a_boot_still_fills_the_windows(desk: Desk, ledger_path: Path, clock_off: float) -> None:
    policy = limited(per_minute=3)
    for name in ("a", "b", "c"):
        desk.new_run(name, policy).asked(name, "no_match")
    desk.clock.reboot(20 + clock_off)
    with Ledger(ledger_path, desk.clock, profile_of) as reopened:
        after = Desk(reopened, desk.clock, "after", policy)
        waited = desk.clock.now
        assert len(saturate(after, 30.0)) == 0
        desk.clock.now = waited
        desk.clock.go_on(61)
        assert isinstance(after.permit("d"), Granted)


def test_a_boot_ends_leases_and_doubts_of_before_are_asked_again(desk: Desk, ledger_path: Path) -> None:
    desk.clock.now = 900_000.0  # long uptime: its monotonic times lie far ahead of the next boot's
    desk.granted("under way")
    desk.asked("lost", "ambiguous")
    desk.settle(desk.granted("slow"), replace(VERDICTS["rate_limited"], retry_after_seconds=100.0))
    desk.clock.reboot(200)
    with Ledger(ledger_path, desk.clock, profile_of) as reopened:
        after = Desk(reopened, desk.clock, "after")
        for name in ("under way", "lost"):
            paused = after.permit(name)  # the pause of before, and one call a second after it
            desk.clock.go_on(paused.seconds + 0.001 if isinstance(paused, Wait) else 0.0)
            assert isinstance(paused, Granted) or isinstance(after.permit(name), Granted)
        assert desk.clock.now < 120
        assert reopened.totals().at_risk == 4
        # A second opening of the same boot carries nothing over again.
        with Ledger(ledger_path, desk.clock, profile_of) as again:
            assert again.totals().reserved == 4


def test_a_server_that_names_a_wild_date_once_is_corrected_by_its_next_answer(desk: Desk) -> None:
    desk.settle(desk.granted("a"), VERDICTS["person"], http_date(NOON + 30 * 86_400))
    desk.settle(desk.granted("b"), VERDICTS["person"], http_date(NOON))
    assert desk.ledger.today() == "2026-11-22"
    assert UNLIMITED.windows() == ()
    assert Policy(Limits(), Budget()).limits.windows()[0] == (10, 1.06)
