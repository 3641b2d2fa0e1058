"""The asset that removes answers which have been kept for as long as the settings say."""

import dagster as dg

from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.warehouse.database import working_database


def build_retention_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`retained_answers`."""
    spec = instance.spec(
        "retained_answers",
        "enrichment",
        {"sqlite", "duckdb"},
        deps=[instance.key("clodura_responses")],
        description="Removes answers older than CLODURA_RAW_ and _FIELD_RETENTION_DAYS; credits stay.",
    )

    @instance.asset(spec)
    def retained_answers(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        clodura = instance.clodura(context)
        with clodura.open_ledger() as ledger:
            removed = ledger.remove_overdue(clodura.retention)
            is_overwritten = ledger.overwrite_removed() if clodura.retention else True
            if removed.fields:
                with working_database(instance.database(context), "removing answers") as connection:
                    clodura.build_tables(connection, ledger, context.run.run_id)
        if removed.unread:
            context.log.warning(
                f"{removed.unread} of the raw answers removed could never be read: their content is gone, and the "
                "people are not called for again. A longer CLODURA_RAW_RETENTION_DAYS lets a later version read them."
            )
        if not is_overwritten:
            context.log.warning(
                "Concurrent runs kept the ledger busy, so bytes of removed answers may stay in its -wal file until the "
                "next run."
            )
        return dg.MaterializeResult(
            metadata={
                "run_raw_answers_removed": removed.raw,
                "run_answers_emptied": removed.fields,
                "raw_retention_days": clodura.settings.raw_retention_days,
                "field_retention_days": clodura.settings.field_retention_days,
            }
        )

    return [retained_answers]
