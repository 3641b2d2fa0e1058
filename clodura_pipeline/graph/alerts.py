"""Alerts: what is sent to CLODURA_ALERT_WEBHOOK about a run that needs attention."""

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import dagster as dg

from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import Jobs
from clodura_pipeline.graph.runs.summary import PENDING, STOP_REASON, failure_reasons
from clodura_pipeline.ledger import LedgerError, exists
from clodura_pipeline.settings import Settings

TIMEOUT_SECONDS = 10.0
PAUSES_SECONDS = (2.0, 10.0)
"""Between the attempts to send an alert."""


def build_alert(instance: GraphInstance, jobs: Jobs, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    """The sensor that sends an alert about runs that end with this status."""

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
