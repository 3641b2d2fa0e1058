"""Removes answers that have been kept for as long as the settings say."""

import dagster as dg
from dagster_duckdb import DuckDBResource

from clodura_pipeline.graph.assets.enrichment import clodura_responses
from clodura_pipeline.graph.failures import in_words
from clodura_pipeline.graph.partitions import ONE_RUN, utc_now
from clodura_pipeline.graph.resources import LedgerResource, ProjectFiles
from clodura_pipeline.warehouse.analyst_tables import bring_up_to_date
from clodura_pipeline.warehouse.database import working_database


@dg.asset(
    group_name="enrichment",
    backfill_policy=ONE_RUN,
    deps=[clodura_responses],
    kinds={"sqlite", "duckdb"},
    description="Removes raw answers and enriched fields that are overdue (CLODURA_RAW_RETENTION_DAYS, "
    "CLODURA_FIELD_RETENTION_DAYS); keeps what the books and never buying twice need.",
)
@in_words
def retained_answers(
    context: dg.AssetExecutionContext, duckdb: DuckDBResource, ledger: LedgerResource, files: ProjectFiles
) -> dg.MaterializeResult:
    """What is overdue is removed from the ledger and the working database, down to the bytes in their files."""
    with ledger.open() as journal:
        removed = journal.remove_overdue(ledger.retention)
        overwritten = journal.wipe() if ledger.retention else True
        if removed.fields:
            with working_database(duckdb, "removing answers") as connection:
                bring_up_to_date(connection, journal, files.suppression(), context.run.run_id, utc_now())
    if removed.unread:
        context.log.warning(
            f"{removed.unread} of the raw answers removed were never understood by any version: what they held is "
            "gone, and the people are not asked again. With a longer CLODURA_RAW_RETENTION_DAYS a later version can."
        )
    if not overwritten:
        context.log.warning(
            "Other runs kept the ledger busy, so bytes of what was removed may stay in its -wal file "
            "until the next run."
        )
    return dg.MaterializeResult(
        metadata={
            "raw_answers_removed": removed.raw,
            "answers_emptied": removed.fields,
            "raw_retention_days": ledger.raw_retention_days,
            "field_retention_days": ledger.field_retention_days,
        }
    )
