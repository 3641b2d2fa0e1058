"""Reads a column value by value, at the speed of expressions for nearly all of its cells.

An expression costs 20 to 200 ns a cell, a Python function 10 to 100 µs. So each kind of cell has one expression that
recognises values that are in their final form already (`plain`), and one Python function for all other spellings,
which is called once for each distinct value. What is decided of a value in its final form (is it a role address?
which company is it?) is an expression only.
"""

from collections.abc import Callable, Sequence

import polars as pl

from clodura_pipeline.identity.cells.text import filled

# Letters with one spelling in Unicode: Latin and Cyrillic, without characters that a normal form would replace.
LETTERS = r"a-zA-Z\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{24f}\x{400}-\x{52f}"


def read_distinct(values: pl.Series, plain: pl.Series, read: Callable[[str], str | None]) -> pl.Series:
    """What each value says: `plain` where that is not null, else what `read` returns."""
    frame = pl.DataFrame({"text": values, "plain": plain}, schema={"text": pl.String, "plain": pl.String})
    others = frame.filter(pl.col("plain").is_null() & pl.col("text").is_not_null())["text"].unique()
    if others.is_empty():
        return frame["plain"]
    table = pl.DataFrame({"text": others, "read": pl.Series([read(text) for text in others], dtype=pl.String)})
    joined = frame.join(table, on="text", how="left", maintain_order="left")
    return joined.select(pl.coalesce("plain", "read")).to_series()


def read_each_once(values: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """The columns that `read` makes of the values, computed for each distinct value once: names repeat."""
    distinct = values.unique()
    table = read(distinct).with_columns(distinct.alias("text"))
    frame = pl.DataFrame({"text": values}, schema={"text": pl.String})
    return frame.join(table, on="text", how="left", maintain_order="left", nulls_equal=True).drop("text")


def read_candidates(
    cells: pl.Series,
    plain: Callable[[pl.Series], pl.Series],
    read: Callable[[str], Sequence[str]],
    *,
    is_name: bool = False,
) -> pl.DataFrame:
    """`row` and `text` of every value in these cells, in order: a cell holds one or more lines, a line values.

    Args:
        plain: each line that is one value in its final form as that; null for all others.
        read: the values in any other line. None of them holds a line break.
        is_name: see `filled`.
    """
    lines = _lines(pl.DataFrame({"text": cells.cast(pl.String)}).with_row_index("row").drop_nulls())
    lines = lines.with_columns(filled(lines["text"], is_name=is_name)).drop_nulls()
    values = read_distinct(lines["text"], plain(lines["text"]), lambda text: "\n".join(read(text)))
    return _lines(lines.with_columns(values.alias("text")))


def _lines(frame: pl.DataFrame) -> pl.DataFrame:
    """A row for each line of `text`."""
    if not frame["text"].str.contains("\n", literal=True).any():
        return frame
    return frame.with_columns(pl.col("text").str.split("\n")).explode("text")
