"""Finds the row that holds the header of a table, and says why a file without one is refused."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings, match_headers
from clodura_pipeline.intake.headers.spellings import header_spellings, key_of, words_of
from clodura_pipeline.intake.unreadable import escaped

SEARCHED_ROWS = 20  # records from the top; LinkedIn's notes take 3, titles above a report a few more
MAX_COLUMNS = 2_000  # headers, or different names, of a file; wide exports of CRMs have a few hundred
ADDRESS = re.compile(r"[^\s@]@[^\s@]|://")
_SHOWN = 30
# Signs of data where headers are expected: addresses, numbers, control characters, whole sentences, settings with keys.
_DATA = re.compile(r"@|://|www\.|\d{4,}|\d+[./-]\d+|[\x00-\x1f\ufffd=]|\\x|\S{33}|.{61}", re.DOTALL)

_NUMBER = re.compile(r"\s*\d+(?:[.,]\d+)?\s*$")


class Table(NamedTuple):
    """Where a table's header stands among rows, what it means, and the row after its last record, if others follow."""

    header: int
    match: HeaderMatch
    end: int | None = None


def find_tables(rows: Sequence[Sequence[str]], spellings: Spellings) -> list[Table]:
    """The table whose header says most, and before it those with records above it; none without a usable header."""
    best = _find_header(rows, spellings)
    if best is None:
        return []
    found = [(at, match) for at in range(best[0]) if (match := _surely_header(rows[at : best[0]], spellings))]
    tables = []
    for (at, match), (end, _) in zip(found, [*found, best][1:], strict=True):
        last = end - 1
        while last > at and len(match.headers) > 2 and sum(map(bool, map(str.strip, rows[last]))) < 2:
            last -= 1  # the title of the next table
        if last > at:
            tables.append(Table(at, match, last + 1))
    return [*tables, Table(*best)]


def _surely_header(rows: Sequence[Sequence[str]], spellings: Spellings) -> HeaderMatch | None:
    """What the first row says as a header of those below; in one column only, it may be a title or a note."""
    header, *below = rows
    found = _find_header([header], spellings)
    if found is None or len(found[1].columns) > 1:
        return found and found[1]
    ((used,),) = [positions[:1] for positions in found[1].columns.values()]
    return found[1] if any(used < len(row) and ADDRESS.search(row[used]) for row in below) else None


def _find_header(rows: Sequence[Sequence[str]], spellings: Spellings) -> tuple[int, HeaderMatch] | None:
    """The row whose cells mean most as headers, the first of equals; None if none says anything about people."""
    best: tuple[int, HeaderMatch] | None = None
    widest = 0  # filled cells of the rows above
    for position, row in enumerate(rows):
        if len(row) > MAX_COLUMNS:
            continue
        filled = sum(map(bool, map(str.strip, row)))
        match = match_headers(row, spellings)
        # Below unknown headers, data may be a header's word: "E-mail" as the way somebody wants to be reached.
        lone = position > 0 and len(match.columns) == 1 and not (widest < filled or widest == filled == 1)
        plausible = match.usable and not lone and not any(ADDRESS.search(cell) for cell in row)
        if plausible and (best is None or len(match.columns) > len(best[1].columns)):
            best = position, match
        widest = max(widest, filled)
    if best is not None and best[0] > 0:
        return best[0], _with_group_header(rows[best[0] - 1], best[1], spellings)
    return best


def _with_group_header(above: Sequence[str], match: HeaderMatch, spellings: Spellings) -> HeaderMatch:
    """The meaning of a header below another one that groups its columns: "Contact,,Company," above "Name,Email,..."."""
    labels = [label.strip() for label in above]
    known = header_spellings(spellings)
    meanings = [known.meaning_of(label)[1] for label in labels if label]
    columns = {meaning.column if meaning else "" for meaning in meanings}
    if len(columns) < 2 or not columns <= {"full_name", "organisation_name"} or len(meanings) * 2 > len(match.headers):
        return match
    group, grouped = "", []
    for position, header in enumerate(match.headers):
        group = labels[position] if position < len(labels) and labels[position] else group
        grouped.append(header if key_of(header).startswith(key_of(group)) else f"{group} {header}".strip())
    found = match_headers(grouped, spellings)
    return found if found.usable and len(found.columns) >= len(match.columns) else match


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
