"""Contact files to landed rows: finding files, decoding, CSV, JSON, Parquet, Excel, headers."""
