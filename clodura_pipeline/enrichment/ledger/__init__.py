"""The ledger: the SQLite file that every call passes through, before and after. All SQL on it is in this package."""

from clodura_pipeline.enrichment.ledger.audit import Audit, audit_file
from clodura_pipeline.enrichment.ledger.calls import Decision, Granted, Settled
from clodura_pipeline.enrichment.ledger.copies import backup, export
from clodura_pipeline.enrichment.ledger.forgetting import Erased, Forgotten
from clodura_pipeline.enrichment.ledger.money import Totals, Wait
from clodura_pipeline.enrichment.ledger.people import Registered
from clodura_pipeline.enrichment.ledger.readings import ReadingBegun, Reconciled
from clodura_pipeline.enrichment.ledger.retention import Removed, Retention
from clodura_pipeline.enrichment.ledger.schema import FILE_NAME, LedgerProblem, LedgerUnavailable
from clodura_pipeline.enrichment.ledger.store import Ledger
from clodura_pipeline.enrichment.ledger.upgrading import CanonicalForm

__all__ = [
    "FILE_NAME",
    "Audit",
    "CanonicalForm",
    "Decision",
    "Erased",
    "Forgotten",
    "Granted",
    "Ledger",
    "LedgerProblem",
    "LedgerUnavailable",
    "ReadingBegun",
    "Reconciled",
    "Registered",
    "Removed",
    "Retention",
    "Settled",
    "Totals",
    "Wait",
    "audit_file",
    "backup",
    "export",
]
