"""Landed rows in, usable contacts out: cleaned cells, canonical identifiers, and what was set aside and why.

A row is kept when one identifier remains: a profile, a personal address, or first and last name with a company.
Everything else about it that cannot be used is set aside with a reason. A row with nothing usable is rejected, with
all its reasons.
"""

from dataclasses import dataclass

import polars as pl

from clodura_pipeline.identity.canonical import name_id_expr
from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.identity.cells.text import NAMES_LIKE_PLACEHOLDERS, PLACEHOLDERS
from clodura_pipeline.identity.cleaning_steps import with_email, with_linkedin, with_names, with_organisation
from clodura_pipeline.identity.contact_ids import contact_ids
from clodura_pipeline.identity.misplaced_values import NOTE, put_right

NO_IDENTIFIER = (
    "no identifier Clodura can use: needs a LinkedIn profile, an e-mail address, or first and last name with a company"
)
CELLS = tuple(name for name in LANDED_COLUMNS if name != "contact_id")
CONTACT_COLUMNS = (
    "file_date",
    "source_file",
    "source_row",
    "source",
    "contact_id",
    "first_name",
    "last_name",
    "email",
    "linkedin_url",
    "organisation_name",
    "organisation_linkedin_url",
    "organisation_domain",
    "source_columns",
    "profile_id",
    "email_id",
    "name_id",
    "set_aside",
)
REJECTED_COLUMNS = ("file_date", "source_file", "source_row", "reasons", "record")

# White space and what nobody sees.
_BLANKS = (
    " \t\r\n\v\f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)


@dataclass(frozen=True)
class Cleaned:
    """Every landed row is in one of the two: `contacts` (`CONTACT_COLUMNS`) or `rejected` (`REJECTED_COLUMNS`)."""

    contacts: pl.DataFrame
    rejected: pl.DataFrame


def clean(landed: pl.DataFrame) -> Cleaned:
    """Landed rows (text; absent columns count as empty) split into usable contacts and rejected rows, in order."""
    missing = [name for name in (*CELLS, "contact_id", "source_columns", "record") if name not in landed.columns]
    landed = landed.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)
    cells = put_right(landed.select(_filled(name) for name in CELLS))
    cells = with_organisation(with_names(with_linkedin(with_email(cells))))
    company = pl.coalesce("company_page", "organisation_key", pl.lit("dm:") + pl.col("organisation_domain"))
    cells = cells.with_columns(name_id_expr(pl.col("first_folded"), pl.col("last_folded"), company).alias("name_id"))
    kept = ["file_date", "source_file", "source_row", "source", "contact_id", "source_columns", "record"]
    frame = cells.with_columns(*landed.select(kept)).with_columns(_notes(cells))
    usable = pl.any_horizontal(pl.col("profile_id", "email_id", "name_id").is_not_null())
    contacts = frame.filter(usable)
    rejected = frame.filter(~usable).with_columns(
        pl.concat_list(pl.lit(NO_IDENTIFIER), "set_aside").alias("reasons"),
    )
    return Cleaned(
        contacts.with_columns(contact_ids(contacts)).select(CONTACT_COLUMNS), rejected.select(REJECTED_COLUMNS)
    )


def _filled(column: str) -> pl.Expr:
    """A cell, or null where it is blank or a placeholder."""
    text = pl.col(column).cast(pl.String).str.strip_chars(_BLANKS)
    squeezed = text.str.to_lowercase().str.replace_all(" ", "", literal=True)
    blank = squeezed.is_in([*PLACEHOLDERS, ""])
    if column in ("first_name", "last_name", "organisation_name"):
        blank &= ~text.is_in(NAMES_LIKE_PLACEHOLDERS)
    return pl.when(~blank).then(text).alias(column)


def _notes(cells: pl.DataFrame) -> pl.Series:
    """All notes of each row as one list, in the order of the columns."""
    notes = [name for name in cells.columns if name.startswith(NOTE)]
    present = [name for name in notes if cells[name].null_count() < cells.height]
    if not present:
        return pl.Series("set_aside", [[]] * cells.height, dtype=pl.List(pl.String))
    return cells.select(pl.concat_list(present).list.drop_nulls().alias("set_aside")).to_series()
