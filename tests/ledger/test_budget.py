"""Budgets: what is settled, reserved and at risk never exceeds a cap, and the sums are always the sums."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from clocks import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_checks import assert_totals_are_the_sums, sums
from manual_run import UNLIMITED, VERDICTS, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.clodura.verdicts import Balance, Next, State, Verdict
from clodura_pipeline.ledger import Address, Ledger, Permit, StartedReading, Totals, Wait
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.ledger.rules.stops import Stop, StopKind


def capped(run: int = 0, day: int = 0, least: int = 0) -> Policy:
    return Policy(UNLIMITED, Budget(run, day, least), timeout_seconds=10.0)


@pytest.mark.parametrize(("run", "day", "kind"), [(7, 0, StopKind.RUN_BUDGET), (0, 7, StopKind.DAY_BUDGET)])
def test_a_cap_holds_to_the_credit_and_names_its_setting(
    manual: ManualRun, address: Address, run: int, day: int, kind: StopKind
) -> None:
    manual = manual.new_run("capped", capped(run, day))
    for name in ("a", "b", "c"):
        manual.call(name, "person")
    stopped = manual.permit("d")
    assert isinstance(stopped, Stop)
    assert stopped.kind is kind
    assert "6 of 7" in stopped.reason
    assert sums(address) == Totals(3, 0, 6, 0)


def test_a_budget_is_used_up_only_when_nothing_is_reserved(manual: ManualRun) -> None:
    manual = manual.new_run("capped", capped(run=4))
    first, second = manual.permitted("a"), manual.permitted("b")
    assert isinstance(manual.permit("c"), Wait)
    manual.settle(first, "no_match")
    manual.call("c", "organisation")
    assert isinstance(manual.permit("d"), Wait)
    manual.settle(second, "person")
    assert isinstance(manual.permit("d"), Stop)


def test_what_is_at_risk_counts_as_spent_and_what_is_released_does_not(manual: ManualRun) -> None:
    manual = manual.new_run("capped", capped(run=4))
    manual.call("a", "ambiguous")
    manual.ledger.release(manual.permitted("b").attempt_id, "connection_refused")
    manual.call("b", "person")
    stopped = manual.permit("c")
    assert isinstance(stopped, Stop)
    assert "2 of 4 credits charged, 2 at risk" in stopped.reason


def test_a_run_cap_counts_over_all_retries_of_the_root_run_and_of_no_other(manual: ManualRun) -> None:
    first = manual.new_run("root", capped(run=4))
    first.call("a", "person")
    retry = manual.new_run("retry", capped(run=4), cap_scope="root")
    retry.call("b", "person")
    assert isinstance(retry.permit("c"), Stop)
    assert isinstance(manual.new_run("other", capped(run=4)).permit("c"), Permit)


def test_the_balance_to_keep_is_kept_with_what_is_reserved_and_at_risk(manual: ManualRun) -> None:
    manual = manual.new_run("careful", capped(least=94))
    assert isinstance(manual.permit("a"), Stop)  # no balance is known
    read_balance(manual, 100)
    manual.call("a", "person")
    manual.call("b", "ambiguous")
    permit = manual.permitted("c")
    assert isinstance(manual.permit("d"), Wait)
    manual.settle(permit, "no_match")
    manual.call("d", "person")
    stopped = manual.permit("e")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.MIN_BALANCE
    assert "94 credits left, 94 to keep" in stopped.reason


def test_what_a_concurrent_run_settles_while_the_balance_travels_is_not_overlooked(manual: ManualRun) -> None:
    concurrent, manual = manual, manual.new_run("careful", capped(least=96))
    started = start_reading(manual)
    concurrent.call("a", "person")  # after Clodura had said 100
    manual.ledger.record_reading(manual.run, started, Balance(100, "pool"), None)
    manual.call("b", "person")
    assert isinstance(manual.permit("c"), Stop)


def test_an_answer_dearer_than_the_worst_cost_is_charged_as_stated(manual: ManualRun, address: Address) -> None:
    permit = manual.permitted("a")
    manual.settle(permit, Verdict(State.PERSON, "ok", Next.STOP_COST_ABOVE_WORST, 5, cost_basis="stated"))
    assert sums(address) == Totals(1, 0, 5, 0)


def test_a_late_outcome_of_a_call_given_up_takes_the_place_of_the_doubt(manual: ManualRun, address: Address) -> None:
    permit = manual.permitted("a")
    manual.clock.go_on(1_000)
    manual.new_run("later")  # starting a run ends what leases have ended
    assert sums(address) == Totals(1, 0, 0, 2)
    manual.settle(permit, "organisation")
    assert sums(address) == Totals(1, 0, 1, 0)


def start_reading(manual: ManualRun) -> StartedReading:
    started = manual.ledger.start_reading(manual.policy)
    assert isinstance(started, StartedReading)
    return started


def read_balance(manual: ManualRun, credits: float) -> None:
    manual.ledger.record_reading(manual.run, start_reading(manual), Balance(credits, "pool"), None)


STEPS = st.one_of(
    st.tuples(st.just("permit"), st.integers(0, 11), st.integers(0, 2)),
    st.tuples(st.just("settle"), st.integers(0, 5), st.sampled_from(sorted(VERDICTS))),
    st.tuples(st.just("release"), st.integers(0, 5), st.just("")),
    st.tuples(st.just("wait"), st.floats(0.0, 20.0), st.just("")),
    st.tuples(st.just("day"), st.just(0), st.just("")),
    st.tuples(st.just("new run"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("read balance"), st.integers(0, 4), st.just("")),
    st.tuples(st.just("join"), st.integers(0, 11), st.integers(0, 11)),
)


class Random:
    """Random steps on one ledger, with several runs in flight; holds the caps and the sums after each."""

    def __init__(self, path: Path, run_cap: int, day_cap: int) -> None:
        self.path = path
        self.caps = {"run:": run_cap, "day:": day_cap}
        self.clock = FakeClock()
        self.ledger = Ledger(path, self.clock, FORM)
        self.policy = capped(run_cap, day_cap)
        self.runs = [ManualRun(self.ledger, self.clock, f"run-{n}", self.policy) for n in range(3)]
        self.open: list[Permit] = []

    def step(self, kind: str, number: float, more: object) -> None:  # noqa: C901  (one case each)
        match kind:
            case "permit":
                decision = self.runs[int(str(more))].permit(f"p{number}")
                if isinstance(decision, Permit):
                    self.open.append(decision)
            case "settle" if self.open:
                self.runs[0].settle(self.open.pop(int(number) % len(self.open)), str(more))
            case "release" if self.open:
                self.ledger.release(self.open.pop(int(number) % len(self.open)).attempt_id, "connection_refused")
            case "wait":
                self.clock.go_on(number)
            case "day":
                self.clock.go_on(86_400)
            case "new run":
                place = int(number)
                self.runs[place] = self.runs[place].new_run(f"{self.runs[place].run.run_id}+")
            case "read balance":
                started = self.ledger.start_reading(self.policy)
                if isinstance(started, StartedReading):
                    charged = self.ledger.totals().charged
                    balance = Balance(10_000 - charged - number, "pool")
                    self.ledger.record_reading(self.runs[0].run, started, balance, None)
            case "join":
                # A request that sends identifiers of two people: the ledger joins them when it permits it.
                one, other = (self.runs[0].request(f"p{name}") for name in (number, more))
                decision = self.runs[0].permit(replace(one, sent_ids=one.sent_ids + other.sent_ids))
                if isinstance(decision, Permit):
                    self.open.append(decision)

    def check(self) -> None:
        assert_totals_are_the_sums(self.path)
        scopes = [f"run:{manual.run.cap_scope}" for manual in self.runs] + [f"day:{self.ledger.read_clock().day}"]
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
