"""The analysts' tables and the file they are published in."""

from datetime import timedelta

import dagster as dg

from clodura_pipeline.graph.instance import GraphInstance, Step
from clodura_pipeline.graph.metadata import row_count, small_table, without_none
from clodura_pipeline.graph.partitions import utc_now
from clodura_pipeline.graph.runs.caps import refuse_new_ledger
from clodura_pipeline.graph.runs.summary import run_summary
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.figures import LISTS, STATUSES, USAGE_BY_DAY, outcomes
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.tables import CREDIT_USAGE, ENRICHED_CONTACTS, PUBLICATION

_PENDING = "SELECT pending FROM publication"


def build_publication_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`enriched_contacts`, `credit_usage` and `published_database`."""
    contacts = instance.spec(
        "enriched_contacts",
        "publication",
        {"duckdb"},
        "One row per contact with everything known about it.",
        deps=["retained_answers"],
        table=ENRICHED_CONTACTS,
    )
    usage = instance.spec(
        "credit_usage",
        "publication",
        {"duckdb"},
        "Credits and outcomes by day, run, file and identifiers.",
        deps=["retained_answers"],
        table=CREDIT_USAGE,
    )
    file = instance.spec(
        "published_database",
        "publication",
        {"duckdb"},
        "The analysts' DuckDB file, replaced as a whole.",
        deps=["enriched_contacts", "credit_usage"],
        table=PUBLICATION,
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=3), warn_window=timedelta(days=1, hours=6)
        ),
    )
    return [
        instance.asset(_show_contacts, contacts),
        instance.asset(_show_usage, usage),
        instance.asset(_publish, file),
    ]


def _show_contacts(step: Step) -> dg.MaterializeResult:
    with step.tables("building tables") as (connection, _, _):
        found = outcomes(connection)
        figures = {
            "match_rate_percent": found.match_rate_percent,
            "organisation_share_percent": found.organisation_share_percent,
            "pending": scalar(connection, _PENDING),
            **small_table("contacts_by_status", read(connection, STATUSES).to_dicts()),
            **small_table("lists", read(connection, LISTS).to_dicts()),
            **row_count(connection, ENRICHED_CONTACTS),
        }
    return dg.MaterializeResult(metadata=without_none(figures))


def _show_usage(step: Step) -> dg.MaterializeResult:
    with step.tables("building tables") as (connection, ledger, _):
        spent, reading = ledger.totals(), ledger.last_reading()
        figures = {
            "credits_charged": round(spent.charged, 2),
            "credits_at_risk": round(spent.at_risk, 2),
            "balance": reading.credits if reading else None,
            "reconciliation": reading.interval if reading else None,
            **small_table("by_day", read(connection, USAGE_BY_DAY).to_dicts()),
            **row_count(connection, CREDIT_USAGE),
        }
    return dg.MaterializeResult(metadata=without_none(figures))


def _publish(step: Step) -> dg.MaterializeResult:
    settings, target = step.settings, step.settings.database
    with step.tables("publishing") as (connection, ledger, sequence):
        refuse_new_ledger(ledger.newest_attempt() == 0, settings)
        connection.execute("UPDATE publication SET published_at = ?, run_id = ?", [utc_now(), step.run_id])
        is_replaced = step.clodura.publish(connection)
        contacts, pending = scalar(connection, "SELECT count(*) FROM enriched_contacts"), scalar(connection, _PENDING)
        summary = run_summary(connection, ledger, step.run_id)
    if not is_replaced:
        step.context.log.warning(
            f"{target} shows a later state of this ledger and was left unchanged. If the ledger was restored from "
            "a backup, delete the file and materialize published_database."
        )
    step.context.log.info(summary)
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
