"""Checks that nothing is kept for longer than the settings say; run alone, they show whether runs come often enough."""

import dagster as dg

from clodura_pipeline.graph.checks import error_unless
from clodura_pipeline.graph.instance import GraphInstance, Step
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.published.publication import query_published
from clodura_pipeline.warehouse.retention import overdue_contacts

_DESCRIPTION = "Nothing is kept longer than CLODURA_RAW_ and _FIELD_RETENTION_DAYS."
_REMEDY = "Materialize retained_answers and everything after it, and switch on the schedule hourly_retention."


def build_retention_checks(instance: GraphInstance) -> list[dg.AssetChecksDefinition]:
    """`nothing_overdue` of `retained_answers` and of `published_database`."""
    return [
        instance.checks("retained_answers", ("nothing_overdue", nothing_overdue, _DESCRIPTION)),
        instance.checks("published_database", ("nothing_overdue", nothing_overdue_published, _DESCRIPTION)),
    ]


def nothing_overdue(step: Step) -> dg.AssetCheckResult:
    """Looks for overdue answers in ledger and working database."""
    retention = step.clodura.retention
    with step.ledger() as ledger:
        left, now = ledger.overdue(retention), ledger.read_clock().server
    contacts = 0
    if retention.field_days:
        with step.database("a check") as connection:
            contacts = scalar(connection, overdue_contacts(now, retention.field_days))
    return _overdue({"raw_answers": left.raw, "answers": left.fields, "contacts": contacts})


def nothing_overdue_published(step: Step) -> dg.AssetCheckResult:
    """Looks for overdue answers in the published file."""
    days = step.clodura.retention.field_days
    with step.ledger() as ledger:
        now = ledger.read_clock().server
    rows = query_published(step.settings.database, overdue_contacts(now, days)) if days else []
    return _overdue({"contacts": rows[0][0] if rows else 0})


def _overdue(found: dict[str, int]) -> dg.AssetCheckResult:
    listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items() if count)
    message = f"Overdue: {listed}. {_REMEDY}" if listed else "Nothing is overdue."
    return error_unless(not listed, message, found)
