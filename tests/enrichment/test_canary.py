"""The canary: what it stops for, what it lets pass, and how often it is wrong."""

import random
from collections import Counter

import pytest

from clodura_pipeline.enrichment.canary import Counts, canary


def counts_of(answers: int, matched: int, filled: dict[str, int] | None = None) -> Counts:
    return Counts(answers, matched, Counter(filled))


HISTORY = {
    "email": counts_of(400, 280, {"job_title": 270, "city": 140}),
    "linkedinUrl": counts_of(200, 190, {"job_title": 190}),
}


@pytest.mark.parametrize(
    ("run", "named"),
    [
        ({"email": counts_of(30, 21, {"job_title": 20, "city": 10})}, None),
        ({"email": counts_of(30, 21, {"job_title": 0, "city": 10})}, "job_title is 0% (0 of 21 matches"),
        ({"email": counts_of(30, 21, {"city": 10})}, "job_title is 0% (0 of 21 matches"),
        ({"email": counts_of(30, 21, {"job_title": 20, "city": 21})}, "city is 100% (21 of 21 matches"),
        ({"email": counts_of(30, 4, {"job_title": 4, "city": 2})}, "the match rate is 13% (4 of 30 answers"),
        ({"linkedinUrl": counts_of(30, 20, {"job_title": 20})}, "the match rate is 67%"),
        ({"email": counts_of(30, 20, {"job_title": 19, "city": 10})}, None),
        ({"email": counts_of(29, 0)}, None),
        ({"firstName+lastName+email": counts_of(99, 0)}, None),
        ({}, None),
        ({"email": counts_of(20, 14, {"job_title": 0, "city": 7}), "linkedinUrl": counts_of(10, 10, {})}, "job_title"),
        ({"email": counts_of(30, 0)}, "the match rate is 0%"),
    ],
)
def test_a_run_stops_for_what_chance_does_not_explain(run: dict[str, Counts], named: str | None) -> None:
    said = canary(HISTORY, run, min_sample=30)
    assert (said is None) == (named is None)
    assert named is None or named in str(said)


def test_both_numbers_are_named() -> None:
    said = canary(HISTORY, {"email": counts_of(30, 4, {})}, min_sample=30)
    assert said == "the match rate is 13% (4 of 30 answers of this run), and was 70% (280 of 400) before"


def test_a_short_history_is_not_believed_too_much() -> None:
    history = {"email": counts_of(30, 27, {"city": 27})}
    assert canary(history, {"email": counts_of(30, 20, {"city": 20})}, min_sample=30) is None


def test_another_mixture_of_combinations_is_no_change() -> None:
    history = {"email": counts_of(900, 90, {"city": 90}), "linkedinUrl": counts_of(100, 95, {"city": 95})}
    assert canary(history, {"linkedinUrl": counts_of(100, 94, {"city": 94})}, min_sample=30) is None


def test_of_a_thousand_sound_runs_hardly_any_is_stopped() -> None:
    rng = random.Random(7)

    def counts(answers: int) -> Counts:
        matched = sum(rng.random() < 0.6 for _ in range(answers))
        return counts_of(
            answers, matched, {f"f{n}": sum(rng.random() < n / 20 for _ in range(matched)) for n in range(1, 20)}
        )

    stopped = sum(canary({"email": counts(120)}, {"email": counts(30)}, 30) is not None for _ in range(1_000))
    assert stopped <= 5
