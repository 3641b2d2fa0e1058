"""The asset that removes answers which have been kept for as long as the settings say."""

from typing import Any

from clodura_pipeline.graph.assets import assets, spec
from clodura_pipeline.graph.step import Step


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
