"""Running out of credits, calls or readable answers is an outcome, and the next run continues where the last ended.

All tests look at the runs of one project, each stopped by something else: first those of yesterday's list, until
everyone on it is answered, then those of today's.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import dagster as dg
import pytest
from project import TODAY, YESTERDAY, Project, by_answer, checks_of, metadata_of, open_project

from clodura_pipeline.sandbox import CallLog, Fault, Person, build_directory

FOUND = by_answer(build_directory())
LISTED = {
    YESTERDAY: [*FOUND["person"][:23], FOUND["organisation"][0], FOUND["miss"][0]],
    TODAY: FOUND["person"][23:41],
}


@dataclass(frozen=True)
class Ran:
    """What a run said and left: contacts of its day by status, reasons of pending ones, and the calls it made."""

    stop_reason: str
    statuses: Counter[str]
    pending_reasons: set[str]
    calls: int
    charged: float


@dataclass(frozen=True)
class Runs:
    """The runs by what stopped them, and all calls."""

    by_name: dict[str, Ran]
    call_log: CallLog
    credit_sums: list[tuple[Any, ...]]  # charged and at risk, as published
    unreadable: dg.ExecuteInProcessResult


def ran(project: Project, before: CallLog, day: date, stop_reason: str = "") -> Ran:
    rows = project.query(f"SELECT match_status, pending_reason FROM enriched_contacts WHERE file_date = '{day}'")
    log = project.call_log()
    made = len(log.enrich_calls) - len(before.enrich_calls)
    reasons = {reason for _, reason in rows if reason}
    return Ran(stop_reason, Counter(status for status, _ in rows), reasons, made, log.charged - before.charged)


def put(project: Project, day: date, people: list[Person]) -> None:
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people))
    project.put(f"list-{day}.csv", "contact_id,email\n" + rows)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    by_name: dict[str, Ran] = {}
    with open_project(tmp_path_factory.mktemp("running_out")) as project:

        def options(**changes: Any) -> CallLog:
            project.sandbox.options = replace(project.sandbox.options, **changes)
            return project.call_log()

        def run(name: str, day: date = YESTERDAY, **settings: Any) -> None:
            before = project.call_log()
            figures = project.enrich(day, **settings)  # raises no error, and the check that each reason is given holds
            by_name[name] = ran(project, before, day, figures["clodura_responses"].get("run_stop_reason", ""))

        put(project, YESTERDAY, LISTED[YESTERDAY])
        run("minimum balance", min_balance=991)
        run("cap of a day", max_credits_per_day=int(project.call_log().charged) + 9)
        run("daily limit", requests_per_day=project.call_count + 7)
        options(starting_balance=int(project.call_log().charged) + 9)
        run("402")
        before = options(starting_balance=1_000, credits_shape="missing", faults=(Fault("status_401", from_call=5),))
        with pytest.raises(dg.Failure, match="CLODURA_API_KEY"):
            project.enrich(YESTERDAY, max_workers=1)
        by_name["key refused midway"] = ran(project, before, YESTERDAY)
        options(faults=())
        run("nothing")

        put(project, TODAY, LISTED[TODAY])
        before = options(faults=(Fault("unknown_shape"),))
        unreadable = project.run(TODAY)
        by_name["unknown shape"] = ran(project, before, TODAY)
        options(credits_shape="pool", faults=(), requests_per_day=project.call_count + 7)
        run("409", TODAY)
        options(requests_per_day=0)
        run("day closed by 409", TODAY)
        sums = project.query("SELECT sum(credits_charged), sum(credits_at_risk) FROM credit_usage")
        return Runs(by_name, project.call_log(), sums, unreadable)


@pytest.mark.parametrize(
    ("name", "says", "most_credits"),
    [
        ("minimum balance", "CLODURA_MIN_BALANCE", 9),
        ("cap of a day", "CLODURA_MAX_CREDITS_PER_DAY", 9),
        ("daily limit", "CLODURA_REQUESTS_PER_DAY", 14),
        ("402", "402", 9),
        ("409", "409", 14),
    ],
)
def test_running_out_is_an_outcome_that_names_its_reason(runs: Runs, name: str, says: str, most_credits: int) -> None:
    """Of the cap of a run this is seen in test_enrich_contacts.py."""
    run = runs.by_name[name]
    assert says in run.stop_reason
    assert run.statuses["pending"] > 0
    assert [says in reason for reason in run.pending_reasons] == [True]
    assert 0 < run.charged <= most_credits


def test_the_next_run_goes_on_until_everyone_is_answered_and_nobody_is_bought_twice(runs: Runs) -> None:
    last = runs.by_name["nothing"]
    assert (last.stop_reason, last.statuses) == ("", Counter(person=23, organisation=1, no_match=1))
    assert not runs.call_log.bought_more_than_once()
    assert runs.credit_sums == [(runs.call_log.charged - 10, 10)]  # five answers could not be read


def test_key_refused_midway_publishes_what_came_before(runs: Runs) -> None:
    before, refused = runs.by_name["402"].statuses, runs.by_name["key refused midway"]
    assert refused.calls == 5
    assert before["pending"] - refused.statuses["pending"] == 4


def test_an_unknown_shape_stops_after_five_calls_and_loses_nothing(runs: Runs) -> None:
    run = runs.by_name["unknown shape"]
    assert runs.unreadable.success
    assert run.calls == 5
    assert "could not be read" in metadata_of(runs.unreadable, "clodura_responses")["run_stop_reason"]
    assert run.statuses == Counter(unrecognised=5, pending=13)
    assert not checks_of(runs.unreadable)["clodura_responses.no_unrecognised_answers"]


def test_a_day_that_the_server_closed_stays_closed(runs: Runs) -> None:
    closed = runs.by_name["day closed by 409"]
    assert closed.calls == 0
    assert closed.statuses == runs.by_name["409"].statuses


def test_a_balance_that_is_not_stated_is_compared_with_nothing(runs: Runs) -> None:
    checks = {check.check_name: check for check in runs.unreadable.get_asset_check_evaluations()}
    assert checks["ledger_agrees_with_balance"].passed
    assert "No two balances to compare" in (checks["ledger_agrees_with_balance"].description or "")
