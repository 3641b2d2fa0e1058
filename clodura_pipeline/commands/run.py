"""`clodura-pipeline run` and `plan`: the jobs for a day or a range, with a short summary."""

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import dagster as dg

from clodura_pipeline import settings as project
from clodura_pipeline.graph.build import build_project
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.graph.runs.console import shorten_failures
from clodura_pipeline.graph.runs.summary import failure_reasons
from clodura_pipeline.private_files import close_folder
from clodura_pipeline.settings import Settings, load_settings


@click.command()
@click.argument("days", required=False)
@click.option("--max-credits", type=click.IntRange(min=1), help="This run's cap; cannot lift the setting's.")
def run(days: str | None, max_credits: int | None) -> None:
    """Land, validate, plan, call Clodura and publish, for DAYS: 2026-11-22, or 2026-11-20..2026-11-22 (default: today).

    Spends credits, at most CLODURA_MAX_CREDITS_PER_RUN. The run shows in the Dagster UI like any other.
    """
    config = {"ops": {"clodura_responses": {"config": {"max_credits": max_credits}}}} if max_credits else {}
    with _executed("enrich_contacts", days, config) as result:
        for event in result.asset_materializations_for_node("published_database"):
            click.echo(f"\n{event.metadata['run_summary'].value}\nPublished: {event.metadata['path'].value}")


@click.command()
@click.argument("days", required=False)
def plan(days: str | None) -> None:
    """Show what `run` would call for and cost, for DAYS: 2026-11-22, or 2026-11-20..2026-11-22 (default: today)."""
    with _executed("plan_contacts", days, {}) as result:
        event = next(iter(result.asset_materializations_for_node("enrichment_plan")))
        figures = {name: value.value for name, value in event.metadata.items()}
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


@contextlib.contextmanager
def _executed(job: str, days: str | None, config: dict[str, Any]) -> Iterator[dg.ExecuteInProcessResult]:
    """The result of a successful run of a job; a failed one ends the command with its reason."""
    shorten_failures()
    settings = load_settings()
    first, last = chosen_days(days, settings, datetime.now(UTC).date())
    # Relative paths in dagster.yaml start from the current folder.
    with contextlib.chdir(project.project_root()), _dagster_instance() as instance:
        try:
            result = (
                build_project(settings)
                .resolve_job_def(job)
                .execute_in_process(
                    run_config=config,
                    instance=instance,
                    partition_key=first.isoformat() if first == last else None,
                    tags={} if first == last else range_tags(first, last),
                    raise_on_error=False,
                )
            )
        except dg.DagsterExecutionInterruptedError as error:
            raise click.ClickException(str(error)) from None
        if not result.success:
            reasons = failure_reasons(result.dagster_run, instance)
            raise click.ClickException("\n".join(reasons) or "The run failed; see its log above.")
        yield result


def _dagster_instance() -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, else of the `dagster.yaml` in the project's root."""
    if os.environ.get("DAGSTER_HOME") or not Path("dagster.yaml").is_file():
        return dg.DagsterInstance.get()
    instance = dg.DagsterInstance.from_config(str(Path.cwd()))
    close_folder(Path(".dagster"))  # of runs that were started before
    return instance


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
