"""The analysts' tables and the file they are published in."""

from datetime import timedelta
from typing import Any

import dagster as dg

from clodura_pipeline.graph.guards import refuse_new_ledger
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.metadata import percent, row_count, small_table, table_metadata, without_none
from clodura_pipeline.graph.partitions import utc_now
from clodura_pipeline.graph.run_summary import run_summary
from clodura_pipeline.warehouse.database import first_row, scalar, working_database
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.tables import CREDIT_USAGE, ENRICHED_CONTACTS, PUBLICATION

_LISTS = """
SELECT source_file AS file, people, matched, round(100 * match_rate, 1) AS match_rate_percent,
       credits_charged AS credits, unanswered FROM list_report ORDER BY file_date DESC, source_file LIMIT 50
"""
_PEOPLE = """
SELECT count(DISTINCT person_key) FILTER (match_status = 'person') AS persons,
       count(DISTINCT person_key) FILTER (match_status = 'organisation') AS organisations,
       count(DISTINCT person_key) FILTER (match_status IN ('person', 'organisation', 'no_match')) AS answered,
       count(*) FILTER (match_status = 'pending') AS pending
FROM enriched_contacts
"""
_STATUSES = "SELECT match_status, count(*) AS contacts FROM enriched_contacts GROUP BY 1 ORDER BY 2 DESC"
_BY_DAY = """
SELECT usage_date AS day, sum(requests)::BIGINT AS calls, sum(persons)::BIGINT AS persons,
       sum(credits_charged) AS credits FROM credit_usage GROUP BY 1 ORDER BY 1 DESC LIMIT 30
"""


def build_publication_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`enriched_contacts`, `credit_usage` and `published_database`."""
    after = [instance.key("retained_answers")]
    contacts_spec = instance.spec(
        "enriched_contacts",
        "publication",
        {"duckdb"},
        table_metadata(ENRICHED_CONTACTS),
        deps=after,
        description="One row per contact with everything known about it.",
    )
    usage_spec = instance.spec(
        "credit_usage",
        "publication",
        {"duckdb"},
        table_metadata(CREDIT_USAGE),
        deps=after,
        description="Credits and outcomes by day, run, file and identifiers.",
    )
    file_spec = instance.spec(
        "published_database",
        "publication",
        {"duckdb"},
        table_metadata(PUBLICATION),
        deps=[contacts_spec.key, usage_spec.key],
        description="The analysts' DuckDB file, replaced as a whole.",
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=3), warn_window=timedelta(days=1, hours=6)
        ),
    )

    @instance.asset(contacts_spec)
    def enriched_contacts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        clodura = instance.clodura(context)
        with (
            clodura.open_ledger() as ledger,
            working_database(instance.database(context), "building tables") as connection,
        ):
            clodura.build_tables(connection, ledger, context.run.run_id)
            persons, organisations, answered, pending = first_row(connection, _PEOPLE) or (0, 0, 0, 0)
            figures: dict[str, Any] = {
                "match_rate_percent": percent(persons, answered),
                "organisation_share_percent": percent(organisations, answered),
                "pending": pending,
                **row_count(connection, ENRICHED_CONTACTS),
                **small_table("contacts_by_status", read(connection, _STATUSES).to_dicts()),
                **small_table("lists", read(connection, _LISTS).to_dicts()),
            }
        return dg.MaterializeResult(metadata=without_none(figures))

    @instance.asset(usage_spec)
    def credit_usage(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        clodura = instance.clodura(context)
        with (
            clodura.open_ledger() as ledger,
            working_database(instance.database(context), "building tables") as connection,
        ):
            clodura.build_tables(connection, ledger, context.run.run_id)
            spent, reading = ledger.totals(), ledger.last_reading()
            figures: dict[str, Any] = {
                "credits_charged": round(spent.charged, 2),
                "credits_at_risk": round(spent.at_risk, 2),
                "balance": reading.credits if reading else None,
                "reconciliation": reading.interval if reading else None,
                **row_count(connection, CREDIT_USAGE),
                **small_table("by_day", read(connection, _BY_DAY).to_dicts()),
            }
        return dg.MaterializeResult(metadata=without_none(figures))

    @instance.asset(file_spec)
    def published_database(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        clodura = instance.clodura(context)
        settings = clodura.settings
        target = settings.database
        with (
            clodura.open_ledger() as ledger,
            working_database(instance.database(context), "publishing") as connection,
        ):
            refuse_new_ledger(ledger.newest_attempt() == 0, settings)
            run_id = context.run.run_id
            sequence = clodura.build_tables(connection, ledger, run_id)
            connection.execute("UPDATE publication SET published_at = ?, run_id = ?", [utc_now(), run_id])
            is_replaced = clodura.publish(connection)
            contacts = scalar(connection, "SELECT count(*) FROM enriched_contacts")
            pending = scalar(connection, "SELECT pending FROM publication")
            summary = run_summary(connection, ledger, run_id)
        if not is_replaced:
            context.log.warning(
                f"{target} shows a later state of this ledger and was left unchanged. If the ledger was restored from "
                "a backup, delete the file and materialize published_database."
            )
        context.log.info(summary)
        return dg.MaterializeResult(
            metadata={
                "run_summary": summary,
                "contacts": contacts,
                "pending": pending,
                "path": dg.MetadataValue.path(str(target)),
                "size_bytes": target.stat().st_size,
                "ledger_sequence": sequence,
            }
        )

    return [enriched_contacts, credit_usage, published_database]
