"""The sensors of an instance: new contact files, and alerts about runs that need attention."""

import json
import logging
import math
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

import dagster as dg

from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.graph.runs.summary import PENDING, STOP_REASON, failure_reasons
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.ledger import LedgerError, exists
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.published.publication import published_files
from clodura_pipeline.warehouse.rows.landing import content_hash

QUIET_SECONDS = 30.0
"""A file that was written to more recently may still be in the making."""
TIMEOUT_SECONDS = 10.0
PAUSES_SECONDS = (2.0, 10.0)
"""Between the attempts to send an alert."""
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
    return [new_contact_files, *(_build_alert(instance, jobs, status) for status in ends)]


def _build_alert(instance: GraphInstance, jobs: Jobs, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
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
            written = f"{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_ino}"
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


def alert_text(run: dg.DagsterRun, instance: dg.DagsterInstance, settings: Settings) -> str | None:
    """What needs attention about a run that has ended; None when nothing does. Holds no contact data."""
    lines: list[str] = []
    if run.status is dg.DagsterRunStatus.FAILURE:
        lines.append(f"Failed: {'; '.join(failure_reasons(run, instance)) or 'see the run in Dagster'}")
    if STOP_REASON in run.tags:
        lines.append(f"Stopped early: {run.tags[STOP_REASON]}; {run.tags.get(PENDING, '?')} people are pending.")
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        check = entry.get_dagster_event().asset_check_evaluation_data
        if not check.passed:
            kind = "Error" if check.severity is dg.AssetCheckSeverity.ERROR else "Warning"
            name = f"{check.asset_key.to_user_string()}, {check.check_name}"
            lines.append(f"{kind}: {name}: {check.description or 'not passed'}")
    lines += _low_balance(settings)
    return "\n".join([f"clodura_pipeline: {run.job_name}, run {run.run_id}", *lines]) if lines else None


def _low_balance(settings: Settings) -> Iterator[str]:
    """Whether the balance is below what is to be kept and a day's spend."""
    try:
        if not exists(settings.ledger):
            return
        with open_ledger(settings.ledger) as ledger:
            reading, today = ledger.last_reading(), ledger.totals(f"day:{ledger.read_clock().day}").charged
    except LedgerError as error:
        yield str(error)
        return
    if reading and reading.credits is not None and reading.credits < settings.min_balance + today:
        yield (
            f"Balance: {reading.credits:g} credits are left at Clodura, {settings.min_balance} of them to keep "
            f"(CLODURA_MIN_BALANCE); today's calls cost {today:g}."
        )


def send_alert(url: str, text: str, log: logging.Logger, sleep: Callable[[float], None] = time.sleep) -> bool:
    """POST `{"text": ...}` to a URL, three times at most; returns whether it was accepted. Raises nothing."""
    body = json.dumps({"text": text}).encode()
    for pause in (*PAUSES_SECONDS, None):
        try:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
                return True
        except (OSError, ValueError) as error:
            # The address may hold a token: only the kind of error is logged.
            kind = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
            log.warning(f"The alert could not be sent to CLODURA_ALERT_WEBHOOK: {kind}.")
        if pause is not None:
            sleep(pause)
    return False
