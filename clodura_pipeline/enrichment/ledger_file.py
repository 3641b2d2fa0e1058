"""Opens a ledger with the canonical form of this version."""

from clodura_pipeline.identity.canonical import CANONICAL_VERSION, identifiers_of
from clodura_pipeline.identity.cells.linkedin import profile_id
from clodura_pipeline.ledger import Address, CanonicalForm, Ledger
from clodura_pipeline.ledger.rules.clock import Clock


def open_ledger(address: Address) -> Ledger:
    """The ledger at an address, as a context manager; created when there is none.

    Raises:
        LedgerError: it cannot be used; the message says what to do.
    """
    form = CanonicalForm(CANONICAL_VERSION, identifiers_of, profile_id)
    return Ledger(address, Clock(), form)
