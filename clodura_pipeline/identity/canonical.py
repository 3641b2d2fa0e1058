"""Canonical identifiers: one text per person's profile, address or name at a company, however it was written.

| identifier | form | from |
|---|---|---|
| `profile_id` | `li:<slug>` | a LinkedIn profile, see `cells/linkedin.py` |
| `email_id` | `em:<address>` | a personal e-mail address, see `cells/emails.py` |
| `name_id` | `nc:<first>\\|<last>\\|<company>` | first and last name with a company |

The company in a `name_id` is `co:<slug>` of its LinkedIn page, else `on:<name>` without its legal form, else
`dm:<domain>`. Each form is idempotent: reading what was made from an identifier gives the identifier again.
"""

from collections.abc import Sequence

import polars as pl

from clodura_pipeline.clodura.identifiers import IDENTIFIER_FIELDS, Identifiers
from clodura_pipeline.identity.cleaning import CELLS, identified

# Raised with every change of a canonical form, its word lists included: the ledger applies the new one to the past.
CANONICAL_VERSION = 1


def identifiers_of(requests: Sequence[Identifiers]) -> list[tuple[str | None, str | None, str | None]]:
    """`profile_id`, `email_id` and `name_id` of each request as it was sent, None where it has none."""
    sent = {name: [getattr(request, name) for request in requests] for name in IDENTIFIER_FIELDS}
    cells = pl.DataFrame(sent, schema=dict.fromkeys(IDENTIFIER_FIELDS, pl.String))
    missing = [pl.lit(None, pl.String).alias(name) for name in CELLS if name not in IDENTIFIER_FIELDS]
    return identified(cells.with_columns(missing)).select("profile_id", "email_id", "name_id").rows()
