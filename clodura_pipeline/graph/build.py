"""Builds the whole graph of an instance from its settings."""

import dagster as dg

from clodura_pipeline.graph.assets.contacts import build_contact_assets
from clodura_pipeline.graph.assets.enrichment import build_enrichment_assets
from clodura_pipeline.graph.assets.publication import build_publication_assets
from clodura_pipeline.graph.assets.report import build_report_assets
from clodura_pipeline.graph.assets.retention import build_retention_assets
from clodura_pipeline.graph.automation.schedules import build_schedules
from clodura_pipeline.graph.automation.sensors import build_sensors
from clodura_pipeline.graph.checks.answers import build_answer_checks
from clodura_pipeline.graph.checks.credits import build_credit_checks
from clodura_pipeline.graph.checks.retention import build_retention_checks
from clodura_pipeline.graph.checks.tables import build_table_checks
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import build_jobs
from clodura_pipeline.settings import Settings


def build_definitions(
    instance: GraphInstance, jobs: bool = True, schedules: bool = True, sensors: bool = True
) -> dg.Definitions:
    """Assets, checks and resources of an instance, and its jobs, schedules and sensors where wanted."""
    built = build_jobs(instance)
    return dg.Definitions(
        assets=[
            *build_contact_assets(instance),
            *build_enrichment_assets(instance),
            *build_retention_assets(instance),
            *build_publication_assets(instance),
            *build_report_assets(instance),
        ],
        asset_checks=[
            *build_table_checks(instance),
            *build_answer_checks(instance),
            *build_credit_checks(instance),
            *build_retention_checks(instance),
        ],
        jobs=list(built) if jobs else [],
        schedules=build_schedules(instance, built) if schedules and jobs else [],
        sensors=build_sensors(instance, built) if sensors and jobs else [],
        resources=instance.resources(),
    )


def build_project(settings: Settings) -> dg.Definitions:
    """The one instance without prefix, and what this project's own runs have by default."""
    return dg.Definitions.merge(build_definitions(GraphInstance(settings)), project_defaults())


def project_defaults() -> dg.Definitions:
    """Runs in process: to start a process for each step takes 2 s (measured), longer than most steps."""
    return dg.Definitions(executor=dg.in_process_executor)
