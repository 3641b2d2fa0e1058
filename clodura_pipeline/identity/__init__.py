"""Cells to canonical identifiers to people."""
