"""The schedules of an instance, off until they are switched on."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.graph.runs.tags import RANGE
from clodura_pipeline.intake.files import ContactFile, find_files
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.landing import content_hash
from clodura_pipeline.warehouse.published.publication import (
    PublishedFile,
    oldest_day_to_query,
    published_files,
    query_published,
)


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
        new = [day for day in days_of_new_files(settings) if settings.start_date <= day <= today]
        pending = oldest_day_to_query(settings.database) or today
        first = min(today, max(pending, settings.start_date), *new)
        expected = expected_credits(settings, len(new))
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


def expected_credits(settings: Settings, new_files: int) -> str:
    """What the next run may cost, in words: files that no run has loaded have no price yet."""
    pending, cap = WORST_COST_CREDITS * people_pending(settings.database), settings.max_credits_per_run
    capped = f"at most {min(pending, cap) if cap else pending}"
    if not new_files:
        return capped
    return (
        f"{capped} without {new_files} new or changed files; {f'with them at most {cap}' if cap else 'no cap is set'}"
    )


def people_pending(published: Path) -> int:
    """People that an ordinary run would call for, by the published file."""
    query = "SELECT count(DISTINCT person_key) FROM enriched_contacts WHERE match_status = 'pending'"
    rows = query_published(published, query)
    return rows[0][0] if rows else 0


def days_of_new_files(settings: Settings) -> Iterator[date]:
    """The day of each file that no run has loaded as it is now, by the published file."""
    known = published_files(settings.database)
    for file in find_files(settings.contacts_dir).files:
        before = known.get(file.path)
        if before is None and file.dated:
            yield file.dated
        elif before is not None and (before.status == "found" or _is_changed(file, before)):
            yield before.file_date


def _is_changed(file: ContactFile, before: PublishedFile) -> bool:
    """Whether a file has other content than was loaded. One that could not be read is tried again when it changes."""
    if before.content_hash is None:
        return False
    try:
        return content_hash(file.location) != before.content_hash
    except OSError:
        return False  # the run that looks at it next says why
