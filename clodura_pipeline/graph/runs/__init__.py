"""A run: its config, caps, progress, tags and summary."""
