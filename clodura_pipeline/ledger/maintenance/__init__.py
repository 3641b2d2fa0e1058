"""Work on a whole ledger: audit, backup, copies, retention, migrations, answers that are read again."""
