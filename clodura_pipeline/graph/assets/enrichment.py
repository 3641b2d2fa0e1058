"""The plan, and the one asset that spends credits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clodura_pipeline.clodura.verdicts import judge
from clodura_pipeline.enrichment.canary import CanaryWatch, answer_history
from clodura_pipeline.enrichment.plan import doubtful_people, make_plan, planned_batches
from clodura_pipeline.enrichment.session import RunIdentity
from clodura_pipeline.graph.guards import cap_scope, refuse_new_ledger, run_budget
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.metadata import (
    add_day_figures,
    percent,
    row_count,
    small_table,
    table_metadata,
    without_none,
)
from clodura_pipeline.graph.partitions import days_of
from clodura_pipeline.graph.progress import ProgressReport
from clodura_pipeline.graph.resources import CloduraResource
from clodura_pipeline.graph.run_config import EnrichmentConfig, PlanConfig
from clodura_pipeline.graph.run_tags import tag_run
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.stops import StopKind, stop
from clodura_pipeline.warehouse.analyst_tables import people_pending, store_pending_reasons
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.tables import ENRICHMENT_PLAN

_PLANNED = """
SELECT e.file_date, count(*) AS people, count(*) FILTER (e.decision = 'answered') AS answered,
       count(*) FILTER (e.decision = 'eligible') AS to_call, count(*) FILTER (e.decision = 'ineligible') AS held_back,
       coalesce(sum(p.worst_credits) FILTER (e.decision = 'eligible'), 0)::BIGINT AS worst_credits,
       coalesce(sum(p.expected_credits) FILTER (e.decision = 'eligible'), 0) AS expected_credits,
       count(p.person_key) AS "dagster/partition_row_count"
FROM eligibility e LEFT JOIN enrichment_plan p USING (person_key, file_date)
WHERE e.file_date IN (SELECT unnest(?)) GROUP BY e.file_date
"""
_ANSWERED = """
WITH days AS (SELECT unnest($1) AS file_date), people AS (
    SELECT DISTINCT r.file_date, e.person_key, e.match_status
    FROM contact_rows r JOIN enriched_contacts e USING (source, contact_id)
    WHERE r.file_date IN (SELECT file_date FROM days)
), counted AS (
    SELECT file_date, count(*) AS people, count(*) FILTER (match_status = 'person') AS persons,
           count(*) FILTER (match_status = 'organisation') AS organisations,
           count(*) FILTER (match_status = 'no_match') AS no_matches,
           count(*) FILTER (match_status = 'pending') AS pending FROM people GROUP BY file_date
), spent AS (
    SELECT file_date, sum(requests)::BIGINT AS calls, sum(credits_charged) AS credits_charged,
           sum(credits_at_risk) AS credits_at_risk FROM credit_usage SEMI JOIN days USING (file_date) GROUP BY file_date
)
SELECT file_date, round(100 * persons / nullif(persons + organisations + no_matches, 0), 1) AS match_rate_percent,
       coalesce(credits_charged, 0) AS credits_charged, coalesce(pending, 0) AS pending, coalesce(people, 0) AS people,
       coalesce(persons, 0) AS persons, coalesce(organisations, 0) AS organisations,
       coalesce(no_matches, 0) AS no_matches, coalesce(calls, 0) AS calls,
       coalesce(credits_at_risk, 0) AS credits_at_risk
FROM days LEFT JOIN counted USING (file_date) LEFT JOIN spent USING (file_date)
"""


def build_enrichment_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`enrichment_plan` and `clodura_responses`."""
    plan_key, responses_key = instance.key("enrichment_plan"), instance.key("clodura_responses")
    plan_spec = instance.spec(
        "enrichment_plan",
        "enrichment",
        {"duckdb"},
        table_metadata(ENRICHMENT_PLAN),
        deps=[instance.key("validated_contacts"), instance.key("rejected_contacts")],
        description="Who will be called for, and what it costs. Spends nothing.",
    )
    responses_spec = instance.spec(
        "clodura_responses",
        "enrichment",
        {"http", "sqlite"},
        {"dagster/table_name": "ledger_attempts"},
        deps=[plan_key],
        description="Calls Clodura through the ledger. The only asset that spends.",
    )

    @instance.asset(plan_spec, partitioned=True)
    def enrichment_plan(context: dg.AssetExecutionContext, config: PlanConfig) -> dg.MaterializeResult:
        clodura, days = instance.clodura(context), days_of(context)
        given = _config_of_calls(context, instance) or config
        with (
            clodura.open_ledger() as ledger,
            working_database(instance.database(context), "planning") as connection,
        ):
            plan = make_plan(
                connection,
                ledger,
                clodura.suppression(),
                days,
                context.run.run_id,
                clodura.refresh_ages if given.refresh else None,
                given.retry_ambiguous,
            )
            add_day_figures(context, plan_key, connection, _PLANNED, days)
            counts = row_count(connection, ENRICHMENT_PLAN)
        days_needed = plan.days_needed(clodura.settings.limits)
        context.log.info(
            f"{plan.people} people: {plan.answered} have an answer, {plan.to_call} to call for at most "
            f"{plan.worst_credits} credits (expected: {plan.expected_credits:.0f}), {plan.held_back} held back; "
            f"{days_needed} day(s) at the daily limit."
        )
        purposes = [{"purpose": purpose, "people": count} for purpose, count in plan.purposes.items()]
        figures = {
            "run_people": plan.people,
            "run_answered": plan.answered,
            "run_to_call": plan.to_call,
            "run_held_back": plan.held_back,
            "run_worst_credits": plan.worst_credits,
            "run_expected_credits": round(plan.expected_credits, 1),
            "run_days_needed": days_needed,
            "run_suppressed": plan.suppressed,
        }
        return dg.MaterializeResult(metadata={**counts, **figures, **small_table("run_purposes", purposes)})

    @instance.asset(responses_spec, partitioned=True)
    def clodura_responses(context: dg.AssetExecutionContext, config: EnrichmentConfig) -> dg.MaterializeResult:
        clodura, days = instance.clodura(context), days_of(context)
        report = _call(context, instance, config)
        with (
            clodura.open_ledger() as ledger,
            working_database(instance.database(context), "building tables") as connection,
        ):
            store_pending_reasons(connection, days, report.pending_reasons, report.stopped)
            clodura.build_tables(connection, ledger, context.run.run_id)
            pending = people_pending(connection, days)
            failure = _failure(report)
            if failure:
                clodura.publish(connection)
            add_day_figures(context, responses_key, connection, _ANSWERED, days)
        tag_run(context, days, report.progress.credits_charged, pending, report.stopped)
        if failure:
            raise failure
        return dg.MaterializeResult(metadata=_run_figures(report))

    return [enrichment_plan, clodura_responses]


