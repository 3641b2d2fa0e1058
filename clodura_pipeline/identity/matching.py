"""Who is the same person, over all rows of all days.

A person is their LinkedIn profile; else the one profile that their e-mail address is seen with; else the e-mail
address; else their name at a company, joined only to other rows that have nothing stronger. An address that is seen
with two profiles joins nothing and is sent with neither; rows that have only that address are one person, asked by
the address.

Names never join what an address or a profile sets apart: namesakes at one company stay two, and a changed surname
stays one. The outcome depends on the set of rows alone, never on their order or on the days they came in.
"""

from dataclasses import dataclass

import polars as pl

from clodura_pipeline.clodura.identifiers import IDENTIFIER_FIELDS
from clodura_pipeline.identity.canonical import profile_url

# The latest row is the last one in this order.
_ORDER = ("file_date", "source_file", "source_row")
QUESTION_COLUMNS = ("person", *IDENTIFIER_FIELDS, "set_aside")
IN_CONFLICT = "email: seen with more than one LinkedIn profile, sent with none of them"


@dataclass(frozen=True)
class People:
    """Who the rows are.

    `rows`: `source_file, source_row, person`, one per row given. `identifiers`: `person, identifier`, each identifier
    once. `questions`: one per person, what their rows know together. `conflicts`: `kind, email, profiles, rows`.
    """

    rows: pl.DataFrame
    identifiers: pl.DataFrame
    questions: pl.DataFrame
    conflicts: pl.DataFrame


def resolve(contacts: pl.DataFrame) -> People:
    """The people behind cleaned rows (the columns of `Cleaned.contacts`; all days at once)."""
    owners = _owners(contacts)
    rows = contacts.join(owners, on="email_id", how="left", maintain_order="left").with_columns(
        pl.col("in_conflict").fill_null(False)
    )
    rows = rows.with_columns(pl.coalesce("profile_id", "owner", "email_id", "name_id").alias("person"))
    return People(
        rows=rows.select("source_file", "source_row", "person"),
        identifiers=_identifiers(rows),
        questions=_questions(rows),
        conflicts=_conflicts(rows),
    )


def _owners(contacts: pl.DataFrame) -> pl.DataFrame:
    """`email_id, owner, in_conflict` for each address seen with a profile: the owner where there is only one."""
    pairs = contacts.select("email_id", "profile_id").drop_nulls().unique()
    counted = pairs.group_by("email_id").agg(pl.len().alias("profiles"), pl.col("profile_id").first())
    single = pl.col("profiles") == 1
    return counted.select("email_id", pl.when(single).then("profile_id").alias("owner"), (~single).alias("in_conflict"))


def _identifiers(rows: pl.DataFrame) -> pl.DataFrame:
    """What stands for each person: the label itself, and the addresses that are theirs alone."""
    labels = rows.select("person", pl.col("person").alias("identifier"))
    owned = rows.filter(~pl.col("in_conflict")).select("person", pl.col("email_id").alias("identifier"))
    return pl.concat([labels, owned]).drop_nulls().unique().sort("person", "identifier")


def _conflicts(rows: pl.DataFrame) -> pl.DataFrame:
    """Addresses seen with two profiles or more, with the addresses of those profiles and the number of rows."""
    found = rows.filter("in_conflict").sort(*_ORDER, "email")
    found = found.group_by("email_id").agg(
        pl.col("email").last(),
        pl.col("profile_id").drop_nulls().unique().sort().alias("profiles"),
        pl.len().alias("rows"),
    )
    profiles = [[profile_url(profile) for profile in some] for some in found["profiles"]]
    return (
        found.with_columns(
            pl.lit("email").alias("kind"),
            pl.Series("profiles", profiles, dtype=pl.List(pl.String)),
            pl.col("rows").cast(pl.Int64),
        )
        .select("kind", "email", "profiles", "rows")
        .sort("email")
    )


def _questions(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per person: what all their rows know together."""
    # An address in conflict is asked only for the person who is nothing but that address.
    withheld = pl.col("in_conflict") & pl.col("profile_id").is_not_null()
    told = pl.col("set_aside").list.concat(pl.lit([IN_CONFLICT]))
    rows = rows.with_columns(
        pl.when(~withheld).then("email").alias("email"),
        pl.when(withheld).then(told).otherwise("set_aside").alias("set_aside"),
    )
    several = rows.select(pl.col("person").is_duplicated()).to_series()
    # Most people have one row, which is its own union.
    questions = pl.concat([rows.filter(~several).select(QUESTION_COLUMNS), _united(rows.filter(several))])
    return questions.sort("person")


def _united(rows: pl.DataFrame) -> pl.DataFrame:
    """The questions of people with several rows: per column the latest row that has something to say."""
    rows = rows.sort(*_ORDER)
    first, last = pl.col("first_name"), pl.col("last_name")
    name, page = pl.col("organisation_name"), pl.col("organisation_linkedin_url")
    people = rows.select("person").unique()
    for columns, telling in (
        (["linkedin_url"], pl.col("linkedin_url").is_not_null()),
        (["email"], pl.col("email").is_not_null()),
        (["organisation_name"], name.is_not_null()),
    ):
        people = people.join(_latest(rows.filter(telling), columns), on="person", how="left")
    # First and last name belong together; half a name counts only where nobody knows both.
    halves = _latest(rows.filter(first.is_not_null() | last.is_not_null()), ["first_name", "last_name"])
    whole = _latest(rows.filter(first.is_not_null() & last.is_not_null()), ["first_name", "last_name"])
    names = pl.concat([whole, halves.join(whole, on="person", how="anti")])
    # A page of an earlier company must not be asked with the name of the present one.
    pages = rows.filter(page.is_not_null()).join(
        people.select("person", name.alias("present")), on="person", how="left"
    )
    fits = name.is_null() | pl.col("present").is_null() | (_bare(name) == _bare(pl.col("present")))
    for part in (names, _latest(pages.filter(fits), ["organisation_linkedin_url"]), _reasons(rows)):
        people = people.join(part, on="person", how="left")
    nothing = pl.lit([], pl.List(pl.String))
    return people.with_columns(pl.col("set_aside").fill_null(nothing)).select(QUESTION_COLUMNS)


def _bare(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(r"[^\pL\pM\pN]+", "")


def _latest(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The columns of each person's last row; the rows are in order."""
    return rows.group_by("person").agg(pl.col(columns).last())


def _reasons(rows: pl.DataFrame) -> pl.DataFrame:
    """Everything that was set aside in any row of a person, each reason once."""
    reasons = rows.select("person", "set_aside").filter(pl.col("set_aside").list.len() > 0).explode("set_aside")
    return reasons.group_by("person").agg(pl.col("set_aside").unique().sort())
