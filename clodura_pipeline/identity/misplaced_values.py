"""Cells that hold something else than their column says: moved to the right column where that is empty, and told.

Every function takes the frame of a day's cells and returns it with the cells moved and with notes: columns whose
names start with `NOTE`, each a sentence or null. A note names columns and kinds, never what a cell holds.
"""

import polars as pl

NOTE = "note:"
_ON_LINKEDIN = r"(?i)\blinkedin\.(?:com|cn)(?:/|%2f|%252f)"
_ADDRESS = r"\S@\S+\.\S"
# `Ann Lee <ann@x.com>`: a name, and an address that may be used.
_NAME_WITH_ADDRESS = r"^(.*[^\s<(])\s*[<(\[]\s*([^<>()\s]+@[^<>()\s]+\.[^<>()\s]+)\s*[>)\]]$"
_NAMES = ("first_name", "last_name", "full_name")


def _is_address(column: str) -> pl.Expr:
    text = pl.col(column)
    return (text.str.contains(_ADDRESS) & ~text.str.contains(_ON_LINKEDIN)).fill_null(False)


def _is_linkedin(column: str) -> pl.Expr:
    return pl.col(column).str.contains(_ON_LINKEDIN).fill_null(False)


def _moved(target: str, candidates: dict[str, pl.Expr], own: pl.Expr, what: str) -> list[pl.Expr]:
    """The target's cell, and a note for each candidate: the first one is used, if the target has no `own` cell."""
    free = own.is_null()
    cell, notes = own, []
    for source, condition in candidates.items():
        used = pl.lit(f"{source}: {what}, used as {target}")
        spare = pl.lit(f"{source}: {what}, not used, for {target} is there already")
        notes.append(pl.when(condition & free).then(used).when(condition).then(spare).alias(f"{NOTE}{source}>{target}"))
        cell = cell.fill_null(pl.when(condition).then(pl.col(source)))
        free &= ~condition
    return [cell.alias(f"new:{target}"), *notes]


def put_right(cells: pl.DataFrame) -> pl.DataFrame:
    """Addresses and LinkedIn pages moved out of columns where they do not belong."""
    anything = pl.any_horizontal(
        *(
            pl.col(name).str.contains("@|(?i:linkedin)")
            for name in (*_NAMES, "organisation_name", "organisation_domain")
        ),
        _is_linkedin("email"),
        _is_address("linkedin_url"),
    ).fill_null(False)
    # Few rows have anything to move, so the rest is spared the work.
    rows = cells.with_row_index("row")
    odd = _put_right(rows.filter(anything))
    right = rows.filter(~anything).with_columns(
        pl.lit(None, pl.String).alias(name) for name in odd.columns if NOTE in name
    )
    return pl.concat([right, odd.select(right.columns)]).sort("row").drop("row")


def _put_right(cells: pl.DataFrame) -> pl.DataFrame:
    full = pl.col("full_name")
    inner = full.str.extract(_NAME_WITH_ADDRESS, 2)
    cells = cells.with_columns(
        inner.alias("full_name_address"),
        pl.when(inner.is_not_null()).then(full.str.extract(_NAME_WITH_ADDRESS, 1)).otherwise(full).alias("full_name"),
    )
    addresses = {name: _is_address(name) for name in ("linkedin_url", *_NAMES)}
    profiles = {name: _is_linkedin(name) for name in ("email", *_NAMES)}
    pages = {name: _is_linkedin(name) for name in ("organisation_name", "organisation_domain")}
    own_email = pl.coalesce(pl.when(~profiles["email"]).then("email"), "full_name_address")
    own_profile = pl.when(~addresses["linkedin_url"]).then("linkedin_url")
    cells = cells.with_columns(
        *_moved("email", addresses, own_email, "an e-mail address"),
        *_moved("linkedin_url", profiles, own_profile, "a LinkedIn address"),
        *_moved("organisation_linkedin_url", pages, pl.col("organisation_linkedin_url"), "a LinkedIn address"),
        *(pl.when(~addresses[name] & ~profiles[name]).then(name).alias(f"new:{name}") for name in _NAMES),
        *(pl.when(~pages[name]).then(name).alias(f"new:{name}") for name in pages),
    )
    new = [name for name in cells.columns if name.startswith("new:")]
    return cells.with_columns(pl.col(name).alias(name.removeprefix("new:")) for name in new).drop(
        *new, "full_name_address"
    )
