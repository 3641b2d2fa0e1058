"""Which people are called for, and the run that does it: plan, dispatcher, one call, session, health, canary."""
