"""The id of each contact: the file's own as it stands there, else one made of the row's canonical identifiers."""

import duckdb
import polars as pl

# What programs write for a missing id. Anything else in `contact_id` is an id, and kept as it is.
_NO_ID = ["n/a", "#n/a", "#ref!", "null", "none", "nan", "undefined", "tbd", "-", "--"]


def contact_ids(contacts: pl.DataFrame) -> pl.Series:
    """The id of each cleaned row."""
    own = pl.col("contact_id").cast(pl.String)
    blank = own.str.strip_chars().str.to_lowercase().is_in(["", *_NO_ID]).fill_null(True)
    joined = pl.concat_str(pl.col("profile_id", "email_id", "name_id").fill_null(""), separator="\n")
    frame = contacts.select(own, pl.when(blank).then(joined).alias("joined"))
    with duckdb.connect() as connection:
        connection.register("frame", frame.to_arrow())
        made = connection.sql("SELECT 'row-' || left(md5(joined), 16) AS made FROM frame").pl()["made"]
    return frame.select(pl.coalesce(made, "contact_id").alias("contact_id")).to_series()
