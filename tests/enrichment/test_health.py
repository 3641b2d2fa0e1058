"""When a run fans out, goes singly, pauses or stops; and what share of its calls may be retries."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manual_run import FREE

from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.enrichment.health import Health, RetryShare
from clodura_pipeline.ledger.rules.policy import RETRY_SHARE
from clodura_pipeline.ledger.rules.stops import StopKind

MADE = {
    "person": Verdict(State.PERSON, "ok", Next.GO_ON, 2),
    "miss": Verdict(State.NO_MATCH, "ok", Next.GO_ON),
    "unreadable": Verdict(State.UNRECOGNISED, "not JSON", Next.GO_ON, at_risk_credits=2),
    "lost": Verdict(State.AMBIGUOUS, "reset", Next.GO_ON, at_risk_credits=2),
    "503": Verdict(State.NOT_PROCESSED, "unavailable", Next.TRY_AGAIN_LATER),
    "refused": Verdict(State.REFUSED, "invalid_combination", Next.GO_ON),
    "429": Verdict(State.NOT_PROCESSED, "rate_limited", Next.SLOW_DOWN),
}


def after(*events: str) -> tuple[Health, list[StopKind | None]]:
    """Calls one after the other; "early lost" was sent before all others and came now."""
    health, stops = Health(FREE, random.Random(1)), []
    for place, event in enumerate(events):
        early, name = event.startswith("early "), event.removeprefix("early ")
        now = 10.0 * (place + 1)
        reached = health.learn(MADE[name], 1.0 if early else now - 1.0, now)
        stops.append(reached.kind if reached else None)
    return health, stops


@pytest.mark.parametrize(
    ("events", "is_parallel", "stop"),
    [
        ([], False, None),
        (["person"], True, None),
        (["miss"], True, None),
        (["refused"], False, None),
        (["429"], False, None),
        (["503"], False, None),
        (["unreadable"], False, None),
        (["person", "unreadable"], False, None),
        (["person", "lost"], True, None),  # one failure among many answers slows nothing
        (["person", "lost", "503"], False, None),
        (["person", "lost", "lost", "person"], True, None),
        (["person", "lost", "lost", "early person"], False, None),  # it says nothing about how it is now
        (["person", "lost", "early lost", "early 503", "early lost", "early lost"], True, None),  # failed together
        (["person", "lost", "early person", "lost"], False, None),
        (["lost"] * 5, False, StopKind.UNAVAILABLE),
        (["503", "lost", "503", "503"], False, None),
        (["person", "503", "early person", "503", "early miss", "503", "503", "503"], False, StopKind.UNAVAILABLE),
        (["lost", "lost", "lost", "lost", "miss", "lost"], True, None),
        (["unreadable"] * 4, False, None),
        (["unreadable"] * 5, False, StopKind.UNREADABLE),
        (["unreadable", "miss"] * 4 + ["unreadable"], False, StopKind.UNREADABLE),  # misses prove nothing
        (["unreadable"] * 4 + ["person", "unreadable"], False, None),
    ],
)
def test_a_run_fans_out_goes_singly_and_stops(events: Sequence[str], is_parallel: bool, stop: StopKind | None) -> None:
    health, stops = after(*events)
    assert health.is_parallel is is_parallel
    assert stops[:-1] == [None] * (len(events) - 1)
    assert stops[-1:] == ([stop] if events else [])


@pytest.mark.parametrize(
    ("retry_after", "waits", "stops"), [(0.0, 0.5, False), (7.0, 7.0, False), (121.0, 121.0, True)]
)
def test_a_503_with_a_retry_after_pauses_all_calls_up_to_a_limit(retry_after: float, waits: float, stops: bool) -> None:
    health, _ = after("person")
    verdict = Verdict(State.NOT_PROCESSED, "unavailable", Next.TRY_AGAIN_LATER, retry_after_seconds=retry_after)
    reached = health.learn(verdict, 20.0, 21.0)
    assert (reached is not None) is stops
    if reached is not None:
        assert reached.kind is StopKind.UNAVAILABLE
        assert "121 s" in reached.reason
    assert health.not_before == (21.0 + waits if retry_after else -math.inf)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 20)), max_size=200))
def test_retries_never_pass_their_share_however_calls_overlap(events: list[tuple[bool, bool, int]]) -> None:
    share = RetryShare()
    in_flight: list[bool] = []
    arrived = retries = 0
    for begins_retry, arrives, which in events:
        if not begins_retry:
            in_flight.append(False)
        elif share.begin():
            in_flight.append(True)
        if in_flight and which < len(in_flight):
            is_retry = in_flight.pop(which)
            share.ended(is_retry, arrives)
            arrived += arrives
            retries += arrives and is_retry
            assert retries <= math.ceil(RETRY_SHARE * arrived)
