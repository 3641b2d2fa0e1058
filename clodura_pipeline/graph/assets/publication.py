"""The analysts' tables and the file they are published in."""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from clodura_pipeline.graph.assets.guards import refuse_new_ledger
from clodura_pipeline.graph.assets.metadata import definition_metadata, records, row_counts
from clodura_pipeline.graph.assets.retention import retained_answers
from clodura_pipeline.graph.failures import in_words
from clodura_pipeline.graph.partitions import ONE_RUN, utc_now
from clodura_pipeline.graph.resources import LedgerResource, ProjectFiles
from clodura_pipeline.warehouse.analyst_tables import bring_up_to_date
from clodura_pipeline.warehouse.database import scalar, working_database
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.publication import UnwritableFile, publish
from clodura_pipeline.warehouse.tables import CREDIT_USAGE, ENRICHED_CONTACTS, PUBLICATION


@dg.asset(
    group_name="publication",
    backfill_policy=ONE_RUN,
    deps=[retained_answers],
    kinds={"duckdb"},
    metadata=definition_metadata(ENRICHED_CONTACTS),
)
@in_words
def enriched_contacts(
    context: dg.AssetExecutionContext, duckdb: DuckDBResource, ledger: LedgerResource, files: ProjectFiles
) -> dg.MaterializeResult:
    """One row per contact with all that is known about it."""
    with ledger.open() as journal, working_database(duckdb, "building") as connection:
        bring_up_to_date(connection, journal, files.suppression(), context.run.run_id, utc_now())
        counts = row_counts(connection, ENRICHED_CONTACTS)
        statuses = read(connection, "SELECT match_status, count(*) AS contacts FROM enriched_contacts GROUP BY 1")
        lists = read(connection, "SELECT * FROM list_report ORDER BY file_date DESC, source_file LIMIT 50")
        people = read(
            connection,
            "SELECT match_status, count(DISTINCT person_key) AS people FROM enriched_contacts "
            "WHERE match_status IN ('person', 'organisation', 'no_match') GROUP BY 1",
        )
    by_status = dict(statuses.iter_rows())
    answered = dict(people.iter_rows())
    total = sum(answered.values())
    metadata: dict[str, Any] = {
        **counts,
        "contacts_by_status": records(statuses.to_dicts()),
        "pending": by_status.get("pending", 0),
        "list_report": records(lists.to_dicts()),
    }
    if total:
        metadata["match_rate"] = answered.get("person", 0) / total
        metadata["organisation_share"] = answered.get("organisation", 0) / total
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    group_name="publication",
    backfill_policy=ONE_RUN,
    deps=[retained_answers],
    kinds={"duckdb"},
    metadata=definition_metadata(CREDIT_USAGE),
)
@in_words
def credit_usage(
    context: dg.AssetExecutionContext, duckdb: DuckDBResource, ledger: LedgerResource, files: ProjectFiles
) -> dg.MaterializeResult:
    """Spend and outcomes by day, run, file and identifier combination, held against Clodura's own balance."""
    with ledger.open() as journal, working_database(duckdb, "building") as connection:
        bring_up_to_date(connection, journal, files.suppression(), context.run.run_id, utc_now())
        counts = row_counts(connection, CREDIT_USAGE)
        charged = scalar(connection, "SELECT sum(credits_charged) FROM credit_usage")
        at_risk = scalar(connection, "SELECT sum(credits_at_risk) FROM credit_usage")
        by_day = read(
            connection,
            "SELECT usage_date, sum(requests)::BIGINT AS requests, sum(credits_charged)::BIGINT AS credits "
            "FROM credit_usage GROUP BY 1 ORDER BY 1 DESC LIMIT 30",
        )
        reading = journal.last_reading()
    metadata: dict[str, Any] = {
        **counts,
        "credits_charged": charged,
        "credits_at_risk": at_risk,
        "by_day": records(by_day.to_dicts()),
    }
    if reading is not None and reading.credits is not None:
        metadata["balance"] = reading.credits
    if reading is not None and reading.interval is not None:
        metadata["reconciliation"] = reading.interval
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    group_name="publication",
    backfill_policy=ONE_RUN,
    deps=[enriched_contacts, credit_usage],
    kinds={"duckdb"},
    metadata=definition_metadata(PUBLICATION),
)
@in_words
def published_database(
    context: dg.AssetExecutionContext, duckdb: DuckDBResource, ledger: LedgerResource, files: ProjectFiles
) -> dg.MaterializeResult:
    """The analysts' DuckDB file, swapped in whole: it opens at any moment and shows one consistent state."""
    target = Path(files.database)
    with ledger.open() as journal, working_database(duckdb, "publishing") as connection:
        refuse_new_ledger(journal, files)
        sequence = bring_up_to_date(connection, journal, files.suppression(), context.run.run_id, utc_now())
        connection.execute("UPDATE publication SET published_at = ?, run_id = ?", [utc_now(), context.run.run_id])
        try:
            replaced = publish(connection, target)
        except UnwritableFile as problem:
            raise dg.Failure(str(problem), allow_retries=False) from None
        pending = scalar(connection, "SELECT pending FROM publication")
        contacts = scalar(connection, "SELECT count(*) FROM enriched_contacts")
    if not replaced:
        context.log.warning(f"{target} shows a later state of this ledger and was left alone (restored back-up?).")
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(target)),
            "size_bytes": target.stat().st_size,
            "ledger_sequence": sequence,
            "contacts": contacts,
            "pending": pending,
        }
    )
