"""The fault table: each fault on a real socket, and what it comes to in the ledger, at the server and for the run."""

import math
import socketserver
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dispatch_process import Job, Ran, run_job
from ledger_checks import assert_ledger_agrees, rows, sums
from manual_run import UNLIMITED
from requests_of_tests import people_of_the_directory

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger import Totals
from clodura_pipeline.ledger.rules.policy import RETRY_SHARE, Budget, Policy
from clodura_pipeline.ledger.rules.stops import StopKind
from clodura_pipeline.sandbox import CallLog, Fault, FaultKind, Sandbox, SandboxOptions

Start = Callable[..., Sandbox]
QUICK = Policy(
    UNLIMITED,
    Budget(0),
    timeout_seconds=3.0,
    max_workers=8,
    first_backoff_seconds=0.01,
    max_backoff_seconds=0.05,
)
SIX = people_of_the_directory(6, "person")


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.rules.policy.LEASE_MARGIN_SECONDS", 0.3)


def run(sandbox: Sandbox, ledger_path: Path, **job: object) -> Ran:
    made = Job(sandbox.base_url, ledger_path, SIX, policy=QUICK)
    ran = run_job(replace(made, **job))  # pyright: ignore[reportArgumentType]
    assert sandbox.wait_until_idle()
    return ran


def retries(call_log: CallLog) -> int:
    """Calls beyond the first for a contact; 429s are no retries."""
    times_called = Counter(call.contact for call in call_log.enrich_calls if call.status != 429)
    return sum(times - 1 for times in times_called.values())


@dataclass(frozen=True)
class Row:
    """A fault on every call, and what it comes to: credits charged and at risk in the ledger, calls at the server."""

    fault: FaultKind
    states: list[str | None]
    credits: tuple[int, int]
    calls: int
    stop: StopKind | None
    details: set[str]


PENDING: list[str | None] = [None] * 6
LOST: list[str | None] = ["ambiguous"] * 5 + [None]
UNREAD: list[str | None] = ["unrecognised"] * 5 + [None]
UNAVAILABLE, UNREADABLE = StopKind.UNAVAILABLE, StopKind.UNREADABLE
TABLE = [
    Row("status_400", ["refused"] * 6, (0, 0), 6, None, {"malformed_input"}),
    Row("status_422", ["refused"] * 6, (0, 0), 6, None, {"invalid_combination"}),
    Row("status_401", PENDING, (0, 0), 1, StopKind.KEY_REFUSED, {"key_refused"}),
    Row("status_402", PENDING, (0, 0), 1, StopKind.NO_CREDITS, {"no_credits"}),
    Row("status_403", PENDING, (0, 0), 1, StopKind.PLAN_REFUSED, {"plan_refused"}),
    Row("status_403_html", PENDING, (0, 0), 1, StopKind.PLAN_REFUSED, {"plan_refused"}),
    Row("status_404", ["no_match"] * 6, (0, 0), 6, None, {"not_found"}),
    Row("status_404_html", PENDING, (0, 0), 1, StopKind.WRONG_ADDRESS, {"http_404"}),
    Row("redirect", PENDING, (0, 0), 1, StopKind.WRONG_ADDRESS, {"http_307"}),
    Row("status_409", PENDING, (0, 0), 1, StopKind.DAY_CLOSED, {"daily_limit"}),
    Row("status_409_already_enriched", PENDING, (0, 0), 6, None, {"already_enriched"}),
    Row("status_503", PENDING, (0, 0), 5, UNAVAILABLE, {"unavailable"}),
    Row("status_500", LOST, (0, 10), 5, UNAVAILABLE, {"http_500"}),
    Row("status_502", LOST, (0, 10), 5, UNAVAILABLE, {"http_502"}),
    Row("status_504", LOST, (0, 10), 5, UNAVAILABLE, {"http_504"}),
    Row("stall", LOST, (0, 10), 5, UNAVAILABLE, {"timeout"}),
    Row("charged_then_stall", LOST, (0, 10), 5, UNAVAILABLE, {"timeout"}),
    Row("drip", LOST, (0, 10), 5, UNAVAILABLE, {"timeout"}),
    Row("drip_headers", LOST, (0, 10), 5, UNAVAILABLE, {"timeout"}),
    Row("reset_before_answer", LOST, (0, 10), 5, UNAVAILABLE, {"reset"}),
    Row("charged_then_reset", LOST, (0, 10), 5, UNAVAILABLE, {"reset"}),
    Row("reset_during_answer", LOST, (0, 10), 5, UNAVAILABLE, {"reset"}),
    Row("cut_body", LOST, (0, 10), 5, UNAVAILABLE, {"cut_short"}),
    Row("cut_body_uncharged", LOST, (0, 10), 5, UNAVAILABLE, {"cut_short"}),
    Row("html_instead_of_json", UNREAD, (0, 10), 5, UNREADABLE, {"not JSON (*)"}),
    Row("garbage_200", UNREAD, (0, 10), 5, UNREADABLE, {"not JSON (*)"}),
    Row("empty_body_200", UNREAD, (0, 10), 5, UNREADABLE, {"not JSON (*)"}),
    Row("huge_body", UNREAD, (0, 10), 5, UNREADABLE, {"larger than what is read"}),
    Row("unknown_shape", UNREAD, (0, 10), 5, UNREADABLE, {"holds content, *"}),
    Row("wrong_cost", ["person", *[None] * 5], (5, 0), 1, StopKind.COST_ABOVE_WORST, {"ok"}),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=[row.fault for row in TABLE])
