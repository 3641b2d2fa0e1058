"""Jobs and the nightly schedule."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from clodura_pipeline.assets import contacts, enrichment, publication
from clodura_pipeline.contacts.files import find_files
from clodura_pipeline.resources import ProjectFiles
from clodura_pipeline.warehouse.publishing import first_day_to_go_on_from

# A run's own retries would be new attempts at money; what is left is taken up by the next run.
_NO_RETRIES = {"dagster/max_retries": "0"}

_CONTACTS = dg.AssetSelection.assets(contacts.raw_contacts, contacts.validated_and_rejected)
_PLAN = _CONTACTS | dg.AssetSelection.assets(enrichment.enrichment_plan)

enrich_contacts = dg.define_asset_job(
    "enrich_contacts",
    selection=_PLAN
    | dg.AssetSelection.assets(
        enrichment.clodura_responses,
        publication.enriched_contacts,
        publication.credit_usage,
        publication.published_database,
    ),
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


@dg.schedule(
    job=enrich_contacts,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night: from the oldest day with people left to ask, to today, as one run.",
)
def nightly_enrichment(context: dg.ScheduleEvaluationContext, files: ProjectFiles) -> Iterator[dg.RunRequest]:
    """One run over the range that has anything left to load or to ask."""
    today = (context.scheduled_execution_time or datetime.now(UTC)).astimezone(UTC).date()
    first = max(min([today, *_days_left(files)]), date.fromisoformat(files.start_date))
    yield dg.RunRequest(
        run_key=None,
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": today.isoformat(),
        },
    )


def _days_left(files: ProjectFiles) -> Iterator[date]:
    """Days with people left to ask, by the published file, and days of files that it does not know as loaded."""
    state = first_day_to_go_on_from(Path(files.database))
    if state.pending is not None:
        yield state.pending
    for file in find_files(Path(files.contacts_dir)).files:
        if file.dated and file.path not in state.loaded:
            yield file.dated


JOBS = (enrich_contacts, plan_contacts)
SCHEDULES = (nightly_enrichment,)
