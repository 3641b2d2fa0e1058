"""The fixtures that tests of the dispatcher share with tests of the ledger."""

from ledger_fixtures import address, clock, ledger, ledger_path, manual, memory, postgres
from sandbox_fixtures import start

__all__ = ["address", "clock", "ledger", "ledger_path", "manual", "memory", "postgres", "start"]
