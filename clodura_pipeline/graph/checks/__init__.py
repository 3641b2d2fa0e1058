"""Asset checks: each with its figures and a message that says what to do."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from clodura_pipeline.graph.failures import fail_with_message
from clodura_pipeline.graph.instance import GraphInstance

CheckBody = Callable[[Any], dg.AssetCheckResult]


def define_check(
    instance: GraphInstance, asset: str, description: str, blocking: bool = False, name: str | None = None
) -> Callable[[CheckBody], dg.AssetChecksDefinition]:
    """Decorates the body of a check of an asset of this instance; errors in it fail the run with a message."""

    def decorate(body: CheckBody) -> dg.AssetChecksDefinition:
        def run_check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            return fail_with_message(body)(context)

        return dg.asset_check(
            asset=instance.key(asset),
            name=name or body.__name__,
            description=description,
            blocking=blocking,
            required_resource_keys=instance.resource_keys,
        )(run_check)

    return decorate


def result(passed: bool, description: str, metadata: Mapping[str, Any], warn: bool = True) -> dg.AssetCheckResult:
    """The result of a check; `warn`: a failure is a warning, not an error."""
    severity = dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(passed=passed, severity=severity, description=description, metadata=metadata)
