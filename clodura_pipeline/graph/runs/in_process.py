"""Runs a job in this process, as a run that the Dagster UI shows like any other."""

import contextlib
import logging
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from clodura_pipeline import settings as project
from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.graph.build import build_project
from clodura_pipeline.graph.failures import ConsoleLogger
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.graph.runs.summary import failure_reasons
from clodura_pipeline.private_files import close_folder
from clodura_pipeline.settings import Settings


class RunFailed(UserFixableError):
    """The run failed or was interrupted; the text gives the reasons."""


def run_job(
    settings: Settings, job: str, first: date, last: date, config: Mapping[str, Any], figures_of: str
) -> dict[str, Any]:
    """Run a job for a range of days; returns the metadata of one of its assets.

    Raises:
        RunFailed: it did not succeed.
    """
    logging.setLoggerClass(ConsoleLogger)
    # Relative paths in dagster.yaml start from the current folder.
    with contextlib.chdir(project.project_root()), _instance() as instance:
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
            raise RunFailed(str(error)) from None
        if not result.success:
            reasons = failure_reasons(result.dagster_run, instance)
            raise RunFailed("\n".join(reasons) or "The run failed; see its log above.")
        event = next(iter(result.asset_materializations_for_node(figures_of)))  # one per day, with the same figures
        return {name: value.value for name, value in event.metadata.items()}


def _instance() -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, else of the `dagster.yaml` in the project's root."""
    if os.environ.get("DAGSTER_HOME") or not Path("dagster.yaml").is_file():
        return dg.DagsterInstance.get()
    instance = dg.DagsterInstance.from_config(str(Path.cwd()))
    close_folder(Path(".dagster"))  # of runs that were started before
    return instance
