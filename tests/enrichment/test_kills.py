"""`kill -9` of a process that calls: no received answer is lost, and doubt is never more than what was in flight."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from clocks import SkippingClock
from dispatch_process import Job, run_job, start_process
from ledger_checks import assert_ledger_agrees, rows, sums
from manual_run import UNLIMITED
from requests_of_tests import people_of_the_directory

from clodura_pipeline.ledger import Address
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.sandbox import Sandbox

Start = Callable[..., Sandbox]
WORKERS = 6
POLICY = Policy(UNLIMITED, Budget(0), timeout_seconds=5.0, max_workers=WORKERS)
PEOPLE = people_of_the_directory(90)
FINISHED_BEFORE_SECONDS = 0.25
"""An answer that the server wrote longer ago than this had been received and committed, on a busy machine too."""


@pytest.mark.parametrize(
    ("address", "calls_at_the_kill"),
    [*(("sqlite", calls) for calls in (1, 2, 9, 25, 60, 88)), *(("postgresql", calls) for calls in (1, 9, 60))],
    indirect=["address"],
)
def test_a_killed_run_loses_no_answer_and_is_finished_by_the_next(
    start: Start, address: Address, tmp_path: Path, calls_at_the_kill: int
) -> None:
    sandbox = start(latency_seconds=0.03, latency_jitter_seconds=0.03, credits_shape="missing")
    job = Job(sandbox.base_url, address, PEOPLE, "killed", policy=POLICY)
    process = start_process(job, tmp_path)
    until = time.monotonic() + 20
    while len(sandbox.call_log.enrich_calls) < calls_at_the_kill and process.exit_code is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    process.kill()
    killed_at = time.time()
    assert sandbox.wait_until_idle()
    call_log = sandbox.call_log

    # What was received is stored; at most the calls in flight have no outcome, each with its reservation.
    stored = sums(address)
    states = [row[0] for row in rows(address, "SELECT state FROM attempts")]
    in_flight = states.count("sent")
    assert in_flight <= WORKERS
    assert stored.reserved == 2 * in_flight
    assert len(states) - in_flight <= len(call_log.enrich_calls) <= len(states)
    received = sum(
        (call.finished_at or killed_at) < killed_at - FINISHED_BEFORE_SECONDS for call in call_log.enrich_calls
    )
    assert len(states) - in_flight >= received
    assert stored.charged <= call_log.charged <= stored.charged + stored.reserved

    # The next run finishes, calling again only for those in flight, once each.
    clock = SkippingClock()
    clock.skip(POLICY.lease_seconds)
    ran = run_job(replace(job, run_id="next"), clock)
    after = sandbox.call_log
    assert ran.stopped is None
    assert len(ran.outcomes) == len(PEOPLE)
    assert ran.progress.answered + ran.progress.already_answered == len(PEOPLE)
    called_again = {contact for contact, times in after.calls_by_contact().items() if times > 1}
    assert len(called_again) <= in_flight
    assert set(after.calls_by_contact().values()) <= {1, 2}
    total = assert_ledger_agrees(address, after)
    assert (total.reserved, total.at_risk) == (0, 2 * in_flight)
