"""Answers that may be kept, the analysts' tables, the file they are published in, and the page beside it."""

from datetime import timedelta
from typing import Any

import dagster as dg

from clodura_pipeline.graph.assets import assets, spec
from clodura_pipeline.graph.partitions import utc_now
from clodura_pipeline.graph.runs.caps import refuse_new_ledger
from clodura_pipeline.graph.runs.summary import run_summary
from clodura_pipeline.graph.step import Step, row_count, small_table
from clodura_pipeline.report.report import write_report
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.figures import LISTS, STATUSES, USAGE_BY_DAY, outcomes, percent
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.tables.columns import CREDIT_USAGE, ENRICHED_CONTACTS, PUBLICATION

_PENDING = "SELECT pending FROM publication"


@assets(
    spec(
        "retained_answers",
        "enrichment",
        "Removes answers older than the retention; credits stay.",
        deps=["clodura_responses"],
        kinds=("sqlite", "duckdb"),
    )
)
def remove_overdue(step: Step) -> dict[str, Any]:
    """Removes overdue answers from the ledger, and from the tables."""
    retention = step.settings.retention
    with step.ledger() as ledger:
        removed = ledger.remove_overdue(retention)
        is_overwritten = ledger.overwrite_removed() if retention else True
        if removed.fields:
            with step.database("removing answers") as connection:
                step.clodura.build_tables(connection, ledger, step.run_id)
    if removed.unread:
        step.context.log.warning(
            f"{removed.unread} of the raw answers removed could never be read: their content is gone, and the "
            "people are not called for again. A longer CLODURA_RAW_RETENTION_DAYS lets a later version read them."
        )
    if not is_overwritten:
        step.context.log.warning(
            "Concurrent runs kept the ledger busy, so bytes of removed answers may stay in its -wal file until the "
            "next run."
        )
    return {
        "run_raw_answers_removed": removed.raw,
        "run_answers_emptied": removed.fields,
        "raw_retention_days": retention.raw_days,
        "field_retention_days": retention.field_days,
    }


@assets(
    spec(
        "enriched_contacts",
        "publication",
        "One row per contact with everything known about it.",
        ENRICHED_CONTACTS,
        deps=["retained_answers"],
    )
)
def show_contacts(step: Step) -> dict[str, Any]:
    """Brings the analysts' tables up to date."""
    with step.tables("building tables") as (connection, _, _):
        found = outcomes(connection)
        return {
            "match_rate_percent": percent(found.persons, found.answered),
            "organisation_share_percent": percent(found.organisations, found.answered),
            "pending": scalar(connection, _PENDING),
            **small_table("contacts_by_status", read(connection, STATUSES).to_dicts()),
            **small_table("lists", read(connection, LISTS).to_dicts()),
            **row_count(connection, ENRICHED_CONTACTS),
        }


@assets(
    spec(
        "credit_usage",
        "publication",
        "Credits and outcomes by day, run, file and identifiers.",
        CREDIT_USAGE,
        deps=["retained_answers"],
    )
)
def show_usage(step: Step) -> dict[str, Any]:
    """Brings the analysts' tables up to date."""
    with step.tables("building tables") as (connection, ledger, _):
        spent, reading = ledger.totals(), ledger.last_reading()
        return {
            "credits_charged": round(spent.charged, 2),
            "credits_at_risk": round(spent.at_risk, 2),
            "balance": reading.credits if reading else None,
            "reconciliation": reading.interval if reading else None,
            **small_table("by_day", read(connection, USAGE_BY_DAY).to_dicts()),
            **row_count(connection, CREDIT_USAGE),
        }


@assets(
    spec(
        "published_database",
        "publication",
        "The analysts' DuckDB file, replaced as a whole.",
        PUBLICATION,
        deps=["enriched_contacts", "credit_usage"],
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=3), warn_window=timedelta(days=1, hours=6)
        ),
    )
)
def publish_database(step: Step) -> dict[str, Any]:
    """Replaces the analysts' file."""
    settings, target = step.settings, step.settings.database
    with step.tables("publishing") as (connection, ledger, sequence):
        refuse_new_ledger(ledger, settings)
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
    return {
        "run_summary": summary,
        "contacts": contacts,
        "pending": pending,
        "path": dg.MetadataValue.path(str(target)),
        "size_bytes": target.stat().st_size,
        "ledger_sequence": sequence,
    }


@assets(
    spec(
        "enrichment_report",
        "publication",
        "A page about the published file, without contact data.",
        deps=["published_database"],
        kinds=("html",),
    )
)
def write_page(step: Step) -> dict[str, Any]:
    """Writes the page beside the published file."""
    with step.ledger() as ledger:
        reading = ledger.last_reading()
    page = write_report(step.settings, reading.credits if reading else None)
    return {
        "page": dg.MetadataValue.url(page.as_uri()),
        "path": dg.MetadataValue.path(str(page)),
        "size_bytes": page.stat().st_size,
    }
