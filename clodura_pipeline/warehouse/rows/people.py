"""Keeps up to date who every row is about: resolved again only when rows or the people of the ledger changed."""

import duckdb

from clodura_pipeline.identity.canonical import CANONICAL_VERSION
from clodura_pipeline.identity.resolution import resolve_people
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.person_key import PERSON_KEY_SQL
from clodura_pipeline.warehouse.database import get_state, set_state, transaction
from clodura_pipeline.warehouse.ledger_projection import PEOPLE_VERSION, project_ledger
from clodura_pipeline.warehouse.rows.validation import apply_erasures, validate_again_if_form_changed

PEOPLE_OF = "people_of"


def update_people(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Take over what changed in the ledger and resolve all rows to people, unless nothing changed since.

    Identity is a matter of all rows ever seen, not of one day: an address of today can join people of last week. An
    answer can join people too. Writes nothing to the ledger but a restore marker.

    Returns:
        The ledger's sequence that the working database is now complete up to.
    """
    sequence = project_ledger(connection, ledger)
    apply_erasures(connection, ledger)
    validate_again_if_form_changed(connection, ledger)
    state = "/".join(
        str(part)
        for part in (
            CANONICAL_VERSION,
            ledger.ledger_id,
            get_state(connection, "rows_version"),
            get_state(connection, PEOPLE_VERSION),
        )
    )
    if get_state(connection, PEOPLE_OF) != state:
        with transaction(connection):
            resolve_people(connection, PERSON_KEY_SQL)
            set_state(connection, PEOPLE_OF, state)
    return sequence
