"""`clodura-pipeline run` and `plan`: the jobs for a day or a range, with a short summary."""

import re
from datetime import UTC, date, datetime
from typing import Any

import click

from clodura_pipeline.graph.runs.in_process import run_job
from clodura_pipeline.settings import Settings, load_settings


@click.command()
@click.argument("days", required=False)
@click.option("--max-credits", type=click.IntRange(min=1), help="This run's cap; cannot lift the setting's.")
def run(days: str | None, max_credits: int | None) -> None:
    """Land, validate, plan, call Clodura and publish, for DAYS: 2026-11-22, or 2026-11-20..2026-11-22 (default: today).

    Spends credits, at most CLODURA_MAX_CREDITS_PER_RUN. The run shows in the Dagster UI like any other.
    """
    config = {"ops": {"clodura_responses": {"config": {"max_credits": max_credits}}}} if max_credits else {}
    figures = _run_job("enrich_contacts", days, config, figures_of="published_database")
    click.echo(f"\n{figures['run_summary']}\nPublished: {figures['path']}")


@click.command()
@click.argument("days", required=False)
def plan(days: str | None) -> None:
    """Show what `run` would call for and cost, for DAYS: 2026-11-22, or 2026-11-20..2026-11-22 (default: today)."""
    figures = _run_job("plan_contacts", days, {}, figures_of="enrichment_plan")
    click.echo()
    for name, label in _PLAN_LINES.items():
        click.echo(f"{label:<34} {figures[name]:>10,}")


_PLAN_LINES = {
    "run_people": "people",
    "run_answered": "of these, have an answer",
    "run_to_call": "to call for",
    "run_held_back": "held back",
    "run_expected_credits": "expected credits",
    "run_worst_credits": "credits at most",
    "run_days_needed": "days at the daily limit",
}


def _run_job(job: str, days: str | None, config: dict[str, Any], figures_of: str) -> dict[str, Any]:
    settings = load_settings()
    first, last = chosen_days(days, settings, datetime.now(UTC).date())
    return run_job(settings, job, first, last, config, figures_of)


def chosen_days(text: str | None, settings: Settings, today: date) -> tuple[date, date]:
    """First and last day of an argument such as 2026-11-22 or 2026-11-20..2026-11-22.

    Raises:
        click.UsageError: it names no days, or days without a partition.
    """
    texts = re.split(r"\.{2,3}", text, maxsplit=1) if text else [today.isoformat()]
    try:
        first, last = date.fromisoformat(texts[0]), date.fromisoformat(texts[-1])
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no day. Give a day like 2026-11-22 or a range like 2026-11-20..2026-11-22."
        ) from None
    if first > last:
        raise click.UsageError(f"The range {first} to {last} has no day: its first day is after its last.")
    if first < settings.start_date:
        raise click.UsageError(f"{first} is before the first day, {settings.start_date} (CLODURA_START_DATE).")
    if last > today:
        raise click.UsageError(f"{last} is in the future: the last day is today, {today} (UTC).")
    return first, last
