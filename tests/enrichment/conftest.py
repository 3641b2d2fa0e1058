"""The fixtures that tests of the dispatcher share with tests of the ledger."""

from ledger_fixtures import clock, ledger, ledger_path, manual, memory, start

__all__ = ["clock", "ledger", "ledger_path", "manual", "memory", "start"]
