"""The sensors of an instance: new files, and alerts."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from time import time

import dagster as dg

from clodura_pipeline.graph.automation.alerts import alert_text, send_alert
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.landing import content_hash
from clodura_pipeline.warehouse.published.publication import published_files

QUIET_SECONDS = 30.0
"""A file that was written to more recently may still be in the making."""
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
Versions = dict[str, list[str]]
"""By path: what tells that the file was written since it was looked at, and the hash of its content then."""


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
        settings = instance.settings
        seen: Versions = json.loads(context.cursor or "{}")
        versions, days = new_versions(settings, seen, time())
        requests = [_request(first, last, days) for first, last in ranges(days)]
        reason = None if requests else dg.SkipReason("No contact file is new or changed.")
        return dg.SensorResult(requests, skip_reason=reason, cursor=json.dumps(versions))

    return [new_contact_files, *_build_alerts(instance, jobs)]


def new_versions(settings: Settings, seen: Versions, now: float) -> tuple[Versions, dict[date, list[str]]]:
    """What is in the contacts folder now, and by day the content of files that no run has been requested for yet.

    Args:
        now: files written to shortly before this (epoch seconds) are left for the next time.
    """
    loaded = published_files(settings.database)
    versions: Versions = {}
    days: dict[date, list[str]] = {}
    today = datetime.now(UTC).date()
    for file in find_files(settings.contacts_dir).files:
        before = seen.get(file.path)
        status = file.location.stat()
        if now - max(status.st_mtime, status.st_ctime) < QUIET_SECONDS:
            if before:
                versions[file.path] = before
            continue
        written = f"{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_ino}"
        if before and before[0] == written:
            versions[file.path] = before
            continue
        versions[file.path] = [written, content_hash(file.location)]
        known = loaded.get(file.path)
        day = file.dated or (known.file_date if known else today)
        is_loaded = known is not None and known.status != "found" and known.content_hash == versions[file.path][1]
        is_requested = before is not None and before[1] == versions[file.path][1]
        if not is_loaded and not is_requested and settings.start_date <= day <= today:
            days.setdefault(day, []).append(versions[file.path][1])
    return versions, days


def ranges(days: Mapping[date, object]) -> Iterator[tuple[date, date]]:
    """First and last day of each run of consecutive days."""
    ordered = sorted(days)
    first = None
    for day in ordered:
        first = first or day
        if day + timedelta(days=1) not in days:
            yield first, day
            first = None


def _request(first: date, last: date, days: Mapping[date, list[str]]) -> dg.RunRequest:
    contents = sorted(content for day, found in days.items() if first <= day <= last for content in found)
    version = blake2b("".join(contents).encode(), digest_size=8).hexdigest()
    return dg.RunRequest(run_key=f"{first}...{last}/{version}", tags=range_tags(first, last))


def _build_alerts(instance: GraphInstance, jobs: Jobs) -> list[dg.SensorDefinition]:
    if not instance.settings.alert_webhook:
        return []

    def alert(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
        @dg.run_status_sensor(
            run_status=status,
            name=instance.named(f"alert_on_{status.value.lower()}"),
            monitored_jobs=list(jobs),
            default_status=dg.DefaultSensorStatus.RUNNING,
            description="Sends a message to CLODURA_ALERT_WEBHOOK when a run needs attention.",
        )
        def alert_on_status(context: dg.RunStatusSensorContext) -> None:
            text = alert_text(context.dagster_run, context.instance, instance.settings)
            if text is not None:
                send_alert(instance.settings.alert_webhook, text, context.log)

        return alert_on_status

    return [alert(dg.DagsterRunStatus.FAILURE), alert(dg.DagsterRunStatus.SUCCESS)]
