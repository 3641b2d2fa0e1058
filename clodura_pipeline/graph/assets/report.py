"""The asset that writes the page beside the published file."""

import dagster as dg

from clodura_pipeline.graph.instance import GraphInstance, Step
from clodura_pipeline.report.report import write_report


def build_report_assets(instance: GraphInstance) -> list[dg.AssetsDefinition]:
    """`enrichment_report`."""
    spec = instance.spec(
        "enrichment_report",
        "publication",
        {"html"},
        "A page about the published file, without contact data.",
        deps=["published_database"],
    )
    return [instance.asset(_write_report, spec)]


def _write_report(step: Step) -> dg.MaterializeResult:
    with step.ledger() as ledger:
        reading = ledger.last_reading()
    page = write_report(step.settings, reading.credits if reading else None)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.url(page.as_uri()),
            "path": dg.MetadataValue.path(str(page)),
            "size_bytes": page.stat().st_size,
        }
    )
