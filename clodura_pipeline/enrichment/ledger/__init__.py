"""The ledger: the SQLite file that every call passes through, before and after. All SQL on it is in this package."""

from clodura_pipeline.enrichment.ledger.calls import Decision, Granted, Settled
from clodura_pipeline.enrichment.ledger.money import Totals, Wait
from clodura_pipeline.enrichment.ledger.readings import ReadingBegun, Reconciled
from clodura_pipeline.enrichment.ledger.schema import FILE_NAME, LedgerProblem
from clodura_pipeline.enrichment.ledger.store import Ledger

__all__ = [
    "FILE_NAME",
    "Decision",
    "Granted",
    "Ledger",
    "LedgerProblem",
    "ReadingBegun",
    "Reconciled",
    "Settled",
    "Totals",
    "Wait",
]
