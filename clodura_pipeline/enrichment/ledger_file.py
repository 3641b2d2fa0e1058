"""Opens the ledger of a state folder with the canonical form of this version."""

from pathlib import Path

from clodura_pipeline.identity.canonical import CANONICAL_VERSION, identifiers_of
from clodura_pipeline.identity.cells.linkedin import profile_id
from clodura_pipeline.ledger import FILE_NAME, CanonicalForm, Ledger
from clodura_pipeline.ledger.rules.clock import SystemClock


def open_ledger(state_dir: Path) -> Ledger:
    """The ledger in a state folder, as a context manager; created when there is none.

    Raises:
        LedgerError: it cannot be used; the message says what to do.
    """
    form = CanonicalForm(CANONICAL_VERSION, identifiers_of, profile_id)
    return Ledger(state_dir / FILE_NAME, SystemClock(), form)
