"""The ledger: the transactional database that every call passes through, before and after. All SQL on it is here."""

from clodura_pipeline.ledger.attempts import Decision, Permit
from clodura_pipeline.ledger.balance_readings import BalanceReading, StartedReading
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.changes import Changes
from clodura_pipeline.ledger.engines.database import (
    Address,
    LedgerError,
    LedgerUnavailable,
    LedgerUnreachable,
    LedgerUrl,
    exists,
)
from clodura_pipeline.ledger.engines.schema import FILE_NAME
from clodura_pipeline.ledger.erased_people import ErasedPeople, ErasureCounts
from clodura_pipeline.ledger.ledger import Ledger
from clodura_pipeline.ledger.maintenance.retention import Removed, Retention
from clodura_pipeline.ledger.transaction import CanonicalForm

__all__ = [
    "FILE_NAME",
    "Address",
    "BalanceReading",
    "CanonicalForm",
    "Changes",
    "Decision",
    "ErasedPeople",
    "ErasureCounts",
    "Ledger",
    "LedgerError",
    "LedgerUnavailable",
    "LedgerUnreachable",
    "LedgerUrl",
    "Permit",
    "Removed",
    "Retention",
    "StartedReading",
    "Totals",
    "Wait",
    "exists",
]
