"""The fixtures that tests of the ledger share with tests of the dispatcher."""

from ledger_fixtures import clock, ledger, ledger_path, manual, memory, start

__all__ = ["clock", "ledger", "ledger_path", "manual", "memory", "start"]