def test_a_fault_on_every_call_comes_to_what_the_table_says(start: Start, ledger_path: Path, row: Row) -> None:
    sandbox = start(faults=(Fault(row.fault),), drip_interval_seconds=0.02, credits_shape="missing")
    timeout_seconds = 0.25 if row.details == {"timeout"} else 5.0  # on a busy machine an answer takes its time
    ran = run(sandbox, ledger_path, policy=replace(QUICK, timeout_seconds=timeout_seconds))
    call_log = sandbox.call_log
    assert len(call_log.enrich_calls) == row.calls
    assert sorted(ran.states, key=str) == sorted(row.states, key=str)
    assert (ran.stopped.kind if ran.stopped else None) == row.stop
    total = sums(ledger_path)
    assert (total.charged, total.at_risk) == row.credits
    assert total.reserved == 0
    if row.fault != "wrong_cost":  # the cost that this fault states is not the one it charges
        assert_ledger_agrees(ledger_path, call_log)
    details = {_general(detail[0]) for detail in rows(ledger_path, "SELECT detail FROM attempts")}
    assert details == row.details
    assert retries(call_log) <= math.ceil(RETRY_SHARE * row.calls)
    for outcome in ran.outcomes:
        assert (outcome.pending_reason is None) == (outcome.state not in (None, State.AMBIGUOUS))
    assert all(call.path != "/redirected" for call in call_log.calls)


def _general(detail: str) -> str:
    if detail.startswith("not JSON"):
        return "not JSON (*)"
    return "holds content, *" if detail.startswith("holds content, ") else detail


class _SpeaksNoTls(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")


@pytest.mark.parametrize("kind", ["refused", "no such host", "no tls"])
def test_what_never_connects_costs_nothing_and_stops_after_a_few_tries(ledger_path: Path, kind: str) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _SpeaksNoTls) as plain:
        threading.Thread(target=plain.serve_forever, args=(0.01,), daemon=True).start()
        base_url = {
            "refused": "http://127.0.0.1:1",
            "no such host": "https://no-such-host.invalid",
            "no tls": f"https://127.0.0.1:{plain.server_address[1]}",
        }[kind]
        ran = run_job(Job(base_url, ledger_path, SIX, policy=QUICK))
        plain.shutdown()
    assert ran.stopped
    assert ran.stopped.kind is StopKind.UNAVAILABLE
    assert ran.states == PENDING
    assert all(outcome.pending_reason for outcome in ran.outcomes)
    assert sums(ledger_path) == Totals()
    assert not rows(ledger_path, "SELECT 1 FROM sends WHERE attempt_id IS NOT NULL")
    assert 5 <= rows(ledger_path, "SELECT count(*) FROM attempts")[0][0] <= 6


def test_one_503_is_retried_and_answered(start: Start, ledger_path: Path) -> None:
    sandbox = start(faults=(Fault("status_503", only_calls=(1,)),))
    ran = run(sandbox, ledger_path)
    assert ran.states == ["person"] * 6
    assert ran.stopped is None
    assert (ran.progress.calls, ran.progress.retries, ran.progress.people_called) == (7, 1, 6)
    assert assert_ledger_agrees(ledger_path, sandbox.call_log) == Totals(7, 0, 12, 0)


