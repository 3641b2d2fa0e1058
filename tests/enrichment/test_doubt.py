"""Doubt: how it is settled, when a call is made again, and what two balance readings prove about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from clocks import SkippingClock
from dispatch_process import Job, Ran, run_job
from ledger_checks import assert_ledger_agrees, rows, sums
from manual_run import UNLIMITED
from requests_of_tests import people_of_the_directory

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.enrichment.dispatcher import Outcome
from clodura_pipeline.enrichment.session import RefusedToStart, Session
from clodura_pipeline.ledger import Totals
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.ledger.rules.stops import StopKind
from clodura_pipeline.sandbox import Fault, FaultKind, Sandbox

Start = Callable[..., Sandbox]
QUICK = Policy(UNLIMITED, Budget(0), timeout_seconds=2.0, max_workers=4, first_backoff_seconds=0.01)
PEOPLE = people_of_the_directory(5, "person")
LOST = PEOPLE[2].linkedin_url or ""


@dataclass
class Runs:
    """Runs on one ledger and sandbox, on a clock that can skip."""

    sandbox: Sandbox
    path: Path
    clock: SkippingClock

    def __call__(self, run_id: str, **policy: object) -> Ran:
        job = Job(self.sandbox.base_url, self.path, PEOPLE, run_id, policy=replace(QUICK, **policy))  # pyright: ignore
        ran = run_job(job, self.clock)
        assert self.sandbox.wait_until_idle()
        return ran

    @property
    def calls(self) -> int:
        return len(self.sandbox.call_log.enrich_calls)


@pytest.fixture
def runs(start: Start, ledger_path: Path) -> Callable[..., Runs]:
    """Runs against a sandbox with these options."""

    def make(**options: object) -> Runs:
        return Runs(start(**options), ledger_path, SkippingClock())

    return make


WAYS: list[FaultKind] = ["charged_then_reset", "reset_before_answer", "charged_then_stall", "cut_body", "status_500"]


@pytest.mark.parametrize("fault", WAYS)
def test_a_doubt_is_called_for_again_once_by_a_later_run_when_its_lease_has_ended(
    runs: Callable[..., Runs], fault: FaultKind
) -> None:
    run = runs(faults=(Fault(fault, matching=LOST, first_n=1),), credits_shape="missing")
    first = run("first")
    assert first.states == ["person", "person", "ambiguous", "person", "person"]
    assert (first.progress.ambiguous, first.progress.credits_at_risk) == (1, 2)
    early = run("early")  # its lease has not ended: the server may still work on it
    assert run.calls == 5
    (pending,) = [outcome for outcome in early.outcomes if outcome.state is State.AMBIGUOUS]
    assert pending.pending_reason
    assert "a later run" in pending.pending_reason.text
    run.clock.skip(QUICK.lease_seconds)
    assert run("later").states == ["person"] * 5
    assert run.calls == 6
    # A permit that a busy machine could not use in time is released: it is no call, and leaves a row.
    again = "SELECT purpose FROM attempts WHERE purpose <> 'new' AND state <> 'not_processed'"
    assert [row[0] for row in rows(run.path, again)] == ["doubt"]
    assert assert_ledger_agrees(run.path, run.sandbox.call_log) == Totals(6, 0, 10, 2)
    assert run("after").states == ["person"] * 5
    assert run.calls == 6


def test_a_second_doubt_is_final_until_a_run_on_purpose(runs: Callable[..., Runs]) -> None:
    run = runs(faults=(Fault("charged_then_reset", matching=LOST, first_n=3),), credits_shape="missing")
    ran = run("run 0")
    run.clock.skip(QUICK.lease_seconds)
    for number, calls in enumerate((6, 6, 6), start=1):
        ran = run(f"run {number}")
        assert (run.calls, ran.states.count("ambiguous")) == (calls, 1)
        run.clock.skip(QUICK.lease_seconds)
    reason = next(outcome.pending_reason for outcome in ran.outcomes if outcome.pending_reason)
    assert "retry_ambiguous" in reason.text
    assert run("on purpose", retry_ambiguous=True).states.count("ambiguous") == 1
    assert run("on purpose, too soon", retry_ambiguous=True).states.count("ambiguous") == 1
    assert run.calls == 7
    run.clock.skip(QUICK.lease_seconds)
    assert run("on purpose again", retry_ambiguous=True).states == ["person"] * 5
    assert assert_ledger_agrees(run.path, run.sandbox.call_log) == Totals(8, 0, 10, 6)


@dataclass(frozen=True)
class Row:
    """What happens between two readings: a fault on one call, a change of the balance; and what it proves."""

    name: str
    fault: FaultKind
    balance_change: int
    shape: str
    interval: str | None
    unexplained: float | None
    at_risk: int


BALANCES = [
    Row("not charged: the doubt is free", "reset_before_answer", 0, "pool", "agrees", 0.0, 0),
    Row("a 500, not charged", "status_500", 0, "pool", "agrees", 0.0, 0),
    Row("charged: it stays in doubt", "charged_then_reset", 0, "pool", "unexplained", 2.0, 2),
    Row("others spend too", "reset_before_answer", -7, "pool", "unexplained", 7.0, 2),
    Row("others spend, and charged", "charged_then_reset", -7, "pool", "unexplained", 9.0, 2),
    Row("a top-up voids the interval", "reset_before_answer", 100, "pool", "topped_up", None, 2),
    Row("a small top-up proves nothing", "reset_before_answer", 3, "pool", "less_than_charged", -3.0, 2),
    Row("a plan without a pool", "reset_before_answer", 0, "views", None, None, 2),
    Row("no balance at all", "reset_before_answer", 0, "missing", None, None, 2),
    Row("unreadable, not charged", "html_instead_of_json", 0, "pool", "agrees", 0.0, 0),
    Row("unreadable, charged", "garbage_200", 0, "pool", "unexplained", 2.0, 2),
]


@pytest.mark.parametrize("row", BALANCES, ids=[row.name for row in BALANCES])
def test_two_readings_prove_what_they_prove_and_no_more(runs: Callable[..., Runs], row: Row) -> None:
    run = runs(faults=(Fault(row.fault, matching=LOST),), credits_shape=row.shape)

    def change(_session: Session, _outcome: Outcome) -> None:
        # Another user of the account tops up or spends while this run calls.
        run.sandbox.options = replace(run.sandbox.options, starting_balance=10_000 + row.balance_change)

    policy = replace(QUICK, max_workers=1)
    ran = run_job(Job(run.sandbox.base_url, run.path, PEOPLE, policy=policy), run.clock, on_outcome=change)
    assert ran.balance_after
    assert (ran.balance_after.interval, ran.balance_after.unexplained_credits) == (row.interval, row.unexplained)
    total = sums(run.path)
    assert (total.charged, total.at_risk) == (8, row.at_risk)
    settled = rows(run.path, "SELECT doubt_settled_by FROM attempts WHERE cost_basis = 'doubt'")[0][0]
    assert (settled is not None) == (row.at_risk == 0)


def test_a_doubt_that_was_proven_free_is_called_for_again(runs: Callable[..., Runs]) -> None:
    run = runs(faults=(Fault("reset_before_answer", matching=LOST, first_n=1),))
    run("first")
    assert sums(run.path).at_risk == 0
    assert rows(run.path, "SELECT state FROM attempts WHERE doubt_settled_by IS NOT NULL")[0][0] == "ambiguous"
    assert run("later").states == ["person"] * 5
    assert assert_ledger_agrees(run.path, run.sandbox.call_log) == Totals(6, 0, 10, 0)


def test_what_others_spend_between_runs_frees_no_doubt_of_an_earlier_interval(runs: Callable[..., Runs]) -> None:
    run = runs(faults=(Fault("charged_then_reset", matching=LOST),))
    run("first")
    quiet = run("second")
    assert quiet.balance_before
    assert quiet.balance_before.interval == "agrees"
    assert sums(run.path).at_risk == 4  # the first, and the one that was called again


def test_a_run_reads_the_balance_once_clodura_no_longer_works_on_a_lost_call(runs: Callable[..., Runs]) -> None:
    run = runs(faults=(Fault("reset_before_answer", matching=LOST),))
    ran = run("run")
    assert run.clock.skipped >= QUICK.lease_seconds - 1.0
    assert ran.balance_after
    assert ran.balance_after.interval == "agrees"


@pytest.mark.parametrize("shape", ["views", "missing"])
def test_a_balance_to_keep_that_is_unknown_refuses_to_start(runs: Callable[..., Runs], shape: str) -> None:
    run = runs(credits_shape=shape)
    with pytest.raises(RefusedToStart, match="CLODURA_MIN_BALANCE"):
        run("run", budget=Budget(0, 0, 10))
    assert run.calls == 0
    assert rows(run.path, "SELECT ended_at FROM runs")[0][0] is not None


def test_a_balance_to_keep_that_is_no_longer_stated_refuses_to_start(runs: Callable[..., Runs]) -> None:
    run = runs(starting_balance=100)
    assert run("known").stopped is None
    run.sandbox.options = replace(run.sandbox.options, credits_shape="missing")
    with pytest.raises(RefusedToStart, match="does not state the balance now"):
        run("unknown", budget=Budget(0, 0, 10))
    assert run.calls == 5


def test_a_balance_to_keep_is_kept_to_the_credit(runs: Callable[..., Runs]) -> None:
    run = runs(starting_balance=100)
    ran = run("run", budget=Budget(0, 0, 95))
    assert ran.stopped
    assert ran.stopped.kind is StopKind.MIN_BALANCE
    assert run.sandbox.call_log.balance == 96
