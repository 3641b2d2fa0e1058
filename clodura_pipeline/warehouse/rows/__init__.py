"""Rows of contact files: landed, validated, resolved to people, suppressed."""
