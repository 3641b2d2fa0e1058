"""Erases one person from the ledger and the working database, at their wish."""

from dataclasses import dataclass

import duckdb

from clodura_pipeline.identity.cells.linkedin import profile_url
from clodura_pipeline.ledger import Erased, Ledger
from clodura_pipeline.warehouse.erasure.requests import heed_wishes
from clodura_pipeline.warehouse.people import identify_people


class SharedAddress(Exception):
    """An e-mail address that is seen with several profiles does not say who is meant."""


@dataclass(frozen=True)
class Forgot:
    """What was erased: in the ledger, the rows of contact files, and the files that brought them."""

    ledger: Erased
    rows: int
    files: tuple[str, ...]


def forget_person(connection: duckdb.DuckDBPyConnection, ledger: Ledger, identifier: str) -> Forgot:
    """Erase whoever a canonical identifier leads to; it stays known, as a keyed hash, that they are not to be asked.

    The ledger goes first: killed after that, the next run takes up the rest.

    Raises:
        SharedAddress: the message names the profiles, of which one is meant.
    """
    identify_people(connection, ledger)  # so that the ledger knows every identifier of theirs
    profiles = connection.execute(_PROFILES, [identifier]).fetchall()
    if len(profiles) > 1:
        listed = "\n  ".join(profile_url(profile) for (profile,) in profiles)
        raise SharedAddress(f"This address is seen with several LinkedIn profiles. Say which one is meant:\n  {listed}")
    keys = list(ledger.find([identifier]).values())
    theirs = connection.execute(_THEIR_ROWS, [keys, identifier, identifier]).fetchall()
    names = {name for _, name in theirs if name is not None}
    erased = ledger.forget({identifier, *names})
    wiped = heed_wishes(connection, ledger)
    return Forgot(erased, wiped, tuple(sorted({file for file, _ in theirs})))


_PROFILES = """
SELECT DISTINCT profile_id FROM validated_contacts WHERE email_id = ? AND profile_id IS NOT NULL ORDER BY 1
"""
_THEIR_ROWS = """
SELECT source_file, name_id FROM validated_contacts LEFT JOIN contact_people USING (source_file, source_row)
WHERE person_key IN (SELECT unnest(?::BIGINT[])) OR profile_id = ? OR email_id = ?
"""
