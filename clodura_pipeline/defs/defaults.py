"""What runs of this project have by default."""

import dagster as dg

from clodura_pipeline.graph.build import project_defaults


@dg.definitions
def defaults() -> dg.Definitions:
    """The executor of runs that are started from the page of an asset."""
    return project_defaults()
