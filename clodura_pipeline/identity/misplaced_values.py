"""Moves values that stand in the wrong column: addresses and LinkedIn pages in name and company columns, and swaps.

A moved value comes after the values that the right column has itself. Each move leaves a note, a column whose name
starts with `NOTE`; a note names columns and kinds, never what a cell holds.
"""

from collections.abc import Callable

import polars as pl

NOTE = "note:"
_ON_LINKEDIN = r"(?i)\blinkedin\.(?:com|cn)(?:/|%2f|%252f)"
_ADDRESS = r"\S@\S+\.\S"
# `Ann Lee <ann@x.com>`: a name, and an address that may be used.
_NAME_WITH_ADDRESS = r"^(.*[^\s<(])\s*[<(\[]\s*([^<>()\s]+@[^<>()\s]+\.[^<>()\s]+)\s*[>)\]]$"
_NAMES = ("first_name", "last_name", "full_name")
_COMPANIES = ("organisation_name", "organisation_domain")
# (column it stands in, column it belongs to): what it is.
_MOVES = {(name, "email"): "an e-mail address" for name in ("linkedin_url", *_NAMES)}
_MOVES |= {(name, "linkedin_url"): "a LinkedIn address" for name in ("email", *_NAMES)}
_MOVES |= {(name, "organisation_linkedin_url"): "a LinkedIn address" for name in _COMPANIES}


def _is_misplaced(text: pl.Expr, target: str) -> pl.Expr:
    on_linkedin = text.str.contains(_ON_LINKEDIN)
    return (text.str.contains(_ADDRESS) & ~on_linkedin) if target == "email" else on_linkedin


def move_misplaced_values(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with addresses and LinkedIn pages in the columns where they belong, and a note for each move."""
    # Few rows have anything to move: a quick look first, then a closer one.
    suspects = cells.filter(
        pl.any_horizontal(
            pl.col(source).str.contains("@" if target == "email" else "(?i)linkedin", literal=target == "email")
            for source, target in _MOVES
        ).fill_null(False)
    )
    odd = pl.any_horizontal(_is_misplaced(pl.col(source), target).fill_null(False) for source, target in _MOVES)
    return with_changed_rows(cells, _moved(suspects.filter(odd)))


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


def _moved(cells: pl.DataFrame) -> pl.DataFrame:
    full = pl.col("full_name")
    address = full.str.extract(_NAME_WITH_ADDRESS, 2)
    cells = cells.with_columns(
        pl.coalesce(full.str.extract(_NAME_WITH_ADDRESS, 1), full).alias("full_name"),
        _joined("email", address).alias("email"),
    )
    own, moved, notes = {}, {}, []
    for column in dict.fromkeys(column for move in _MOVES for column in move):
        targets = [target for source, target in _MOVES if source == column]
        own[column] = (
            _lines(
                column, lambda line, targets=targets: ~pl.any_horizontal(_is_misplaced(line, each) for each in targets)
            )
            if targets
            else pl.col(column)
        )
    for (source, target), what in _MOVES.items():
        moved[source, target] = _lines(source, lambda line, target=target: _is_misplaced(line, target))
        notes.append(
            pl.when(moved[source, target].is_not_null())
            .then(pl.lit(f"{source}: {what}, used as {target}"))
            .alias(f"{NOTE}{source}>{target}")
        )
    new = [
        _joined(lines, *(found for (_, target), found in moved.items() if target == column)).alias(column)
        for column, lines in own.items()
    ]
    return cells.with_columns(*new, *notes)


def _lines(column: str, condition: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """The lines of a cell for which a condition holds; null where there is none."""
    lines = pl.col(column).str.split("\n").list.eval(pl.element().filter(condition(pl.element())))
    return _joined(lines.list.join("\n"))


def _joined(*lines: str | pl.Expr) -> pl.Expr:
    """Lines one below the other; null where there is none."""
    text = pl.concat_str(*lines, separator="\n", ignore_nulls=True)
    return pl.when(text != "").then(text)
