"""Jobs and the nightly schedule."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from clodura_pipeline.graph.assets import contacts, enrichment, publication, retention
from clodura_pipeline.graph.resources import ProjectFiles
from clodura_pipeline.intake.files import ContactFile, find_files
from clodura_pipeline.warehouse.publication import PublishedFile, oldest_day_to_ask, published_files

# A run's own retries would be new attempts at money; what is left is taken up by the next run.
_NO_RETRIES = {"dagster/max_retries": "0"}

_CONTACTS = dg.AssetSelection.assets(contacts.raw_contacts, contacts.validated_and_rejected)
_PLAN = _CONTACTS | dg.AssetSelection.assets(enrichment.enrichment_plan)

_PUBLICATION = dg.AssetSelection.assets(
    retention.retained_answers,
    publication.enriched_contacts,
    publication.credit_usage,
    publication.published_database,
)

enrich_contacts = dg.define_asset_job(
    "enrich_contacts",
    selection=_PLAN | dg.AssetSelection.assets(enrichment.clodura_responses) | _PUBLICATION,
    executor_def=dg.in_process_executor,
    tags=_NO_RETRIES,
    description="All of it, for a day or a range: lands, validates, plans, asks Clodura (spends credits), publishes.",
)

plan_contacts = dg.define_asset_job(
    "plan_contacts",
    selection=_PLAN,
    executor_def=dg.in_process_executor,
    tags=_NO_RETRIES,
    description="What enrich_contacts would ask and cost, for a day or a range. Spends nothing.",
)

remove_overdue = dg.define_asset_job(
    "remove_overdue",
    selection=_PUBLICATION,
    executor_def=dg.in_process_executor,
    tags=_NO_RETRIES,
    description="Removes answers that are overdue and publishes what is left. Asks nobody.",
)


@dg.schedule(
    job=remove_overdue,
    cron_schedule="30 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every hour: what has become overdue since (CLODURA_FIELD_RETENTION_DAYS) goes.",
)
def hourly_retention() -> dg.RunRequest:
    """Between the nightly runs, so that a day means a day."""
    return dg.RunRequest()


@dg.schedule(
    job=enrich_contacts,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night: from the oldest day with people left to ask, to today, as one run.",
)
def nightly_enrichment(
    context: dg.ScheduleEvaluationContext, files: ProjectFiles
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run over the range that has anything left to load or to ask."""
    today = (context.scheduled_execution_time or datetime.now(UTC)).astimezone(UTC).date()
    start = date.fromisoformat(files.start_date)
    if start > today:
        yield dg.SkipReason(f"CLODURA_START_DATE ({start}) is in the future: there is no partition yet.")
        return
    first = min([today, *(day for day in _days_left(files) if start <= day <= today)])
    yield dg.RunRequest(
        run_key=None,
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": today.isoformat(),
        },
    )


def _days_left(files: ProjectFiles) -> Iterator[date]:
    """Days with people left to ask, and days of files that are new or changed, by the published file."""
    published = Path(files.database)
    pending = oldest_day_to_ask(published)
    if pending is not None:
        yield pending
    known = published_files(published)
    for file in find_files(Path(files.contacts_dir)).files:
        before = known.get(file.path)
        if before is None and file.dated:
            yield file.dated
        elif before is not None and (before.status == "found" or _changed(file, before)):
            yield before.file_date


def _changed(file: ContactFile, before: PublishedFile) -> bool:
    """Whether a file is another one than was loaded; one that could not be read is tried again when it changes."""
    if file.size_bytes != before.size_bytes:
        return True
    modified = datetime.fromtimestamp(file.location.stat().st_mtime, UTC).replace(tzinfo=None)
    return before.loaded_at is not None and modified > before.loaded_at


JOBS = (enrich_contacts, plan_contacts, remove_overdue)
SCHEDULES = (nightly_enrichment, hourly_retention)