class _AwayForLong(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.request.recv(65_536)
        self.wfile.write(b"HTTP/1.1 503 Away\r\nRetry-After: 3600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_a_503_that_demands_longer_than_a_run_waits_stops_it(ledger_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _AwayForLong) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        ran = run_job(Job(f"http://127.0.0.1:{server.server_address[1]}", ledger_path, SIX, policy=QUICK))
        server.shutdown()
    assert ran.stopped
    assert ran.stopped.kind is StopKind.UNAVAILABLE
    assert "3600 s" in ran.stopped.reason
    assert ran.states == PENDING
    assert sums(ledger_path) == Totals(calls=1)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_retries_never_exceed_a_fifth_of_calls_rounded_up(start: Start, ledger_path: Path, share: float) -> None:
    sandbox = start(faults=(Fault("status_503", share=share),), latency_seconds=0.01, latency_jitter_seconds=0.02)
    ran = run(sandbox, ledger_path, people=people_of_the_directory(60), policy=replace(QUICK, max_workers=16))
    call_log = sandbox.call_log
    assert retries(call_log) <= math.ceil(RETRY_SHARE * len(call_log.enrich_calls))
    assert ran.progress.retries == retries(call_log)
    if ran.stopped:  # five failures in a row: the rest of the plan is not read
        assert ran.stopped.kind is StopKind.UNAVAILABLE
    else:
        assert len(ran.outcomes) == 60
    assert assert_ledger_agrees(ledger_path, call_log).at_risk == 0
    assert not call_log.bought_more_than_once()


def test_a_storm_of_faults_loses_no_answer_and_explains_every_credit(start: Start, ledger_path: Path) -> None:
    kinds: tuple[FaultKind, ...] = (
        "status_503", "status_500", "charged_then_reset", "reset_before_answer", "cut_body", "garbage_200",
        "status_429", "status_422", "empty_body_200", "charged_then_stall", "status_409_already_enriched",
    )  # fmt: skip
    sandbox = start(
        faults=tuple(Fault(kind, share=0.02) for kind in kinds),
        retry_after_seconds=0,
        latency_seconds=0.005,
        miss_style="mixed",
        department_seniority_style="mixed",
    )
    people = people_of_the_directory(150)
    ran = run(sandbox, ledger_path, people=people, policy=replace(QUICK, timeout_seconds=1.0))
    call_log = sandbox.call_log
    assert len(ran.outcomes) == 150
    assert_ledger_agrees(ledger_path, call_log)
    assert not call_log.bought_more_than_once()
    received = sum(call.status == 200 and call.finished_at is not None for call in call_log.enrich_calls)
    assert rows(ledger_path, "SELECT count(*) FROM attempts WHERE http_status = 200")[0][0] == received
    assert rows(ledger_path, "SELECT count(*) FROM attempts WHERE http_status IS NOT NULL AND raw IS NULL")[0][0] == 0
    assert retries(call_log) <= math.ceil(RETRY_SHARE * len(call_log.enrich_calls))


def test_a_circuit_opens_within_the_calls_in_flight_when_all_fails_midway(start: Start, ledger_path: Path) -> None:
    sandbox = start(faults=(Fault("charged_then_reset", from_call=41),), latency_seconds=0.02)
    ran = run(sandbox, ledger_path, people=people_of_the_directory(200))
    assert ran.stopped
    assert ran.stopped.kind is StopKind.UNAVAILABLE
    total = assert_ledger_agrees(ledger_path, sandbox.call_log)
    # Twice what was in flight (those that failed together count as one failure), then singly.
    assert total.at_risk <= 2 * (2 * QUICK.max_workers + 5)
    assert ran.progress.answered == 40


# 429


@pytest.mark.parametrize("form", ["seconds", "date", "junk", None])
def test_429_in_every_form_pauses_the_run_and_is_no_retry(start: Start, ledger_path: Path, form: str | None) -> None:
    sandbox = start(
        faults=(Fault("status_429", only_calls=(3,)),),
        retry_after=form,
        retry_after_seconds=1,
        date_offset_seconds=7200,
    )
    ran = run(sandbox, ledger_path, people=SIX[:4])
    assert ran.states == ["person"] * 4
    assert (ran.progress.retries, ran.progress.people_called) == (0, 4)
    calls = sandbox.call_log.enrich_calls
    refused = [call.arrived_monotonic for call in calls if call.status == 429]
    after = [call.arrived_monotonic for call in calls if call.arrived_monotonic > refused[-1] + 0.1]
    assert min(after) >= refused[-1] + (0.9 if form != "date" else 0.0)  # a date has whole seconds
    assert assert_ledger_agrees(ledger_path, sandbox.call_log).charged == 8


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_429_that_demands_longer_than_a_run_waits_stops_it(start: Start, ledger_path: Path, form: str) -> None:
    sandbox = start(faults=(Fault("status_429", only_calls=(2,)),), retry_after=form, retry_after_seconds=500)
    ran = run(sandbox, ledger_path, policy=replace(QUICK, max_workers=1))
    assert ran.stopped
    assert ran.stopped.kind is StopKind.RATE_LIMITED
    assert len(sandbox.call_log.enrich_calls) == 2
    assert len(ran.outcomes) == 6
    again = run(sandbox, ledger_path, run_id="again")  # Clodura's pause still holds
    assert again.stopped
    assert again.stopped.kind is StopKind.RATE_LIMITED
    assert len(sandbox.call_log.enrich_calls) == 2


def test_a_server_that_refuses_more_than_it_says_ends_with_all_answers(start: Start, ledger_path: Path) -> None:
    sandbox = start(requests_per_second=10, latency_seconds=0.02)
    ran = run(sandbox, ledger_path, people=people_of_the_directory(18))
    assert ran.progress.answered == 18
    assert ran.progress.retries == 0
    assert assert_ledger_agrees(ledger_path, sandbox.call_log).at_risk == 0


# 409


def test_already_enriched_is_called_for_again_by_a_later_run_only(start: Start, ledger_path: Path) -> None:
    sandbox = start(faults=(Fault("status_409_already_enriched", only_calls=(2,)),))
    first = run(sandbox, ledger_path, policy=replace(QUICK, max_workers=1))
    assert first.states.count(None) == 1
    assert first.stopped is None
    second = run(sandbox, ledger_path, run_id="second")
    assert second.states == ["person"] * 6
    assert len(sandbox.call_log.enrich_calls) == 7


def test_a_closed_day_stays_closed_and_the_next_utc_day_goes_on(start: Start, ledger_path: Path) -> None:
    sandbox = start(requests_per_day=4)
    first = run(sandbox, ledger_path, policy=replace(QUICK, max_workers=1))
    assert first.stopped
    assert first.stopped.kind is StopKind.DAY_CLOSED
    again = run(sandbox, ledger_path, run_id="again")
    assert len(sandbox.call_log.enrich_calls) == 5
    assert again.stopped
    assert "tomorrow" in again.stopped.reason
    sandbox.options = replace(sandbox.options, date_offset_seconds=86_400)
    tomorrow = run(sandbox, ledger_path, run_id="tomorrow")
    assert tomorrow.stopped is None
    assert tomorrow.states == ["person"] * 6
    assert assert_ledger_agrees(ledger_path, sandbox.call_log).charged == 12


# The first call, going parallel, and unreadable answers


def test_calls_go_parallel_only_after_an_answer_that_could_be_read(start: Start, ledger_path: Path) -> None:
    sandbox = start(latency_seconds=0.05)
    run(sandbox, ledger_path, people=people_of_the_directory(30))
    calls = sandbox.call_log.enrich_calls
    assert calls[0].finished_at is not None
    assert calls[1].arrived_at >= calls[0].finished_at
    assert _most_at_once(sandbox.call_log) >= 4


@pytest.mark.parametrize("fault", ["status_503", "garbage_200", "charged_then_reset", "status_422"])
def test_without_a_readable_answer_calls_are_made_singly(start: Start, ledger_path: Path, fault: FaultKind) -> None:
    sandbox = start(faults=(Fault(fault, first_n=4),), latency_seconds=0.02)
    ran = run(sandbox, ledger_path, people=people_of_the_directory(20))
    first = CallLog(sandbox.call_log.calls[:6], 0)
    assert _most_at_once(CallLog(first.enrich_calls[:5], 0)) == 1
    assert ran.progress.answered >= 15


def _most_at_once(call_log: CallLog) -> int:
    calls = [(call.arrived_at, call.finished_at or call.arrived_at) for call in call_log.enrich_calls]
    return max(sum(begin <= now < end for begin, end in calls) for now, _ in calls)


@pytest.mark.parametrize("answer", ["person", "organisation", "miss"])
def test_an_unknown_envelope_costs_at_most_five_calls(start: Start, ledger_path: Path, answer: str) -> None:
    sandbox = start(envelope="unknown")
    people = people_of_the_directory(30, answer)  # pyright: ignore[reportArgumentType]
    ran = run(sandbox, ledger_path, people=people)
    assert len(sandbox.call_log.enrich_calls) == 5
    assert ran.stopped
    assert "format may have changed" in ran.stopped.reason
    assert rows(ledger_path, "SELECT count(raw) FROM attempts")[0][0] == 5
    again = run(sandbox, ledger_path, people=people[:5], run_id="again")
    assert len(sandbox.call_log.enrich_calls) == 5
    assert again.states == ["unrecognised"] * 5


def test_misses_between_unreadable_answers_do_not_keep_the_run_going(start: Start, ledger_path: Path) -> None:
    persons, misses = people_of_the_directory(12, "person"), people_of_the_directory(12, "miss")
    mixed = [person for pair in zip(persons, misses, strict=True) for person in pair]
    # Misses are a 404 as ever, while all that is paid comes in an unknown shape.
    sandbox = start(miss_style="not_found", faults=tuple(Fault("garbage_200", matching=p.email) for p in persons))
    ran = run(sandbox, ledger_path, people=mixed, policy=replace(QUICK, max_workers=1))
    assert ran.stopped
    assert ran.stopped.kind is StopKind.UNREADABLE
    assert ran.progress.unrecognised == 5
    assert_ledger_agrees(ledger_path, sandbox.call_log)


# Key, plan and credits


@pytest.mark.parametrize("shape", ["pool", "missing"])
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"api_key": "another"}, StopKind.KEY_REFUSED),
        ({"paid_plan": False}, StopKind.PLAN_REFUSED),
        ({"starting_balance": 0}, StopKind.NO_CREDITS),
    ],
)
def test_a_wrong_key_plan_or_empty_account_costs_no_credit_and_at_most_a_call(
    start: Start, ledger_path: Path, shape: str, options: dict[str, object], kind: StopKind
) -> None:
    sandbox = start(credits_shape=shape, **options)
    ran = run(sandbox, ledger_path, people=people_of_the_directory(40, "person"))
    assert len(sandbox.call_log.enrich_calls) <= 1
    assert ran.stopped
    assert ran.stopped.kind is kind
    assert ran.stopped.kind.fails_the_run == (kind is not StopKind.NO_CREDITS)
    assert len(ran.outcomes) == 40
    assert sums(ledger_path).committed == 0


