"""The steps of cleaning: each reads the cells of one kind, and leaves cleaned columns, identifiers and notes.

Notes are columns that start with `NOTE`: sentences, one a line, null where there is nothing to say, and never a
cell's content. Of several values of a kind the first usable one is the row's; a row's other addresses and profiles
are collected in `further_emails` and `further_profiles`.
"""

import polars as pl

from clodura_pipeline.identity.cells.companies import read_domains, read_organisations
from clodura_pipeline.identity.cells.emails import read_emails
from clodura_pipeline.identity.cells.linkedin import OTHER_PAGES, page_urls, read_linkedin
from clodura_pipeline.identity.cells.names import is_company, is_stand_in, read_names, split_full_names

NOTE = "note:"
_NAME_COLUMNS = ("first_name", "first_folded", "last_name", "last_folded")
_EMAIL_REASONS = {
    "invalid": "not a valid address",
    "disposable": "a disposable address, not sent",
    "masked": "masked, not the whole address",
    "stand_in": "a stand-in, not somebody's address",
    "personal": "one more address, not sent",
}


def note(label: str, condition: pl.Expr, sentence: str) -> pl.Expr:
    """A note on the rows where the condition holds."""
    return pl.when(condition.fill_null(False)).then(pl.lit(sentence)).alias(f"{NOTE}{label}")


