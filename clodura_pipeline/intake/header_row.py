"""Finds the row that holds the header of a table, below titles and notes, and other tables above it."""

import re
from collections.abc import Iterator, Sequence

from clodura_pipeline.intake.cell_table import MAX_COLUMNS
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings, match_headers
from clodura_pipeline.intake.headers.spellings import header_spellings, key_of

SEARCHED_ROWS = 20  # records from the top; LinkedIn's notes take 3, titles above a report a few more
ADDRESS = re.compile(r"[^\s@]@[^\s@]|://")


def tables_above(rows: Sequence[Sequence[str]], spellings: Spellings) -> Iterator[tuple[int, int, HeaderMatch]]:
    """Headers with records under them among the rows above the header: its place, its last record's, its meaning."""
    found = [(at, match) for at in range(len(rows)) if (match := _surely_header(rows[at:], spellings))]
    ends = [*(at for at, _ in found[1:]), *[len(rows)][: len(found)]]
    for (at, match), end in zip(found, ends, strict=True):
        last = end - 1
        while last > at and len(match.headers) > 2 and sum(map(bool, map(str.strip, rows[last]))) < 2:
            last -= 1  # the title of the next table
        if last > at:
            yield at, last, match


def _surely_header(rows: Sequence[Sequence[str]], spellings: Spellings) -> HeaderMatch | None:
    """What the first row says as a header of those below; in one column only, it may be a title or a note."""
    header, *below = rows
    found = find_header([header], spellings)
    if found is None or columns_found(found[1]) > 1:
        return found and found[1]
    ((used,),) = [positions[:1] for positions in found[1].columns.values()]
    return found[1] if any(used < len(row) and ADDRESS.search(row[used]) for row in below) else None


def find_header(rows: Sequence[Sequence[str]], spellings: Spellings) -> tuple[int, HeaderMatch] | None:
    """The row whose cells mean most as headers, the first of equals; None if none says anything about people."""
    best: tuple[int, HeaderMatch] | None = None
    widest = 0  # filled cells of the rows above
    for position, row in enumerate(rows):
        if len(row) > MAX_COLUMNS:
            continue
        filled = sum(map(bool, map(str.strip, row)))
        match = match_headers(row, spellings)
        # Below unknown headers, data may be a header's word: "E-mail" as the way somebody wants to be reached.
        lone = position > 0 and columns_found(match) == 1 and not (widest < filled or widest == filled == 1)
        plausible = match.usable and not lone and not any(ADDRESS.search(cell) for cell in row)
        if plausible and (best is None or columns_found(match) > columns_found(best[1])):
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
    return found if found.usable and columns_found(found) >= columns_found(match) else match


def columns_found(match: HeaderMatch) -> int:
    """How many landed columns a header has."""
    return len(match.columns)
