"""`clodura-pipeline status`: what is running, spent, left and pending, from the ledger and the published file."""

from datetime import UTC, datetime

import click

from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import exists
from clodura_pipeline.settings import Settings, load_settings
from clodura_pipeline.warehouse.published.publication import query_published

_PENDING = """
SELECT coalesce(pending_reason, match_status), count(DISTINCT person_key) FROM enriched_contacts
WHERE match_status = 'pending' GROUP BY 1 ORDER BY 2 DESC LIMIT 10
"""
_PUBLISHED = "SELECT published_at, pending FROM publication"


@click.command()
def status() -> None:
    """Show what is running, what was spent today, what is left and who is pending. Makes no call."""
    settings = load_settings()
    lines = [*_ledger_lines(settings), *_published_lines(settings)]
    for name, value in lines:
        click.echo(f"{name:<14} {value}")


def _ledger_lines(settings: Settings) -> list[tuple[str, str]]:
    if not exists(settings.ledger):
        return [("ledger", f"none yet at {settings.ledger}: no call was made")]
    with open_ledger(settings.ledger) as ledger:
        runs = ledger.all_runs()
        today, total = ledger.totals(f"day:{ledger.read_clock().day}"), ledger.totals()
        reading = ledger.last_reading()
    running = next((run for run in reversed(runs) if run.ended_at is None), None)
    lines = [("running", "nothing is calling")]
    if running:
        lines = [("running", f"since {_time(running.started_at)}, {running.range_start} to {running.range_end}")]
    cap = f" of {settings.max_credits_per_day}" if settings.max_credits_per_day else ""
    limit = f" of {settings.requests_per_day}" if settings.requests_per_day else ""
    lines.append(("today", f"{today.charged:g}{cap} credits, {today.calls}{limit} calls"))
    lines.append(("in total", f"{total.charged:g} credits charged, {total.at_risk:g} at risk, {total.calls} calls"))
    if reading and reading.credits is not None:
        lines.append(("balance", f"{reading.credits:g} credits at the last reading"))
    if stopped := next((run for run in reversed(runs) if run.stop_reason is not None), None):
        lines.append(("last stop", f"{_time(stopped.started_at)}: {stopped.stop_reason}"))
    return lines


def _published_lines(settings: Settings) -> list[tuple[str, str]]:
    published = query_published(settings.database, _PUBLISHED)
    if not published:
        return [("published", f"nothing yet at {settings.database}")]
    reasons = query_published(settings.database, _PENDING)
    people = sum(count for _, count in reasons)
    days = -(-people // settings.requests_per_day) if settings.requests_per_day else 0
    ((published_at, *_),) = published
    published_at = published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC)
    lines = [("published", f"{published_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {settings.database}")]
    lines.append(("pending", f"{people} people" + (f", {days} day(s) at the daily limit" if days else "")))
    return lines + [("", f"{count}: {reason}") for reason, count in reasons]


def _time(epoch_seconds: float) -> str:
    return f"{datetime.fromtimestamp(epoch_seconds, UTC):%Y-%m-%d %H:%M} UTC"
