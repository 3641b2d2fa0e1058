"""Finds e-mail addresses and LinkedIn profiles anywhere in a text, and takes chosen ones out of it."""

from collections.abc import Callable, Collection

import polars as pl

from clodura_pipeline.identity import rereading
from clodura_pipeline.identity.cells import columns

TAKEN_OUT = "[erased]"
# What ends an address in running text or in JSON. A backslash is JSON's escape: `\n` in front of an address is no `n`.
_EMAIL = r"[^\s\"\\<>()\[\]{},;:|=]+[@＠][^\s\"'\\<>()\[\]{},;:|/=?]+"
_LINKEDIN = r"(?i)[^\s\"'\\<>()\[\]{},;|]*linkedin\.(?:com|cn)(?:/|%)[^\s\"'\\<>()\[\]{},;|]*"
_ESCAPE = r"\\[nrtbf\"/\\]"


def find_mentions(texts: pl.Series, is_meant: Callable[[str], bool]) -> pl.DataFrame:
    """`row` and `token` of everything in these texts whose canonical identifier, of today or formerly, is meant."""
    plain = pl.DataFrame({"text": texts.cast(pl.String).str.replace_all(_ESCAPE, " ")}).with_row_index("row")
    found = []
    for pattern, read, formerly in (
        (_EMAIL, lambda tokens: columns.read_emails(tokens)["identifier"], rereading.former_addresses),
        (_LINKEDIN, lambda tokens: columns.read_linkedin(tokens)["page"], rereading.former_profiles),
    ):
        tokens = plain.select("row", pl.col("text").str.extract_all(pattern).alias("token")).explode("token")
        tokens = tokens.drop_nulls("token")
        known = tokens["token"].unique()
        meant = [
            token
            for token, identifier in zip(known, read(known), strict=True)
            if any(each is not None and is_meant(each) for each in (identifier, *formerly(token)))
        ]
        found.append(tokens.filter(pl.col("token").is_in(meant)))
    return pl.concat(found)


def take_out(text: str | None, tokens: Collection[str]) -> str | None:
    """The text with every one of these tokens replaced, the longest first."""
    for token in sorted(tokens, key=len, reverse=True):
        text = text.replace(token, TAKEN_OUT) if text else text
    return text
