"""The asset that writes the page beside the published file."""

import dagster as dg

from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.report.report import write_report


def build_report_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`enrichment_report`."""
    spec = instance.spec(
        "enrichment_report",
        "publication",
        {"html"},
        deps=[instance.key("published_database")],
        description="A page about the published file, for a browser without a network. No contact data.",
    )

    @instance.asset(spec)
    def enrichment_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        clodura = instance.clodura(context)
        with clodura.open_ledger() as ledger:
            reading = ledger.last_reading()
        page = write_report(clodura.settings, reading.credits if reading else None)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(page.as_uri()),
                "path": dg.MetadataValue.path(str(page)),
                "size_bytes": page.stat().st_size,
            }
        )

    return [enrichment_report]
