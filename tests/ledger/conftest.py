"""The fixtures that tests of the ledger share with tests of the dispatcher."""

from ledger_fixtures import address, clock, ledger, ledger_path, manual, memory, postgres
from sandbox_fixtures import start

__all__ = ["address", "clock", "ledger", "ledger_path", "manual", "memory", "postgres", "start"]
