"""Faults: what the client sees, what is charged, and which calls get them."""

import http.client
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from sandbox_client import MISS, PERSON, Got, by_profile, connect_raw, enrich, people, request

from clodura_pipeline.sandbox import CREDITS_PATH, EFFECTS, Fault, FaultKind, Sandbox, SandboxOptions
from clodura_pipeline.sandbox.faults import FaultChooser

Start = Callable[..., Sandbox]
LOST = (ConnectionResetError, http.client.RemoteDisconnected, http.client.IncompleteRead)


@pytest.mark.parametrize("kind", [kind for kind in EFFECTS if kind.startswith("status_")])
def test_a_forced_status_is_answered_and_not_charged(start: Start, kind: FaultKind) -> None:
    sandbox = start(faults=(Fault(kind),))
    got = enrich(sandbox, PERSON)
    assert got.status == int(kind.split("_")[1])
    is_page = kind in ("status_403_html", "status_404_html", "status_502", "status_504")
    assert got.headers["content-type"].startswith("text/html" if is_page else "application/json")
    if not is_page:
        assert got.json["message"]
    call = sandbox.call_log.calls[0]
    assert (call.charged, call.fault, call.status) == (0, kind, got.status)


def test_the_two_meanings_of_409_differ_in_their_words(start: Start) -> None:
    sandbox = start(faults=(Fault("status_409", first_n=1), Fault("status_409_already_enriched")))
    said = [enrich(sandbox, PERSON).json["message"] for _ in range(2)]
    assert said == ["Daily limit reached for this endpoint", "This contact was already enriched a few minutes ago"]


@pytest.mark.parametrize(
    ("kind", "charged"),
    [
        ("reset_before_answer", 0),
        ("charged_then_reset", 2),
        ("reset_during_answer", 2),
        ("cut_body", 2),
        ("cut_body_uncharged", 0),
    ],
)
def test_a_lost_answer_is_lost_and_charged_as_its_name_says(start: Start, kind: FaultKind, charged: int) -> None:
    sandbox = start(faults=(Fault(kind, first_n=1),))
    with pytest.raises(LOST):
        enrich(sandbox, PERSON)
    assert sandbox.wait_until_idle()
    call = sandbox.call_log.calls[0]
    assert (call.charged, call.finished_at) == (charged, None)
    assert enrich(sandbox, PERSON).status == 200, "the next call is served"


@pytest.mark.parametrize(("kind", "charged"), [("stall", 0), ("charged_then_stall", 2)])
def test_a_stalled_call_ends_when_the_client_gives_up(start: Start, kind: FaultKind, charged: int) -> None:
    sandbox = start(faults=(Fault(kind),))
    with pytest.raises(TimeoutError):
        enrich(sandbox, PERSON, timeout=0.1)
    assert sandbox.wait_until_idle(1.0)
    assert (sandbox.call_log.calls[0].status, sandbox.call_log.charged) == (None, charged)


def test_a_stalled_call_ends_by_itself_when_the_client_does_not(start: Start) -> None:
    sandbox = start(faults=(Fault("stall"),), stall_seconds=0.1)
    with pytest.raises(http.client.RemoteDisconnected):
        enrich(sandbox, PERSON)


@pytest.mark.parametrize("kind", ["drip", "drip_headers"])
def test_a_dripping_answer_is_right_and_slow(start: Start, kind: FaultKind) -> None:
    sandbox = start(faults=(Fault(kind),), drip_interval_seconds=0.0002)
    dripping = enrich(sandbox, PERSON)
    sandbox.options = replace(sandbox.options, faults=())
    assert dripping.json == enrich(sandbox, PERSON).json
    assert [call.charged for call in sandbox.call_log.calls] == [2, 2]


@pytest.mark.parametrize(("kind", "in_the_first_read"), [("drip", 1), ("drip_headers", 0)])
def test_a_drip_outlasts_a_timeout_between_reads(start: Start, kind: FaultKind, in_the_first_read: int) -> None:
    sandbox = start(faults=(Fault(kind),), drip_interval_seconds=0.02)
    with connect_raw(sandbox, timeout=0.5) as sock:
        body = b'{"email": "x@y.example"}'
        head = f"POST /api/v1/cleanup/enrich HTTP/1.1\r\nX-API-KEY: sandbox-key\r\nContent-Length: {len(body)}\r\n"
        sock.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        time.sleep(0.05)
        assert (b"\r\n\r\n" in sock.recv(4096)) == bool(in_the_first_read)


