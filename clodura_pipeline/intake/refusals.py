"""Says why a file without usable headers is refused, showing headers and never people."""

import re
from collections.abc import Iterable, Sequence

SEARCHED = 20  # records from the top; LinkedIn's notes take 3, titles above a report a few more
_SHOWN = 30
# Signs of a person's data where headers are expected: addresses, numbers, control characters, whole sentences.
_DATA = re.compile(r"@|://|www\.|\d{4,}|\d+[./-]\d+|[\x00-\x1f\ufffd]|\\x|.{61}", re.DOTALL)
_HEADER_WORDS = frozenset(
    """
    account action active address age amount area attended balance bereich betrag birthday branch budget
    campaign category cell channel city class code color colour column comment comments company contact count
    country created currency customer datum date day deal department description direccion district duration
    email employees end event field file first gender group header height hour id identifier image index
    industry invoice item job key kategorie label language last level link list location mail manager menge
    message mobile model modified month name notes number order organisation organization owner page parent
    payment period person phone photo plan position postal price priority product project quantity question rank
    rate rating reference region registration result revenue role room salary score section segment sector
    seniority sent session sex size sku source stadt stage start state status stock store street subject summary
    surname tag tags task team telefon telephone temperature ticket time title topic total type unit updated url
    user value version volume website week weight width year zip
    """.split()  # noqa: SIM905 - eight words a line are read more easily than one
)


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
    elif any(_DATA.search(header) for header in named):
        seen = f"the first line, of {len(named)} cells, looks like data and not like headers"
    elif surely_headers or _are_header_words(named) or any(_is_data_below(found, row) for row in below):
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        seen = f"the headers found are {', '.join(named[:_SHOWN])}{more}"
    else:
        seen = f"none of the {len(named)} cells of the first line is a header we know (not shown: it may be a person)"
    return (
        f"no header{where} says who the contacts are: {seen}. Expected one line with names such as contact_id, "
        "first_name, last_name, full_name, email, linkedin_url, organisation_name within the first "
        f"{SEARCHED} lines; rename the headers, or add their spellings to the file of header spellings"
    )


def _are_header_words(cells: list[str]) -> bool:
    """Words that headers have, or how programs write headers; people write names with a capital."""
    words = {word.casefold() for cell in cells for word in re.findall(r"[^\W\d_]+", cell)}
    return not _HEADER_WORDS.isdisjoint(words) or all(cell[0] == cell[0].lower() and " " not in cell for cell in cells)


def _is_data_below(found: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a line has an address or a number where the first line has a word."""
    return any(header.strip() and _DATA.search(cell) for header, cell in zip(found, row, strict=False))
