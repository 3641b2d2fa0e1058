"""Cells under headers to landed rows: the columns that all contact files have in common."""
