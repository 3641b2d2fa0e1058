"""Works out which people are never called for: those on the suppression list, by any of their rows or answers."""

import duckdb
import polars as pl

from clodura_pipeline.identity.suppression_file import Suppression
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import read, registered
from clodura_pipeline.warehouse.rows.people import PEOPLE_OF
from clodura_pipeline.warehouse.state import get_state, set_state

# The landed address says more than the cleaned one, which leaves role addresses out. A landed cell may hold several.
# Joins, not `list_has_any`: that took 127 s for a million rows and 2,500 listed, these 5 s (measured).
_DOMAINS = """[v.organisation_domain, regexp_extract(v.email_id, '@(.+)$', 1)]
           || regexp_extract_all(lower(coalesce(r.email, '')), '@([^\\s<>,;:"'')]+)', 1)"""
_ROWS = "validated_contacts v JOIN raw_contacts r USING (source_file, source_row)"
_SUPPRESSED = f"""
INSERT INTO suppressed_people
WITH cells AS (
    SELECT source_file, source_row, [v.profile_id, v.email_id] || coalesce(v.further_ids, []) AS identifiers,
           string_split_regex(lower(coalesce(r.email, '')), '[\\s,;]+') AS addresses,
           {_DOMAINS} AS domains
    FROM {_ROWS}
), named AS (
    FROM (SELECT source_file, source_row, unnest(identifiers) AS word FROM cells)
    WHERE word IN (SELECT unnest($identifiers))
    UNION ALL FROM (SELECT source_file, source_row, unnest(addresses) AS word FROM cells)
    WHERE word IN (SELECT unnest($addresses))
    UNION ALL FROM (SELECT source_file, source_row, unnest(domains) AS word FROM cells)
    WHERE word IN (SELECT domain FROM covered)
)
SELECT DISTINCT person_key FROM contact_people SEMI JOIN named USING (source_file, source_row)
UNION
SELECT coalesce(a.survivor, i.person_key) FROM ledger_identifiers i LEFT JOIN person_aliases a USING (person_key)
WHERE identifier IN (SELECT unnest($identifiers))
"""


def update_suppressed_people(connection: duckdb.DuckDBPyConnection, suppression: Suppression) -> str:
    """Bring the table of suppressed people up to date with the list, after the people that rows are about.

    Returns:
        A state that is the same while rows are about the same people and the same of them are suppressed.
    """
    state = f"{suppression.version}/{get_state(connection, PEOPLE_OF)}"
    if get_state(connection, "suppressed_of") == state:
        return state
    with transaction(connection):
        connection.execute("DELETE FROM suppressed_people")
        if suppression:
            domains = read(connection, f"SELECT DISTINCT unnest({_DOMAINS}) AS domain FROM {_ROWS}")["domain"]
            covered = [each for each in domains.drop_nulls() if each and suppression.covers(each)]
            listed = {"identifiers": list(suppression.identifiers), "addresses": list(suppression.addresses)}
            with registered(connection, "covered", pl.DataFrame({"domain": covered}, schema={"domain": pl.String})):
                connection.execute(_SUPPRESSED, listed)
        set_state(connection, "suppressed_of", state)
    return state
