"""The plan, and the one asset that spends credits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field

from clodura_pipeline.clodura.client import UnsafeAddress
from clodura_pipeline.enrichment.dispatcher import Progress
from clodura_pipeline.enrichment.plan import Plan, plan, store_plan
from clodura_pipeline.enrichment.session import RefusedToStart
from clodura_pipeline.graph.assets.contacts import validated_and_rejected
from clodura_pipeline.graph.assets.guards import refuse_new_ledger
from clodura_pipeline.graph.assets.metadata import definition_metadata, records, row_counts, without_none
from clodura_pipeline.graph.assets.progress import ProgressReport
from clodura_pipeline.graph.failures import in_words
from clodura_pipeline.graph.partitions import DAILY, ONE_RUN, days_of, utc_now
from clodura_pipeline.graph.resources import CloduraResource, LedgerResource, ProjectFiles, Tick
from clodura_pipeline.ledger import LedgerProblem
from clodura_pipeline.ledger.rules.eligibility import Purpose
from clodura_pipeline.warehouse.analyst_tables import bring_up_to_date, bump, people_pending, set_pending_reasons
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.people import identify_people
from clodura_pipeline.warehouse.publication import publish
from clodura_pipeline.warehouse.tables import ENRICHMENT_PLAN


class AskingConfig(dg.Config):
    """What a run may be told. An ordinary run needs none of it."""

    max_credits: int | None = Field(
        default=None, ge=0, description="this run's cap in credits, instead of CLODURA_MAX_CREDITS_PER_RUN; 0: no cap"
    )
    refresh: bool = Field(
        default=False, description="ask people again whose answers are older than the max ages; needs max_credits"
    )
    settle_doubts: bool = Field(default=False, description="ask people again whose answer was lost twice")


@dg.asset(
    group_name="enrichment",
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    deps=[validated_and_rejected],
    kinds={"duckdb"},
    metadata=definition_metadata(ENRICHMENT_PLAN),
)
@in_words
def enrichment_plan(
    context: dg.AssetExecutionContext,
    config: AskingConfig,
    duckdb: DuckDBResource,
    ledger: LedgerResource,
    files: ProjectFiles,
    clodura: CloduraResource,
) -> dg.MaterializeResult:
    """Who would be asked, in which order, with what, at what cost. Opens no socket: this is the dry run."""
    days, suppression = days_of(context), files.suppression()
    told = _what_the_asking_is_told(context) or config
    refresh = clodura.refresh_ages if told.refresh else None
    with ledger.open() as journal, working_database(duckdb, "planning") as connection:
        identify_people(connection, journal)
        made = plan(connection, journal, suppression, days, refresh, told.settle_doubts)
        store_plan(connection, made, days)
        bump(connection, "files_version")
        counts = row_counts(connection, ENRICHMENT_PLAN, list(days))
    days_needed = made.days_needed(clodura.limits)
    context.log.info(
        f"{made.people} people: {made.known} have an answer, {len(made.planned)} to ask for at most "
        f"{made.worst_credits} credits (expected: {made.expected_credits:.0f}), {len(made.held)} held back; "
        f"{days_needed} day(s) at the daily limit."
    )
    purposes = [{"purpose": str(purpose), "people": count} for purpose, count in made.purposes.items()]
    return dg.MaterializeResult(
        metadata={
            **counts,
            "people": made.people,
            "already_known": made.known,
            "to_ask": len(made.planned),
            "held_back": len(made.held),
            "suppressed": made.suppressed,
            "worst_credits": made.worst_credits,
            "expected_credits": made.expected_credits,
            "days_needed": days_needed,
            "purposes": records(purposes),
        }
    )


@dg.asset(
    group_name="enrichment",
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    deps=[enrichment_plan],
    kinds={"duckdb"},
    description="Asks Clodura through the ledger, in batches; then projects the answers. The only asset that spends.",
    metadata={"dagster/table_name": "ledger_attempts"},
)
@in_words
def clodura_responses(
    context: dg.AssetExecutionContext,
    config: AskingConfig,
    duckdb: DuckDBResource,
    ledger: LedgerResource,
    files: ProjectFiles,
    clodura: CloduraResource,
) -> dg.MaterializeResult:
    """Asks everybody who may be asked, stops kindly with a reason, and stores why the rest is pending."""
    if config.refresh and not config.max_credits:
        raise dg.Failure("A refresh asks people again who have answers: cap it with max_credits in the run's config.")
    days, suppression = days_of(context), files.suppression()
    refresh = clodura.refresh_ages if config.refresh else None
    with ledger.open() as journal, working_database(duckdb, "planning") as connection:
        refuse_new_ledger(journal, files)
        identify_people(connection, journal)
        made = plan(connection, journal, suppression, days, refresh, config.settle_doubts)
    report = _ask(context, config, clodura, made)
    with ledger.open() as journal, working_database(duckdb, "projecting") as connection:
        asked = frozenset(question.person_key for question in made.questions)
        set_pending_reasons(connection, {**made.held, **report.pending_reasons}, asked)
        bring_up_to_date(connection, journal, suppression, context.run.run_id, utc_now())
        pending = people_pending(connection, days)
        if report.stopped and report.stopped.kind.fails_the_run:
            publish(connection, Path(files.database))
    if report.stopped and report.stopped.kind.fails_the_run:
        answered = report.progress.answered
        kept = f" {answered} answers that had come before it are stored and published." if answered else ""
        raise dg.Failure(
            f"Stopped: {report.stopped.reason}.{kept} The next run goes on from there.",
            metadata=without_none({"stop_reason": report.stopped.reason, "calls": report.progress.calls}),
            allow_retries=False,
        )
    return dg.MaterializeResult(metadata=_figures(made, report, pending, clodura.limits.per_day))


def _what_the_asking_is_told(context: dg.AssetExecutionContext) -> AskingConfig | None:
    """The config of `clodura_responses` where it is part of the same run: the plan is to be of what will be asked."""
    run_config: Mapping[str, Any] = context.run.run_config
    config = run_config.get("ops", {}).get("clodura_responses", {}).get("config")
    return AskingConfig(**config) if config else None


def _ask(
    context: dg.AssetExecutionContext, config: AskingConfig, clodura: CloduraResource, made: Plan
) -> ProgressReport:
    doubts = {item.question.person_key for item in made.planned if item.purpose == Purpose.DOUBT}
    report = ProgressReport(context, len(made.questions), doubts)
    if not made.questions:
        context.log.info("Nobody to ask: everybody has an answer or is held back.")
        return report
    root_run_id = context.run.root_run_id or context.run.run_id
    try:
        with clodura.session(
            context.run.run_id, root_run_id, config.max_credits, config.refresh, config.settle_doubts
        ) as session:
            tick = Tick(lambda: report.tick(session), 1.0)
            try:
                for outcome in clodura.enrich_batches(clodura.batches(made.questions), tick):
                    report.note(outcome)
            except dg.DagsterExecutionInterruptedError:
                report.stopping(session)
                raise
        report.finish(session)
    except (RefusedToStart, LedgerProblem, UnsafeAddress) as problem:
        raise dg.Failure(str(problem), allow_retries=False) from None
    except dg.DagsterExecutionInterruptedError:
        raise dg.DagsterExecutionInterruptedError(report.how_it_stopped()) from None
    return report


def _figures(made: Plan, report: ProgressReport, pending: int, per_day: int) -> dict[str, Any]:
    progress = report.progress
    return without_none(
        {
            "people": made.people,
            "suppressed": made.suppressed,
            "already_known": made.known + progress.already_known,
            "asked": progress.asked,
            "calls": progress.calls,
            "retries": progress.retries,
            "persons": progress.persons,
            "organisations": progress.organisations,
            "no_matches": progress.no_matches,
            "refused": progress.refused,
            "ambiguous": progress.ambiguous,
            "unrecognised": progress.unrecognised,
            "match_rate": _share(progress.persons, progress),
            "organisation_share": _share(progress.organisations, progress),
            "credits_charged": progress.credits_charged,
            "credits_at_risk": progress.credits_at_risk,
            "pending": pending,
            "days_left": -(-pending // per_day) if per_day else None,
            "stop_reason": report.stopped.reason if report.stopped else None,
            **report.balance_figures,
        }
    )


def _share(part: int, progress: Progress) -> float | None:
    """A share of the people answered in this run; None when there were none."""
    return part / progress.answered if progress.answered else None