def test_credits_that_run_out_midway_stop_the_run_to_the_credit(start: Start, ledger_path: Path) -> None:
    sandbox = start(starting_balance=21, latency_seconds=0.01)
    ran = run(sandbox, ledger_path, people=people_of_the_directory(40, "person"))
    assert ran.stopped
    assert ran.stopped.kind is StopKind.NO_CREDITS
    assert sandbox.call_log.balance == 1
    assert assert_ledger_agrees(ledger_path, sandbox.call_log).charged == 20
    sandbox.options = replace(sandbox.options, starting_balance=1_000)
    after = run(sandbox, ledger_path, people=people_of_the_directory(40, "person"), run_id="after")
    assert after.states == ["person"] * 40
    assert not sandbox.call_log.bought_more_than_once()


def test_a_key_that_could_be_no_key_is_refused_before_anything_is_sent(start: Start, ledger_path: Path) -> None:
    sandbox = start()
    for key in ("", "with space", "line\nbreak", "kl\u00fccke"):
        with pytest.raises(Exception, match="CLODURA_API_KEY") as caught:
            run(sandbox, ledger_path, api_key=key)
        assert not key or key not in f"{caught.value!r}"
    assert sandbox.call_log.calls == ()


@pytest.mark.parametrize("envelope", ["object", "data_object", "data_list"])
@pytest.mark.parametrize("miss_style", ["empty_object", "empty_data", "null_data", "nulls", "not_found", "mixed"])
@pytest.mark.parametrize("stated", [None, "creditsUsed", "creditUsage.used"])
def test_credits_agree_in_every_envelope_and_every_way_of_saying_no_match(
    start: Start, ledger_path: Path, envelope: str, miss_style: str, stated: str | None
) -> None:
    sandbox = start(
        envelope=envelope, miss_style=miss_style, credit_usage_field=stated, department_seniority_style="mixed"
    )
    kinds = ("person", "organisation", "miss")
    people = [person for kind in kinds for person in people_of_the_directory(6, kind)]
    ran = run(sandbox, ledger_path, people=people)
    assert ran.states == ["person"] * 6 + ["organisation"] * 6 + ["no_match"] * 6
    assert sums(ledger_path) == Totals(18, 0, 18, 0)
    assert sandbox.call_log.charged == 18
    assert SandboxOptions().starting_balance - 18 == sandbox.call_log.balance
