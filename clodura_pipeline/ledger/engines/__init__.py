"""Where a ledger is kept: SQLite or PostgreSQL, one contract, one schema."""
