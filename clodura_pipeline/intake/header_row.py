"""Finds where the header of a table stands, below titles and notes, and what a delimited file is delimited by."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from clodura_pipeline.intake.csv.tokens import Lines, records
from clodura_pipeline.intake.decoding import Text, shown
from clodura_pipeline.intake.headers.matching import HeaderMatch, match_headers
from clodura_pipeline.intake.landed_rows import UnreadableFile
from clodura_pipeline.intake.refusals import SEARCHED, no_usable_headers

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SAMPLE = 1 << 18
_COMPARED = 50
ADDRESS = re.compile(r"[^\s@]@[^\s@]|://")
_SEP_LINE = re.compile(r'\s*"?sep=([^\w\s"]|\t)"?[,;\t|]*\s*', re.IGNORECASE)
Spellings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Layout:
    """How a delimited file is written: its delimiter, what its headers mean, and the bytes its records lie between.

    `earlier` are tables that stand above it in the file, under headers that say less: a report's hosts and panelists.
    """

    delimiter: str
    match: HeaderMatch
    header_line: str
    start: int
    end: int | None = None
    earlier: tuple["Layout", ...] = ()


def find_layout(text: Text, spellings: Spellings) -> Layout:
    """Try every delimiter and take the one under which the headers mean most."""
    sample = _sample(text)
    candidates = DELIMITERS
    start = 0
    first_line = next(iter(io.StringIO(sample, newline="")), "")
    if found := _SEP_LINE.fullmatch(first_line):  # Excel's own word for it, before the header
        start = len(first_line.encode())
        sample = sample[len(first_line) :]
        candidates = {found[1]: ""}
    best: tuple[tuple[int, float, int], Layout] | None = None
    for delimiter in candidates:
        lines = Lines(iter(io.StringIO(sample, newline="")))
        above = [(record, lines.taken) for record in islice(records(lines, delimiter), SEARCHED)]
        rows = [[] if record.fault else [shown(field) for field in record.fields] for record, _ in above]
        header = find_header(rows, spellings)
        if header is None:
            continue
        at, match = header
        header_line, end = above[at][0].text, above[at][1]
        width = len(match.headers)
        score = (matched(match), _evenness(text, start + end, delimiter, width), width)
        if best is None or score > best[0]:
            earlier = tuple(
                Layout(delimiter, other, above[top][0].text, start + above[top][1], start + above[last][1])
                for top, last, other in tables_above(rows[:at], spellings)
            )
            best = score, Layout(delimiter, match, header_line, start + end, earlier=earlier)
    if best is None:
        raise UnreadableFile(_nothing_usable(sample, candidates))
    return best[1]


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
    if found is None or matched(found[1]) > 1:
        return found and found[1]
    ((used,),) = [positions[:1] for positions in found[1].columns.values()]
    return found[1] if any(used < len(row) and ADDRESS.search(row[used]) for row in below) else None


def find_header(rows: Sequence[Sequence[str]], spellings: Spellings) -> tuple[int, HeaderMatch] | None:
    """The row whose cells mean most as headers, the first of equals; None if none says anything about people."""
    best: tuple[int, HeaderMatch] | None = None
    widest = 0  # filled cells of the rows above
    for position, row in enumerate(rows):
        filled = sum(map(bool, map(str.strip, row)))
        match = match_headers(row, spellings)
        # Below unknown headers, data may be a header's word: "E-mail" as the way somebody wants to be reached.
        lone = position > 0 and matched(match) == 1 and not (widest < filled or widest == filled == 1)
        plausible = match.usable and not lone and not any(ADDRESS.search(cell) for cell in row)
        if plausible and (best is None or matched(match) > matched(best[1])):
            best = position, match
        widest = max(widest, filled)
    return best


def matched(match: HeaderMatch) -> int:
    return len(match.columns)


def _sample(text: Text) -> str:
    """The beginning of a text, in whole lines; what is cut off may be half a character."""
    if len(text.utf8) <= _SAMPLE:
        return text.utf8.decode("utf-8", "surrogatepass")
    cut = max(text.utf8.rfind(b"\n", 0, _SAMPLE), text.utf8.rfind(b"\r", 0, _SAMPLE)) + 1
    if not cut:
        raise UnreadableFile(f"has no line break within its first {_SAMPLE // 1024} KB, so it is no list of contacts")
    return text.utf8[:cut].decode("utf-8", "surrogatepass")


def _evenness(text: Text, start: int, delimiter: str, width: int) -> float:
    rows = list(islice(records(Lines(text.lines(start)), delimiter), _COMPARED))
    return sum(len(row.fields) == width for row in rows) / len(rows) if rows else 1.0


def _nothing_usable(sample: str, candidates: Mapping[str, str]) -> str:
    firsts = [
        list(islice(records(Lines(iter(io.StringIO(sample, newline=""))), delimiter), SEARCHED))
        for delimiter in candidates
    ]
    sound = [[record.fields for record in rows] for rows in firsts if rows and not rows[0].fault]
    fault = next((rows[0].fault for rows in firsts if rows and rows[0].fault), None)
    found, *below = max(sound, key=lambda rows: len(rows[0]), default=[[]])
    if fault and len(found) < 2:
        return f"the first line {fault}, so its headers cannot be read; mend that line"
    return no_usable_headers([shown(field) for field in found], below=below)
