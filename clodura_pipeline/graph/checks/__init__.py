"""Asset checks: each with its figures and a message that says what to do."""

from collections.abc import Mapping
from typing import Any

import dagster as dg


def warning_unless(passed: bool, description: str, figures: Mapping[str, Any]) -> dg.AssetCheckResult:
    """The result of a check whose failure is a warning."""
    return dg.AssetCheckResult(
        passed=passed, severity=dg.AssetCheckSeverity.WARN, description=description, metadata=figures
    )


def error_unless(passed: bool, description: str, figures: Mapping[str, Any]) -> dg.AssetCheckResult:
    """The result of a check whose failure is an error; where the check blocks, it fails the run."""
    return dg.AssetCheckResult(passed=passed, description=description, metadata=figures)
