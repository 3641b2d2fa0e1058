"""Wiring: what Dagster loads."""

import dagster as dg

from clodura_pipeline.graph import checks
from clodura_pipeline.graph import jobs as automation
from clodura_pipeline.graph.assets import contacts, enrichment, publication, retention
from clodura_pipeline.graph.checks import CheckThresholds
from clodura_pipeline.graph.resources import build_resources
from clodura_pipeline.settings import Settings, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """The project with these settings."""
    return dg.Definitions(
        assets=dg.load_assets_from_modules([contacts, enrichment, retention, publication]),
        asset_checks=checks.CHECKS,
        jobs=automation.JOBS,
        schedules=automation.SCHEDULES,
        resources={
            **build_resources(settings),
            "thresholds": CheckThresholds(min_match_rate=settings.min_match_rate, min_sample=settings.min_sample),
        },
    )


defs = build_definitions(load_settings())
