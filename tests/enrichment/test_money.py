"""Budgets: what is settled, reserved and at risk never exceeds a cap, and the sums are always the sums."""

import tempfile
from pathlib import Path

import pytest
from asking_process import profile_of
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import UNLIMITED, VERDICTS, Desk, FakeClock, assert_totals_are_the_sums, sums

from clodura_pipeline.clodura.balance import Balance
from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.ledger import Granted, Ledger, ReadingBegun, Totals, Wait
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.ledger.rules.stops import Stop, StopKind


def capped(run: int = 0, day: int = 0, least: int = 0) -> Policy:
    return Policy(UNLIMITED, Budget(run, day, least), timeout_seconds=10.0)


@pytest.mark.parametrize(("run", "day", "kind"), [(7, 0, StopKind.RUN_BUDGET), (0, 7, StopKind.DAY_BUDGET)])
def test_a_cap_holds_to_the_credit_and_names_its_setting(
    desk: Desk, ledger_path: Path, run: int, day: int, kind: StopKind
) -> None:
    desk = desk.new_run("capped", capped(run, day))
    for name in ("a", "b", "c"):
        desk.asked(name, "person")
    stopped = desk.permit("d")
    assert isinstance(stopped, Stop)
    assert stopped.kind is kind
    assert "6 of 7" in stopped.reason
    assert sums(ledger_path) == Totals(3, 0, 6, 0)


def test_a_budget_is_used_up_only_when_nothing_is_reserved(desk: Desk) -> None:
    desk = desk.new_run("capped", capped(run=4))
    first, second = desk.granted("a"), desk.granted("b")
    assert isinstance(desk.permit("c"), Wait)
    desk.settle(first, "no_match")
    desk.asked("c", "organisation")
    assert isinstance(desk.permit("d"), Wait)
    desk.settle(second, "person")
    assert isinstance(desk.permit("d"), Stop)


def test_what_is_at_risk_counts_as_spent_and_what_is_withdrawn_does_not(desk: Desk) -> None:
    desk = desk.new_run("capped", capped(run=4))
    desk.asked("a", "ambiguous")
    desk.ledger.withdraw(desk.granted("b").attempt_id, "connection_refused")
    desk.asked("b", "person")
    stopped = desk.permit("c")
    assert isinstance(stopped, Stop)
    assert "2 of 4 credits charged, 2 at risk" in stopped.reason


def test_a_run_cap_counts_over_all_retries_of_the_root_run_and_of_no_other(desk: Desk) -> None:
    first = desk.new_run("root", capped(run=4))
    first.asked("a", "person")
    retry = desk.new_run("retry", capped(run=4), root="root")
    retry.asked("b", "person")
    assert isinstance(retry.permit("c"), Stop)
    assert isinstance(desk.new_run("other", capped(run=4)).permit("c"), Granted)


def test_the_balance_to_keep_is_kept_with_what_is_reserved_and_at_risk(desk: Desk) -> None:
    desk = desk.new_run("careful", capped(least=94))
    assert isinstance(desk.permit("a"), Stop)  # no balance is known
    read_balance(desk, 100)
    desk.asked("a", "person")
    desk.asked("b", "ambiguous")
    granted = desk.granted("c")
    assert isinstance(desk.permit("d"), Wait)
    desk.settle(granted, "no_match")
    desk.asked("d", "person")
    stopped = desk.permit("e")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.MIN_BALANCE
    assert "94 credits left, 94 to keep" in stopped.reason


def test_what_a_rival_settles_while_the_balance_travels_is_not_overlooked(desk: Desk) -> None:
    rival, desk = desk, desk.new_run("careful", capped(least=96))
    begun = begin_reading(desk)
    rival.asked("a", "person")  # after Clodura had said 100
    desk.ledger.record_reading(desk.run, begun, Balance(100, "pool"), None)
    desk.asked("b", "person")
    assert isinstance(desk.permit("c"), Stop)


def test_an_answer_dearer_than_the_worst_is_booked_as_it_is(desk: Desk, ledger_path: Path) -> None:
    granted = desk.granted("a")
    desk.settle(granted, Verdict(State.PERSON, "ok", Next.STOP_COST_ABOVE_WORST, 5, cost_basis="stated"))
    assert sums(ledger_path) == Totals(1, 0, 5, 0)


