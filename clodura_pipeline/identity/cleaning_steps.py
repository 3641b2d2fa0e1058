"""The steps of cleaning: each reads the cells of one kind, and leaves cleaned columns, identifiers and notes.

Notes are columns that start with `NOTE`: one sentence each, null where there is nothing to say, and never a cell's
content.
"""

import polars as pl

from clodura_pipeline.identity.canonical import company_url, nobody_expr, profile_url
from clodura_pipeline.identity.cells import columns, names
from clodura_pipeline.identity.misplaced_values import NOTE

# Reasons by kind of LinkedIn page; a person's page has none, and an organisation's depends on where it stands.
_PAGE_REASONS = {
    "sales_navigator": "a Sales Navigator address, which Clodura cannot look up",
    "recruiter": "a LinkedIn Recruiter address, which Clodura cannot look up",
    "search": "a LinkedIn search page, not a page of its own",
    "short_link": "a shortened address, which does not say where it leads",
    "other": "a LinkedIn address that leads to no profile or company page",
    "not_linkedin": "not a LinkedIn address",
}


def _note(label: str, condition: pl.Expr, sentence: str | pl.Expr) -> pl.Expr:
    """A note on the rows where the condition holds."""
    text = pl.lit(sentence) if isinstance(sentence, str) else sentence
    return pl.when(condition.fill_null(False)).then(text).alias(f"{NOTE}{label}")


def _lost(column: str, cleaned: str) -> pl.Expr:
    """Whether cleaning left nothing of a cell."""
    return pl.col(column).is_not_null() & pl.col(cleaned).is_null()


def with_email(cells: pl.DataFrame) -> pl.DataFrame:
    """`email` as it is asked, `email_id`, and notes on addresses that are no use."""
    read = columns.read_emails(cells["email"]).rename({"kind": "email_kind", "several": "email_several"})
    kind = pl.col("email_kind")
    role = pl.lit("email: a role address (") + pl.col("role") + "@), never asked alone"
    cells = cells.with_columns(*read).with_columns(
        pl.when(kind == "personal").then("address").alias("email"),
        pl.col("identifier").alias("email_id"),
        _note("email:invalid", kind == "invalid", "email: not a valid address"),
        _note("email:role", kind == "role", role),
        _note("email:disposable", kind == "disposable", "email: a disposable address, never asked alone"),
        _note("email:masked", kind == "masked", "email: masked, not the whole address"),
        _note("email:stand-in", kind == "stand_in", "email: a stand-in, not somebody's address"),
        _note("email:several", pl.col("email_several"), "email: more than one address, only one is used"),
    )
    return cells.drop("address", "identifier", "role", "email_kind", "email_several")


def _addresses_of(pages: pl.Series) -> pl.Series:
    """The address to ask with for each `li:` or `co:` identifier."""
    person = pl.col("page").str.starts_with("li:")
    deeper = pl.col("page").str.contains("^co:(?:school|showcase)/")
    prefix = pl.when(person).then(pl.lit("in/")).when(deeper).then(pl.lit("")).otherwise(pl.lit("company/"))
    plain = pl.lit("https://www.linkedin.com/") + prefix + pl.col("page").str.slice(3)
    frame = pl.DataFrame({"page": pages}).with_columns(plain.alias("address"))
    ascii_only = pl.col("page").str.len_bytes() == pl.col("page").str.len_chars()
    odd = frame.filter(~ascii_only)["page"].unique()
    if odd.is_empty():
        return frame["address"]
    encoded = [profile_url(page) if page.startswith("li:") else company_url(page) for page in odd]
    return (
        frame.select(
            pl.col("page").replace(odd, pl.Series(encoded)).alias("encoded"), "address", ascii_only.alias("plain")
        )
        .select(pl.when("plain").then("address").otherwise("encoded"))
        .to_series()
    )


