"""The ledger: the SQLite file that every call passes through, before and after. All SQL on it is in this package."""

from clodura_pipeline.ledger.attempts import Decision, Granted, Settled
from clodura_pipeline.ledger.audit import Audit, audit_file
from clodura_pipeline.ledger.backup import backup, export
from clodura_pipeline.ledger.balance import ReadingBegun, Reconciled
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.erasure import Erased, Forgotten
from clodura_pipeline.ledger.ledger import Ledger
from clodura_pipeline.ledger.people import Registered
from clodura_pipeline.ledger.retention import Removed, Retention
from clodura_pipeline.ledger.schema import FILE_NAME, LedgerProblem, LedgerUnavailable
from clodura_pipeline.ledger.upgrading import CanonicalForm

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
