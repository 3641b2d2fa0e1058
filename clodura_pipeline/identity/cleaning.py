"""Landed rows in, usable contacts out: cleaned cells, canonical identifiers, and what was set aside and why.

A row is kept when one identifier remains: a profile, a personal address, or first and last name with a company.
Everything else about it that cannot be used is set aside with a reason. A row with nothing usable is rejected, with
all its reasons.

Values that stand in the wrong column (addresses and LinkedIn pages in name and company columns, and swaps) are moved
first. A moved value comes after the values that the right column has itself, and leaves a note.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import duckdb
import polars as pl

from clodura_pipeline.identity import cleaning_steps as steps
from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.identity.cells.text import filled

NO_IDENTIFIER = (
    "no identifier Clodura can use: needs a LinkedIn profile, an e-mail address, or first and last name with a company"
)
CELLS = tuple(name for name in LANDED_COLUMNS if name != "contact_id")
_IDENTIFIERS = ("profile_id", "email_id", "name_id")
CONTACT_COLUMNS = (
    "file_date", "source_file", "source_row", "source", "contact_id", "first_name", "last_name", "email",
    "linkedin_url", "organisation_name", "organisation_linkedin_url", "organisation_domain", "source_columns",
    *_IDENTIFIERS, "further_ids", "set_aside",
)  # fmt: skip
REJECTED_COLUMNS = ("file_date", "source_file", "source_row", "reasons", "record")
# What programs write for a missing id. Anything else in `contact_id` is an id, and kept as it is.
_NO_ID = ["n/a", "#n/a", "#ref!", "null", "none", "nan", "undefined", "tbd", "-", "--"]
# The derived id of a row in DuckDB, from its canonical identifiers.
DERIVED_ID_SQL = (
    "'row-' || md5(concat(coalesce(profile_id, ''), chr(10), coalesce(email_id, ''), chr(10), "
    "coalesce(name_id, '')))[1:16]"
)
_NAMES = ("first_name", "last_name", "full_name")
_ON_LINKEDIN = r"(?i)\blinkedin\.(?:com|cn)(?:/|%2f|%252f)"
_ADDRESS = r"\S@\S+\.\S"
# `Ann Lee <ann@x.com>`: a name, and an address that may be used.
_NAME_WITH_ADDRESS = r"^(.*[^\s<(])\s*[<(\[]\s*([^<>()\s]+@[^<>()\s]+\.[^<>()\s]+)\s*[>)\]]$"
_COMPANIES = ("organisation_name", "organisation_domain")
# (column it stands in, column it belongs to): what it is.
_MOVES = {(name, "email"): "an e-mail address" for name in ("linkedin_url", *_NAMES)}
_MOVES |= {(name, "linkedin_url"): "a LinkedIn address" for name in ("email", *_NAMES)}
_MOVES |= {(name, "organisation_linkedin_url"): "a LinkedIn address" for name in _COMPANIES}
_NO_TEXTS = pl.lit([], pl.List(pl.String))


@dataclass(frozen=True)
class Cleaned:
    """Every landed row is in one of the two: `contacts` (`CONTACT_COLUMNS`) or `rejected` (`REJECTED_COLUMNS`)."""

    contacts: pl.DataFrame
    rejected: pl.DataFrame


def clean(landed: pl.DataFrame) -> Cleaned:
    """Landed rows (text; absent columns count as empty) split into usable contacts and rejected rows, in order.

    A cell may hold several values, one a line, the best first: the first usable one is the row's.
    """
    missing = [name for name in (*CELLS, "contact_id", "source_columns", "record") if name not in landed.columns]
    landed = landed.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)
    cells = identified(landed.select(CELLS))
    kept = ["file_date", "source_file", "source_row", "source", "contact_id", "source_columns", "record"]
    frame = cells.with_columns(*landed.select(kept), _notes(cells)).select(*CONTACT_COLUMNS, "record")
    usable = pl.any_horizontal(pl.col(_IDENTIFIERS).is_not_null())
    contacts = frame.filter(usable)
    contacts = contacts.with_columns(_contact_ids(contacts)).select(CONTACT_COLUMNS)
    reasons = pl.concat_list(pl.lit(NO_IDENTIFIER), "set_aside").alias("reasons")
    return Cleaned(contacts, frame.filter(~usable).with_columns(reasons).select(REJECTED_COLUMNS))


def identified(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells (`CELLS`) cleaned, with `profile_id, email_id, name_id, further_ids` and notes, row by row in order."""
    cells = cells.select(pl.col(CELLS).cast(pl.String)).with_columns(
        filled(cells[name], is_name=True) for name in _NAMES
    )
    cells = _with_moved_values(cells.with_row_index("row"))
    for step in (steps.with_email, steps.with_linkedin, steps.with_names, steps.with_organisation, steps.with_name_id):
        cells = step(cells)
    further = ("further_emails", "further_profiles")
    some = cells.filter(pl.any_horizontal(pl.col(further).is_not_null()))
    ids = pl.concat_list(pl.col(name).fill_null(_NO_TEXTS) for name in further).alias("further_ids")
    cells = cells.with_columns(_NO_TEXTS.alias("further_ids"))
    return steps.with_changed_rows(cells, some.select("row", ids))