def with_linkedin(cells: pl.DataFrame) -> pl.DataFrame:
    """Both LinkedIn columns as they are asked, `profile_id`, `company_page` (`co:...`), and notes on other pages."""
    own = columns.read_linkedin(cells["linkedin_url"]).rename(lambda name: f"own_{name}")
    organisation = columns.read_linkedin(cells["organisation_linkedin_url"]).rename(lambda name: f"their_{name}")
    own_page, their_page = pl.col("own_page"), pl.col("their_page")
    is_person, is_company = own_page.str.starts_with("li:"), own_page.str.starts_with("co:")
    free = pl.col("organisation_linkedin_url").is_null()
    reasons = pl.col("own_kind").replace_strict(_PAGE_REASONS, default=None, return_dtype=pl.String)
    their_reasons = pl.col("their_kind").replace_strict(_PAGE_REASONS, default=None, return_dtype=pl.String)
    linkedin = pl.lit("linkedin_url: ")
    cells = cells.with_columns(*own, *organisation).with_columns(
        pl.when(is_person).then(own_page).alias("profile_id"),
        pl.coalesce(
            pl.when(their_page.str.starts_with("co:")).then(their_page), pl.when(is_company & free).then(own_page)
        ).alias("company_page"),
        _note("linkedin:kind", reasons.is_not_null(), linkedin + reasons),
        _note("linkedin:moved", is_company & free, "linkedin_url: a company page, used as the organisation's"),
        _note("linkedin:company", is_company & ~free, "linkedin_url: a company page, not a person's profile"),
        _note("linkedin:several", pl.col("own_several"), "linkedin_url: more than one profile, only the first is used"),
        _note("organisation:kind", their_reasons.is_not_null(), pl.lit("organisation_linkedin_url: ") + their_reasons),
        _note(
            "organisation:person",
            their_page.str.starts_with("li:"),
            "organisation_linkedin_url: a person's profile, not a company page",
        ),
    )
    return cells.with_columns(
        _addresses_of(cells["profile_id"]).alias("linkedin_url"),
        _addresses_of(cells["company_page"]).alias("organisation_linkedin_url"),
    ).drop("own_kind", "own_page", "own_several", "their_kind", "their_page", "their_several")


def with_names(cells: pl.DataFrame) -> pl.DataFrame:
    """First and last name as they are asked, split from the full name where they are absent; folded ones; notes."""
    first, last = columns.read_first_names(cells["first_name"]), columns.read_last_names(cells["last_name"])
    cells = cells.with_columns(
        *first.rename({"cleaned": "first_cleaned", "folded": "first_folded"}),
        *last.rename({"cleaned": "last_cleaned", "folded": "last_folded"}),
    )
    cells = cells.with_columns(
        *(
            _note(f"{part}:none", _lost(f"{part}_name", f"{part}_cleaned"), f"{part}_name: not a name")
            for part in ("first", "last")
        ),
        pl.col("first_cleaned").alias("first_name"),
        pl.col("last_cleaned").alias("last_name"),
    ).drop("first_cleaned", "last_cleaned")
    cells = _with_whole_first_names(cells)
    wanting = pl.col("first_folded").is_null() | pl.col("last_folded").is_null()
    needed = cells.select(pl.when(wanting).then("full_name")).to_series()
    if needed.null_count() < len(needed):
        cells = _with_split_names(cells, needed)
    cells = cells.with_columns(
        _note(
            f"{part}:initial",
            pl.col(f"{part}_name").is_not_null() & pl.col(f"{part}_folded").is_null(),
            f"{part}_name: only an initial, which does not tell who it is",
        )
        for part in ("first", "last")
    )
    nobody = nobody_expr(pl.col("first_folded"), pl.col("last_folded")).fill_null(False)
    cells = cells.with_columns(_note("nobody", nobody, "first_name, last_name: a stand-in, not somebody's name"))
    parts = ("first_name", "last_name", "first_folded", "last_folded")
    return cells.with_columns(pl.when(~nobody).then(name).alias(name) for name in parts)


def _with_whole_first_names(cells: pl.DataFrame) -> pl.DataFrame:
    """A first name of several words is taken for a full name where there is no other, nor anything else to ask by."""
    nothing_else = pl.all_horizontal(
        pl.col(name).is_null() for name in ("last_name", "full_name", "profile_id", "email_id")
    )
    whole = nothing_else & pl.col("first_name").str.contains(r"\w[\s,]+\w")
    if not cells.select(whole.fill_null(False).any()).item():
        return cells.with_columns(_note("first:whole", pl.lit(False), ""))
    nothing = pl.lit(None, pl.String)
    return cells.with_columns(
        _note("first:whole", whole, "first_name: taken for the whole name, for there is no last name"),
        pl.when(whole).then("first_name").otherwise("full_name").alias("full_name"),
        *(pl.when(whole).then(nothing).otherwise(name).alias(name) for name in ("first_name", "first_folded")),
    )


