"""What a call came to: the status table, doubts, costs and Retry-After."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import (
    LONGEST_RETRY_AFTER_SECONDS,
    Next,
    RawAnswer,
    State,
    Verdict,
    judge,
    judge_failure,
    retry_after_seconds,
)
from clodura_pipeline.errors import AnswerLost, FailureReason, NotSent

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKED = Identifiers(email="ada@x.example")
ERROR = b'{"status": "error", "message": "Something"}'
HTML = b"<!DOCTYPE html><html></html>"
PERSON = b'{"personId": "p", "firstName": "Ada"}'


def verdict(status: int, body: bytes = ERROR, **more: object) -> Verdict:
    return judge(RawAnswer(status, body, **more), ASKED, NOW)  # pyright: ignore[reportArgumentType]


STATUSES = [
    (200, PERSON, State.PERSON, Next.GO_ON, 2, 0),
    (200, b'{"organisation": {"domain": "x.example"}}', State.ORGANISATION, Next.GO_ON, 1, 0),
    (200, b"{}", State.NO_MATCH, Next.GO_ON, 0, 0),
    (200, b'{"personId": "p", "creditsUsed": 1}', State.PERSON, Next.GO_ON, 1, 0),
    (200, b'{"creditsUsed": 1}', State.UNRECOGNISED, Next.GO_ON, 1, 0),
    (200, b'{"organisation": {"name": "x"}, "creditsUsed": 2}', State.UNRECOGNISED, Next.GO_ON, 2, 0),
    (200, b'{"personId": "p", "creditsUsed": 0.5}', State.PERSON, Next.GO_ON, 0.5, 0),
    (200, b'{"personId": "p", "creditsUsed": 1000000}', State.PERSON, Next.STOP_COST_ABOVE_WORST, 1_000_000, 0),
    (200, b'{"weird": 1, "creditsUsed": 2000000000}', State.UNRECOGNISED, Next.STOP_COST_ABOVE_WORST, 1e9, 0),
    (200, b'{"personId": "p", "creditsUsed": 3}', State.PERSON, Next.STOP_COST_ABOVE_WORST, 3, 0),
    (200, b'{"weird": 1, "creditsUsed": 2}', State.UNRECOGNISED, Next.GO_ON, 2, 0),
    (200, b'{"weird": 1, "creditsUsed": 5}', State.UNRECOGNISED, Next.STOP_COST_ABOVE_WORST, 5, 0),
    (200, b'{"weird": 1}', State.UNRECOGNISED, Next.GO_ON, 0, 2),
    (200, b"", State.UNRECOGNISED, Next.GO_ON, 0, 2),
    (200, HTML, State.UNRECOGNISED, Next.GO_ON, 0, 2),
    (201, PERSON, State.UNRECOGNISED, Next.GO_ON, 0, 2),
    (204, b"", State.UNRECOGNISED, Next.GO_ON, 0, 2),
    (400, ERROR, State.REFUSED, Next.GO_ON, 0, 0),
    (422, ERROR, State.REFUSED, Next.GO_ON, 0, 0),
    (401, ERROR, State.NOT_PROCESSED, Next.STOP_KEY_REFUSED, 0, 0),
    (402, ERROR, State.NOT_PROCESSED, Next.STOP_NO_CREDITS, 0, 0),
    (403, ERROR, State.NOT_PROCESSED, Next.STOP_PLAN_REFUSED, 0, 0),
    (403, HTML, State.NOT_PROCESSED, Next.STOP_PLAN_REFUSED, 0, 0),
    (403, b"", State.NOT_PROCESSED, Next.STOP_PLAN_REFUSED, 0, 0),
    (404, ERROR, State.NO_MATCH, Next.GO_ON, 0, 0),
    (404, HTML, State.NOT_PROCESSED, Next.STOP_WRONG_ADDRESS, 0, 0),
    (404, b"", State.NOT_PROCESSED, Next.STOP_WRONG_ADDRESS, 0, 0),
    (404, b"[" * 100_000, State.NOT_PROCESSED, Next.STOP_WRONG_ADDRESS, 0, 0),
    (301, HTML, State.NOT_PROCESSED, Next.STOP_WRONG_ADDRESS, 0, 0),
    (307, b"", State.NOT_PROCESSED, Next.STOP_WRONG_ADDRESS, 0, 0),
    (409, b'{"message": "Daily limit reached for this endpoint"}', State.NOT_PROCESSED, Next.STOP_DAY_CLOSED, 0, 0),
    (409, b"", State.NOT_PROCESSED, Next.STOP_DAY_CLOSED, 0, 0),
    (409, b"limit already reached", State.NOT_PROCESSED, Next.STOP_DAY_CLOSED, 0, 0),
    (409, b'{"message": "already enriched a few minutes ago"}', State.NOT_PROCESSED, Next.SET_ASIDE, 0, 0),
    (429, ERROR, State.NOT_PROCESSED, Next.SLOW_DOWN, 0, 0),
    (503, HTML, State.NOT_PROCESSED, Next.TRY_AGAIN_LATER, 0, 0),
    (500, ERROR, State.AMBIGUOUS, Next.GO_ON, 0, 2),
    (502, HTML, State.AMBIGUOUS, Next.GO_ON, 0, 2),
    (504, HTML, State.AMBIGUOUS, Next.GO_ON, 0, 2),
    (408, ERROR, State.AMBIGUOUS, Next.GO_ON, 0, 2),
    (418, ERROR, State.AMBIGUOUS, Next.GO_ON, 0, 2),
    (599, ERROR, State.AMBIGUOUS, Next.GO_ON, 0, 2),
]


def test_every_status_comes_to_what_clodura_means_by_it() -> None:
    for status, body, *expected in STATUSES:
        judged = verdict(status, body)
        found = [judged.state, judged.next, judged.charged_credits, judged.at_risk_credits]
        assert found == expected, (status, body[:80])


def test_the_basis_of_a_cost_is_recorded() -> None:
    bases = [verdict(200, body).cost_basis for body in (PERSON, b'{"creditsUsed": 0}', b'{"a": "b", "creditsUsed": 1}')]
    assert bases == ["content", "stated", "stated"]
    assert [verdict(status).cost_basis for status in (422, 503, 500)] == ["status", "status", "doubt"]


def test_an_answer_that_was_cut_for_its_size_is_never_read() -> None:
    judged = verdict(200, PERSON, truncated=True)
    assert (judged.state, judged.charged_credits, judged.at_risk_credits) == (State.UNRECOGNISED, 0, 2)


@pytest.mark.parametrize("reason", FailureReason)
def test_a_call_that_never_left_costs_nothing_and_a_lost_answer_may_have(reason: FailureReason) -> None:
    never, lost = judge_failure(NotSent(reason)), judge_failure(AnswerLost(reason))
    assert (never.state, never.at_risk_credits, never.next) == (State.NOT_PROCESSED, 0, Next.TRY_AGAIN_LATER)
    assert (lost.state, lost.at_risk_credits, lost.next) == (State.AMBIGUOUS, 2, Next.GO_ON)


def http(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


RETRY_AFTER = [
    (None, None), ("", None), ("  ", None), ("0", 0.0), ("7", 7.0), (" 7 ", 7.0), ("1.5", 1.5), ("120", 120.0),
    ("-5", None), ("nan", None), ("NaN", None), ("inf", None), ("1e5", None), ("soon", None), ("7 seconds", None),
    ("0x10", None), ("\u0663", None), ("1,5", None), (":" * 50, None), ("Mon", None), ("\x00", None),
    ("86401", LONGEST_RETRY_AFTER_SECONDS), ("999999999", LONGEST_RETRY_AFTER_SECONDS),
    ("9" * 400, LONGEST_RETRY_AFTER_SECONDS), (http(NOW + timedelta(seconds=9)), 9.0), (http(NOW), 0.0),
    (http(NOW - timedelta(days=3)), 0.0), (http(NOW + timedelta(days=999)), LONGEST_RETRY_AFTER_SECONDS),
    ("Sun, 22 Nov 2026 13:00:05 +0100", 5.0), ("Sunday, 22-Nov-26 12:00:05 GMT", 5.0),
    ("Sun Nov 22 12:00:05 2026", 5.0), ("Sun, 99 Nov 2026 12:00:05 GMT", None),
    ("Sun, 22 Nov 99999 12:00:05 GMT", None), ("Sun, 22 Nov 2026 12:00:05 +999999", None),
]  # fmt: skip


def test_retry_after_is_read_in_every_form() -> None:
    assert [(value, retry_after_seconds(value, NOW)) for value, _ in RETRY_AFTER] == RETRY_AFTER


DATES = r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9]{2}:[0-9]{2}:[0-9]{2} [+A-Z][A-Za-z0-9]{2,6}"


@given(st.text() | st.from_regex(DATES, fullmatch=True))
def test_no_retry_after_raises_or_waits_for_ever(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_SECONDS


@pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=5), -timedelta(days=2)])
def test_a_retry_after_date_is_by_the_servers_clock(off: timedelta) -> None:
    server = NOW + off
    judged = verdict(429, retry_after=http(server + timedelta(seconds=30)), date=http(server))
    assert judged.retry_after_seconds == 30.0
    assert verdict(503, retry_after="30", date="junk").retry_after_seconds == 30.0


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=60) | st.sampled_from([b"{}", PERSON, ERROR, HTML, json.dumps({"data": []}).encode()]),
    truncated=st.booleans(),
    retry_after=st.none() | st.text(max_size=30),
    date=st.none() | st.text(max_size=30),
)
def test_every_answer_gets_a_verdict_that_cannot_lose_money(
    status: int, body: bytes, truncated: bool, retry_after: str | None, date: str | None
) -> None:
    judged = judge(RawAnswer(status, body, truncated, "", retry_after, date), ASKED, NOW)
    assert judged.state is not State.SENT
    assert 0 <= judged.at_risk_credits <= 2
    if judged.state is State.NO_MATCH and not judged.charged_credits:
        assert status in (200, 404)
    if status >= 500 and status != 503:
        assert judged.at_risk_credits == 2
