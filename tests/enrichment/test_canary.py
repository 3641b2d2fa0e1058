"""The canary: what it stops for, what it lets pass, and how often it is wrong."""

import random

import pytest

from clodura_pipeline.enrichment.canary import Counts, canary

HISTORY = {
    "email": Counts(400, 280, {"job_title": 270, "city": 140}),
    "linkedinUrl": Counts(200, 190, {"job_title": 190}),
}


@pytest.mark.parametrize(
    ("run", "named"),
    [
        ({"email": Counts(30, 21, {"job_title": 20, "city": 10})}, None),
        ({"email": Counts(30, 21, {"job_title": 0, "city": 10})}, "job_title is 0% (0 of 21 matches"),
        ({"email": Counts(30, 21, {"city": 10})}, "job_title is 0% (0 of 21 matches"),
        ({"email": Counts(30, 21, {"job_title": 20, "city": 21})}, "city is 100% (21 of 21 matches"),
        ({"email": Counts(30, 4, {"job_title": 4, "city": 2})}, "the match rate is 13% (4 of 30 answers"),
        ({"linkedinUrl": Counts(30, 20, {"job_title": 20})}, "the match rate is 67%"),
        ({"email": Counts(30, 20, {"job_title": 19, "city": 10})}, None),
        ({"email": Counts(29, 0)}, None),
        ({"firstName+lastName+email": Counts(99, 0)}, None),
        ({}, None),
        ({"email": Counts(20, 14, {"job_title": 0, "city": 7}), "linkedinUrl": Counts(10, 10, {})}, "job_title"),
        ({"email": Counts(30, 0)}, "the match rate is 0%"),
    ],
)
def test_a_run_stops_for_what_chance_does_not_explain(run: dict[str, Counts], named: str | None) -> None:
    said = canary(HISTORY, run, min_sample=30)
    assert (said is None) == (named is None)
    assert named is None or named in str(said)


def test_both_numbers_are_named() -> None:
    said = canary(HISTORY, {"email": Counts(30, 4, {})}, min_sample=30)
    assert said == "the match rate is 13% (4 of 30 answers of this run), and was 70% (280 of 400) before"


def test_a_short_history_is_not_believed_too_much() -> None:
    history = {"email": Counts(30, 27, {"city": 27})}
    assert canary(history, {"email": Counts(30, 20, {"city": 20})}, min_sample=30) is None


def test_another_mixture_of_combinations_is_no_change() -> None:
    history = {"email": Counts(900, 90, {"city": 90}), "linkedinUrl": Counts(100, 95, {"city": 95})}
    assert canary(history, {"linkedinUrl": Counts(100, 94, {"city": 94})}, min_sample=30) is None


def test_of_a_thousand_sound_runs_hardly_any_is_stopped() -> None:
    rng = random.Random(7)

    def counts(answers: int) -> Counts:
        matched = sum(rng.random() < 0.6 for _ in range(answers))
        return Counts(
            answers, matched, {f"f{n}": sum(rng.random() < n / 20 for _ in range(matched)) for n in range(1, 20)}
        )

    stopped = sum(canary({"email": counts(120)}, {"email": counts(30)}, 30) is not None for _ in range(1_000))
    assert stopped <= 5