def _is_json(got: Got) -> bool:
    try:
        _ = got.json
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "is_json", "charged"),
    [
        ("html_instead_of_json", False, 0),
        ("garbage_200", False, 2),
        ("empty_body_200", False, 0),
        ("huge_body", True, 2),
        ("wrong_cost", True, 2),
        ("unknown_shape", True, 2),
    ],
)
def test_a_200_can_be_wrong_in_many_ways(start: Start, kind: FaultKind, is_json: bool, charged: int) -> None:
    sandbox = start(faults=(Fault(kind),), huge_body_bytes=100_000)
    got = enrich(sandbox, PERSON)
    assert (got.status, _is_json(got), sandbox.call_log.charged) == (200, is_json, charged)


@pytest.mark.parametrize("body", [PERSON, MISS, {}])
def test_a_huge_answer_is_whole_and_right(start: Start, body: dict[str, str]) -> None:
    sandbox = start(faults=(Fault("huge_body"),), huge_body_bytes=2**20)
    got = enrich(sandbox, body)
    sandbox.options = replace(sandbox.options, faults=())
    assert len(got.body) > 2**20
    assert got.json == enrich(sandbox, body).json


@pytest.mark.parametrize(("named", "expected"), [(None, "creditsUsed"), ("creditUsage.used", "creditUsage")])
def test_a_wrong_cost_states_five_and_takes_two(start: Start, named: str | None, expected: str) -> None:
    sandbox = start(faults=(Fault("wrong_cost"),), credit_usage_field=named)
    assert enrich(sandbox, PERSON).json[expected] in (5, {"used": 5})
    assert sandbox.call_log.charged == 2


def test_a_fractional_cost_is_stated_and_charged(start: Start) -> None:
    sandbox = start(faults=(Fault("fractional_cost"),), credit_usage_field="creditUsage.used")
    assert enrich(sandbox, PERSON).json["creditUsage"] == {"used": 0.5}
    assert enrich(sandbox, MISS).json["creditUsage"] == {"used": 0.5}
    assert (sandbox.call_log.charged, sandbox.call_log.balance) == (0.5, 9_999.5), "a miss stays free"


def test_a_wrong_person_is_somebody_else_and_is_charged(start: Start) -> None:
    sandbox = start(faults=(Fault("wrong_person", share=0.5),))
    persons = people("person")[:40]
    wrong = [person for person in persons if enrich(sandbox, by_profile(person)).json["personId"] != person.person_id]
    assert 10 <= len(wrong) <= 30
    assert sandbox.call_log.charged == 80
    assert [call.contact for call in sandbox.call_log.calls] == [person.person_id for person in persons]
    assert enrich(sandbox, MISS).json == {}, "a miss stays a miss"


@pytest.mark.parametrize(
    ("field", "path"), [("personTitle", ["personTitle"]), ("organisation.industry", ["organisation", "industry"])]
)
def test_a_field_is_empty_from_a_call_on(start: Start, field: str, path: list[str]) -> None:
    sandbox = start(faults=(Fault("field_empty_after", from_call=3, field=field),))
    values = []
    for person in people("person")[:5]:
        value = enrich(sandbox, by_profile(person)).json
        for key in path:
            value = value[key]
        values.append(value)
    assert [value is None for value in values] == [False, False, True, True, True]
    assert sandbox.call_log.charged == 10


def test_a_second_response_follows_on_the_same_connection(start: Start) -> None:
    sandbox = start(faults=(Fault("second_response", first_n=1),))
    with connect_raw(sandbox, timeout=0.5) as sock:
        body = b'{"email": "x@y.example"}'
        head = f"POST /api/v1/cleanup/enrich HTTP/1.1\r\nX-API-KEY: sandbox-key\r\nContent-Length: {len(body)}\r\n"
        sock.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 2:
            received += sock.recv(65536)
        with pytest.raises(TimeoutError):  # the connection stays open
            sock.recv(1)


def test_a_redirect_leads_to_a_path_whose_calls_are_in_the_books(start: Start) -> None:
    sandbox = start(faults=(Fault("redirect"),))
    got = enrich(sandbox, PERSON)
    assert (got.status, sandbox.call_log.charged) == (307, 0)
    assert got.headers["location"] == sandbox.base_url.replace("127.0.0.1", "localhost") + "/redirected"
    request(sandbox, "POST", "/redirected", PERSON)
    assert [call.path for call in sandbox.call_log.calls][1:] == ["/redirected"]