def _is_misplaced(text: pl.Expr, target: str) -> pl.Expr:
    on_linkedin = text.str.contains(_ON_LINKEDIN)
    return (text.str.contains(_ADDRESS) & ~on_linkedin) if target == "email" else on_linkedin


def _with_moved_values(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with addresses and LinkedIn pages in the columns where they belong, and a note for each move."""
    # Few rows have anything to move: a quick look first, then a closer one.
    suspects = cells.filter(
        pl.any_horizontal(
            pl.col(source).str.contains("@" if target == "email" else "(?i)linkedin", literal=target == "email")
            for source, target in _MOVES
        ).fill_null(False)
    )
    if suspects.is_empty():
        return cells
    odd = pl.any_horizontal(_is_misplaced(pl.col(source), target).fill_null(False) for source, target in _MOVES)
    return steps.with_changed_rows(cells, _moved(suspects.filter(odd)))


def _moved(cells: pl.DataFrame) -> pl.DataFrame:
    full = pl.col("full_name")
    address = full.str.extract(_NAME_WITH_ADDRESS, 2)
    cells = cells.with_columns(
        pl.coalesce(full.str.extract(_NAME_WITH_ADDRESS, 1), full).alias("full_name"),
        _joined("email", address).alias("email"),
    )
    moved = {
        (source, target): _lines(source, lambda line, target=target: _is_misplaced(line, target))
        for source, target in _MOVES
    }
    notes = [
        pl.when(moved[source, target].is_not_null())
        .then(pl.lit(f"{source}: {what}, used as {target}"))
        .alias(f"{steps.NOTE}{source}>{target}")
        for (source, target), what in _MOVES.items()
    ]
    new = []
    for column in dict.fromkeys(column for move in _MOVES for column in move):
        targets = [target for source, target in _MOVES if source == column]
        own = _lines(
            column, lambda line, targets=targets: pl.all_horizontal(True, *(~_is_misplaced(line, to) for to in targets))
        )
        arrived = (found for (_, target), found in moved.items() if target == column)
        new.append(_joined(own, *arrived).alias(column))
    return cells.with_columns(*new, *notes)


def _lines(column: str, condition: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """The lines of a cell for which a condition holds; null where there is none."""
    lines = pl.col(column).str.split("\n").list.eval(pl.element().filter(condition(pl.element())))
    return _joined(lines.list.join("\n"))


def _joined(*lines: str | pl.Expr) -> pl.Expr:
    """Lines one below the other; null where there is none."""
    text = pl.concat_str(*lines, separator="\n", ignore_nulls=True)
    return pl.when(text != "").then(text)


def _notes(cells: pl.DataFrame) -> pl.Series:
    """All notes of each row as one list, in the order of the columns."""
    notes = [name for name in cells.columns if name.startswith(steps.NOTE) and cells[name].null_count() < cells.height]
    if not notes:
        return pl.Series("set_aside", [[]] * cells.height, dtype=pl.List(pl.String))
    text = pl.concat_str(notes, separator="\n", ignore_nulls=True)
    return cells.select(
        pl.when(text != "").then(text.str.split("\n")).otherwise(_NO_TEXTS).alias("set_aside")
    ).to_series()


def _contact_ids(contacts: pl.DataFrame) -> pl.Series:
    """The id of each cleaned row: the file's own as it stands there, else one made of its canonical identifiers."""
    own = pl.col("contact_id").cast(pl.String)
    blank = own.str.strip_chars().str.to_lowercase().is_in(["", *_NO_ID]).fill_null(True)
    ids = contacts.with_row_index("place").select("place", own, *_IDENTIFIERS, blank.alias("blank"))
    without = ids.filter("blank")
    if without.is_empty():
        return ids["contact_id"]
    with _database().cursor() as connection:  # a connection of this thread's own
        connection.register("contacts", without.select(_IDENTIFIERS).to_arrow())
        derived = connection.sql(f"SELECT {DERIVED_ID_SQL} AS derived FROM contacts").pl()["derived"]
    ids = ids.join(without.select("place", derived), on="place", how="left", maintain_order="left")
    return ids.select(pl.when("blank").then("derived").otherwise("contact_id").alias("contact_id")).to_series()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """An empty one in memory, made once: that takes as long as to clean a short list (20 ms)."""
    return duckdb.connect()
