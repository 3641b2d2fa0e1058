"""Limits: 429 above the second and the minute, 409 above the day, and what Retry-After says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from sandbox_client import MISS, enrich, request

from clodura_pipeline.sandbox import CREDITS_PATH, Fault, Sandbox, SandboxOptions
from clodura_pipeline.sandbox.api import Limits

Start = Callable[..., Sandbox]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def admitted(arrivals: list[float], **limits: int) -> list[int]:
    """The status of a call at each moment: 200, or what the limit answers."""
    options, kept = SandboxOptions().patched(limits), Limits()
    refusals = [kept.refusal(moment, NOON + moment, options) for moment in arrivals]
    return [refusal[0] if refusal else 200 for refusal in refusals]


@pytest.mark.parametrize(
    ("limits", "arrivals", "statuses"),
    [
        ({"requests_per_second": 2}, [0, 0.1, 0.2, 0.99, 1.0, 1.05, 1.1], [200, 200, 429, 429, 200, 429, 200]),
        ({"requests_per_minute": 2}, [0, 30, 59.9, 60, 89, 90], [200, 200, 429, 200, 429, 200]),
        ({"requests_per_day": 2}, [0, 10, 20, 43_199, 43_200], [200, 200, 409, 409, 200]),
        ({"requests_per_second": 1, "requests_per_day": 2}, [0, 0.5, 1, 2], [200, 429, 200, 409]),
        ({}, [0, 0, 0], [200, 200, 200]),
    ],
)
def test_calls_above_a_limit_are_refused_and_do_not_count(
    limits: dict[str, int], arrivals: list[float], statuses: list[int]
) -> None:
    assert admitted(arrivals, **limits) == statuses


def test_calls_taken_up_in_another_order_than_they_arrived_are_held_against_every_window() -> None:
    assert admitted([0.0, 1.02, 0.9], requests_per_second=2) == [200, 200, 200]
    assert admitted([0.0, 0.95, 0.9], requests_per_second=2) == [200, 200, 429]


def test_a_second_too_full_is_429_and_the_credits_are_not_limited(start: Start) -> None:
    sandbox = start(requests_per_second=3)
    statuses = [enrich(sandbox, MISS).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert request(sandbox, "GET", CREDITS_PATH).status == 200
    assert sandbox.call_log.by_status() == {200: 3, 429: 2}


def test_a_used_up_day_is_409_until_the_clock_of_the_server_passes_midnight(start: Start) -> None:
    sandbox = start(requests_per_day=2)
    assert [enrich(sandbox, MISS).status for _ in range(3)] == [200, 200, 409]
    sandbox.options = replace(sandbox.options, date_offset_seconds=86_400)
    assert [enrich(sandbox, MISS).status for _ in range(3)] == [200, 200, 409]


@pytest.mark.parametrize(
    ("form", "header"), [("seconds", "60"), ("junk", "soon"), (None, None)], ids=["seconds", "junk", "none"]
)
def test_retry_after_comes_in_every_form(start: Start, form: str | None, header: str | None) -> None:
    sandbox = start(requests_per_minute=1, retry_after=form)
    enrich(sandbox, MISS)
    assert enrich(sandbox, MISS).headers.get("retry-after") == header


def test_retry_after_as_a_date_is_on_the_clock_of_the_server(start: Start) -> None:
    sandbox = start(
        retry_after="date", retry_after_seconds=300, date_offset_seconds=7_200, faults=(Fault("status_429"),)
    )
    got = enrich(sandbox, MISS)
    wait = parsedate_to_datetime(got.headers["retry-after"]) - parsedate_to_datetime(got.headers["date"])
    assert abs(wait - timedelta(seconds=300)) <= timedelta(seconds=1)


def test_an_uneven_network_makes_calls_arrive_later(start: Start) -> None:
    sandbox = start(arrival_jitter_seconds=0.1)
    before = datetime.now(UTC).timestamp()
    for _ in range(5):
        enrich(sandbox, MISS)
    assert sandbox.call_log.calls[-1].arrived_at - before > 0.05
