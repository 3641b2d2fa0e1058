"""Reading /credits: the balance where there is a pool; unknown is never zero."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clodura_pipeline.clodura.verdicts import Balance, RawAnswer, read_balance

VIEWS = {"contactsView": 142, "maxContacts": "1000", "directDials": 38, "maxDirectDials": 200}


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (200, {"remainingCredits": 98}, Balance(98.0, "pool")),
        (200, {"remainingCredits": "98.5"}, Balance(98.5, "pool")),
        (200, {"remainingCredits": 0}, Balance(0.0, "pool")),
        (200, {"data": {"remainingCredits": 98}}, Balance(98.0, "pool")),
        (200, VIEWS, Balance(None, "view_counters")),
        (200, {"remainingCredits": None}, Balance(None, "unknown_shape")),
        (200, {"remainingCredits": True}, Balance(None, "unknown_shape")),
        (200, {"remainingCredits": "lots"}, Balance(None, "unknown_shape")),
        (200, {"remainingCredits": 10**400}, Balance(None, "unknown_shape")),
        (200, {"remainingCredits": float("nan")}, Balance(None, "unknown_shape")),
        (200, [], Balance(None, "unknown_shape")),
        (404, {"message": "none"}, Balance(None, "http_404")),
        (500, {"remainingCredits": 98}, Balance(None, "http_500")),
        (401, {}, Balance(None, "http_401", access_refused=401)),
        (403, {}, Balance(None, "http_403", access_refused=403)),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_balance_is_read_or_unknown(status: int, document: Any, expected: Balance) -> None:
    assert read_balance(RawAnswer(status, json.dumps(document).encode())) == expected


@given(st.binary(max_size=80) | st.sampled_from([b"[" * 100_000, b'{"remainingCredits":' * 50_000]))
def test_no_bytes_raise(body: bytes) -> None:
    read_balance(RawAnswer(200, body))
