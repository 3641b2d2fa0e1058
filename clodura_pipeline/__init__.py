"""Enriches contact lists through Clodura: never pays twice, never loses an answer, explains every credit."""

import warnings

from dagster import BetaWarning

# Backfill policies are the documented way to run a range as one run; their beta notice would print at every start.
warnings.filterwarnings("ignore", category=BetaWarning)
