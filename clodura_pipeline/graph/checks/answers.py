"""Checks of the answers: readable, enough of them, none missing without a reason."""

from typing import Any

import dagster as dg

from clodura_pipeline.graph.checks import error_unless, warning_unless
from clodura_pipeline.graph.instance import GraphInstance, Step
from clodura_pipeline.graph.partitions import days_of_run
from clodura_pipeline.ledger.rules.eligibility import ALREADY_ENRICHED, LOST_ONCE
from clodura_pipeline.ledger.rules.stops import LIMITS_AND_BUDGETS
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.figures import Outcomes, outcomes, pending_reasons, percent, run_figures
from clodura_pipeline.warehouse.frames import read

_SHAPES = """
SELECT detail AS shape, count(*) AS answers FROM ledger_attempts WHERE state = 'unrecognised' GROUP BY 1 ORDER BY 2 DESC
"""
_UNMAPPED = """
SELECT path, filled FROM answer_fields WHERE column_name IS NULL AND filled > 0 ORDER BY filled DESC, path
"""
_AGREEMENT = "SELECT agreement, count(*) FROM people WHERE agreement IS NOT NULL GROUP BY 1"
_EXPLAINED = {*(kind.value for kind in LIMITS_AND_BUDGETS), LOST_ONCE.code, ALREADY_ENRICHED.code, "not_called_yet"}


def build_answer_checks(instance: GraphInstance) -> list[dg.AssetChecksDefinition]:
    """The checks of `clodura_responses` and of what `enriched_contacts` shows."""
    return [
        instance.checks(
            "clodura_responses",
            ("day_is_complete", day_is_complete, "Everyone with a row on these days has been called for."),
            ("no_unrecognised_answers", no_unrecognised_answers, "Every answer could be read."),
        ),
        instance.checks(
            "enriched_contacts",
            ("match_rate_at_least_minimum", match_rate_at_least_minimum, "Enough of the people answered are found."),
            ("matches_agree_with_request", matches_agree_with_request, "Matches are about who was called for."),
            ("no_unmapped_fields", no_unmapped_fields, "Every name in Clodura's answers has a column."),
            ("pending_is_explained", pending_is_explained, "A limit, a cap or the next run explains who is pending."),
        ),
    ]


def day_is_complete(step: Step) -> dg.AssetCheckResult:
    """Warns of people who are pending on the days of this run."""
    with step.database("a check") as connection:
        pending = pending_reasons(connection, days_of_run(step.context.run))
    people = sum(found.people for found in pending)
    reasons = "; ".join(f"{found.people}: {found.reason}" for found in pending[:5])
    message = f"{people} people are pending. {reasons}" if people else "No one is pending."
    return warning_unless(not people, message, {"pending": people})


def no_unrecognised_answers(step: Step) -> dg.AssetCheckResult:
    """Looks for answers that were kept without being understood."""
    with step.database("a check") as connection:
        shapes = read(connection, _SHAPES)
    count = int(shapes["answers"].sum() or 0)
    message = (
        f"{count} answers could not be read. They are kept in the ledger, and no one is called for again because "
        "of it. Clodura's format may have changed: name the fields in CLODURA_ANSWER_FIELDS or install a newer "
        "version; the next run reads them again, without a call."
        if count
        else "Every answer could be read."
    )
    listed = "; ".join(f"{shape} ({answers})" for shape, answers in shapes.head(10).iter_rows())
    return error_unless(not count, message, {"unrecognised": count, "shapes": listed})


def no_unmapped_fields(step: Step) -> dg.AssetCheckResult:
    """Warns of names in answers whose values have no column."""
    with step.database("a check") as connection:
        unmapped = read(connection, _UNMAPPED)
    listed = "; ".join(f"{path} ({filled} answers)" for path, filled in unmapped.head(10).iter_rows())
    message = (
        f"{len(unmapped)} names in answers have no column: {listed}. Their values are in enriched_contacts.answer. "
        "To show them, map them in the file that CLODURA_ANSWER_FIELDS names."
        if len(unmapped)
        else "Every name in the answers has a column."
    )
    return warning_unless(not len(unmapped), message, {"unmapped_fields": len(unmapped)})


def matches_agree_with_request(step: Step) -> dg.AssetCheckResult:
    """Warns when more than `CLODURA_MAX_DISAGREEMENT` of the matches contradict what was sent."""
    settings = step.settings
    with step.database("a check") as connection:
        counts = dict(read(connection, _AGREEMENT).iter_rows())
    differing, total = counts.get("differs", 0), sum(counts.values())
    figures = {"differs": differing, "matches": total, "differs_percent": percent(differing, total) or 0.0}
    if total < settings.min_sample:
        return warning_unless(True, f"Too few to judge: below {settings.min_sample} matches.", figures)
    if differing <= settings.max_disagreement * total:
        return warning_unless(True, f"{differing} of {total} matches differ from what was sent.", figures)
    message = (
        f"{differing} of {total} matches name another person or company than was sent, more than "
        f"{settings.max_disagreement:.0%} (CLODURA_MAX_DISAGREEMENT). Look at agreement_reasons in "
        "enriched_contacts before you use them."
    )
    return warning_unless(False, message, figures)


def pending_is_explained(step: Step) -> dg.AssetCheckResult:
    """Warns of people who are pending for another reason than a limit, a cap or an answer that is still to come."""
    with step.database("a check") as connection:
        pending = pending_reasons(connection)
    unexplained = [found for found in pending if found.code not in _EXPLAINED]
    waiting, people = (sum(found.people for found in group) for group in (pending, unexplained))
    message = "No one is pending."
    if people:
        reasons = "; ".join(f"{found.people}: {found.reason}" for found in unexplained[:5])
        message = f"{people} people need your attention. {reasons}"
    elif waiting:
        message = f"{waiting} people wait for a limit, a cap or the next run."
    return warning_unless(not people, message, {"pending": waiting, "unexplained": people})


def match_rate_at_least_minimum(step: Step) -> dg.AssetCheckResult:
    """Match rate = person / (person + organisation + no_match), over people answered, in total and for this run."""
    with step.database("a check") as connection:
        scopes = {"run": run_figures(connection, step.run_id), "total": outcomes(connection)}
    return judge_match_rate(scopes, step.settings)


def judge_match_rate(scopes: dict[str, Outcomes], settings: Settings) -> dg.AssetCheckResult:
    """Hold match rates against the minimum.

    Args:
        scopes: what they are of (`run`, `total`).
    """
    figures: dict[str, Any] = {}
    for scope, found in scopes.items():
        if found.answered:
            figures[f"match_rate_{scope}_percent"] = found.match_rate_percent
            figures[f"organisation_share_{scope}_percent"] = found.organisation_share_percent
            figures[f"answered_{scope}"] = found.answered
    figures["minimum_percent"] = percent(settings.min_match_rate, 1)
    judged = {scope: found for scope, found in scopes.items() if found.answered >= max(1, settings.min_sample)}
    low = [
        f"{found.match_rate:.0%} of {found.answered} people ({'in total' if scope == 'total' else 'this run'})"
        for scope, found in judged.items()
        if found.match_rate < settings.min_match_rate
    ]
    if low:
        message = (
            f"Only {' and '.join(low)} were found as a person; {settings.min_match_rate:.0%} is expected "
            "(CLODURA_MIN_MATCH_RATE). Look at list_report for the file it comes from and its identifiers."
        )
        return warning_unless(False, message, figures)
    if not judged:
        return warning_unless(True, f"Too few to judge: below {settings.min_sample} answers.", figures)
    return warning_unless(True, "The match rate is at least the minimum.", figures)
