"""Erases one person from the ledger and the working database, on request."""

from dataclasses import dataclass

import duckdb

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.identity.cells.linkedin import page_url
from clodura_pipeline.ledger import ErasureCounts, Ledger
from clodura_pipeline.warehouse.rows.people import update_people
from clodura_pipeline.warehouse.rows.validation import apply_erasures


class SharedAddress(UserFixableError):
    """An e-mail address that is seen with several profiles does not say which person is meant."""


@dataclass(frozen=True)
class Erasure:
    """What was erased: in the ledger, the rows of contact files, and the files that brought them."""

    ledger: ErasureCounts
    rows: int
    files: tuple[str, ...]


def erase_person(connection: duckdb.DuckDBPyConnection, ledger: Ledger, identifier: str) -> Erasure:
    """Erase the person that a canonical identifier leads to, called for or not.

    Keyed hashes of all their identifiers stay, so that they are not called for when a file brings them again. The
    ledger goes first: killed after that, the next run does the rest.

    Raises:
        SharedAddress: the message names the profiles, of which one is meant.
    """
    update_people(connection, ledger)
    profiles = connection.execute(_PROFILES, [identifier]).fetchall()
    if len(profiles) > 1:
        listed = "\n  ".join(page_url(profile) for (profile,) in profiles)
        raise SharedAddress(f"This address is seen with several LinkedIn profiles. Say which one is meant:\n  {listed}")
    found = connection.execute(_ROWS, {"identifier": identifier}).fetchall()
    own = {each for _, identifiers in found for each in identifiers if each is not None}
    erased = ledger.erase({identifier, *own})
    emptied = apply_erasures(connection, ledger)
    return Erasure(erased, emptied, tuple(sorted({file for file, _ in found})))


_PROFILES = """
SELECT DISTINCT profile_id FROM validated_contacts WHERE email_id = ? AND profile_id IS NOT NULL ORDER BY 1
"""
# Rows of the person with all their identifiers. An address that several people hold erases none of them.
_ROWS = """
WITH own_people AS (
    SELECT person_key FROM validated_contacts JOIN contact_people USING (source_file, source_row)
    WHERE profile_id = $identifier OR email_id = $identifier OR list_contains(further_ids, $identifier)
    UNION SELECT coalesce(a.survivor, i.person_key) FROM ledger_identifiers i
    LEFT JOIN person_aliases a USING (person_key) WHERE i.identifier = $identifier
)
SELECT v.source_file, list_distinct(q.sent_ids || q.other_ids || [v.profile_id, v.name_id]) AS identifiers
FROM contact_people p SEMI JOIN own_people USING (person_key)
JOIN validated_contacts v USING (source_file, source_row) JOIN people_requests q USING (person_key)
"""