def with_changed_rows(cells: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """The cells with the columns of `changed`, some of them new, in the rows of the same `row`."""
    if changed.is_empty():
        return cells
    names = [name for name in changed.columns if name != "row"]
    marked = changed.with_columns(pl.lit(True).alias("is_changed"))
    found = cells.select("row").join(marked, on="row", how="left", maintain_order="left")
    return cells.with_columns(
        pl.when(found["is_changed"]).then(found[name]).otherwise(name if name in cells.columns else None).alias(name)
        for name in names
    )


def _with_first_usable(
    cells: pl.DataFrame, column: str, candidates: pl.DataFrame, usable: pl.Expr, reason: pl.Expr
) -> pl.DataFrame:
    """The cells with the columns of each row's first usable candidate, and a note on every other one with a reason.

    `candidates` has a `row` (its number in `cells`). Where a row has one candidate the note is the reason; where it
    has several, the note says which of them it is about.
    """
    candidates = candidates.with_columns(usable.fill_null(False).alias("usable"))
    is_chosen = pl.col("usable") & pl.when("usable").then("row").is_first_distinct()
    candidates = candidates.with_columns(is_chosen.alias("chosen"), reason.alias("reason"))
    is_noted = ~pl.col("chosen") & pl.col("reason").is_not_null()
    noted = candidates.join(candidates.filter(is_noted).select("row"), on="row", how="semi", maintain_order="left")
    number, count = pl.int_range(1, pl.len() + 1).over("row"), pl.len().over("row")
    which = pl.when(count > 1).then(pl.format(" {} of {}", number, count)).otherwise(pl.lit(""))
    text = pl.format("{}{}: {}", pl.lit(column), which, "reason").alias(f"{NOTE}{column}")
    noted = noted.with_columns(text).filter(is_noted)
    notes = noted.group_by("row", maintain_order=True).agg(pl.col(f"{NOTE}{column}").str.join("\n"))
    chosen = candidates.filter("chosen").drop("usable", "chosen", "reason")
    return _joined(cells, chosen, notes)


def _joined(cells: pl.DataFrame, *tables: pl.DataFrame) -> pl.DataFrame:
    """The cells with the columns of each table, by `row`, in their order."""
    for table in tables:
        cells = cells.join(table, on="row", how="left", maintain_order="left")
    return cells


def _further(candidates: pl.DataFrame, identifier: str, name: str) -> pl.DataFrame:
    """A list of each row's identifiers but the first, for rows that have more than one."""
    found = candidates.filter(pl.col(identifier).is_not_null()).filter(~pl.col("row").is_first_distinct())
    return found.group_by("row", maintain_order=True).agg(pl.col(identifier).alias(name))


def with_email(cells: pl.DataFrame) -> pl.DataFrame:
    """`email` as it is sent, `email_id`, `further_emails`, and notes on addresses that are not sent."""
    found = read_emails(cells["email"])
    found = found.unique(["row", "kind", pl.coalesce("identifier", "address")], keep="first", maintain_order=True)
    reason = pl.col("kind").replace_strict(_EMAIL_REASONS, default=None)
    reason = reason.fill_null(pl.format("a role address ({}@), not sent", "role"))
    personal = found.select("row", "kind", "role", email="address", email_id="identifier")
    cells = _with_first_usable(cells.drop("email"), "email", personal, pl.col("kind") == "personal", reason)
    further = _further(found, "identifier", "further_emails")
    return _joined(cells.drop("kind", "role"), further)


def with_linkedin(cells: pl.DataFrame) -> pl.DataFrame:
    """Both LinkedIn columns as they are sent, `profile_id`, `company_page`, `further_profiles`, and notes."""
    column = "organisation_linkedin_url"
    is_person, is_company = pl.col("page").str.starts_with("li:"), pl.col("page").str.starts_with("co:")
    reason = pl.col("page").replace_strict(OTHER_PAGES, default=None, return_dtype=pl.String)
    pages = read_linkedin(cells[column]).unique(maintain_order=True)
    own = pages.filter(is_company).unique("row", keep="first").select("row", company_page="page")
    person = pl.when(is_person).then(pl.lit("a person's profile, not a company page")).otherwise(reason)
    cells = _with_first_usable(cells.drop(column), column, pages, is_company, person).drop("page")
    found = read_linkedin(cells["linkedin_url"]).unique(maintain_order=True).join(own, on="row", how="left")
    moved = found.filter(is_company & pl.col("company_page").is_null()).unique("row", keep="first")
    sentence = pl.when(pl.col("company_page").is_null()).then(pl.lit("a company page, used as the organisation's"))
    reason = (
        pl.when(is_person)
        .then(pl.lit("one more profile, not sent"))
        .when(is_company)
        .then(sentence.otherwise(pl.lit("a company page, not a person's profile")))
        .otherwise(reason)
    )
    cells = _with_first_usable(cells.drop("linkedin_url"), "linkedin_url", found, is_person, reason)
    cells = cells.drop("company_page").rename({"page": "profile_id"})
    company_pages = pl.concat([own, moved.select("row", company_page="page")])
    further = _further(found.filter(is_person), "page", "further_profiles")
    cells = _joined(cells, company_pages, further)
    return cells.with_columns(
        page_urls(cells["profile_id"]).alias("linkedin_url"), page_urls(cells["company_page"]).alias(column)
    )


def with_names(cells: pl.DataFrame) -> pl.DataFrame:
    """First and last name as they are sent, split from the full name where they are absent; folded ones; notes."""
    for part in ("first", "last"):
        names = read_names(cells[f"{part}_name"], part)
        is_lost = pl.col(f"{part}_name").is_not_null() & names[f"{part}_name"].is_null()
        cells = cells.with_columns(note(f"{part}:none", is_lost, f"{part}_name: not a name"), *names)
    cells = _with_whole_first_names(cells)
    wanting = pl.col("first_folded").is_null() | pl.col("last_folded").is_null()
    unsplit = cells.filter(wanting & pl.col("full_name").is_not_null())
    if not unsplit.is_empty():
        cells = with_changed_rows(cells, _split_names(unsplit))
    for part in ("first", "last"):
        is_initial = pl.col(f"{part}_name").is_not_null() & pl.col(f"{part}_folded").is_null()
        sentence = f"{part}_name: only an initial, which does not tell who it is"
        cells = cells.with_columns(note(f"{part}:initial", is_initial, sentence))
    stand_ins = cells.filter(is_stand_in(pl.col("first_folded"), pl.col("last_folded")))
    sentence = "first_name, last_name: a stand-in, not somebody's name"
    nothing = [pl.lit(None, pl.String).alias(name) for name in _NAME_COLUMNS]
    return with_changed_rows(cells, stand_ins.select("row", note("stand-in", pl.lit(True), sentence), *nothing))


def _with_whole_first_names(cells: pl.DataFrame) -> pl.DataFrame:
    """A first name of several words is taken for a full name where there is no other, nor anything else to ask by."""
    nothing_else = pl.all_horizontal(
        pl.col(name).is_null() for name in ("last_name", "full_name", "profile_id", "email_id")
    )
    whole = nothing_else & pl.col("first_name").str.contains(r"\w[\s,]+\w")
    if not cells.select(whole.fill_null(False).any()).item():
        return cells
    nothing = pl.lit(None, pl.String)
    return cells.with_columns(
        note("first:whole", whole, "first_name: taken for the whole name, for there is no last name"),
        pl.when(whole).then("first_name").otherwise("full_name").alias("full_name"),
        *(pl.when(whole).then(nothing).otherwise(name).alias(name) for name in ("first_name", "first_folded")),
    )


def _split_names(cells: pl.DataFrame) -> pl.DataFrame:
    """`row`, names and notes: missing parts are taken from the full name, unless its other part contradicts the row."""
    split = split_full_names(cells["full_name"])
    # Middle names tell namesakes apart where nothing stronger does; elsewhere they would only be asked with.
    known = cells.select(pl.any_horizontal(pl.col("profile_id", "email_id").is_not_null()).alias("known"))
    first_word = pl.col("first").str.extract(r"^(\S+[^\s.])\s")  # an initial is none
    split = split.hstack(known).with_columns(
        pl.when("known").then(pl.coalesce(first_word, "first")).otherwise("first").alias("first")
    )
    parts = {part: read_names(split[part], part).rename(lambda name: f"split_{name}") for part in ("first", "last")}
    # Without the middle names that a full name may have and a column for first names has not.
    leading = read_names(split["first"].str.extract(r"^(\S+)"), "first")["first_folded"]
    cells = cells.with_columns(leading.alias("split_leading"), *parts["first"], *parts["last"])
    first, last = (_agrees(part) for part in parts)
    agree = ((first | (pl.col("first_folded") == pl.col("split_leading"))) & last).fill_null(False)
    nothing = pl.col("first_name").is_null() & pl.col("last_name").is_null()
    unsplit = nothing & pl.col("split_first_name").is_null()
    companies = [name for name in cells.filter(unsplit)["full_name"].unique() if is_company(name)]
    company = unsplit & pl.col("full_name").is_in(companies)
    # A last name of the row's own stays as it is written there.
    better = {
        name: agree & (pl.lit(name.startswith("first")) | pl.col("last_folded").is_null()) for name in _NAME_COLUMNS
    }
    return cells.select(
        "row",
        note("full:company", company, "full_name: a company, not somebody's name"),
        note("full:unsplit", unsplit & ~company, "full_name: cannot be split into first and last name"),
        *(pl.when(better[name]).then(f"split_{name}").otherwise(name).alias(name) for name in _NAME_COLUMNS),
    )


def _agrees(part: str) -> pl.Expr:
    """Whether a part of the full name may be what the row itself says: nothing, the same, or its first letter."""
    own, split = pl.col(f"{part}_folded"), pl.col(f"split_{part}_folded")
    letter = pl.col(f"{part}_name").str.to_lowercase().str.slice(0, 1)
    return pl.when(own.is_not_null()).then(own == split).otherwise(letter.is_null() | split.str.starts_with(letter))


def with_organisation(cells: pl.DataFrame) -> pl.DataFrame:
    """Organisation and domain as they are sent, `organisation_key` (`on:`, `dm:`), notes on what names no company."""
    names = read_organisations(cells["organisation_name"])
    reason = pl.when(pl.col("name").is_null()).then(pl.lit("not a name"))
    reason = reason.when(pl.col("key").is_null()).then(pl.lit("says that there is no company"))
    cells = _with_first_usable(cells, "organisation_name", names, pl.col("key").is_not_null(), reason)
    domains = read_domains(cells["organisation_domain"]).rename({"domain": "own_domain"})
    usable = pl.col("own_domain").is_not_null()
    reason = pl.when(~usable).then(pl.lit("not the domain of a company"))
    cells = _with_first_usable(cells, "organisation_domain", domains, usable, reason)
    # A web address in place of a name is shortened to its domain; `Booking.com` is a name as it is.
    is_url = pl.col("domain").is_not_null() & pl.col("name").str.contains("(?i)^(?:https?://|www\\.)|/$|@")
    return cells.with_columns(
        pl.coalesce(pl.when(is_url).then("domain").otherwise("name"), "own_domain").alias("organisation_name"),
        pl.coalesce("own_domain", "domain").alias("organisation_domain"),
        pl.col("key").alias("organisation_key"),
    ).drop("name", "domain", "key", "own_domain")


def with_name_id(cells: pl.DataFrame) -> pl.DataFrame:
    """`name_id`: null unless a first name, a last name and a company are there."""
    company = pl.coalesce("company_page", "organisation_key", pl.lit("dm:") + pl.col("organisation_domain"))
    parts = ("first_folded", "last_folded", company)
    return cells.with_columns((pl.lit("nc:") + pl.concat_str(*parts, separator="|")).alias("name_id"))
