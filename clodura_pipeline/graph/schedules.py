"""The schedules of an instance, off until they are switched on."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.graph.runs.summary import RANGE
from clodura_pipeline.graph.sensors import new_files
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.publication import oldest_day_to_query, query_published


def build_schedules(instance: GraphInstance, jobs: Jobs) -> list[dg.ScheduleDefinition]:
    """`nightly_enrichment` and `hourly_retention`."""

    @dg.schedule(
        job=jobs.enrich,
        name=instance.named("nightly_enrichment"),
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every night, one run from the oldest day with pending people to today.",
    )
    def nightly_enrichment(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        settings = instance.settings
        today = (context.scheduled_execution_time or datetime.now(UTC)).astimezone(UTC).date()
        if settings.start_date > today:
            yield dg.SkipReason(
                f"CLODURA_START_DATE ({settings.start_date}) is in the future: no partition exists yet."
            )
            return
        _, new = new_files(settings)
        pending = oldest_day_to_query(settings.database) or today
        first = min(today, max(pending, settings.start_date), *new)
        expected = _expected_credits(settings, new.total())
        context.log.info(f"Requested {first} to {today}; expected credits: {expected}.")
        shown = {RANGE: f"{first}...{today}", "clodura/expected_credits": expected}
        yield dg.RunRequest(run_key=None, tags=range_tags(first, today) | shown)

    @dg.schedule(
        job=jobs.retain,
        name=instance.named("hourly_retention"),
        cron_schedule="30 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every hour, so that a retention of a day is a day (CLODURA_FIELD_RETENTION_DAYS).",
    )
    def hourly_retention() -> dg.RunRequest:
        return dg.RunRequest()

    return [nightly_enrichment, hourly_retention]


def _expected_credits(settings: Settings, files: int) -> str:
    """What the next run may cost, in words: files that no run has loaded have no price yet."""
    waiting = query_published(
        settings.database, "SELECT count(DISTINCT person_key) FROM enriched_contacts WHERE match_status = 'pending'"
    )
    pending, cap = sum(WORST_COST_CREDITS * people for (people,) in waiting), settings.max_credits_per_run
    capped = f"at most {min(pending, cap) if cap else pending}"
    if not files:
        return capped
    return f"{capped} without {files} new or changed files; {f'with them at most {cap}' if cap else 'no cap is set'}"
