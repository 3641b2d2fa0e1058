"""The id of each contact: the file's own as it stands there, else one made of the row's canonical identifiers."""

from hashlib import blake2b

import polars as pl

SHARED = "contact_id: names somebody else in this file too, so this row has an id of its own"

# What programs write for a missing id. Anything else in `contact_id` is somebody's id, and kept as it is.
_NO_ID = ["n/a", "#n/a", "#ref!", "null", "none", "nan", "undefined", "tbd", "-", "--"]
_OF_A_FILE = ["source_file", "contact_id"]
_TOLD = ("first_name", "last_name", "profile_id", "email_id")


def contact_ids(contacts: pl.DataFrame) -> pl.Series:
    """The id of each cleaned row."""
    own = pl.col("contact_id")
    blank = own.str.strip_chars().str.to_lowercase().is_in(["", *_NO_ID]).fill_null(True)
    return _made_where(contacts, blank)


def with_ids_apart(contacts: pl.DataFrame) -> pl.DataFrame:
    """An id that one file uses for several people, such as its event's, stays with the last of them.

    The others get ids of their own and a note: they were shown in one row, where all but one would be lost. Two rows
    are of two people when their names differ and they share neither a profile nor an address.
    """
    last = [pl.col(name).last().over(_OF_A_FILE).alias(f"last_{name}") for name in _TOLD]
    told = contacts.select(*_TOLD, *last)
    others_name = pl.any_horizontal(
        (pl.col(name).str.to_lowercase() != pl.col(f"last_{name}").str.to_lowercase()).fill_null(False)
        for name in ("first_name", "last_name")
    )
    shared = pl.any_horizontal(
        (pl.col(name) == pl.col(f"last_{name}")).fill_null(False) for name in ("profile_id", "email_id")
    )
    apart = told.select((others_name & ~shared).alias("apart")).to_series()
    if not apart.any():
        return contacts
    note = pl.lit([SHARED], dtype=pl.List(pl.String))
    return contacts.with_columns(
        _made_where(contacts, pl.lit(apart)).alias("contact_id"),
        pl.when(apart).then(pl.col("set_aside").list.concat(note)).otherwise("set_aside").alias("set_aside"),
    )


def _made_where(contacts: pl.DataFrame, condition: pl.Expr) -> pl.Series:
    joined = pl.concat_str(pl.col("profile_id", "email_id", "name_id").fill_null(""), separator="\n")
    frame = contacts.select(
        pl.when(~condition).then("contact_id").alias("own"), pl.when(condition).then(joined).alias("joined")
    )
    made = [text and f"row-{blake2b(text.encode(), digest_size=8).hexdigest()}" for text in frame["joined"]]
    return frame.select(pl.coalesce("own", pl.Series(made, dtype=pl.String)).alias("contact_id")).to_series()
