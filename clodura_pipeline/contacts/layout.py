"""Finds where the header of a table stands, below titles and notes, and what a delimited file is delimited by."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from clodura_pipeline.contacts.decoding import Text, shown
from clodura_pipeline.contacts.headers import HeaderMatch, match_headers
from clodura_pipeline.contacts.records import UnreadableFile
from clodura_pipeline.contacts.tokens import Lines, records

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
SEARCHED = 20  # records from the top; LinkedIn's notes take 3, titles above a report a few more
_SAMPLE = 1 << 18
_COMPARED = 50
_SEP_LINE = re.compile(r'\s*"?sep=([^\w\s"]|\t)"?[,;\t|]*\s*', re.IGNORECASE)
# Signs of a person's data in a place where a header is expected: such a line is never shown.
_DATA = re.compile(r"@|://|www\.|\d{4,}|\d+[./-]\d+|[\x00-\x08\x0e-\x1f\ufffd]|[\ud800-\udfff]|.{61}", re.DOTALL)

Spellings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Layout:
    """How a delimited file is written: its delimiter, what its headers mean, and the byte its records begin at."""

    delimiter: str
    match: HeaderMatch
    header_line: str
    start: int


def find_layout(text: Text, spellings: Spellings) -> Layout:
    """Try every delimiter and take the one under which the headers mean most."""
    sample = _sample(text)
    candidates = DELIMITERS
    skipped = 0
    first_line = next(iter(io.StringIO(sample, newline="")), "")
    if found := _SEP_LINE.fullmatch(first_line):  # Excel's own word for it, before the header
        skipped = len(first_line)
        candidates = {found[1]: ""}
    best: tuple[tuple[int, float, int], Layout] | None = None
    for delimiter in candidates:
        lines = Lines(iter(io.StringIO(sample[skipped:], newline="")))
        above = [(record, lines.taken) for record in islice(records(lines, delimiter), SEARCHED)]
        header = find_header(
            [[] if record.fault else [shown(field) for field in record.fields] for record, _ in above], spellings
        )
        if header is None:
            continue
        at, match = header
        end = skipped + above[at][1]
        score = (matched(match), _evenness(sample[end:], delimiter, len(match.headers)), len(match.headers))
        if best is None or score > best[0]:
            start = len(sample[:end].encode("utf-8", "surrogatepass"))
            best = score, Layout(delimiter, match, above[at][0].text, start)
    if best is None:
        raise UnreadableFile(_nothing_usable(sample[skipped:], candidates))
    return best[1]


def find_header(rows: Sequence[Sequence[str]], spellings: Spellings) -> tuple[int, HeaderMatch] | None:
    """The row whose cells mean most as headers, the first of equals; None if none says anything about people."""
    best: tuple[int, HeaderMatch] | None = None
    for position, row in enumerate(rows):
        match = match_headers(row, spellings)
        if match.usable and (best is None or matched(match) > matched(best[1])):
            best = position, match
    return best


def matched(match: HeaderMatch) -> int:
    return len(match.columns)


def no_usable_headers(found: Sequence[str], where: str = "") -> str:
    """What is wrong when no header is known: what was found, if it cannot be a person's data, and what is expected."""
    named = [header.strip() for header in found if header.strip()]
    if not named:
        seen = "no headers were found"
    elif any(_DATA.search(header) for header in named):
        seen = f"the first line with {len(named)} cells looks like data, not like headers"
    else:
        more = f" and {len(named) - 30} more" if len(named) > 30 else ""
        seen = f"the headers found are {', '.join(named[:30])}{more}"
    return (
        f"no header{where} says who the contacts are: {seen}. Expected one line with names such as contact_id, "
        "first_name, last_name, full_name, email, linkedin_url, organisation_name within the first "
        f"{SEARCHED} lines; rename the headers, or add their spellings to the file of header spellings"
    )


def _sample(text: Text) -> str:
    """The beginning of a text, in whole lines; what is cut off may be half a character."""
    if len(text.utf8) <= _SAMPLE:
        return text.utf8.decode("utf-8", "surrogatepass")
    cut = max(text.utf8.rfind(b"\n", 0, _SAMPLE), text.utf8.rfind(b"\r", 0, _SAMPLE)) + 1
    if not cut:
        raise UnreadableFile(f"has no line break within its first {_SAMPLE // 1024} KB, so it is no list of contacts")
    return text.utf8[:cut].decode("utf-8", "surrogatepass")


def _evenness(below: str, delimiter: str, width: int) -> float:
    rows = list(islice(records(Lines(iter(io.StringIO(below, newline=""))), delimiter), _COMPARED))
    return sum(len(row.fields) == width for row in rows) / len(rows) if rows else 1.0


def _nothing_usable(sample: str, candidates: Mapping[str, str]) -> str:
    firsts = [next(records(Lines(iter(io.StringIO(sample, newline=""))), delimiter), None) for delimiter in candidates]
    rows = [record for record in firsts if record is not None]
    if rows and all(record.fault for record in rows):
        return f"the first line {rows[0].fault}, so its headers cannot be read; mend that line"
    return no_usable_headers(max((record.fields for record in rows), key=len, default=[]))
