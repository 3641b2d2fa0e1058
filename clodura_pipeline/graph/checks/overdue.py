"""Checks that nothing is kept for longer than the settings say; run alone, they show whether runs come often enough."""

from clodura_pipeline.graph.checks import Finding, check
from clodura_pipeline.graph.step import CheckStep
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.erasure.retention import overdue_contacts
from clodura_pipeline.warehouse.published.publication import query_published

_HOLDS = "Nothing is kept longer than CLODURA_RAW_ and _FIELD_RETENTION_DAYS."


@check("retained_answers", _HOLDS, is_error=True)
def nothing_overdue(step: CheckStep) -> Finding:
    retention = step.settings.retention
    with step.ledger() as ledger:
        left, now = ledger.overdue(retention), ledger.read_clock().server
    days = retention.field_days
    contacts = scalar(step.connection, overdue_contacts(now, days)) if days else 0
    return _overdue({"raw_answers": left.raw, "answers": left.fields, "contacts": contacts})


@check("published_database", _HOLDS, is_error=True, name="nothing_overdue")
def nothing_overdue_in_published(step: CheckStep) -> Finding:
    days = step.settings.retention.field_days
    with step.ledger() as ledger:
        now = ledger.read_clock().server
    rows = query_published(step.settings.database, overdue_contacts(now, days)) if days else []
    return _overdue({"contacts": rows[0][0] if rows else 0})


def _overdue(found: dict[str, int]) -> Finding:
    listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items() if count)
    remedy = "Materialize retained_answers and everything after it, and switch on the schedule hourly_retention."
    return Finding(f"Overdue: {listed}. {remedy}" if listed else "", found)