def _with_split_names(cells: pl.DataFrame, full: pl.Series) -> pl.DataFrame:
    """Missing parts of names taken from the full name, unless its other part says something else than the row does."""
    split = columns.split_full_names(full)
    # Middle names tell namesakes apart where nothing stronger does; elsewhere they would only be asked with.
    known = cells.select(pl.any_horizontal(pl.col("profile_id", "email_id").is_not_null()).alias("known"))
    first_word = pl.col("first").str.extract(r"^(\S+[^\s.])\s")  # an initial is none
    split = split.hstack(known).with_columns(
        pl.when("known").then(pl.coalesce(first_word, "first")).otherwise("first").alias("first")
    )
    parts = {
        "first": columns.read_first_names(split["first"]),
        "last": columns.read_last_names(split["last"]),
    }
    # Without the middle names that a full name may have and a column for first names has not.
    leading = columns.read_first_names(split["first"].str.extract(r"^(\S+)"))["folded"]
    cells = cells.with_columns(
        full.alias("full"),
        leading.alias("split_leading"),
        *(read["cleaned"].alias(f"split_{part}_name") for part, read in parts.items()),
        *(read["folded"].alias(f"split_{part}_folded") for part, read in parts.items()),
    )
    first, last = (_agrees(part) for part in parts)
    agree = ((first | (pl.col("first_folded") == pl.col("split_leading"))) & last).fill_null(False)
    nothing = pl.col("first_name").is_null() & pl.col("last_name").is_null()
    unsplit = pl.col("full").is_not_null() & nothing & pl.col("split_first_name").is_null()
    companies = [name for name in cells.filter(unsplit)["full"].unique() if names.is_company(name)]
    company = unsplit & pl.col("full").is_in(companies)
    told = [f"{part}_{what}" for part in parts for what in ("name", "folded")]
    # A last name of the row's own stays as it is written there.
    better = {name: agree & (pl.lit(name.startswith("first")) | pl.col("last_folded").is_null()) for name in told}
    return cells.with_columns(
        _note("full:company", company, "full_name: a company, not somebody's name"),
        _note("full:unsplit", unsplit & ~company, "full_name: cannot be told apart into first and last name"),
        *(pl.when(better[name]).then(f"split_{name}").otherwise(name).alias(name) for name in told),
    ).drop("full", "split_leading", *(f"split_{name}" for name in told))


def _agrees(part: str) -> pl.Expr:
    """Whether a part of the full name may be what the row itself says: nothing, the same, or its first letter."""
    own, split = pl.col(f"{part}_folded"), pl.col(f"split_{part}_folded")
    letter = pl.col(f"{part}_name").str.to_lowercase().str.slice(0, 1)
    return pl.when(own.is_not_null()).then(own == split).otherwise(letter.is_null() | split.str.starts_with(letter))


def with_organisation(cells: pl.DataFrame) -> pl.DataFrame:
    """Organisation and domain as they are asked, `organisation_key` (`on:`, `dm:`), notes on what names no company."""
    read = columns.read_organisations(cells["organisation_name"]).rename(
        {"cleaned": "read_name", "key": "read_key", "domain": "read_domain"}
    )
    domain = columns.read_domains(cells["organisation_domain"])["domain"]
    name, nowhere = pl.col("read_name"), pl.col("read_name").is_not_null() & pl.col("read_key").is_null()
    # A web address in place of a name is shortened to its domain; `Booking.com` is a name as it is.
    is_url = pl.col("read_domain").is_not_null() & name.str.contains("(?i)^(?:https?://|www\\.)|/$")
    shown = pl.when(is_url).then("read_domain").when(~nowhere).then(name)
    return (
        cells.with_columns(*read, domain.alias("own_domain"))
        .with_columns(
            _note("organisation:none", _lost("organisation_name", "read_name"), "organisation_name: not a name"),
            _note("organisation:nowhere", nowhere, "organisation_name: says that there is no company"),
            _note(
                "organisation:domain",
                _lost("organisation_domain", "own_domain"),
                "organisation_domain: not the domain of a company",
            ),
            pl.col("read_key").alias("organisation_key"),
            pl.coalesce(shown, "own_domain").alias("organisation_name"),
            pl.coalesce("own_domain", "read_domain").alias("organisation_domain"),
        )
        .drop("read_name", "read_key", "read_domain", "own_domain")
    )
