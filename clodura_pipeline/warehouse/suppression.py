"""Works out which people are never called for: those on the suppression list, by any of their rows or answers."""

import duckdb
import polars as pl

from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import read, registered
from clodura_pipeline.warehouse.ledger_projection import PEOPLE_VERSION
from clodura_pipeline.warehouse.state import get_state, set_state

# The landed address says more than the cleaned one, which leaves role addresses out. A landed cell may hold several.
_DOMAINS = """
SELECT DISTINCT unnest([v.organisation_domain, regexp_extract(v.email_id, '@(.+)$', 1)]
    || regexp_extract_all(lower(coalesce(r.email, '')), '@([^\\s<>,;:"'')]+)', 1)) AS domain
FROM validated_contacts v JOIN raw_contacts r USING (source_file, source_row)
"""
_SUPPRESSED = """
INSERT INTO suppressed_people
WITH named AS (
    SELECT source_file, source_row FROM validated_contacts v JOIN raw_contacts r USING (source_file, source_row)
    WHERE list_has_any([v.profile_id, v.email_id] || coalesce(v.further_ids, []), $identifiers)
    OR list_has_any(string_split_regex(lower(coalesce(r.email, '')), '[\\s,;]+'), $addresses)
    OR list_has_any([v.organisation_domain, regexp_extract(v.email_id, '@(.+)$', 1)]
        || regexp_extract_all(lower(coalesce(r.email, '')), '@([^\\s<>,;:"'')]+)', 1),
        (SELECT list(domain) FROM covered))
)
SELECT DISTINCT person_key FROM contact_people SEMI JOIN named USING (source_file, source_row)
UNION
SELECT coalesce(a.survivor, i.person_key) FROM ledger_identifiers i LEFT JOIN person_aliases a USING (person_key)
WHERE identifier IN (SELECT unnest($identifiers))
"""


def update_suppressed_people(connection: duckdb.DuckDBPyConnection, suppression: Suppression) -> None:
    """Bring the table of suppressed people up to date with the list, the rows and the ledger's people."""
    versions = (get_state(connection, "people_of"), get_state(connection, PEOPLE_VERSION))
    state = f"{suppression.version}/{versions}"
    if get_state(connection, "suppressed_of") == state:
        return
    with transaction(connection):
        connection.execute("DELETE FROM suppressed_people")
        if suppression:
            domains = read(connection, _DOMAINS)["domain"].drop_nulls()
            covered = pl.DataFrame({"domain": [each for each in domains if each and suppression.covers(each)]},
                                   schema={"domain": pl.String})  # fmt: skip
            with registered(connection, "covered", covered):
                connection.execute(
                    _SUPPRESSED,
                    {"identifiers": list(suppression.identifiers), "addresses": list(suppression.addresses)},
                )
        set_state(connection, "suppressed_of", state)
