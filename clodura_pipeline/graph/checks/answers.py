"""Checks of the answers: readable, about who was called for, enough of them a person."""

from typing import Any

from clodura_pipeline.graph.checks import Finding, check
from clodura_pipeline.graph.step import CheckStep
from clodura_pipeline.warehouse.figures import outcomes, percent, run_figures
from clodura_pipeline.warehouse.frames import read

_SHAPES = """
SELECT detail, count(*) FROM ledger_attempts WHERE state = 'unrecognised' GROUP BY 1 ORDER BY 2 DESC
"""
_UNMAPPED = """
SELECT path, filled FROM answer_fields WHERE column_name IS NULL AND filled > 0 ORDER BY filled DESC, path
"""
_AGREEMENT = "SELECT agreement, count(*) FROM people WHERE agreement IS NOT NULL GROUP BY 1"


@check("clodura_responses", "Every answer could be read.", is_error=True)
def no_unrecognised_answers(step: CheckStep) -> Finding:
    shapes = read(step.connection, _SHAPES).rows()
    count = sum(answers for _, answers in shapes)
    problem = (
        f"{count} answers could not be read. They are kept in the ledger, and no one is called for again because "
        "of it. Clodura's format may have changed: name the fields in CLODURA_ANSWER_FIELDS or install a newer "
        "version; the next run reads them again, without a call."
    )
    listed = "; ".join(f"{shape} ({answers})" for shape, answers in shapes[:10])
    return Finding(problem if count else "", {"unrecognised": count, "shapes": listed})


@check("enriched_contacts", "Every name in Clodura's answers has a column.")
def no_unmapped_fields(step: CheckStep) -> Finding:
    unmapped = read(step.connection, _UNMAPPED).rows()
    listed = "; ".join(f"{path} ({filled} answers)" for path, filled in unmapped[:10])
    problem = (
        f"{len(unmapped)} names in answers have no column: {listed}. Their values are in enriched_contacts.answer. "
        "To show them, map them in the file that CLODURA_ANSWER_FIELDS names."
    )
    return Finding(problem if unmapped else "", {"unmapped_fields": len(unmapped)})


@check("enriched_contacts", "Matches are about who was called for.")
def matches_agree_with_request(step: CheckStep) -> Finding:
    least, most = step.settings.min_sample, step.settings.max_disagreement
    counts = dict(read(step.connection, _AGREEMENT).iter_rows())
    differing, total = counts.get("differs", 0), sum(counts.values())
    figures = {"differs": differing, "matches": total, "differs_percent": percent(differing, total) or 0.0}
    if total < least:
        return Finding("", figures, f"Too few to judge: below {least} matches.")
    problem = (
        f"{differing} of {total} matches name another person or company than was sent, more than {most:.0%} "
        "(CLODURA_MAX_DISAGREEMENT). Look at agreement_reasons in enriched_contacts before you use them."
    )
    return Finding(problem if differing > most * total else "", figures)


@check("enriched_contacts", "Enough of the people answered are found as a person.")
def match_rate_at_least_minimum(step: CheckStep) -> Finding:
    """Match rate = person / (person + organisation + no_match), over people answered, for this run and in total."""
    settings = step.settings
    low, judged = [], False
    figures: dict[str, Any] = {}
    for scope, found in (("run", run_figures(step.connection, step.run_id)), ("total", outcomes(step.connection))):
        if not found.answered:
            continue
        figures[f"match_rate_{scope}_percent"] = percent(found.persons, found.answered)
        figures[f"organisation_share_{scope}_percent"] = percent(found.organisations, found.answered)
        figures[f"answered_{scope}"] = found.answered
        judged |= (can_judge := found.answered >= settings.min_sample)
        rate = found.persons / found.answered
        if can_judge and rate < settings.min_match_rate:
            low.append(f"{rate:.0%} of {found.answered} people ({'in total' if scope == 'total' else 'this run'})")
    figures["minimum_percent"] = percent(settings.min_match_rate, 1)
    if not judged:
        return Finding("", figures, f"Too few to judge: below {settings.min_sample} answers.")
    problem = (
        f"Only {' and '.join(low)} were found as a person; {settings.min_match_rate:.0%} is expected "
        "(CLODURA_MIN_MATCH_RATE). Look at list_report for the file it comes from and its identifiers."
    )
    return Finding(problem if low else "", figures)
