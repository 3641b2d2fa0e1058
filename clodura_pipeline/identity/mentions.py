"""Finds e-mail addresses and LinkedIn profiles anywhere in a text, and takes chosen ones out of it."""

from collections.abc import Callable, Collection

import polars as pl

from clodura_pipeline.identity.cells.emails import read_emails
from clodura_pipeline.identity.cells.linkedin import read_linkedin

TAKEN_OUT = "[erased]"
# What ends an address in running text or in JSON. A backslash is JSON's escape: `\n` in front of an address is no `n`.
_EMAIL = r"[^\s\"\\<>()\[\]{},;:|=]+[@＠][^\s\"'\\<>()\[\]{},;:|/=?]+"
_LINKEDIN = r"(?i)[^\s\"'\\<>()\[\]{},;|]*linkedin\.(?:com|cn)(?:/|%)[^\s\"'\\<>()\[\]{},;|]*"
_ESCAPE = r"\\[nrtbf\"/\\]"


def find_mentions(texts: pl.Series, is_meant: Callable[[str], bool]) -> pl.DataFrame:
    """`row` and `token` of each address and profile in these texts whose canonical identifier `is_meant`."""
    plain = pl.DataFrame({"text": texts.cast(pl.String).str.replace_all(_ESCAPE, " ")}).with_row_index("row")
    found = []
    for pattern, read, column in ((_EMAIL, read_emails, "identifier"), (_LINKEDIN, read_linkedin, "page")):
        tokens = plain.select("row", pl.col("text").str.extract_all(pattern).alias("token")).explode("token")
        tokens = tokens.drop_nulls("token")
        known = tokens.select(pl.col("token").unique())
        ids = read(known["token"]).select("row", pl.col(column).alias("identifier")).drop_nulls()
        meant = [identifier for identifier in ids["identifier"].unique() if is_meant(identifier)]
        rows = ids.filter(pl.col("identifier").is_in(meant))["row"].unique()
        found.append(tokens.join(known[rows], on="token", how="semi"))
    return pl.concat(found)


def take_out(text: str | None, tokens: Collection[str]) -> str | None:
    """The text with every one of these tokens replaced, the longest first."""
    for token in sorted(tokens, key=len, reverse=True):
        text = text.replace(token, TAKEN_OUT) if text else text
    return text
