"""The plan, and the one asset that spends credits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from duckdb import DuckDBPyConnection

from clodura_pipeline.clodura.verdicts import judge
from clodura_pipeline.enrichment.canary import CanaryWatch, answer_history
from clodura_pipeline.enrichment.plan import doubtful_people, make_plan, planned_batches, planned_people
from clodura_pipeline.enrichment.plan_summary import PlanSummary
from clodura_pipeline.graph.assets import assets, spec
from clodura_pipeline.graph.runs.caps import (
    EnrichmentConfig,
    PlanConfig,
    config_with_cap,
    refuse_new_ledger,
    run_budget,
)
from clodura_pipeline.graph.runs.progress import ProgressReport
from clodura_pipeline.graph.runs.summary import tag_run
from clodura_pipeline.graph.step import Step, row_count, small_table, without_none
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.policy import Run
from clodura_pipeline.ledger.rules.stops import StopKind, stop
from clodura_pipeline.warehouse.figures import ANSWERED_BY_DAY, PLANNED_BY_DAY, pending_reasons, percent
from clodura_pipeline.warehouse.published.pending import store_pending_reasons
from clodura_pipeline.warehouse.tables.columns import ENRICHMENT_PLAN


@assets(
    spec(
        "enrichment_plan",
        "enrichment",
        "Who will be called for, and what it costs. Spends nothing.",
        ENRICHMENT_PLAN,
        deps=["validated_contacts", "rejected_contacts"],
    ),
    partitioned=True,
    config_of=lambda _: PlanConfig,
)
def plan_calls(step: Step) -> None:
    """Plans the calls; where calls follow in the same run, as their config has it."""
    given = _given_config(step)
    config = EnrichmentConfig(**given) if given else step.config(PlanConfig)
    with step.ledger() as ledger, step.database("planning") as connection:
        plan = _make_plan(step, connection, ledger, config)
        purposes = [{"purpose": purpose, "people": count} for purpose, count in plan.purposes.items()]
        run = {
            "run_to_call": plan.to_call,
            "run_expected_credits": round(plan.expected_credits, 1),
            "run_worst_credits": plan.worst_credits,
            "run_days_needed": plan.days_needed(step.settings.limits),
            "run_people": plan.people,
            "run_answered": plan.answered,
            "run_held_back": plan.held_back,
            "run_suppressed": plan.suppressed,
            **small_table("run_purposes", purposes),
            **row_count(connection, ENRICHMENT_PLAN),
        }
        step.describe_days("enrichment_plan", connection, PLANNED_BY_DAY, run)
    step.context.log.info(
        f"{plan.people} people: {plan.answered} have an answer, {plan.to_call} to call for at most "
        f"{plan.worst_credits} credits (expected: {plan.expected_credits:.0f}), {plan.held_back} held back; "
        f"{run['run_days_needed']} day(s) at the daily limit."
    )


def _given_config(step: Step) -> dict[str, Any]:
    """What this run's config says about `clodura_responses`, without defaults."""
    run_config: Mapping[str, Any] = step.context.run.run_config
    return run_config.get("ops", {}).get(step.instance.op_name("clodura_responses"), {}).get("config") or {}


def _make_plan(step: Step, connection: DuckDBPyConnection, ledger: Ledger, config: PlanConfig) -> PlanSummary:
    return make_plan(
        connection,
        ledger,
        step.clodura.suppression(),
        step.days,
        step.run_id,
        step.settings.refresh_ages if config.refresh else None,
        bool(config.retry_ambiguous),
    )


@assets(
    spec(
        "clodura_responses",
        "enrichment",
        "Calls Clodura. The only asset that spends credits.",
        deps=["enrichment_plan"],
        kinds=("http", "sqlite"),
    ).merge_attributes(metadata={"dagster/table_name": "ledger_attempts"}),
    partitioned=True,
    config_of=config_with_cap,
)
def call_people(step: Step) -> None:
    """Calls for the people of the plan, and shows what came of it."""
    days, config = step.days, step.config(EnrichmentConfig)
    if "max_credits" not in _given_config(step):  # a refresh needs a cap that was given
        config = config.model_copy(update={"max_credits": None})
    report = _call(step, config)
    failure = _failure(report)
    with step.ledger() as ledger, step.database("building tables") as connection:
        store_pending_reasons(connection, days, report.pending_reasons, report.stopped)
        step.clodura.build_tables(connection, ledger, step.run_id)
        if failure:
            step.clodura.publish(connection)
        pending = sum(found.people for found in pending_reasons(connection, days))
        first = {"run_stop_reason": report.stopped.reason} if report.stopped else {}
        step.describe_days("clodura_responses", connection, ANSWERED_BY_DAY, _run_figures(report), first)
    tag_run(step.context, days, report.progress.credits_charged, pending, report.stopped)
    if failure:
        raise failure


