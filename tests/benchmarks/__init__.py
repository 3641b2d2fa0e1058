"""Benchmarks that anyone can run: `uv run python -m tests.benchmarks`."""
