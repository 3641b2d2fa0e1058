"""Contact files in, canonical identifiers and people out. Knows no Dagster and no network."""
