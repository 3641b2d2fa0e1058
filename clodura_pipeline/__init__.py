"""Enriches contact lists through Clodura: never pays twice, never loses an answer, explains every credit."""

import warnings

# Backfill policies are the documented way to run a range as one run, and code references link assets to their code;
# their beta notices would print at every start. Named by their text: importing their class, and Dagster with it, takes
# commands that need no Dagster two seconds.
for _beta in (
    r"Parameter `backfill_policy` of function `\w+`",
    r"Class `(CodeReferencesMetadataValue|LocalFileCode\w+)`",
):
    warnings.filterwarnings("ignore", message=f"{_beta} is currently in beta")


def __dir__() -> list[str]:
    return [*globals(), "CloduraEnrichmentComponent"]


def __getattr__(name: str) -> object:
    """`CloduraEnrichmentComponent`, imported when it is asked for: with it comes Dagster, which takes seconds."""
    if name == "CloduraEnrichmentComponent":
        from clodura_pipeline.component import CloduraEnrichmentComponent

        return CloduraEnrichmentComponent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
