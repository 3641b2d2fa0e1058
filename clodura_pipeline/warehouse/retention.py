"""Counts contacts that show enriched fields for longer than these may be kept."""

from pathlib import Path

import duckdb

from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.published.publication import query_published
from clodura_pipeline.warehouse.tables import ENRICHED_CONTACTS

# Everything that comes from an answer stands between these two.
_FIRST, _AFTER = "clodura_person_id", "credits_charged"
_FIELDS = ENRICHED_CONTACTS.names[ENRICHED_CONTACTS.names.index(_FIRST) : ENRICHED_CONTACTS.names.index(_AFTER)]
_SHOWN = " OR ".join(f"{name} IS NOT NULL" for name in _FIELDS)


def overdue_contacts(connection: duckdb.DuckDBPyConnection, now: float, days: float) -> int:
    """In the working database. `now`: epoch seconds by the server's clock."""
    return scalar(connection, _query(now, days))


def overdue_in_published(target: Path, now: float, days: float) -> int:
    """In the published file; 0 when there is none."""
    rows = query_published(target, _query(now, days))
    return rows[0][0] if rows else 0


def _query(now: float, days: float) -> str:
    latest = f"make_timestamp({round((now - days * DAY_SECONDS) * 1_000_000)})"
    return f"SELECT count(*) FROM enriched_contacts WHERE answered_at <= {latest} AND ({_SHOWN})"
