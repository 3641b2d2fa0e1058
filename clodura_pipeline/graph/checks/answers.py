"""Checks of the answers: readable, enough of them, none missing without a reason."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from clodura_pipeline.graph.checks import define_check, result
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.metadata import percent
from clodura_pipeline.graph.partitions import days_of_run
from clodura_pipeline.ledger.rules.eligibility import ALREADY_ENRICHED, LOST_ONCE
from clodura_pipeline.ledger.rules.stops import LIMITS_AND_BUDGETS
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.frames import read

_SHAPES = """
SELECT detail AS shape, count(*) AS answers FROM ledger_attempts WHERE state = 'unrecognised' GROUP BY 1 ORDER BY 2 DESC
"""
_TOTAL = """
SELECT count(*) FILTER (match_status = 'person') AS persons,
       count(*) FILTER (match_status = 'organisation') AS organisations,
       count(*) FILTER (match_status = 'no_match') AS no_matches
FROM (SELECT DISTINCT person_key, match_status FROM enriched_contacts)
"""
_OF_RUN = """
SELECT coalesce(sum(persons), 0)::BIGINT AS persons, coalesce(sum(organisations), 0)::BIGINT AS organisations,
       coalesce(sum(no_matches), 0)::BIGINT AS no_matches
FROM credit_usage WHERE run_id = ?
"""
_PENDING = """
SELECT pending_code, any_value(pending_reason) AS reason, count(*) AS contacts FROM enriched_contacts
WHERE match_status = 'pending' GROUP BY 1 ORDER BY 3 DESC
"""
_PENDING_OF_DAYS = """
SELECT e.pending_reason AS reason, count(DISTINCT e.person_key) AS people
FROM contact_rows r JOIN enriched_contacts e USING (source, contact_id)
WHERE e.match_status = 'pending' AND r.file_date IN (SELECT unnest(?)) GROUP BY 1 ORDER BY 2 DESC
"""
_UNMAPPED = """
SELECT path, filled FROM answer_fields WHERE column_name IS NULL AND filled > 0 ORDER BY filled DESC, path
"""
_AGREEMENT = """
SELECT agreement, count(*) AS people FROM people WHERE agreement IS NOT NULL GROUP BY 1
"""
_EXPLAINED = {*(kind.value for kind in LIMITS_AND_BUDGETS), LOST_ONCE.code, ALREADY_ENRICHED.code, "not_called_yet"}


def build_answer_checks(instance: GraphInstance) -> list[dg.AssetChecksDefinition]:
    """The checks of `clodura_responses` and of what `enriched_contacts` shows."""

    @define_check(instance, "clodura_responses", "Every answer could be read.")
    def no_unrecognised_answers(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with working_database(instance.database(context), "a check") as connection:
            shapes = read(connection, _SHAPES)
        count = int(shapes["answers"].sum() or 0)
        message = (
            f"{count} answers could not be read. They are kept in the ledger, and nobody is called for again because "
            "of it. Clodura's format may have changed: name the fields in CLODURA_ANSWER_FIELDS or install a newer "
            "version; the next run reads them again, without a call."
            if count
            else "Every answer could be read."
        )
        listed = "; ".join(f"{shape} ({answers})" for shape, answers in shapes.head(10).iter_rows())
        return result(not count, message, {"unrecognised": count, "shapes": listed}, warn=False)

    @define_check(instance, "enriched_contacts", "Every name in Clodura's answers has a column.")
    def no_unmapped_fields(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with working_database(instance.database(context), "a check") as connection:
            unmapped = read(connection, _UNMAPPED)
        listed = "; ".join(f"{path} ({filled} answers)" for path, filled in unmapped.head(10).iter_rows())
        message = (
            f"{len(unmapped)} names in answers have no column: {listed}. Their values are in enriched_contacts.answer. "
            "To show them, map them in the file that CLODURA_ANSWER_FIELDS names."
            if len(unmapped)
            else "Every name in the answers has a column."
        )
        return result(not len(unmapped), message, {"unmapped_fields": len(unmapped)})

    @define_check(instance, "enriched_contacts", "Matches are about the people who were called for.")
    def matches_agree_with_request(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        settings = instance.clodura(context).settings
        with working_database(instance.database(context), "a check") as connection:
            counts = dict(read(connection, _AGREEMENT).iter_rows())
        differing, total = counts.get("differs", 0), sum(counts.values())
        figures = {"differs": differing, "matches": total, "differs_percent": percent(differing, total) or 0.0}
        if total < settings.min_sample:
            return result(True, f"Too few to judge: below {settings.min_sample} matches.", figures)
        if differing <= settings.max_disagreement * total:
            return result(True, f"{differing} of {total} matches differ from what was sent.", figures)
        message = (
            f"{differing} of {total} matches name another person or company than was sent, more than "
            f"{settings.max_disagreement:.0%} (CLODURA_MAX_DISAGREEMENT). Look at agreement_reasons in "
            "enriched_contacts before you use them."
        )
        return result(False, message, figures)

    @define_check(instance, "clodura_responses", "Nobody with a row on these days is pending.")
    def day_is_complete(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        days = days_of_run(context.run)
        with working_database(instance.database(context), "a check") as connection:
            pending = read(connection, _PENDING_OF_DAYS, [days])
        people = int(pending["people"].sum() or 0)
        reasons = "; ".join(f"{count}: {reason}" for reason, count in pending.head(5).iter_rows())
        message = f"{people} people are pending. {reasons}" if people else "Nobody is pending."
        return result(not people, message, {"pending": people})

    @define_check(instance, "enriched_contacts", "Enough of the people answered are found as a person.")
    def match_rate_at_least_minimum(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        """Match rate = person / (person + organisation + no_match), over people answered, in total and for this run."""
        settings = instance.clodura(context).settings
        with working_database(instance.database(context), "a check") as connection:
            counts = {
                "run": read(connection, _OF_RUN, [context.run.run_id]).row(0, named=True),
                "total": read(connection, _TOTAL).row(0, named=True),
            }
        return judge_match_rate(counts, settings)

    @define_check(instance, "enriched_contacts", "A limit, a budget or the next run explains who is pending.")
    def pending_is_explained(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with working_database(instance.database(context), "a check") as connection:
            reasons = read(connection, _PENDING)
        odd = [(reason, count) for code, reason, count in reasons.iter_rows() if code not in _EXPLAINED]
        pending, unexplained = int(reasons["contacts"].sum() or 0), sum(count for _, count in odd)
        message = (
            "; ".join(f"{count} contacts: {reason}" for reason, count in odd[:5])
            if odd
            else f"{pending} contacts wait for a limit, a budget or the next run."
            if pending
            else "Nobody is pending."
        )
        return result(not odd, message, {"pending": pending, "unexplained": unexplained})

    return [
        no_unrecognised_answers,
        no_unmapped_fields,
        matches_agree_with_request,
        day_is_complete,
        match_rate_at_least_minimum,
        pending_is_explained,
    ]


def judge_match_rate(counts: Mapping[str, Mapping[str, int]], settings: Settings) -> dg.AssetCheckResult:
    """Hold the match rates of a run and in total against the minimum.

    Args:
        counts: `persons`, `organisations` and `no_matches` of `run` and of `total`.
    """
    metadata: dict[str, Any] = {}
    low: list[str] = []
    judged = 0
    for scope, found in counts.items():
        answered = sum(found.values())
        if not answered:
            continue
        metadata[f"match_rate_{scope}_percent"] = percent(found["persons"], answered)
        metadata[f"organisation_share_{scope}_percent"] = percent(found["organisations"], answered)
        metadata[f"answered_{scope}"] = answered
        if answered >= settings.min_sample:
            judged += 1
            rate = found["persons"] / answered
            if rate < settings.min_match_rate:
                low.append(f"{rate:.0%} of {answered} people ({'in total' if scope == 'total' else 'this run'})")
    metadata["minimum_percent"] = percent(settings.min_match_rate, 1)
    if low:
        message = (
            f"Only {' and '.join(low)} were found as a person; {settings.min_match_rate:.0%} is expected "
            "(CLODURA_MIN_MATCH_RATE). Look at list_report for the file it comes from and its identifiers."
        )
        return result(False, message, metadata)
    if not judged:
        return result(True, f"Too few to judge: below {settings.min_sample} answers.", metadata)
    return result(True, "The match rate is at least the minimum.", metadata)
