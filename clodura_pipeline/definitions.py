"""What Dagster loads: everything in `defs/`."""

import logging
import os
from functools import cache
from pathlib import Path

import dagster as dg

from clodura_pipeline.graph.failures import ConsoleLogger
from clodura_pipeline.private_files import ONLY_FOR_OWNER, close_folder

PROJECT = Path(__file__).parent


@dg.definitions
@cache  # Dagster asks for them six times for one run: 1.2 s (measured)
def defs() -> dg.Definitions:
    """All definitions of this project. What its processes write from now on is only for their owner."""
    logging.setLoggerClass(ConsoleLogger)
    os.umask(ONLY_FOR_OWNER)
    close_folder(Path.cwd() / ".dagster")  # Dagster has created it before it loads this
    return dg.load_from_defs_folder(path_within_project=PROJECT)