def _call(step: Step, config: EnrichmentConfig) -> ProgressReport:
    """Call for everyone in the plan, or as many as limits and budget allow."""
    context, clodura, settings, days = step.context, step.clodura, step.settings, step.days
    budget = run_budget(step.instance.settings, settings, config)
    with step.ledger() as ledger:
        refuse_new_ledger(ledger, settings)
        _reread_answers(step, ledger)
        with step.database("planning") as connection:
            plan = _make_plan(step, connection, ledger, config)
            people = planned_people(connection, days)
            doubts = doubtful_people(connection, days)
            canary = CanaryWatch({} if config.ignore_canary else answer_history(connection), settings.min_sample)
        calls_today = ledger.totals(f"day:{ledger.read_clock().day}").calls
        report = ProgressReport(context, plan.to_call + plan.in_flight, calls_today, doubts)
        if not plan.to_call + plan.in_flight:
            context.log.info("No call is needed: everyone has an answer or is held back.")
            return report
        batches = planned_batches(lambda: step.database("reading the plan"), days, people, settings.batch_size)
        # A cap counts over the backfill where there is one, else over the root run.
        scope = context.run.tags.get("dagster/backfill") or context.run.root_run_id or step.run_id
        run = Run(step.run_id, scope, budget.per_run_credits, str(days[0]), str(days[-1]))
        try:
            with clodura.session(ledger, run, budget, bool(config.refresh), bool(config.retry_ambiguous)) as session:
                report.session = session
                try:
                    for outcome in session.dispatcher.dispatch(batches, lambda: report.report(session)):
                        report.note(outcome)
                        if difference := canary.note(outcome):
                            session.dispatcher.stop(stop(StopKind.CANARY, difference))
                except dg.DagsterExecutionInterruptedError:
                    report.log_interruption(session)
                    raise
        except dg.DagsterExecutionInterruptedError:
            tag_run(context, days, report.progress.credits_charged, report.people_left, stop(StopKind.INTERRUPTED))
            raise dg.DagsterExecutionInterruptedError(report.interruption) from None
    if report.stopped and not report.stopped.kind.fails_the_run:  # a failure gives its reason itself
        context.log.warning(f"Stopped early: {report.stopped.reason}")
    return report


def _reread_answers(step: Step, ledger: Ledger) -> None:
    """Read kept answers again when the parser or the field names have changed, before anyone is called for."""
    reader = step.clodura.answer_reader()
    counts = ledger.reread(lambda raw, request: judge(raw, request, datetime.now(UTC), reader), reader.version)
    if counts is not None:
        step.context.log.info(f"The parser or the field names have changed: {counts}.")


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
    elif not report.progress.credits_charged:
        kept += " No credits were spent."
    return dg.Failure(f"{reason[:1].upper()}{reason[1:]}.{kept}", allow_retries=False)


def _run_figures(report: ProgressReport) -> dict[str, Any]:
    """What this run did, the figures that matter first; rare ones only where there are any."""
    progress, session = report.progress, report.session
    before, after = (session.balance_before, session.balance_after) if session else (None, None)
    figures: dict[str, Any] = {"run_match_rate_percent": percent(progress.persons, progress.answered)}
    for name in ("credits_charged", "calls", "people_called", "persons", "organisations", "no_matches"):
        figures[f"run_{name}"] = getattr(progress, name)
    figures["run_balance_before"] = before.credits if before else None
    figures["run_balance_after"] = after.credits if after else None
    for name in ("refused", "ambiguous", "unrecognised", "retries", "credits_at_risk"):
        figures[f"run_{name}"] = getattr(progress, name) or None
    return without_none(figures)
