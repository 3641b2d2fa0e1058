"""Who may be asked: from past attempts alone, in whatever order they are looked at."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger.rules.eligibility import (
    DAY_SECONDS,
    Ask,
    Held,
    Known,
    PastAttempt,
    Purpose,
    Rules,
    Standing,
    UnderWay,
    standing,
)
from clodura_pipeline.ledger.rules.policy import Refresh

NOW = 1_000 * DAY_SECONDS
WATERMARK = 50
REFRESH = Refresh(answer_max_age_days=90, no_match_max_age_days=30)
EMAIL, LINKEDIN = 3, 5


def past(
    place: int, state: str, *, age_days: float = 1, strength: int = EMAIL, question: str = "q", **more: object
) -> PastAttempt:
    """An attempt; those above the watermark were sent after the run began."""
    answered = None if state == "sent" else NOW - age_days * DAY_SECONDS
    made = PastAttempt(place, State(state), "", strength, question, answered, lease_left_seconds=-1.0)
    return replace(made, **more)  # pyright: ignore[reportArgumentType]


def now(attempts: Sequence[PastAttempt], strength: int = EMAIL, question: str = "q", **rules: object) -> Standing:
    return standing(attempts, strength, question, Rules(WATERMARK, NOW, **rules))  # pyright: ignore[reportArgumentType]


NEVER = "not asked"
CASES: list[tuple[str, list[PastAttempt], dict[str, object], Standing]] = [
    ("nobody asked yet", [], {}, Ask(Purpose.NEW)),
    ("a person is known", [past(1, "person")], {}, Known(State.PERSON)),
    ("an organisation is known", [past(1, "organisation")], {}, Known(State.ORGANISATION)),
    ("a miss is known", [past(1, "no_match")], {}, Known(State.NO_MATCH)),
    ("a miss with something stronger", [past(1, "no_match")], {"strength": LINKEDIN}, Ask(Purpose.STRONGER)),
    ("a person is not asked with more", [past(1, "person")], {"strength": LINKEDIN}, Known(State.PERSON)),
    ("an organisation neither", [past(1, "organisation")], {"strength": LINKEDIN}, Known(State.ORGANISATION)),
    ("a miss asked stronger before", [past(1, "no_match", strength=5)], {"strength": 5}, Known(State.NO_MATCH)),
    ("a later miss erases nothing", [past(1, "person"), past(2, "no_match")], {"strength": 5}, Known(State.NO_MATCH)),
    ("under way", [past(51, "sent", lease_left_seconds=9.0)], {}, UnderWay(9.0)),
    ("under way beats known", [past(1, "person"), past(9, "sent", lease_left_seconds=9.0)], {}, UnderWay(9.0)),
    ("a dead process is a doubt", [past(1, "sent")], {}, Ask(Purpose.DOUBT)),
    ("a doubt of an earlier run", [past(1, "ambiguous")], {}, Ask(Purpose.DOUBT)),
    ("a doubt of this run", [past(51, "ambiguous")], {}, Held(State.AMBIGUOUS, "its answer was lost; a later run")),
    ("a doubt under lease", [past(1, "ambiguous", lease_left_seconds=1.0)], {}, Held(State.AMBIGUOUS, "its answer")),
    ("two doubts", [past(1, "ambiguous"), past(2, "ambiguous")], {}, Held(State.AMBIGUOUS, "its answer was lost t")),
    ("two doubts on purpose", [past(1, "ambiguous"), past(2, "sent")], {"settle_doubts": True}, Ask(Purpose.DOUBT)),
    ("two doubts, one of this run", [past(1, "ambiguous"), past(51, "ambiguous")], {"settle_doubts": True},
     Held(State.AMBIGUOUS, "its answer was lost; a later run")),
    ("a doubt that was answered", [past(1, "ambiguous"), past(2, "no_match")], {}, Known(State.NO_MATCH)),
    ("an unreadable answer is bought", [past(1, "unrecognised")], {"strength": LINKEDIN}, Known(State.UNRECOGNISED)),
    ("an unreadable answer after a doubt", [past(1, "ambiguous"), past(2, "unrecognised")], {},
     Known(State.UNRECOGNISED)),
    ("an unreadable stronger answer is not bought again", [past(1, "no_match"), past(2, "unrecognised", strength=5)],
     {"strength": LINKEDIN}, Known(State.NO_MATCH)),
    ("an unreadable refresh is not bought again", [past(1, "person", age_days=100), past(2, "unrecognised")],
     {"refresh": REFRESH}, Known(State.PERSON)),
    ("refused as it is", [past(1, "refused")], {}, Held(State.REFUSED, "Clodura refused")),
    ("refused, now with others", [past(1, "refused")], {"question": "other"}, Ask(Purpose.CHANGED)),
    ("refused long ago, others since", [past(1, "refused"), past(2, "refused", question="other")], {},
     Held(State.REFUSED, "Clodura refused")),
    ("a stronger question that was refused", [past(1, "no_match"), past(2, "refused", strength=5, question="strong")],
     {"strength": LINKEDIN, "question": "strong"}, Known(State.NO_MATCH)),
    ("a doubt whose repetition was refused", [past(1, "ambiguous"), past(2, "refused")], {},
     Held(State.AMBIGUOUS, "Clodura refused")),
    ("not processed", [past(1, "not_processed"), past(60, "not_processed")], {}, Ask(Purpose.NEW)),
    ("already enriched, in this run", [past(60, "not_processed", detail="already_enriched")], {},
     Held(State.NOT_PROCESSED, "Clodura says")),
    ("enriched already, earlier run", [past(6, "not_processed", detail="already_enriched")], {}, Ask(Purpose.NEW)),
    ("already enriched, when a doubt was asked again",
     [past(1, "ambiguous"), past(60, "not_processed", detail="already_enriched")], {},
     Held(State.NOT_PROCESSED, "Clodura says")),
    ("old, in an ordinary run", [past(1, "person", age_days=900)], {}, Known(State.PERSON)),
    ("old, in a refresh", [past(1, "person", age_days=91)], {"refresh": REFRESH}, Ask(Purpose.REFRESH)),
    ("young, in a refresh", [past(1, "person", age_days=89)], {"refresh": REFRESH}, Known(State.PERSON)),
    ("an old miss, in a refresh", [past(1, "no_match", age_days=31)], {"refresh": REFRESH}, Ask(Purpose.REFRESH)),
    ("a young miss, in a refresh", [past(1, "no_match", age_days=29)], {"refresh": REFRESH}, Known(State.NO_MATCH)),
    ("a refresh that was lost", [past(1, "person", age_days=100), past(2, "ambiguous")], {"refresh": REFRESH},
     Ask(Purpose.DOUBT)),
    ("a refresh lost twice", [past(1, "person", age_days=100), past(2, "ambiguous"), past(3, "ambiguous")],
     {"refresh": REFRESH}, Held(State.AMBIGUOUS, "its answer was lost twice")),
    ("a refresh lost twice does not hide the answer",
     [past(1, "person", age_days=100), past(2, "ambiguous"), past(3, "ambiguous")], {}, Known(State.PERSON)),
]  # fmt: skip


@pytest.mark.parametrize(("attempts", "rules", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_person_may_be_asked_exactly_when_it_cannot_be_bought_twice(
    attempts: list[PastAttempt], rules: dict[str, object], expected: Standing
) -> None:
    for order in (attempts, attempts[::-1]):
        decided = now(order, **rules)  # pyright: ignore[reportArgumentType]
        if isinstance(expected, Held):
            assert isinstance(decided, Held)
            assert decided.state is expected.state
            assert decided.reason.startswith(expected.reason)
        else:
            assert decided == expected


ATTEMPTS = st.lists(
    st.builds(
        past,
        st.integers(1, 100),
        st.sampled_from([state.value for state in State]),
        age_days=st.floats(0, 400),
        strength=st.integers(1, 5),
        question=st.sampled_from("abc"),
        lease_left_seconds=st.floats(-100, 30),
        detail=st.sampled_from(["", "already_enriched"]),
    ),
    max_size=7,
    unique_by=lambda attempt: attempt.id,
)
QUESTIONS = st.tuples(st.integers(1, 5), st.sampled_from("abc"))


@given(
    attempts=ATTEMPTS, asked=QUESTIONS, settle=st.booleans(), refresh=st.sampled_from([None, REFRESH]), data=st.data()
)
def test_the_order_of_the_past_is_of_no_matter(
    attempts: list[PastAttempt], asked: tuple[int, str], settle: bool, refresh: Refresh | None, data: st.DataObject
) -> None:
    rules = Rules(WATERMARK, NOW, refresh, settle)
    shuffled = data.draw(st.permutations(attempts))
    assert standing(attempts, *asked, rules) == standing(shuffled, *asked, rules)


@given(attempts=ATTEMPTS, asked=QUESTIONS, settle=st.booleans())
def test_an_ordinary_run_never_asks_who_has_an_answer_or_is_being_asked(
    attempts: list[PastAttempt], asked: tuple[int, str], settle: bool
) -> None:
    decided = standing(attempts, *asked, Rules(WATERMARK, NOW, None, settle))
    if not isinstance(decided, Ask):
        return
    states = {attempt.state for attempt in attempts}
    assert not states & {State.PERSON, State.ORGANISATION}
    assert not any(attempt.state is State.SENT and attempt.lease_left_seconds > 0 for attempt in attempts)
    misses = [attempt for attempt in attempts if attempt.state is State.NO_MATCH]
    assert all(attempt.strength < asked[0] for attempt in misses)
    assert not any(attempt.state is State.REFUSED and attempt.question == asked[1] for attempt in attempts)


@given(
    attempts=ATTEMPTS, asked=QUESTIONS, state=st.sampled_from(["person", "organisation", "unrecognised", "no_match"])
)
def test_what_was_bought_by_a_question_is_not_asked_again_by_the_same_question(
    attempts: list[PastAttempt], asked: tuple[int, str], state: str
) -> None:
    bought = past(200, state, strength=asked[0], question=asked[1], age_days=0)
    for refresh in (None, REFRESH):
        assert not isinstance(standing([*attempts, bought], *asked, Rules(300, NOW, refresh, True)), Ask)


@given(attempts=ATTEMPTS, asked=QUESTIONS)
def test_without_settle_doubts_a_question_is_lost_at_most_twice_in_a_row(
    attempts: list[PastAttempt], asked: tuple[int, str]
) -> None:
    lost = [*attempts, past(200, "ambiguous"), past(201, "ambiguous")]
    assert not isinstance(standing(lost, *asked, Rules(300, NOW, REFRESH, False)), Ask)
