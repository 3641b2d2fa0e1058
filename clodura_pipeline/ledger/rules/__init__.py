"""What a permit is decided by: eligibility, policy, clock, stop reasons."""
