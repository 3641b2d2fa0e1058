"""Reads workbooks (Excel, OpenDocument) with the optional python-calamine: the sheet that says most about people."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from clodura_pipeline.intake.header_row import Spellings, find_header, tables_above
from clodura_pipeline.intake.headers.matching import HeaderMatch
from clodura_pipeline.intake.landed_rows import Reading, UnreadableFile, counted, joined, landed
from clodura_pipeline.intake.refusals import SEARCHED, no_usable_headers
from clodura_pipeline.intake.row_builder import CellsBuilder

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

# How much a column says about who somebody is: an address or a profile alone as much as both names and the company.
_WEIGHTS = {"email": 3, "linkedin_url": 3, "first_name": 1, "last_name": 1, "full_name": 1, "organisation_name": 1}
_MISSING = (
    "is a workbook, and the library that reads these is not installed; run: pip install 'clodura-pipeline[excel]', "
    "or save the sheet as CSV"
)
_DAMAGED = "is a damaged workbook, or none; open it, save it again as .xlsx, or save the sheet as CSV"


@dataclass(frozen=True)
class _Found:
    """A sheet with usable headers: their row among those that hold anything, and what they mean."""

    name: str
    sheet: "CalamineSheet"
    visible: bool
    at: int
    match: HeaderMatch

    @cached_property
    def records(self) -> int:
        return sum(1 for _ in _filled_rows(self.sheet)) - self.at - 1

    def rank(self) -> tuple[bool, int, int, int]:
        """Smaller is better; what is equal stays in the order of the workbook."""
        columns = self.match.columns
        return not self.visible, -sum(_WEIGHTS.get(name, 0) for name in columns), -len(columns), -self.records


def read_workbook(data: bytes, spellings: Spellings) -> Reading:
    """Every record of the visible sheet whose headers say most about people; of hidden ones, where no other does."""
    workbook = _opened(data)
    named = _in_order(workbook)
    sheets = [(name, sheet, visible) for name, visible in named if (sheet := _sheet(workbook, name)) is not None]
    found = [
        _Found(name, sheet, visible, header[0], header[1])
        for name, sheet, visible in sheets
        if (header := _header(sheet, spellings)) is not None
    ]
    if not found:
        if not any(sheet.height for _, sheet, _ in sheets):
            raise UnreadableFile("is empty: no sheet of the workbook holds anything")
        tops = [list(islice(_filled_rows(sheet), SEARCHED)) for _, sheet, _ in sheets if sheet.height]
        first, *below = max(tops, key=lambda rows: len(rows[0]) if rows else 0) or [[]]
        raise UnreadableFile(no_usable_headers(first, " on any sheet", below=below))
    best = min(found, key=_Found.rank)
    others = sorted((other for other in found if other is not best), key=lambda other: not other.visible)
    left_out = ", ".join(f"{other.name!r} ({counted(other.records)})" for other in others)
    notes = (f"only sheet {best.name!r} is read; save each of {left_out} as a file of its own",) if others else ()
    kind = "OpenDocument" if data[30:38] == b"mimetype" else "Excel"
    rows = list(islice(_filled_rows(best.sheet), best.at))
    tables: list[tuple[int, int | None, HeaderMatch]] = [
        (top, last + 1, match) for top, last, match in tables_above(rows, spellings)
    ]
    format_ = f"{kind}, sheet {best.name!r}"
    tables.append((best.at, None, best.match))
    reading = joined([_read(best.sheet, header, end, match, format_) for header, end, match in tables])
    return replace(reading, notes=(*notes, *reading.notes))


def _read(sheet: "CalamineSheet", header: int, end: int | None, match: HeaderMatch, format_: str) -> Reading:
    builder = CellsBuilder(len(match.headers))
    for source_row, row in enumerate(islice(_filled_rows(sheet), header + 1, end), start=1):
        builder.add(source_row, [cell or None for cell in row])
    return landed(match, builder.cells(), format_, header_line="\t".join(match.headers))


def _opened(data: bytes) -> "CalamineWorkbook":
    try:
        import python_calamine
    except ImportError:
        raise UnreadableFile(_MISSING) from None
    try:
        return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except python_calamine.PasswordError:
        raise UnreadableFile("is protected by a password; save it without one") from None
    except Exception as trouble:  # noqa: BLE001 - calamine raises many kinds, and panics on some damaged files
        raise UnreadableFile(f"{_DAMAGED} ({type(trouble).__name__})") from None


def _in_order(workbook: "CalamineWorkbook") -> list[tuple[str, bool]]:
    """The sheets that are tables, and whether they are to be seen."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    tables = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    return [(sheet.name, sheet.visible == SheetVisibleEnum.Visible) for sheet in tables]


def _sheet(workbook: "CalamineWorkbook", name: str) -> "CalamineSheet | None":
    try:
        return workbook.get_sheet_by_name(name)
    except Exception as trouble:  # noqa: BLE001 - as above
        raise UnreadableFile(f"{_DAMAGED} (sheet {name!r}: {type(trouble).__name__})") from None


def _filled_rows(sheet: "CalamineSheet") -> Iterator[list[str]]:
    """The rows that hold anything, as text. A sheet has no other sign of a record than a cell that is filled."""
    rows = sheet.iter_rows() if sheet.height else iter(())
    for row in rows:
        cells = [_text(cell) for cell in row]
        if any(map(str.strip, cells)):
            yield cells


def _header(sheet: "CalamineSheet", spellings: Spellings) -> tuple[int, HeaderMatch] | None:
    return find_header(list(islice(_filled_rows(sheet), SEARCHED)), spellings)


def _text(cell: Any) -> str:
    """A cell as people would write it: 123 and not 123.0, days and times in ISO form."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e21 else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)
