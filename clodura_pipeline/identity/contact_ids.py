"""The id of each contact: the file's own as it stands there, else one made of the row's canonical identifiers."""

import duckdb
import polars as pl

# What programs write for a missing id. Anything else in `contact_id` is an id, and kept as it is.
_NO_ID = ["n/a", "#n/a", "#ref!", "null", "none", "nan", "undefined", "tbd", "-", "--"]
_IDENTIFIERS = ("profile_id", "email_id", "name_id")
# The derived id of a row in DuckDB, from its canonical identifiers.
DERIVED_ID_SQL = (
    "'row-' || md5(concat(coalesce(profile_id, ''), chr(10), coalesce(email_id, ''), chr(10), "
    "coalesce(name_id, '')))[1:16]"
)


def contact_ids(contacts: pl.DataFrame) -> pl.Series:
    """The id of each cleaned row."""
    own = pl.col("contact_id").cast(pl.String)
    blank = own.str.strip_chars().str.to_lowercase().is_in(["", *_NO_ID]).fill_null(True)
    ids = contacts.with_row_index("place").select("place", own, *_IDENTIFIERS, blank.alias("blank"))
    without = ids.filter("blank")
    if without.is_empty():
        return ids["contact_id"]
    with duckdb.connect() as connection:
        connection.register("contacts", without.select(_IDENTIFIERS).to_arrow())
        derived = connection.sql(f"SELECT {DERIVED_ID_SQL} AS derived FROM contacts").pl()["derived"]
    ids = ids.join(without.select("place", derived), on="place", how="left", maintain_order="left")
    return ids.select(pl.when("blank").then("derived").otherwise("contact_id").alias("contact_id")).to_series()