@pytest.mark.parametrize(
    ("fault", "chosen"),
    [
        (Fault("status_503"), [1, 2, 3, 4, 5, 6]),
        (Fault("status_503", first_n=1), [1]),
        (Fault("status_503", from_call=4), [4, 5, 6]),
        (Fault("status_503", from_call=2, first_n=2), [2, 3]),
        (Fault("status_503", only_calls=(2, 5)), [2, 5]),
        (Fault("status_503", share=0.0), []),
        (Fault("status_503", endpoint="credits"), []),
    ],
)
def test_a_fault_is_given_to_exactly_the_calls_it_names(start: Start, fault: Fault, chosen: list[int]) -> None:
    sandbox = start(faults=(fault,))
    statuses = [enrich(sandbox, MISS).status for _ in range(6)]
    assert [number for number, status in enumerate(statuses, start=1) if status == 503] == chosen


def test_a_fault_can_be_given_to_the_credits(start: Start) -> None:
    sandbox = start(faults=(Fault("status_503", endpoint="credits", first_n=1),))
    assert [request(sandbox, "GET", CREDITS_PATH).status for _ in range(2)] == [503, 200]


def test_a_fault_can_be_given_to_one_contact_and_counts_only_their_calls(start: Start) -> None:
    sandbox = start(faults=(Fault("status_503", matching="Unlucky@", first_n=1),))
    unlucky = {"email": "unlucky@y.example"}
    assert [enrich(sandbox, body).status for body in (MISS, unlucky, MISS, unlucky)] == [200, 503, 200, 200]


def test_shares_add_up_and_follow_from_the_seed_alone() -> None:
    def drawn(seed: int) -> list[str | None]:
        chooser = FaultChooser((Fault("status_503", share=0.3), Fault("stall", share=0.2)), seed)
        chosen = [chooser.choose("enrich", ()) for _ in range(4_000)]
        return [fault.kind if fault else None for fault in chosen]

    kinds = drawn(1)
    shares = [kinds.count(kind) / len(kinds) for kind in ("status_503", "stall", None)]
    assert shares == pytest.approx([0.3, 0.2, 0.5], abs=0.03)
    assert drawn(1) == kinds
    assert drawn(2) != kinds


def test_faults_switched_on_midway_count_from_then_on(start: Start) -> None:
    sandbox = start()
    seen = [enrich(sandbox, MISS).status]
    sandbox.options = replace(sandbox.options, faults=(Fault("status_503", first_n=1),))
    seen += [enrich(sandbox, MISS).status]
    sandbox.options = replace(sandbox.options, latency_seconds=0.001)
    seen += [enrich(sandbox, MISS).status]
    assert seen == [200, 503, 200], "changing something else does not restart the counting"


@pytest.mark.parametrize(("kind", "charge"), [("status_500", 2), ("reset_before_answer", 1), ("wrong_cost", 5)])
def test_any_fault_can_charge_a_given_amount(start: Start, kind: FaultKind, charge: int) -> None:
    sandbox = start(faults=(Fault(kind, charge=charge),))
    with suppress(*LOST):
        enrich(sandbox, PERSON)
    assert sandbox.call_log.charged == charge


def test_a_fault_never_charges_more_than_there_is(start: Start) -> None:
    sandbox = start(starting_balance=1, faults=(Fault("status_500", charge=2),))
    enrich(sandbox, PERSON)
    assert sandbox.call_log.balance == 0


def test_key_plan_and_limits_are_checked_before_any_fault(start: Start) -> None:
    sandbox = start(faults=(Fault("status_503", first_n=1),), requests_per_day=1)
    assert enrich(sandbox, MISS, headers={"X-API-KEY": "wrong"}).status == 401
    assert [enrich(sandbox, MISS).status for _ in range(2)] == [503, 409]


@pytest.mark.parametrize(
    "wrong",
    [
        {"faults": [{"kind": "no_such_fault"}]},
        {"faults": [{"kind": "stall", "share": 2}]},
        {"faults": [{"kind": "stall", "unheard": 1}]},
        {"faults": [7]},
        {"faults": [{"kind": "stall", "endpoint": "elsewhere"}]},
        {"faults": [{"kind": "stall", "charge": -1}]},
        {"envelope": "paper"},
        {"latency_seconds": "slow"},
        {"requests_per_second": 1.5},
        {"requests_per_second": True},
        {"requests_per_day": -1},
        {"unheard": 1},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        SandboxOptions().patched(wrong)
