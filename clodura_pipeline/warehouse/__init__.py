"""What DuckDB holds: landed rows, people, the ledger's answers projected, and the tables that analysts read."""
