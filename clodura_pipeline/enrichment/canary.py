"""Compares the first answers of a run with the history: the match rate, and how often each field is filled."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from math import exp, lgamma

import duckdb

from clodura_pipeline.clodura.answers.reader import Enrichment, Organisation, Person
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.enrichment.health import Outcome

CHANCE = 0.001
"""A run in a thousand that has nothing wrong stops all the same: 99.9 %, over all that is compared."""
_FIELDS = [
    (part, one.name) for part, kind in (("person", Person), ("organisation", Organisation)) for one in fields(kind)
]


@dataclass
class Counts:
    """Answers to one identifier combination, those with a person, and by field how many of these have it filled."""

    answers: int = 0
    matched: int = 0
    filled: Counter[str] = field(default_factory=Counter)

    def add(self, found: Enrichment | None) -> None:
        """Count one more answer."""
        self.answers += 1
        if found is not None and found.found == State.PERSON:
            self.matched += 1
            self.filled.update(
                f"{part}.{name}" for part, name in _FIELDS if getattr(getattr(found, part), name) is not None
            )


def canary(history: Mapping[str, Counts], run: Mapping[str, Counts], min_sample: int) -> str | None:
    """What differs from the history by more than chance explains, with both numbers; None when nothing does.

    Args:
        history, run: counts by identifier combination; only combinations in both are compared.
        min_sample: a comparison needs so many answers on either side.
    """
    both = [(history[name], run[name]) for name in sorted(run) if name in history]
    compared = [("the match rate", "answers", [(h.matched, h.answers, r.matched, r.answers) for h, r in both])]
    for name in sorted({name for h, r in both for name in (*h.filled, *r.filled)}):
        rows = [(h.filled[name], h.matched, r.filled[name], r.matched) for h, r in both]
        compared.append((f"the share of matches with {name}", "matches", rows))
    if sum(r.answers for _, r in both) < min_sample or sum(h.answers for h, _ in both) < min_sample:
        return None
    for what, things, rows in compared:
        before, all_before, now, all_now = (sum(column) for column in zip(*rows, strict=True))
        if all_before and all_now and _probability(rows) < CHANCE / len(compared):
            return (
                f"{what} is {now / all_now:.0%} ({now} of {all_now} {things} of this run), "
                f"and was {before / all_before:.0%} ({before} of {all_before}) before"
            )
    return None


def _probability(rows: Iterable[tuple[int, int, int, int]]) -> float:
    """How likely a difference this large is by chance, in either direction (exact test over all combinations).

    Given how often a thing was seen in history and run together, its number in the run is hypergeometric: the binomial
    interval, with the history's own uncertainty in it.
    """
    distribution, seen = [1.0], 0
    for before, all_before, now, all_now in rows:
        both = before + now
        lowest, highest = max(0, both - all_before), min(both, all_now)
        total = _ln_choose(all_before + all_now, all_now)
        chances = [
            exp(_ln_choose(both, n) + _ln_choose(all_before + all_now - both, all_now - n) - total)
            if lowest <= n <= highest else 0.0
            for n in range(all_now + 1)
        ]  # fmt: skip
        sums = [0.0] * (len(distribution) + len(chances) - 1)  # the distribution of the sum of two independent numbers
        for n, p in enumerate(distribution):
            for m, q in enumerate(chances):
                sums[n + m] += p * q
        distribution = sums
        seen += now
    return min(1.0, 2 * min(sum(distribution[: seen + 1]), sum(distribution[seen:])))


def _ln_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


class CanaryWatch:
    """Counts a run's first answers and compares them with the history once there are enough."""

    def __init__(self, history: Mapping[str, Counts], min_sample: int) -> None:
        self._history = history
        self._min_sample = max(1, min_sample)
        self._counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._answers = 0

    def note(self, outcome: Outcome) -> str | None:
        """Note one answer of the run; returns what differs, once, when the first answers are complete."""
        if not (outcome.called and outcome.state is not None and outcome.state.is_readable_answer):
            return None
        self._answers += 1
        if self._answers > self._min_sample:
            return None
        self._counts[outcome.request.combination.label].add(outcome.enrichment)
        return canary(self._history, self._counts, self._min_sample) if self._answers == self._min_sample else None


def answer_history(connection: duckdb.DuckDBPyConnection) -> dict[str, Counts]:
    """Counts of all answers in the working database, by identifier combination."""
    filled = ", ".join(
        f"count(json_extract_string(answer, '$.{part}.{name}')) FILTER (state = 'person')" for part, name in _FIELDS
    )
    rows = connection.execute(
        f"SELECT combination, count(*), count(*) FILTER (state = 'person'), {filled} FROM ledger_attempts "
        "WHERE state IN ('person', 'organisation', 'no_match') GROUP BY combination"
    ).fetchall()
    names = [f"{part}.{name}" for part, name in _FIELDS]
    return {row[0]: Counts(row[1], row[2], Counter(dict(zip(names, row[3:], strict=True)))) for row in rows}
