"""Builds the whole graph of an instance: its assets and checks, with the names and settings of the instance."""

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import dagster as dg

from clodura_pipeline.graph.assets import Assets, contacts, enrichment, publication
from clodura_pipeline.graph.checks import Check, answers, credits, pending, tables
from clodura_pipeline.graph.failures import failing_with_message
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.jobs import build_jobs
from clodura_pipeline.graph.schedules import build_schedules
from clodura_pipeline.graph.sensors import build_sensors
from clodura_pipeline.graph.step import CheckStep, Step, without_none
from clodura_pipeline.settings import Settings

# One run for a whole range: budgets count by run, and people with rows on several days are called for once.
_ONE_RUN = dg.BackfillPolicy.single_run()
_ASSETS = [
    found
    for module in (contacts, enrichment, publication)
    for found in vars(module).values()
    if isinstance(found, Assets)
]
_CHECKS = [
    found
    for module in (tables, answers, pending, credits)
    for found in vars(module).values()
    if isinstance(found, Check)
]
_STEP = attrgetter("asset", "blocks")  # checks of an asset are one step, those that block a run another


def build_definitions(
    instance: GraphInstance, jobs: bool = True, schedules: bool = True, sensors: bool = True
) -> dg.Definitions:
    """Assets, checks and resources of an instance, and its jobs, schedules and sensors where wanted."""
    built = build_jobs(instance)
    files = dg.AssetSpec(
        "contact_files",
        group_name="contacts",
        kinds={"file"},
        description="Files people drop into the contacts folder.",
        metadata={"path": dg.MetadataValue.path(str(instance.settings.contacts_dir))},
    )
    steps = groupby(sorted(_CHECKS, key=_STEP), key=_STEP)
    return dg.Definitions(
        assets=[instance.spec(files), *(_assets_of(instance, each) for each in _ASSETS)],
        asset_checks=[_checks_of(instance, asset, list(checks), blocks) for (asset, blocks), checks in steps],
        jobs=list(built) if jobs else [],
        schedules=build_schedules(instance, built) if schedules and jobs else [],
        sensors=build_sensors(instance, built) if sensors and jobs else [],
        resources=instance.resources,
    )


def build_project(settings: Settings) -> dg.Definitions:
    """The one instance without prefix, and what this project's own runs have by default."""
    return dg.Definitions.merge(build_definitions(GraphInstance(settings)), project_defaults())


def project_defaults() -> dg.Definitions:
    """Runs in process: to start a process for each step takes 2 s (measured), longer than most steps."""
    return dg.Definitions(executor=dg.in_process_executor)


def _assets_of(instance: GraphInstance, assets: Assets) -> dg.AssetsDefinition:
    """The assets as Dagster runs them; errors in their body fail the run with a message."""
    body = assets.body
    code = dg.LocalFileCodeReference(file_path=inspect.getfile(body), line_number=inspect.getsourcelines(body)[1])
    linked = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[code])}
    specs = [instance.spec(spec).merge_attributes(metadata=linked) for spec in assets.specs]

    @dg.multi_asset(
        name=instance.op_name(assets.specs[0].key.path[-1]),
        specs=specs,
        partitions_def=instance.partitions if assets.is_partitioned else None,
        backfill_policy=_ONE_RUN,
        required_resource_keys=set(instance.resources),
        config_schema=assets.config_of(instance.settings).to_fields_dict() if assets.config_of else None,
    )
    def run_body(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        with failing_with_message():
            figures = without_none(body(Step(context, instance)) or {})
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=figures)

    return run_body


def _checks_of(instance: GraphInstance, asset: str, checks: Sequence[Check], blocks: bool) -> dg.AssetChecksDefinition:
    """Checks of an asset in one step: to start one and to open the working database takes longer than most checks."""
    key = instance.key(asset)

    @dg.multi_asset_check(
        name=f"{instance.op_name(asset)}_{'blocking_checks' if blocks else 'checks'}",
        specs=[dg.AssetCheckSpec(check.name, asset=key, description=check.holds, blocking=blocks) for check in checks],
        required_resource_keys=set(instance.resources),
        can_subset=True,
    )
    def run_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with failing_with_message(), contextlib.ExitStack() as until_end:
            step = CheckStep(context, instance, until_end)
            for check in checks:
                if dg.AssetCheckKey(key, check.name) in context.selected_asset_check_keys:
                    found = check.find(step)
                    yield dg.AssetCheckResult(
                        asset_key=key,
                        check_name=check.name,
                        passed=not found.problem,
                        severity=dg.AssetCheckSeverity.ERROR if check.is_error else dg.AssetCheckSeverity.WARN,
                        description=found.problem or found.note or check.holds,
                        metadata=without_none(found.figures),
                    )

    return run_checks
