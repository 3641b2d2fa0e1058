"""Canonical identifiers: one text per person's profile, address or name at a company, however it was written.

| identifier | form | from |
|---|---|---|
| `profile_id` | `li:<slug>` | a LinkedIn profile, see `linkedin.py` |
| `email_id` | `em:<address>` | a personal e-mail address, see `emails.py` |
| `name_id` | `nc:<first>\\|<last>\\|<company>` | first and last name with a company, see `names.py`, `companies.py` |

The company in a `name_id` is `co:<slug>` of its LinkedIn page, else `on:<name>` without its legal form, else
`dm:<domain>`. Each form is idempotent: reading what was made from an identifier gives the identifier again.
"""

import polars as pl

from clodura_pipeline.identity.cells import columns, names, words
from clodura_pipeline.identity.cells.companies import (
    clean_organisation,
    company_key,
    domain_of,
    fold_organisation,
    is_no_company,
)
from clodura_pipeline.identity.cells.emails import clean_email, email_id
from clodura_pipeline.identity.cells.linkedin import (
    LinkedInKind,
    company_id,
    company_url,
    linkedin_kind,
    profile_id,
    profile_url,
)
from clodura_pipeline.identity.cells.names import clean_name, fold_first_name, fold_last_name, split_full_name

# Raised with every change of a canonical form, its word lists included: the ledger applies the new one to the past.
CANONICAL_VERSION = 1

__all__ = [
    "CANONICAL_VERSION",
    "LinkedInKind",
    "clean_email",
    "clean_name",
    "clean_organisation",
    "company_id",
    "company_key",
    "company_url",
    "domain_of",
    "email_id",
    "fold_first_name",
    "fold_last_name",
    "fold_organisation",
    "is_no_company",
    "linkedin_kind",
    "name_id",
    "name_id_expr",
    "nobody_expr",
    "profile_id",
    "profile_url",
    "split_full_name",
    "with_canonical_ids",
]


def name_id(
    first: str | None,
    last: str | None,
    *,
    organisation: str | None = None,
    organisation_linkedin_url: str | None = None,
    domain: str | None = None,
) -> str | None:
    """`nc:<first>|<last>|<company>`; None unless a first name, a last name and a company are there.

    Middle names are part of the first. A name of which only initials are known is none.
    """
    first, last = names.clean_first_name(first or ""), clean_name(last or "")
    company = company_key(
        company_id(organisation_linkedin_url or ""), clean_organisation(organisation or ""), domain_of(domain or "")
    )
    if not first or not last or not company or names.is_nobody(first, last):
        return None
    folded_first, folded_last = fold_first_name(first), fold_last_name(last)
    return f"nc:{folded_first}|{folded_last}|{company}" if folded_first and folded_last else None


def nobody_expr(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """Whether folded names are a stand-in (`Test User`); null where one of them is missing."""
    pairs = [f"{one}|{other}" for one, other in words.NOBODY]
    function = first.is_in(list(words.NOBODY_FIRST)) & last.is_in(list(words.NOBODY_LAST))
    return (first.is_in(words.NOBODY_TWICE) & (first == last)) | (first + "|" + last).is_in(pairs) | function


def name_id_expr(first: pl.Expr, last: pl.Expr, company: pl.Expr) -> pl.Expr:
    """`name_id` from folded names and a company key; null where one of them is missing or the name is nobody's."""
    return pl.when(~nobody_expr(first, last)).then(pl.lit("nc:") + first + "|" + last + "|" + company)


def with_canonical_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `profile_id`, `email_id` and `name_id`, read from its identifier columns as they are."""
    first = columns.read_first_names(frame["first_name"])["folded"]
    last = columns.read_last_names(frame["last_name"])["folded"]
    profile = columns.read_linkedin(frame["linkedin_url"])
    page = columns.read_linkedin(frame["organisation_linkedin_url"])["page"]
    keys = pl.DataFrame(
        {
            "first": first,
            "last": last,
            "page": page,
            "name": columns.read_organisations(frame["organisation_name"])["key"],
            "domain": columns.read_domains(frame["organisation_domain"])["domain"],
        }
    )
    # A person's profile is no company's page.
    company = pl.coalesce(
        pl.when(pl.col("page").str.starts_with("co:")).then("page"), "name", pl.lit("dm:") + pl.col("domain")
    )
    return frame.with_columns(
        profile.select(pl.when(pl.col("page").str.starts_with("li:")).then("page"))[:, 0].alias("profile_id"),
        columns.read_emails(frame["email"])["identifier"].alias("email_id"),
        keys.select(name_id_expr(pl.col("first"), pl.col("last"), company))[:, 0].alias("name_id"),
    )
