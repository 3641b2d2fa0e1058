"""What two readings of the balance prove about the calls between them, and what is kept of a balance."""

from dataclasses import replace

import pytest
from manual_run import ManualRun

from clodura_pipeline.clodura.verdicts import Balance, Next, State, Verdict
from clodura_pipeline.ledger import BalanceReading, StartedReading, Totals
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.policy import Budget
from clodura_pipeline.ledger.rules.stops import Stop, StopKind


def test_a_run_does_not_call_again_for_its_own_doubts_however_long_it_lasts(manual: ManualRun) -> None:
    manual.call("a", "ambiguous")
    manual.clock.go_on(10_000)
    assert getattr(manual.permit("a"), "state", None) is State.AMBIGUOUS
    assert manual.new_run("later").call("a", "person")


def test_no_balance_is_read_while_a_call_is_in_flight(manual: ManualRun) -> None:
    permit = manual.permitted("a")
    assert manual.ledger.start_reading(manual.policy) is None
    manual.settle(permit, "person")
    started = manual.ledger.start_reading(manual.policy)
    assert isinstance(started, StartedReading)
    # A call that begins while the balance travels: the reading says nothing about any interval, this or the next.
    other = manual.permitted("b")
    reading = manual.ledger.record_reading(manual.run, started, Balance(100, "pool"), None)
    assert reading.interval is None
    manual.settle(other, "ambiguous")
    assert _read(manual, 98).interval is None
    assert manual.ledger.totals().at_risk == 2


def test_a_balance_frees_no_doubt_that_clodura_may_still_charge(manual: ManualRun) -> None:
    _read(manual, 100)
    manual.call("a", "ambiguous")
    assert _read(manual, 100).interval is None
    assert manual.ledger.totals().at_risk == 2
    manual.clock.go_on(manual.policy.lease_seconds)
    charged_late = _read(manual, 98)
    assert (charged_late.interval, charged_late.unexplained_credits) == ("unexplained", 2)
    assert manual.ledger.totals().at_risk == 2


def test_a_doubt_that_was_not_charged_is_freed_by_a_reading_after_its_lease(manual: ManualRun) -> None:
    _read(manual, 100)
    manual.call("a", "ambiguous")
    _read(manual, 100)
    manual.clock.go_on(manual.policy.lease_seconds)
    assert _read(manual, 100).interval == "agrees"
    assert manual.ledger.totals().at_risk == 0


def test_an_answer_that_was_settled_late_makes_no_charged_doubt_look_free(manual: ManualRun) -> None:
    stopped = manual.permitted("a")  # its process stands still; Clodura has charged it
    manual.clock.go_on(manual.policy.lease_seconds + 1)
    concurrent = manual.new_run("concurrent")
    _read(concurrent, 98)
    concurrent.call("b", "ambiguous")  # charged, and the answer lost
    manual.settle(stopped, "person")
    manual.clock.go_on(manual.policy.lease_seconds + 1)
    reading = _read(concurrent, 96)  # it fell by 2, and 2 were settled: of another call
    assert (reading.interval, reading.settled_credits) == (None, None)
    assert manual.ledger.totals() == Totals(2, 0, 2, 2)


def test_an_unknown_balance_between_two_known_ones_is_passed_over(manual: ManualRun) -> None:
    _read(manual, 100)
    manual.call("a", "ambiguous")
    assert _read(manual, None).interval is None
    manual.call("b", "person")
    manual.clock.go_on(manual.policy.lease_seconds)
    agreed = _read(manual, 98)
    assert (agreed.interval, agreed.drop_credits, agreed.settled_credits) == ("agrees", 2, 2)
    assert manual.ledger.totals() == Totals(2, 0, 2, 0)


def _read(manual: ManualRun, credits: float | None) -> BalanceReading:
    started = manual.ledger.start_reading(manual.policy)
    assert isinstance(started, StartedReading)
    return manual.ledger.record_reading(manual.run, started, Balance(credits, "pool"), None)


def test_doubts_after_a_reading_count_against_the_balance_to_keep_also_where_it_freed_as_many(
    manual: ManualRun,
) -> None:
    manual.policy = replace(manual.policy, budget=Budget(0, 0, 90))
    _read(manual, 100)
    for name in "ab":
        manual.call(name, "ambiguous")
    manual.clock.go_on(manual.policy.lease_seconds)
    assert _read(manual, 100).interval == "agrees"
    for name in "cdefg":
        manual.call(name, "ambiguous")
    stopped = manual.permit("h")
    assert isinstance(stopped, Stop)
    assert stopped.kind is StopKind.MIN_BALANCE


def test_doubts_that_clodura_still_worked_on_when_it_stated_the_balance_count_against_it(manual: ManualRun) -> None:
    for name in "ab":
        manual.call(name, "ambiguous")
    _read(manual, 100)
    manual.policy = replace(manual.policy, budget=Budget(0, 0, 90))
    for name in "cde":
        manual.call(name, "person")
    assert isinstance(manual.permit("f"), Stop)


# Fractional costs and balances


def stated(credits: float) -> Verdict:
    """An answer that states its cost."""
    return replace(Verdict(State.NO_MATCH, "ok", Next.GO_ON), charged_credits=credits, cost_basis="stated")


@pytest.mark.parametrize(
    ("costs", "after", "interval", "unexplained", "at_risk"),
    [
        ([], 100, "agrees", 0.0, 0),
        ([], 99.96, "agrees", 0.04, 0),  # an organisation's search by others who use the key
        ([], 99.51, "agrees", 0.49, 0),
        ([], 99.5, "unexplained", 0.5, 2),
        ([], 99, "unexplained", 1.0, 2),
        ([1.3], 98.7, "agrees", 0.0, 0),
        ([1.3], 98.66, "agrees", 0.04, 0),
        ([0.04] * 30, 98.8, "agrees", 0.0, 0),
        ([1.3], 98.8, "less_than_charged", -0.1, 2),
        ([0.1] * 3, 97.7, "unexplained", 2.0, 2),
        ([], 100.04, "topped_up", None, 2),
    ],
)
def test_a_fraction_that_no_call_costs_leaves_no_call_in_doubt(
    manual: ManualRun, costs: list[float], after: float, interval: str, unexplained: float | None, at_risk: int
) -> None:
    _read(manual, 100)
    manual.call("lost", "ambiguous")
    for number, cost in enumerate(costs):
        manual.call(f"p{number}", stated(cost))
    manual.clock.go_on(manual.policy.lease_seconds)
    reading = _read(manual, after)
    assert reading.interval == interval
    assert reading.unexplained_credits == (None if unexplained is None else pytest.approx(unexplained))
    total = manual.ledger.totals()
    assert (total.charged, total.at_risk) == (pytest.approx(sum(costs)), at_risk)
    assert audit_ledger(manual.ledger.address).sound


def test_caps_and_the_balance_to_keep_hold_with_fractions(manual: ManualRun) -> None:
    capped = manual.new_run("capped", replace(manual.policy, budget=Budget(7)))
    capped.call("a", stated(4.5))
    capped.call("b", stated(0.54))
    stopped = capped.permit("c")
    assert isinstance(stopped, Stop)
    assert "5.04 of 7 credits charged" in stopped.reason
    careful = manual.new_run("careful", replace(manual.policy, budget=Budget(0, 0, 94)))
    _read(careful, 96.5)
    careful.call("d", stated(0.6))
    stopped = careful.permit("e")
    assert isinstance(stopped, Stop)
    assert "95.9 credits left, 94 to keep" in stopped.reason
