"""Every table and column, with pandera schemas, and the tables that copy the ledger."""
