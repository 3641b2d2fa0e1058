"""Enriches contact lists through Clodura: never pays twice, never loses an answer, explains every credit."""

import warnings

# Backfill policies are the documented way to run a range as one run; their beta notice would print at every start.
# Told by its text: importing its class, and Dagster with it, takes commands that need no Dagster two seconds.
warnings.filterwarnings("ignore", message=r"Parameter `backfill_policy` of function `\w+` is currently in beta")
