"""Works out which people are never asked: those on the suppression list, by any row or answer of theirs."""

from hashlib import blake2b

import duckdb
import polars as pl

from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import get_state, set_state, transaction
from clodura_pipeline.warehouse.frames import insert, read

# The address as landed tells more than the cleaned one, which role addresses are not among.
_ROWS = """
SELECT p.person_key, a.survivor, v.profile_id, v.email_id, lower(trim(r.email)) AS address,
       v.organisation_domain AS site,
       regexp_extract(v.email_id, '@(.+)$', 1) AS own_domain,
       regexp_extract(lower(r.email), '@([^\\s<>,;:"'')]+)', 1) AS landed_domain
FROM validated_contacts v
JOIN contact_people p USING (source_file, source_row)
JOIN raw_contacts r USING (source_file, source_row)
LEFT JOIN person_aliases a USING (person_key)
"""


def apply_suppression(connection: duckdb.DuckDBPyConnection, ledger: Ledger, suppression: Suppression) -> None:
    """Bring the table of suppressed people up to date with the list, the rows and the ledger."""
    known = sorted(set(ledger.find(suppression.identifiers).values()))
    of_known = blake2b(str(known).encode(), digest_size=8).hexdigest()
    state = f"{suppression.version}/{get_state(connection, 'people_of')}/{of_known}"
    if get_state(connection, "suppressed_of") == state:
        return
    people = set(known)
    if suppression:
        people.update(_by_rows(read(connection, _ROWS), suppression))
    with transaction(connection):
        connection.execute("DELETE FROM suppressed_people")
        frame = pl.DataFrame({"person_key": sorted(people)}, schema={"person_key": pl.Int64})
        insert(connection, "suppressed_people", frame)
        set_state(connection, "suppressed_of", state)


def _by_rows(rows: pl.DataFrame, suppression: Suppression) -> list[int]:
    domains = pl.concat([rows[name] for name in ("site", "own_domain", "landed_domain")]).unique().drop_nulls()
    covered = [domain for domain in domains if domain and suppression.covers(domain)]
    named = pl.any_horizontal(
        pl.col("profile_id").is_in(list(suppression.identifiers)),
        pl.col("email_id").is_in(list(suppression.identifiers)),
        pl.col("address").is_in(list(suppression.addresses)),
        *(pl.col(name).is_in(covered) for name in ("site", "own_domain", "landed_domain")),
    )
    found = rows.filter(named)
    # Under both keys: rows may still go by the one, tables by the other, when two were joined a moment ago.
    return pl.concat([found["person_key"], found["survivor"]]).drop_nulls().unique().to_list()
