"""The sensor that requests the days of new and changed contact files."""

import json
import math
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

import dagster as dg

from clodura_pipeline.graph.alerts import build_alert
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.publication import published_files
from clodura_pipeline.warehouse.rows.landing import content_hash, signature_of

QUIET_SECONDS = 30.0
"""A file that was written to more recently may still be in the making."""
Versions = dict[str, list[str]]
"""By path: what tells that the file was written since it was looked at, and the hash of its content then."""
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def build_sensors(instance: GraphInstance, jobs: Jobs) -> list[dg.SensorDefinition]:
    """`new_contact_files`, and the alerts where there is a webhook."""

    @dg.sensor(
        job=jobs.enrich,
        name=instance.named("new_contact_files"),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs enrich_contacts for the days of new and changed files, each version of a file once.",
    )
    def new_contact_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        running = context.instance.get_runs(
            dg.RunsFilter(job_name=instance.named("enrich_contacts"), statuses=_UNFINISHED), limit=1
        )
        if running:
            return dg.SkipReason("enrich_contacts is queued or running; new files are requested when it has ended.")
        versions, days = new_files(instance.settings, json.loads(context.cursor or "{}"), time.time())
        cursor = json.dumps(versions)
        # A daemon that dies after the request and before it stores the cursor requests the same key again.
        key = blake2b(cursor.encode(), digest_size=8).hexdigest()
        # One run for each series of consecutive days.
        firsts = sorted(day for day in days if day - timedelta(days=1) not in days)
        lasts = sorted(day for day in days if day + timedelta(days=1) not in days)
        requests = [
            dg.RunRequest(f"{first}...{last}/{key}", tags=range_tags(first, last))
            for first, last in zip(firsts, lasts, strict=True)
        ]
        reason = None if requests else dg.SkipReason("No contact file is new or changed.")
        return dg.SensorResult(requests, skip_reason=reason, cursor=cursor)

    ends = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS) if instance.settings.alert_webhook else ()
    return [new_contact_files, *(build_alert(instance, jobs, status) for status in ends)]


def new_files(
    settings: Settings, seen: Versions | None = None, now: float = math.inf
) -> tuple[Versions, Counter[date]]:
    """What is in the contacts folder now, and by day how many files have content that no run has loaded.

    Args:
        seen: what was found the last time; what has the same content now is not new again.
        now: files written to shortly before this (epoch seconds) are left for the next time.
    """
    loaded, seen = published_files(settings.database), seen or {}
    versions: Versions = {}
    days: Counter[date] = Counter()
    today = datetime.now(UTC).date()
    for file in find_files(settings.contacts_dir).files:
        before, known = seen.get(file.path), loaded.get(file.path)
        try:
            status = file.location.stat()
            written = signature_of(status)
            version = before
            if now - max(status.st_mtime, status.st_ctime) >= QUIET_SECONDS and (not before or before[0] != written):
                version = [written, content_hash(file.location)]
        except OSError:
            continue  # the run that looks at it next says why
        if version is None:
            continue
        versions[file.path] = version
        # A file that could not be opened has no hash: it is new as soon as it can be.
        is_loaded = known is not None and known.status != "found" and known.content_hash == version[1]
        day = file.dated or (known.file_date if known else today)
        if not is_loaded and not (before and before[1] == version[1]) and settings.start_date <= day <= today:
            days[day] += 1
    return versions, days
