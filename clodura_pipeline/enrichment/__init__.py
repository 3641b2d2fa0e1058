"""Who is asked, when, at what price: the plan, the ledger that every call passes through, and the asking loop."""
