"""Reads workbooks (Excel, OpenDocument) with the optional python-calamine: the first sheet that lists contacts."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any

from clodura_pipeline.contacts.builder import CellsBuilder
from clodura_pipeline.contacts.headers import HeaderMatch
from clodura_pipeline.contacts.layout import Spellings, find_header
from clodura_pipeline.contacts.records import Reading, UnreadableFile, landed
from clodura_pipeline.contacts.refusals import SEARCHED, no_usable_headers

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_MISSING = (
    "is a workbook, and the library that reads these is not installed; run: pip install 'clodura-pipeline[excel]', "
    "or save the sheet as CSV"
)
_DAMAGED = "is a damaged workbook, or none; open it, save it again as .xlsx, or save the sheet as CSV"


def read_workbook(data: bytes, spellings: Spellings) -> Reading:
    """Every record of the first visible sheet with usable headers, else of the first hidden one."""
    workbook = _opened(data)
    sheets = [(name, sheet) for name in _in_order(workbook) if (sheet := _sheet(workbook, name)) is not None]
    found = [(name, sheet, header) for name, sheet in sheets if (header := _header(sheet, spellings)) is not None]
    if not found:
        if not any(sheet.height for _, sheet in sheets):
            raise UnreadableFile("is empty: no sheet of the workbook holds anything")
        tops = [list(islice(_filled_rows(sheet), SEARCHED)) for _, sheet in sheets if sheet.height]
        first, *below = max(tops, key=lambda rows: len(rows[0]) if rows else 0) or [[]]
        raise UnreadableFile(no_usable_headers(first, " on any sheet", below=below))
    name, sheet, (at, match) = found[0]
    others = ", ".join(repr(other) for other, _, _ in found[1:])
    notes = (f"only sheet {name!r} is read; save each of {others} as a file of its own",) if others else ()
    builder = CellsBuilder(len(match.headers))
    for source_row, row in enumerate(islice(_filled_rows(sheet), at + 1, None), start=1):
        builder.add(source_row, [cell or None for cell in row])
    kind = "OpenDocument" if data[30:38] == b"mimetype" else "Excel"
    header_line = "\t".join(match.headers)
    return landed(match, builder.cells(), f"{kind}, sheet {name!r}", header_line=header_line, notes=notes)


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


def _in_order(workbook: "CalamineWorkbook") -> list[str]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    tables = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    return [sheet.name for sheet in sorted(tables, key=lambda sheet: sheet.visible != SheetVisibleEnum.Visible)]


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
