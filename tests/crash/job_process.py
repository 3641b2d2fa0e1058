"""Runs the real job in a process of its own and kills it, with SIGKILL, the n-th time it passes a named point.

The points lie before and after the commits that matter, and around projection and publication. Nothing is replaced:
each function is wrapped so that the process ends right before it begins or right after it returned.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg

POINTS = {
    "landing": ("clodura_pipeline.graph.assets.contacts", "land"),
    "validating": ("clodura_pipeline.graph.assets.contacts", "validate"),
    "planning": ("clodura_pipeline.graph.assets.enrichment", "make_plan"),
    "entering_person": ("clodura_pipeline.ledger.people", "register"),
    "permitting": ("clodura_pipeline.ledger.ledger", "Ledger.permit"),
    "calling": ("clodura_pipeline.clodura.client", "CloduraClient.enrich"),
    "settling": ("clodura_pipeline.ledger.ledger", "Ledger.settle"),
    "reading_balance": ("clodura_pipeline.ledger.ledger", "Ledger.record_reading"),
    "storing_reasons": ("clodura_pipeline.graph.assets.enrichment", "store_pending_reasons"),
    "projecting": ("clodura_pipeline.warehouse.published.build", "update_people"),
    "building": ("clodura_pipeline.warehouse.published.build", "_fill"),
    "writing_file": ("clodura_pipeline.warehouse.published.publication", "_write"),
    "swapping_file": ("clodura_pipeline.warehouse.published.publication", "_swap"),
}


def die() -> None:
    """End at once, as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, side: str, nth: int) -> None:
    """Make the process die the n-th time it passes `side` ("before" or "after") of `point`."""
    module, path = POINTS[point]
    owner: Any = import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    real: Callable[..., Any] = getattr(owner, name)
    passed = 0

    def passing(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        passed += 1
        if side == "before" and passed == nth:
            die()
        result = real(*args, **kwargs)
        if side == "after" and passed >= nth:
            die()
        return result

    setattr(owner, name, passing)


def run_job(values: dict[str, Any], day: str, armed: tuple[str, str, int] | None) -> None:
    """Run the job for a day, under these settings; the process ends with 0 when it succeeded, else with 1."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.environ["CLODURA_API_KEY"] = values["api_key"]
    from clodura_pipeline.graph.build import build_project
    from clodura_pipeline.settings import check_settings

    settings = check_settings(values, Path(values["state_dir"]).parent)
    job = build_project(settings).resolve_job_def("enrich_contacts")
    if armed:
        arm(*armed)
    Path(values["state_dir"]).mkdir(parents=True, exist_ok=True)
    tags = {"dagster/asset_partition_range_start": day, "dagster/asset_partition_range_end": day}
    # Without the page, which no point and no promise here is about: its charts are a third of what a process costs.
    assets = [key for key in job.asset_layer.selected_asset_keys if key != dg.AssetKey("enrichment_report")]
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False, asset_selection=assets)
    sys.exit(0 if result.success else 1)
