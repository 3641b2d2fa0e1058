"""The sensors of an instance: new files, and alerts."""

import json
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from hashlib import blake2b
from time import time

import dagster as dg

from clodura_pipeline.graph.automation.alerts import alert_text, send_alert
from clodura_pipeline.graph.automation.new_files import new_files
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.partitions import range_tags

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
        versions, days = new_files(instance.settings, json.loads(context.cursor or "{}"), time())
        cursor = json.dumps(versions)
        # A daemon that dies after the request and before it stores the cursor requests the same key again.
        key = blake2b(cursor.encode(), digest_size=8).hexdigest()
        requests = [
            dg.RunRequest(f"{first}...{last}/{key}", tags=range_tags(first, last)) for first, last in _ranges(days)
        ]
        reason = None if requests else dg.SkipReason("No contact file is new or changed.")
        return dg.SensorResult(requests, skip_reason=reason, cursor=cursor)

    return [new_contact_files, *_build_alerts(instance, jobs)]


def _ranges(days: Collection[date]) -> Iterator[tuple[date, date]]:
    """First and last day of each run of consecutive days."""
    one = timedelta(days=1)
    firsts = sorted(day for day in days if day - one not in days)
    lasts = sorted(day for day in days if day + one not in days)
    return zip(firsts, lasts, strict=True)


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
