"""Ended from outside, in real processes: no new calls, what is under way is awaited and stored; twice ends at once."""

import itertools
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from launched import events_of, forked_job, launch, ui_of, until
from project import TODAY, Project

from clodura_pipeline.identity import canonical
from clodura_pipeline.identity.cells.linkedin import profile_id
from clodura_pipeline.ledger import CanonicalForm, Ledger
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Run
from clodura_pipeline.sandbox import Directory

PEOPLE = 120
WORKERS = 8


class LaterClock(Clock):
    """An hour from now: all leases have ended."""

    def monotonic(self) -> float:
        return super().monotonic() + 3600


@pytest.fixture
def long_list(project: Project, directory: Directory) -> Project:
    rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(directory.people[:PEOPLE]))
    project.put(f"list-{TODAY}.csv", "contact_id,email\n" + rows)
    project.sandbox.options = replace(project.sandbox.options, latency_seconds=0.3)
    return project


def wait_for_calls(project: Project, calls: int = 12) -> None:
    until(lambda: len(project.sandbox.call_log.enrich_calls) >= calls, f"{calls} calls")


def ledger_rows(project: Project, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(project.state / "ledger.sqlite")) as connection:
        return connection.execute(query).fetchall()


def assert_ended_gracefully(project: Project, ended_at: float) -> None:
    """No call arrived after the end was asked for (but what had its permit), and every answer is in the ledger."""
    call_log = project.call_log()
    late = [call for call in call_log.enrich_calls if call.arrived_at > ended_at]
    assert len(late) <= WORKERS
    assert len(call_log.enrich_calls) < PEOPLE / 2
    answered = ledger_rows(project, "SELECT count(*), sum(charged_credits) FROM attempts WHERE raw IS NOT NULL")
    assert answered == [(len(call_log.enrich_calls), call_log.charged)]
    assert ledger_rows(project, "SELECT reserved_credits, at_risk_credits FROM totals WHERE scope = 'all'") == [(0, 0)]
    assert ledger_rows(project, "SELECT stop_kind FROM runs") == [("interrupted",)]


def assert_says(project: Project, *words: str) -> None:
    said = "\n".join(events_of(project))
    for each in words:
        assert each in said
    assert "Traceback" not in said


def test_a_termination_from_the_ui_ends_gracefully_and_the_next_run_publishes_it_all(long_list: Project) -> None:
    with ui_of(long_list) as ui:
        run_id = ui.launch()
        wait_for_calls(long_list)
        ended_at = time.time()
        ui.terminate(run_id)
        until(lambda: ui.status(run_id) in ("CANCELED", "FAILURE", "SUCCESS"), "the run ends", 13.0)
        assert ui.status(run_id) == "CANCELED"
        tags = ui.tags(run_id)
        assert tags["clodura/stop_reason"] == "interrupted"
        assert int(tags["clodura/pending"]) == PEOPLE - len(long_list.sandbox.call_log.enrich_calls)
    assert_ended_gracefully(long_list, ended_at)
    asked = long_list.call_count
    assert_says(
        long_list,
        "Stopping: no new calls are made. Calls in flight are awaited for at most 13 s",
        f"The run was stopped from outside after {asked} calls. All answers are stored",
    )
    long_list.sandbox.options = replace(long_list.sandbox.options, latency_seconds=0.0)
    long_list.enrich()
    assert set(long_list.call_log().calls_by_contact().values()) == {1}
    assert long_list.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'pending'") == [(0,)]


def test_ctrl_c_in_a_terminal_ends_dg_launch_gracefully(long_list: Project, directory: Directory) -> None:
    process = launch(long_list, "")
    wait_for_calls(long_list)
    ended_at = time.time()
    process.send(signal.SIGINT)  # the whole foreground group gets it, as in a terminal
    time.sleep(0.1)
    process.send(signal.SIGINT)  # and `uv run`, where there is no terminal, passes it on once more
    assert process.wait(20) == 1
    assert_ended_gracefully(long_list, ended_at)
    assert f"stopped from outside after {long_list.call_count} calls" in process.printed
    assert "sandbox-key" not in process.printed
    assert not [person for person in directory.people[:PEOPLE] if person.email in process.printed]


def test_sigterm_ends_the_job_gracefully(long_list: Project) -> None:
    process = forked_job(long_list)
    wait_for_calls(long_list)
    ended_at = time.time()
    process.send(signal.SIGTERM)
    assert process.wait(20) == 1
    assert_ended_gracefully(long_list, ended_at)
    assert_says(long_list, "All answers are stored; the next run publishes them and continues from there.")


def test_a_second_signal_ends_the_job_at_once_with_the_doubt_recorded(long_list: Project) -> None:
    process = forked_job(long_list)
    wait_for_calls(long_list)
    long_list.sandbox.options = replace(long_list.sandbox.options, latency_seconds=7.0)
    # After so many more calls every worker waits for a slow answer.
    wait_for_calls(long_list, len(long_list.sandbox.call_log.enrich_calls) + WORKERS)
    began = time.monotonic()
    for number in itertools.cycle((signal.SIGTERM, signal.SIGINT)):  # what comes within a second counts as one
        process.send(number)
        if process.wait(0.3) is not None or time.monotonic() > began + 20:
            break
    under_way = long_list.sandbox.call_log.in_flight
    assert process.wait(0) == 1
    assert under_way == WORKERS, "it waited for its calls"
    assert ledger_rows(long_list, "SELECT count(*) FROM attempts WHERE state = 'sent'") == [(under_way,)]
    assert_says(long_list, f"were not awaited: up to {2 * under_way} credits are at risk")
    form = CanonicalForm(canonical.CANONICAL_VERSION, canonical.identifiers_of, profile_id)
    with Ledger(long_list.state / "ledger.sqlite", LaterClock(), form) as ledger:
        ledger.start_run(Run("later", "later", 0))
        total = ledger.totals()
    assert ledger_rows(long_list, "SELECT count(*) FROM attempts WHERE state = 'ambiguous'") == [(under_way,)]
    assert total.at_risk == 2 * under_way
    assert total.charged <= long_list.sandbox.call_log.charged <= total.charged + total.at_risk
