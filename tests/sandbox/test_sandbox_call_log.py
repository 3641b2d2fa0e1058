"""The call log: every call, when it arrived and what it was charged, also for a reader in another process."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest
from remote_sandbox import RemoteSandbox
from sandbox_client import MISS, PERSON, enrich, people, request

from clodura_pipeline.sandbox import (
    CREDITS_PATH,
    EFFECTS,
    ENRICH_PATH,
    Sandbox,
    SandboxOptions,
)
from clodura_pipeline.sandbox.call_log import most_within

Start = Callable[..., Sandbox]


def test_a_call_is_entered_with_everything_a_test_wants_to_know(start: Start) -> None:
    sandbox = start()
    enrich(sandbox, {**PERSON, "typo": "kept as sent"}, headers={"User-Agent": "a test"})
    assert sandbox.wait_until_idle()
    (call,) = sandbox.call_log.calls
    assert (call.number, call.method, call.path, call.status) == (1, "POST", ENRICH_PATH, 200)
    assert call.identifiers == {**PERSON, "typo": "kept as sent"}
    assert (call.contact, call.found, call.charged) == (people("person")[0].person_id, "person", 2)
    assert (call.fault, call.user_agent, call.under_way) == (None, "a test", False)
    assert call.finished_at is not None
    assert 0 <= call.finished_at - call.arrived_at < 1


def test_contacts_bought_twice_are_found_out_whatever_they_were_asked_by(start: Start) -> None:
    sandbox = start()
    person, other = people("person")[:2]
    for body in ({"linkedinUrl": person.linkedin_url}, {"email": person.email}, {"email": other.email}, MISS, MISS):
        enrich(sandbox, body)
    call_log = sandbox.call_log
    assert call_log.bought_more_than_once() == {person.person_id: 2}
    assert call_log.charged == 6
    assert sorted(call_log.calls_by_contact().values()) == [1, 2, 2]


def test_the_fullest_window_is_found_like_by_looking_at_all_of_them() -> None:
    draw = random.Random(7)
    for _ in range(50):
        moments = [round(draw.random() * 5, 2) for _ in range(draw.randrange(40))]
        looked_at = [sum(begin <= moment < begin + 1 for moment in moments) for begin in moments]
        assert most_within(moments, 1.0) == max(looked_at, default=0)


@pytest.mark.parametrize(
    ("moments", "most"), [([], 0), ([1.0], 1), ([0.0, 1.0], 1), ([0.0, 0.5, 0.999], 3), ([0.0, 0.5, 1.25, 1.3], 3)]
)
def test_a_window_ends_before_its_last_moment(moments: list[float], most: int) -> None:
    assert most_within(moments, 1.0) == most


def test_calls_under_way_are_counted_while_they_are(start: Start) -> None:
    sandbox = start(latency_seconds=0.3)
    with ThreadPoolExecutor(4) as pool:
        calls_made = [pool.submit(enrich, sandbox, MISS) for _ in range(4)]
        while len(sandbox.call_log.calls) < 4:
            time.sleep(0.01)
        assert (sandbox.call_log.in_flight, sandbox.call_log.in_flight) == (4, 4)
        assert all(future.result().status == 200 for future in calls_made)
    assert sandbox.wait_until_idle()
    assert sandbox.call_log.in_flight == 0


def test_a_charge_is_in_the_books_before_its_answer_is_sent(start: Start) -> None:
    sandbox = start(latency_seconds=5)
    with pytest.raises(TimeoutError):
        enrich(sandbox, PERSON, timeout=0.1)
    assert (sandbox.call_log.charged, sandbox.call_log.in_flight) == (2, 1)


def test_moments_are_those_of_arrival_whatever_the_latency(start: Start) -> None:
    sandbox = start(latency_seconds=0.2)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: enrich(sandbox, MISS), range(20)))
    assert 1 < sandbox.call_log.max_calls_within(0.15) <= 10
    assert sandbox.call_log.max_calls_within(60.0) == 20
    assert sandbox.call_log.max_calls_within(60.0, path=CREDITS_PATH) == 0


def test_the_books_are_served_and_asking_for_them_leaves_no_trace(start: Start) -> None:
    sandbox = start()
    remote = RemoteSandbox(sandbox.base_url)
    for body in (PERSON, MISS):
        enrich(sandbox, body)
    assert sandbox.wait_until_idle()
    assert remote.call_log() == sandbox.call_log
    assert [call.number for call in remote.call_log(after=1).calls] == [2]
    assert len(sandbox.call_log.calls) == 2


def test_options_are_switched_over_http_and_hold_from_the_next_call(start: Start) -> None:
    sandbox = start()
    remote = RemoteSandbox(sandbox.base_url)
    shown = remote.set_options(faults=[{"kind": "status_503", "first_n": 1}], starting_balance=3)
    assert shown["starting_balance"] == 3
    assert "api_key" not in shown
    assert [enrich(sandbox, PERSON).status for _ in range(3)] == [503, 200, 402]
    assert remote.set_options(faults=["status_500"])["faults"][0]["kind"] == "status_500"
    with pytest.raises(ValueError, match=r"latency: Unexpected keyword argument; there are: .*latency_seconds"):
        remote.set_options(latency=1)
    assert remote.options() == sandbox.options.as_json() | {"faults": remote.options()["faults"]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_sandbox/help", 200),
        ("GET", "/_sandbox/books?after=x", 400),
        ("POST", "/_sandbox/books", 404),
        ("POST", "/_sandbox/options", 400),
        ("GET", "/_sandbox/other", 404),
    ],
)
def test_the_sandboxs_own_paths_answer_without_a_key(start: Start, method: str, path: str, status: int) -> None:
    assert request(start(paid_plan=False), method, path, headers={"X-API-KEY": ""}).status == status


def test_help_names_every_option_and_every_fault(start: Start) -> None:
    text = RemoteSandbox(start().base_url).request("/_sandbox/help").decode()
    assert [name for name in (*EFFECTS, *(each.name for each in fields(SandboxOptions))) if name not in text] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_of_its_own_prints_one_line_and_ends_with_a_signal(number: signal.Signals) -> None:
    code = "from clodura_pipeline.sandbox import run_sandbox; run_sandbox(0)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        remote = RemoteSandbox(line.split()[3])
        assert "key: sandbox-key" in line
        assert remote.call_log().balance == 10_000
        process.send_signal(number)
        assert process.wait(3) == 0
        assert process.stdout.read() == ""