def _config_of_calls(context: dg.AssetExecutionContext, instance: GraphInstance) -> EnrichmentConfig | None:
    """The config of `clodura_responses` where it is part of the same run: the plan is of what will be called."""
    run_config: Mapping[str, Any] = context.run.run_config
    config = run_config.get("ops", {}).get(instance.op_name("clodura_responses"), {}).get("config")
    return EnrichmentConfig(**config) if config else None


def _call(context: dg.AssetExecutionContext, instance: GraphInstance, config: EnrichmentConfig) -> ProgressReport:
    """Call for everyone in the plan, or as many as limits and budget allow."""
    clodura, days = instance.clodura(context), days_of(context)
    settings = clodura.settings
    budget = run_budget(instance.settings, settings, config)
    with clodura.open_ledger() as ledger:
        refuse_new_ledger(ledger.newest_attempt() == 0, settings)
        _reread_answers(context, clodura, ledger)
        with working_database(instance.database(context), "planning") as connection:
            plan = make_plan(
                connection,
                ledger,
                clodura.suppression(),
                days,
                context.run.run_id,
                clodura.refresh_ages if config.refresh else None,
                config.retry_ambiguous,
            )
            batches = planned_batches(connection, days, settings.batch_size)
            doubts = doubtful_people(connection, days)
            canary = CanaryWatch({} if config.ignore_canary else answer_history(connection), settings.min_sample)
        calls_today = ledger.totals(f"day:{ledger.read_clock().day}").calls
        report = ProgressReport(context, plan.to_call + plan.in_flight, calls_today, doubts)
        if not plan.to_call + plan.in_flight:
            context.log.info("Nobody to call for: everyone has an answer or is held back.")
            return report
        identity = RunIdentity(
            context.run.run_id, cap_scope(context.run), budget.per_run_credits, str(days[0]), str(days[-1])
        )
        try:
            with clodura.session(ledger, identity, budget, config.refresh, config.retry_ambiguous) as session:
                try:
                    for outcome in session.dispatcher.dispatch(batches, lambda: report.report(session), 1.0):
                        report.note(outcome)
                        if difference := canary.note(outcome):
                            session.dispatcher.stop(stop(StopKind.CANARY, difference))
                except dg.DagsterExecutionInterruptedError:
                    report.interrupt(session)
                    raise
        except dg.DagsterExecutionInterruptedError:
            raise dg.DagsterExecutionInterruptedError(report.interruption_message()) from None
        report.finish(session)
    return report


def _reread_answers(context: dg.AssetExecutionContext, clodura: CloduraResource, ledger: Ledger) -> None:
    """Read kept answers again when the parser or the field names have changed, before anyone is called for."""
    reader = clodura.answer_reader()
    counts = ledger.reread(lambda raw, request: judge(raw, request, datetime.now(UTC), reader), reader.version)
    if counts is not None:
        context.log.info(f"The parser or the field names have changed: {counts}.")


def _failure(report: ProgressReport) -> dg.Failure | None:
    """The failure of a run that a person must act on, or that got no answer at all; None when there is none."""
    stopped = report.stopped
    if not (stopped and stopped.kind.fails_the_run) and not report.found_no_service:
        return None
    reason = stopped.reason if stopped else next(reason.text for reason in report.pending_reasons.values())
    answered = report.progress.answered
    kept = f" {answered} answers that had come before are stored and published." if answered else " No answer came."
    if report.progress.credits_at_risk:
        kept += f" {report.progress.credits_at_risk:g} credits are at risk."
    return dg.Failure(f"{reason[:1].upper()}{reason[1:]}.{kept}", allow_retries=False)


def _run_figures(report: ProgressReport) -> dict[str, Any]:
    """What this run did, the figures that matter first."""
    progress = report.progress
    return without_none(
        {
            "run_stop_reason": report.stopped.reason if report.stopped else None,
            "run_match_rate_percent": percent(progress.persons, progress.answered),
            "run_credits_charged": progress.credits_charged,
            "run_calls": progress.calls,
            "run_people_called": progress.people_called,
            "run_persons": progress.persons,
            "run_organisations": progress.organisations,
            "run_no_matches": progress.no_matches,
            "run_refused": progress.refused,
            "run_ambiguous": progress.ambiguous,
            "run_unrecognised": progress.unrecognised,
            "run_retries": progress.retries,
            "run_credits_at_risk": progress.credits_at_risk,
            **{f"run_{name}": value for name, value in report.balance_figures.items()},
        }
    )