def test_a_late_outcome_of_a_call_given_up_takes_the_place_of_the_doubt(desk: Desk, ledger_path: Path) -> None:
    granted = desk.granted("a")
    desk.clock.go_on(1_000)
    desk.new_run("later")  # starting a run ends what leases have ended
    assert sums(ledger_path) == Totals(1, 0, 0, 2)
    desk.settle(granted, "organisation")
    assert sums(ledger_path) == Totals(1, 0, 1, 0)


def begin_reading(desk: Desk) -> ReadingBegun:
    begun = desk.ledger.begin_reading(desk.policy)
    assert isinstance(begun, ReadingBegun)
    return begun


def read_balance(desk: Desk, credits: float) -> None:
    desk.ledger.record_reading(desk.run, begin_reading(desk), Balance(credits, "pool"), None)


STEPS = st.one_of(
    st.tuples(st.just("permit"), st.integers(0, 11), st.integers(0, 2)),
    st.tuples(st.just("settle"), st.integers(0, 5), st.sampled_from(sorted(VERDICTS))),
    st.tuples(st.just("withdraw"), st.integers(0, 5), st.just("")),
    st.tuples(st.just("wait"), st.floats(0.0, 20.0), st.just("")),
    st.tuples(st.just("day"), st.just(0), st.just("")),
    st.tuples(st.just("new run"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("read balance"), st.integers(0, 4), st.just("")),
    st.tuples(st.just("join"), st.integers(0, 11), st.integers(0, 11)),
)


class Random:
    """Random steps on one ledger, with several runs under way; holds the caps and the sums after each."""

    def __init__(self, path: Path, run_cap: int, day_cap: int) -> None:
        self.path = path
        self.caps = {"run:": run_cap, "day:": day_cap}
        self.clock = FakeClock()
        self.ledger = Ledger(path, self.clock, profile_of)
        self.policy = capped(run_cap, day_cap)
        self.desks = [Desk(self.ledger, self.clock, f"run-{n}", self.policy) for n in range(3)]
        self.open: list[Granted] = []

    def step(self, kind: str, number: float, more: object) -> None:  # noqa: C901  (one case each)
        match kind:
            case "permit":
                decision = self.desks[int(str(more))].permit(f"p{number}")
                if isinstance(decision, Granted):
                    self.open.append(decision)
            case "settle" if self.open:
                self.desks[0].settle(self.open.pop(int(number) % len(self.open)), str(more))
            case "withdraw" if self.open:
                self.ledger.withdraw(self.open.pop(int(number) % len(self.open)).attempt_id, "connection_refused")
            case "wait":
                self.clock.go_on(number)
            case "day":
                self.clock.go_on(86_400)
            case "new run":
                place = int(number)
                self.desks[place] = self.desks[place].new_run(f"{self.desks[place].run.run_id}+")
            case "read balance":
                begun = self.ledger.begin_reading(self.policy)
                if isinstance(begun, ReadingBegun):
                    charged = self.ledger.totals().charged
                    balance = Balance(10_000 - charged - number, "pool")
                    self.ledger.record_reading(self.desks[0].run, begun, balance, None)
            case "join":
                self.ledger.register([("x", f"email:p{number}@x.example"), ("x", f"email:p{more}@x.example")])

    def check(self) -> None:
        assert_totals_are_the_sums(self.path)
        scopes = [f"run:{desk.run.root_run_id}" for desk in self.desks] + [f"day:{self.ledger.today()}"]
        for scope in scopes:
            cap = self.caps[scope[:4]]
            assert not cap or self.ledger.totals(scope).committed <= cap


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40), st.sampled_from([0, 2, 3, 5, 8]), st.sampled_from([0, 2, 7, 10]))
def test_no_sequence_of_events_passes_a_cap_or_unbalances_the_sums(
    steps: list[tuple[str, float, object]], run_cap: int, day_cap: int
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        random = Random(Path(folder) / "ledger.sqlite", run_cap, day_cap)
        with random.ledger:
            for step in steps:
                random.step(*step)
                random.check()
