"""Checks that nothing is kept for longer than the settings say; run alone, they tell whether runs come often enough."""

from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource

from clodura_pipeline.graph.assets.publication import published_database
from clodura_pipeline.graph.assets.retention import retained_answers
from clodura_pipeline.graph.failures import in_words
from clodura_pipeline.graph.resources import LedgerResource, ProjectFiles
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.retention import overdue_contacts, overdue_in_published

_DESCRIPTION = "Nothing is kept for longer than CLODURA_RAW_RETENTION_DAYS and CLODURA_FIELD_RETENTION_DAYS say."
_REMEDY = (
    "Run retained_answers and what follows it; switch on the schedule hourly_retention, which does so between the "
    "nightly runs."
)


@dg.asset_check(asset=retained_answers, description=_DESCRIPTION)
@in_words
def nothing_overdue(duckdb: DuckDBResource, ledger: LedgerResource) -> dg.AssetCheckResult:
    """Fails while the ledger or the working database holds what should be gone."""
    with ledger.open() as journal:
        left, now = journal.overdue(ledger.retention)
    contacts = 0
    if ledger.field_retention_days:
        with working_database(duckdb, "a check") as connection:
            contacts = overdue_contacts(connection, now, ledger.field_retention_days)
    return _result({"raw_answers": left.raw, "answers": left.fields, "contacts": contacts})


@dg.asset_check(asset=published_database, name="nothing_overdue", description=_DESCRIPTION)
@in_words
def nothing_overdue_published(ledger: LedgerResource, files: ProjectFiles) -> dg.AssetCheckResult:
    """Fails while the published file shows what should be gone."""
    with ledger.open() as journal:
        _, now = journal.overdue(ledger.retention)
    days = ledger.field_retention_days
    return _result({"contacts": overdue_in_published(Path(files.database), now, days) if days else 0})


def _result(found: dict[str, int]) -> dg.AssetCheckResult:
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items() if count)
    return dg.AssetCheckResult(
        passed=not told,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"Overdue: {told}. {_REMEDY}" if told else "Nothing is overdue.",
        metadata=found,
    )


CHECKS = (nothing_overdue, nothing_overdue_published)
