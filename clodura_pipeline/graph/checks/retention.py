"""Checks that nothing is kept for longer than the settings say; run alone, they show whether runs come often enough."""

import dagster as dg

from clodura_pipeline.graph.checks import define_check, result
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.retention import overdue_contacts, overdue_in_published

_DESCRIPTION = "Nothing is kept longer than CLODURA_RAW_ and _FIELD_RETENTION_DAYS."
_REMEDY = "Materialize retained_answers and everything after it, and switch on the schedule hourly_retention."


def build_retention_checks(instance: GraphInstance) -> list[dg.AssetChecksDefinition]:
    """`nothing_overdue` of `retained_answers` and of `published_database`."""

    @define_check(instance, "retained_answers", _DESCRIPTION)
    def nothing_overdue(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        clodura = instance.clodura(context)
        with clodura.open_ledger() as ledger:
            left, now = ledger.overdue(clodura.retention)
        contacts = 0
        if clodura.retention.field_days:
            with working_database(instance.database(context), "a check") as connection:
                contacts = overdue_contacts(connection, now, clodura.retention.field_days)
        return _overdue({"raw_answers": left.raw, "answers": left.fields, "contacts": contacts})

    @define_check(instance, "published_database", _DESCRIPTION, name="nothing_overdue")
    def nothing_overdue_published(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        clodura = instance.clodura(context)
        days = clodura.retention.field_days
        with clodura.open_ledger() as ledger:
            _, now = ledger.overdue(clodura.retention)
        return _overdue({"contacts": overdue_in_published(clodura.settings.database, now, days) if days else 0})

    return [nothing_overdue, nothing_overdue_published]


def _overdue(found: dict[str, int]) -> dg.AssetCheckResult:
    listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items() if count)
    message = f"Overdue: {listed}. {_REMEDY}" if listed else "Nothing is overdue."
    return result(not listed, message, found, warn=False)
