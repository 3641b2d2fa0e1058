"""The published file: the tables and views that analysts open, and how the file is written and read."""
