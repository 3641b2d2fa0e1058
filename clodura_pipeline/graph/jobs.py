"""The jobs of an instance."""

from typing import Any, NamedTuple

import dagster as dg

from clodura_pipeline.graph.instance import GraphInstance

# A run's own retries would be new attempts at money; what is left is taken up by the next run.
NO_RETRIES = {"dagster/max_retries": "0"}
_CONTACTS = ("raw_contacts", "validated_contacts", "rejected_contacts")
_PUBLICATION = ("retained_answers", "enriched_contacts", "credit_usage", "published_database", "enrichment_report")


class Jobs(NamedTuple):
    """The jobs of an instance, as `dg.define_asset_job` makes them."""

    enrich: Any
    plan: Any
    retain: Any


def build_jobs(instance: GraphInstance) -> Jobs:
    """`enrich_contacts`, `plan_contacts` and `remove_overdue`."""

    def job(name: str, assets: tuple[str, ...], description: str) -> Any:
        return dg.define_asset_job(
            instance.named(name),
            selection=dg.AssetSelection.assets(*(instance.key(asset) for asset in assets)),
            executor_def=dg.in_process_executor,
            tags={**NO_RETRIES, **instance.tags},
            description=description,
        )

    cap = f"ops:\n  {instance.op_name('clodura_responses')}:\n    config:\n      max_credits: 20"
    return Jobs(
        job(
            "enrich_contacts",
            (*_CONTACTS, "enrichment_plan", "clodura_responses", *_PUBLICATION),
            f"Lands, validates, plans, calls Clodura (spends credits) and publishes, for a day or a range of days. To "
            f"spend at most 20 credits, give it this run config:\n\n```yaml\n{cap}\n```",
        ),
        job(
            "plan_contacts",
            (*_CONTACTS, "enrichment_plan"),
            "What enrich_contacts would call for and cost, for a day or a range of days. Spends nothing.",
        ),
        job("remove_overdue", _PUBLICATION, "Removes overdue answers and publishes what is left. Makes no call."),
    )
