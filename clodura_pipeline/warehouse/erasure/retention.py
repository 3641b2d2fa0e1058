"""Finds contacts that show enriched fields for longer than these may be kept."""

from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS
from clodura_pipeline.warehouse.published.answer_tables import ANSWER_COLUMNS

_SHOWN = " OR ".join(f"{name} IS NOT NULL" for name in ANSWER_COLUMNS)


def overdue_contacts(now: float, days: float) -> str:
    """SQL that counts them, in whichever database. `now`: epoch seconds by the server's clock."""
    latest = f"make_timestamp({round((now - days * DAY_SECONDS) * 1_000_000)})"
    return f"SELECT count(*) FROM enriched_contacts WHERE answered_at <= {latest} AND ({_SHOWN})"
