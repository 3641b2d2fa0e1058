"""Says why a file without usable headers is refused, showing headers and never people."""

import re
from collections.abc import Iterable, Sequence

from clodura_pipeline.intake.cell_table import MAX_COLUMNS
from clodura_pipeline.intake.header_row import SEARCHED_ROWS
from clodura_pipeline.intake.headers.spellings import header_spellings, words_of
from clodura_pipeline.intake.unreadable import escaped

_SHOWN = 30
# Signs of data where headers are expected: addresses, numbers, control characters, whole sentences, settings with keys.
_DATA = re.compile(r"@|://|www\.|\d{4,}|\d+[./-]\d+|[\x00-\x1f\ufffd=]|\\x|\S{33}|.{61}", re.DOTALL)

_NUMBER = re.compile(r"\s*\d+(?:[.,]\d+)?\s*$")


def no_usable_headers(
    found: Sequence[str], where: str = "", *, below: Iterable[Sequence[str]] = (), surely_headers: bool = False
) -> str:
    """What is wrong when no header is known: what was found, and what is expected.

    A first line may be a person's data, in a list without header; so it is shown only where its words, or the lines
    `below`, speak for headers. Names in JSON and Parquet are `surely_headers`.
    """
    named = [header.strip() for header in found if header.strip()]
    if not named:
        seen = "no headers were found"
    elif any(_DATA.search(header) or _NUMBER.match(header) for header in named):
        seen = f"the first line, of {len(named)} cells, looks like data and not like headers"
    elif surely_headers or _are_header_words(named) or any(_is_data_below(found, row) for row in below):
        seen = f"the headers found are {quoted_headers(named)}"
    else:
        seen = f"none of the {len(named)} cells of the first line is a header we know (not shown: it may be a person)"
    return (
        f"no header{where} says who the contacts are: {seen}. Expected one line with names such as contact_id, "
        "first_name, last_name, full_name, email, linkedin_url, organisation_name within the first "
        f"{SEARCHED_ROWS} lines; rename the headers, or add their spellings to the file of header spellings"
    )


def quoted_headers(headers: Sequence[str]) -> str:
    """Headers for a message; what looks like data instead of a header is not shown."""
    shown = [escaped(header) if not _DATA.search(header) else "(not shown)" for header in headers[:_SHOWN]]
    more = f" and {len(headers) - _SHOWN} more" if len(headers) > _SHOWN else ""
    return ", ".join(shown) + more


def too_many_columns(width: int) -> str:
    """What is wrong with a file that is wider than any list of contacts."""
    return f"has {width:,} columns, and at most {MAX_COLUMNS:,} are read; keep those that describe contacts"


def _are_header_words(cells: Sequence[str]) -> bool:
    """Whether half of the cells have words of headers, or all are spelt as programs do; names have capitals."""
    words = header_spellings({}).words
    known = sum(not words.isdisjoint(words_of(cell)) for cell in cells)
    return known * 2 >= len(cells) or all(cell[0] == cell[0].lower() and " " not in cell for cell in cells)


def _is_data_below(found: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a line has an address or a number where the first line has a word."""
    pairs = zip(found, row, strict=False)
    return any(header.strip() and (_DATA.search(cell) or _NUMBER.match(cell)) for header, cell in pairs)
