"""Who may be called for: from past attempts alone, and from the ledger's rows as the rule before this one had it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests_of_tests import request_for

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.people import past_attempts
from clodura_pipeline.ledger.rules.clock import ClockReading
from clodura_pipeline.ledger.rules.eligibility import (
    ALREADY_ENRICHED,
    DAY_SECONDS,
    LOST_ONCE,
    LOST_TWICE,
    REFUSED,
    Answered,
    Eligibility,
    Eligible,
    Ineligible,
    InFlight,
    PastAttempt,
    Purpose,
    eligibility,
)
from clodura_pipeline.ledger.rules.policy import Refresh

DOUBT, MISS, PERSON = PastAttempt(State.AMBIGUOUS), PastAttempt(State.NO_MATCH), PastAttempt(State.PERSON)
ORGANISATION, UNREAD = PastAttempt(State.ORGANISATION), PastAttempt(State.UNRECOGNISED)
DIED, IN_FLIGHT = PastAttempt(State.SENT), PastAttempt(State.SENT, in_lease=True)
REFUSED_SAME = PastAttempt(State.REFUSED, is_same_request=True)
REFUSED_OTHER = PastAttempt(State.REFUSED)
FREE = PastAttempt(State.NOT_PROCESSED)
REPEAT = PastAttempt(State.NOT_PROCESSED, is_repeat=True)
WEAK_MISS = replace(MISS, is_weaker=True)
OLD_PERSON, OLD_MISS = replace(PERSON, is_overdue=True), replace(MISS, is_overdue=True)


def of_this_run(attempt: PastAttempt) -> PastAttempt:
    return replace(attempt, since_start=True)


CASES: list[tuple[str, list[PastAttempt], Eligibility]] = [
    ("no attempt", [], Eligible(Purpose.NEW)),
    ("a person is known", [PERSON], Answered(State.PERSON)),
    ("an organisation is known", [ORGANISATION], Answered(State.ORGANISATION)),
    ("a miss is known", [MISS], Answered(State.NO_MATCH)),
    ("a miss, now with a stronger combination", [WEAK_MISS], Eligible(Purpose.STRONGER)),
    ("a person, now with a stronger combination", [replace(PERSON, is_weaker=True)], Answered(State.PERSON)),
    ("an organisation, likewise", [replace(ORGANISATION, is_weaker=True)], Answered(State.ORGANISATION)),
    ("a weak miss and one as strong", [WEAK_MISS, MISS], Answered(State.NO_MATCH)),
    ("a later miss erases nothing", [replace(PERSON, is_weaker=True), WEAK_MISS], Answered(State.NO_MATCH)),
    ("in flight", [IN_FLIGHT], InFlight()),
    ("in flight comes before an answer", [PERSON, IN_FLIGHT], InFlight()),
    ("a process that died is a doubt", [DIED], Eligible(Purpose.DOUBT)),
    ("a doubt of an earlier run", [DOUBT], Eligible(Purpose.DOUBT)),
    ("a doubt of this run", [of_this_run(DOUBT)], Ineligible(State.AMBIGUOUS, LOST_ONCE)),
    ("a doubt in its lease", [replace(DOUBT, in_lease=True)], Ineligible(State.AMBIGUOUS, LOST_ONCE)),
    ("two doubts", [DOUBT, DOUBT], Ineligible(State.AMBIGUOUS, LOST_TWICE)),
    ("two doubts, one of this run", [DOUBT, of_this_run(DOUBT)], Ineligible(State.AMBIGUOUS, LOST_ONCE)),
    ("a doubt that was answered", [DOUBT, MISS], Answered(State.NO_MATCH)),
    ("an unreadable answer is paid for", [replace(UNREAD, is_weaker=True)], Answered(State.UNRECOGNISED)),
    ("an unreadable answer after a doubt", [DOUBT, UNREAD], Answered(State.UNRECOGNISED)),
    ("an unreadable stronger answer is not paid for again", [WEAK_MISS, UNREAD], Answered(State.NO_MATCH)),
    ("an unreadable refresh is not paid for again", [OLD_PERSON, UNREAD], Answered(State.PERSON)),
    ("refused as it is", [REFUSED_SAME], Ineligible(State.REFUSED, REFUSED)),
    ("refused, now with others", [REFUSED_OTHER], Eligible(Purpose.CHANGED)),
    ("refused long ago, others since", [REFUSED_SAME, REFUSED_OTHER], Ineligible(State.REFUSED, REFUSED)),
    ("a stronger request that was refused", [WEAK_MISS, REFUSED_SAME], Answered(State.NO_MATCH)),
    ("a doubt whose repetition was refused", [DOUBT, REFUSED_SAME], Ineligible(State.AMBIGUOUS, REFUSED)),
    ("not processed", [FREE, of_this_run(FREE)], Eligible(Purpose.NEW)),
    ("already enriched, in this run", [of_this_run(REPEAT)], Ineligible(State.NOT_PROCESSED, ALREADY_ENRICHED)),
    ("already enriched, in an earlier run", [REPEAT], Eligible(Purpose.NEW)),
    ("already enriched, when a doubt was called for again", [DOUBT, of_this_run(REPEAT)],
     Ineligible(State.NOT_PROCESSED, ALREADY_ENRICHED)),
    ("overdue in a refresh run", [OLD_PERSON], Eligible(Purpose.REFRESH)),
    ("an overdue miss in a refresh run", [OLD_MISS], Eligible(Purpose.REFRESH)),
    ("overdue, and answered since", [OLD_PERSON, PERSON], Answered(State.PERSON)),
    ("a refresh that was lost", [OLD_PERSON, DOUBT], Eligible(Purpose.DOUBT)),
    ("a refresh lost twice", [OLD_PERSON, DOUBT, DOUBT], Ineligible(State.AMBIGUOUS, LOST_TWICE)),
    ("a refresh lost twice does not hide the answer", [PERSON, DOUBT, DOUBT], Answered(State.PERSON)),
]  # fmt: skip


@pytest.mark.parametrize(("past", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_person_may_be_called_for_exactly_when_that_cannot_pay_twice(
    past: list[PastAttempt], expected: Eligibility
) -> None:
    assert eligibility(past) == expected


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        ([DOUBT, DIED], Eligible(Purpose.DOUBT)),
        ([DOUBT, of_this_run(DOUBT)], Ineligible(State.AMBIGUOUS, LOST_ONCE)),
        ([DOUBT, replace(DOUBT, in_lease=True)], Ineligible(State.AMBIGUOUS, LOST_ONCE)),
        ([PERSON], Answered(State.PERSON)),
    ],
)
def test_two_doubts_are_called_for_again_only_on_purpose(past: list[PastAttempt], expected: Eligibility) -> None:
    assert eligibility(past, retry_ambiguous=True) == expected


PASTS = st.lists(
    st.builds(
        PastAttempt,
        st.sampled_from(State),
        is_weaker=st.booleans(),
        is_same_request=st.booleans(),
        in_lease=st.booleans(),
        since_start=st.booleans(),
        is_overdue=st.booleans(),
        is_repeat=st.booleans(),
    ),
    max_size=7,
)


@given(past=PASTS, retry_ambiguous=st.booleans())
def test_an_ordinary_run_never_calls_for_people_with_an_answer_or_a_call_in_flight(
    past: list[PastAttempt], retry_ambiguous: bool
) -> None:
    ordinary = [replace(attempt, is_overdue=False) for attempt in past]
    if not isinstance(eligibility(ordinary, retry_ambiguous), Eligible):
        return
    states = {attempt.state for attempt in past}
    assert not states & {State.PERSON, State.ORGANISATION}
    assert not any(attempt.state is State.SENT and attempt.in_lease for attempt in past)
    assert all(attempt.is_weaker for attempt in past if attempt.state is State.NO_MATCH)
    assert not any(attempt.state is State.REFUSED and attempt.is_same_request for attempt in past)


@given(past=PASTS, state=st.sampled_from([State.PERSON, State.ORGANISATION, State.UNRECOGNISED, State.NO_MATCH]))
def test_an_answer_just_paid_for_is_not_called_for_again_by_the_same_request(
    past: list[PastAttempt], state: State
) -> None:
    just_paid = PastAttempt(state, is_same_request=True)
    assert not isinstance(eligibility([*past, just_paid], retry_ambiguous=True), Eligible)


@given(past=PASTS)
def test_a_person_is_lost_at_most_twice_in_a_row_unless_on_purpose(past: list[PastAttempt]) -> None:
    assert not isinstance(eligibility([*past, DOUBT, DOUBT]), Eligible)


# The facts of a past attempt, as the ledger computes them: compared with the rule that worked on the rows themselves.


@dataclass(frozen=True)
class Row:
    """An attempt as the ledger keeps it; its id is its place in the past, counted from 1."""

    state: State
    strength: int
    request_hash: str
    age_days: float | None
    lease_left_seconds: float
    detail: str = ""


NOW = ClockReading("boot", 5_000.0, 1_000.0 * DAY_SECONDS, 5_000.0)
STRENGTH = 3
REQUEST = request_for(Identifiers(email="a@x.example"))
ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(State),
        st.integers(1, 5),
        st.sampled_from([REQUEST.hash, "other"]),
        st.one_of(st.none(), st.floats(0, 400), st.sampled_from([30.0, 90.0])),
        st.sampled_from([-1.0, 0.0, 1.0]),
        st.sampled_from(["", "already_enriched"]),
    ),
    max_size=6,
)
REFRESHES = st.sampled_from([None, Refresh(answer_max_age_days=90, no_match_max_age_days=30)])


def decided_on_rows(rows: Sequence[Row], watermark: int, refresh: Refresh | None, on_purpose: bool) -> str:
    """The decision in words, worked out from the rows: independent of `PastAttempt`."""
    past = list(enumerate(rows, start=1))
    if any(row.state is State.SENT and row.lease_left_seconds > 0 for _, row in past):
        return "in flight"
    answers = [(place, row) for place, row in past if row.state.is_readable_answer]
    refused = [row for _, row in past if row.state is State.REFUSED]
    purpose: str | None = "changed" if refused else "new"
    answered, last_answer = "", 0
    if answers:
        last_answer, newest = answers[-1]
        answered = f"answered {newest.state}"
        purpose = purpose_after([row for _, row in answers], refresh)
        if purpose is None:
            return answered
    since = [(place, row) for place, row in past if place > last_answer]
    if any(row.state is State.UNRECOGNISED for _, row in since):
        return answered or "answered unrecognised"
    doubts = [(place, row) for place, row in since if row.state in (State.AMBIGUOUS, State.SENT)]
    if any(row.request_hash == REQUEST.hash for row in refused):
        return answered or f"ineligible {'ambiguous' if doubts else 'refused'} refused"
    if since and since[-1][1].detail == "already_enriched" and since[-1][0] > watermark:
        return "ineligible not_processed already_enriched"
    return decided_on_doubts(doubts, watermark, on_purpose) if doubts else f"eligible {purpose}"


def purpose_after(answers: Sequence[Row], refresh: Refresh | None) -> str | None:
    if all(row.state is State.NO_MATCH and row.strength < STRENGTH for row in answers):
        return "stronger"
    newest = answers[-1]
    if refresh is None or newest.age_days is None:
        return None
    missed = newest.state is State.NO_MATCH
    max_age_days = refresh.no_match_max_age_days if missed else refresh.answer_max_age_days
    return "refresh" if newest.age_days > max_age_days else None


def decided_on_doubts(doubts: Sequence[tuple[int, Row]], watermark: int, on_purpose: bool) -> str:
    place, newest = doubts[-1]
    if newest.lease_left_seconds > 0 or place > watermark:
        return "ineligible ambiguous answer_lost"
    return "ineligible ambiguous answer_lost_twice" if len(doubts) >= 2 and not on_purpose else "eligible doubt"


def in_words(decision: Eligibility) -> str:
    match decision:
        case InFlight():
            return "in flight"
        case Answered(state):
            return f"answered {state}"
        case Eligible(purpose):
            return f"eligible {purpose}"
        case Ineligible(state, reason):
            return f"ineligible {state} {reason.code}"


@settings(max_examples=400, deadline=None)
@given(rows=ROWS, watermark=st.integers(0, 6), refresh=REFRESHES, on_purpose=st.booleans())
def test_the_ledgers_facts_lead_to_the_same_decision_as_its_rows(
    rows: list[Row], watermark: int, refresh: Refresh | None, on_purpose: bool
) -> None:
    recalled = [
        {
            "id": number,
            "strength": row.strength,
            "request_hash": row.request_hash,
            "lease_until": NOW.stamp + row.lease_left_seconds,
            "state": row.state,
            "detail": row.detail,
            "answered_at": None if row.age_days is None else NOW.server - row.age_days * DAY_SECONDS,
        }
        for number, row in enumerate(rows, start=1)
    ]
    past = past_attempts(recalled, REQUEST, watermark, refresh, NOW)
    assert in_words(eligibility(past, on_purpose)) == decided_on_rows(rows, watermark, refresh, on_purpose)
