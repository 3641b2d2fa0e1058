"""Reads workbooks (Excel, OpenDocument) with the optional python-calamine: the sheet that says most about people."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import cached_property
from html import unescape
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from clodura_pipeline.intake.headers import header_row
from clodura_pipeline.intake.headers.matching import HeaderMatch, Spellings
from clodura_pipeline.intake.rows.landed_rows import ContactRows, LandedRows, count_of_records
from clodura_pipeline.intake.unreadable import UnreadableFile

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

# How much a column says about who somebody is: an address or a profile alone as much as both names and the company.
_WEIGHTS = {"email": 3, "linkedin_url": 3, "first_name": 1, "last_name": 1, "full_name": 1, "organisation_name": 1}
_MISSING = (
    "is a workbook, and the library that reads these is not installed; run: pip install 'clodura-pipeline[excel]', "
    "or save the sheet as CSV"
)
_MAX_PACKED_RATIO = 50  # sheets of contacts are packed to a tenth of their size
_MIN_UNPACKED_BYTES = 64 << 20
_MAX_GRID_RATIO = 50  # cells of the grid for each filled one
_MIN_GRID_CELLS = 10_000_000  # 24 bytes each
_FILLED_CELL = re.compile(rb'<(?:\w+:)?c (?:[^>]*? )?r="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError)
_PROFILE = "linkedin.com/in/"
_ATTRIBUTE = re.compile(r'(?:\w+:)?(\w+)="([^"]*)"')
_CELL_ROW = re.compile(r"[A-Z]{1,3}(\d{1,7})")
_DAMAGED = "is a damaged workbook, or none; open it, save it again as .xlsx, or save the sheet as CSV"


class _Sheet:
    """A sheet with its first rows that hold anything, and the tables among them."""

    def __init__(self, name: str, cells: "CalamineSheet", spellings: Spellings, *, visible: bool) -> None:
        self.name, self.cells, self.visible = name, cells, visible
        self.top = [row for _, row in islice(_numbered_rows(cells), header_row.SEARCHED_ROWS)]
        self.tables = header_row.find_tables(self.top, spellings)

    @cached_property
    def records(self) -> int:
        return sum(1 for _ in _numbered_rows(self.cells)) - self.tables[-1].header - 1

    def rank(self) -> tuple[bool, int, int, int]:
        """Smaller is better; what is equal stays in the order of the workbook."""
        columns = self.tables[-1].match.columns
        return not self.visible, -sum(_WEIGHTS.get(name, 0) for name in columns), -len(columns), -self.records


def read_workbook(data: bytes, spellings: Spellings, rows: LandedRows) -> ContactRows:
    """Every record of the visible sheet whose headers say most about people; of hidden ones, where no other does."""
    if data.startswith(b"PK"):
        _refuse_large_archive(data)
    sheets = _sheets(data, spellings)
    found = sorted((sheet for sheet in sheets if sheet.tables), key=_Sheet.rank)
    if not found:
        tops = [sheet.top for sheet in sheets if sheet.top]
        if not tops:
            raise UnreadableFile("is empty: no sheet of the workbook holds anything")
        first, *below = max(tops, key=lambda top: len(top[0]))
        raise UnreadableFile(header_row.no_usable_headers(first, " on any sheet", below=below))
    best = found[0]
    others = sorted((sheet for sheet in sheets if sheet.tables and sheet is not best), key=lambda one: not one.visible)
    left_out = ", ".join(f"{other.name!r} ({count_of_records(other.records)})" for other in others)
    notes = [f"only sheet {best.name!r} is read; save each of {left_out} as a file of its own"] if others else []
    profiles = _profiles_behind_cells(data, best.name) if data.startswith(b"PK") else {}
    for header, match, end in best.tables:
        match = _with_further_profile(match) if profiles else match
        below = islice(_numbered_rows(best.cells), header + 1, end)
        with rows.table(match, "\t".join(match.headers)) as table:
            for source_row, (number, row) in enumerate(below, start=1):
                further = [profiles.get(number)] if profiles else []
                table.add(source_row, [*(cell or None for cell in row), *further])
    kind = "OpenDocument" if data[30:38] == b"mimetype" else "Excel"
    return rows.contacts(f"{kind}, sheet {best.name!r}", notes)


def _refuse_large_archive(data: bytes) -> None:
    """Refuse a workbook that would take far more memory than its cells are worth: sheets are read as whole grids."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
            if unpacked > max(_MIN_UNPACKED_BYTES, len(data) * _MAX_PACKED_RATIO):
                raise UnreadableFile(f"is a workbook that unpacks to {unpacked >> 20:,} MiB; save the sheet as CSV")
            for part in archive.infolist():
                if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                    with archive.open(part) as sheet:
                        _refuse_far_cells(sheet)
    except _ZIP_ERRORS:
        raise UnreadableFile(_DAMAGED) from None


def _profiles_behind_cells(data: bytes, sheet: str) -> dict[int, str]:
    """The LinkedIn profiles that cells of an .xlsx sheet link to, by row, one a line; calamine leaves them out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        workbook_relations = _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
        parts = {one.get("Id"): one.get("Target", "") for one in workbook_relations}
        ids = [one.get("id") for one in _elements(archive, "xl/workbook.xml", "sheet") if one.get("name") == sheet]
        part = PurePosixPath(parts.get(ids[0], "") if ids else "").name
        relations = _elements(archive, f"xl/worksheets/_rels/{part}.rels", "Relationship")
        targets = {one.get("Id"): target for one in relations if _PROFILE in (target := one.get("Target", ""))}
        links = _elements(archive, f"xl/worksheets/{part}", "hyperlink") if targets else []
    profiles: dict[int, list[str]] = {}
    for link in links:
        first_cell = _CELL_ROW.match(link.get("ref", ""))
        if first_cell and link.get("id") in targets:
            profiles.setdefault(int(first_cell[1]) - 1, []).append(targets[link["id"]])
    return {row: "\n".join(dict.fromkeys(found)) for row, found in profiles.items()}


def _elements(archive: zipfile.ZipFile, path: str, name: str) -> list[dict[str, str]]:
    """The attributes, without their namespaces, of each element of this name in a part of an archive."""
    try:
        text = archive.read(path).decode("utf-8", "replace")
    except (KeyError, *_ZIP_ERRORS):  # links are extra: what cannot be read of them costs no row
        return []
    tags = re.findall(rf"<(?:\w+:)?{name}\s[^>]*>", text)
    return [{key: unescape(value) for key, value in _ATTRIBUTE.findall(tag)} for tag in tags]


def _with_further_profile(match: HeaderMatch) -> HeaderMatch:
    """The headers with one more column for profiles, which comes after the others of its kind."""
    at = len(match.headers)
    first, *others = match.people
    people = ({**first, "linkedin_url": (*first.get("linkedin_url", ()), at)}, *others)
    names = (*match.names, "link" if "link" not in match.names else f"link_{at + 1}")
    return replace(match, headers=(*match.headers, ""), names=names, people=people)


def _refuse_far_cells(sheet: IO[bytes]) -> None:
    """Refuse a sheet with a cell far right of or below all others, by the names of its filled cells, such as "AB12"."""
    rest, cells = b"", 0
    columns: set[bytes] = set()
    rows: set[bytes] = set()
    while piece := sheet.read(1 << 22):
        found = _FILLED_CELL.findall(rest + piece)
        rest = piece[-200:]  # of a cell that the pieces part
        cells += len(found)
        columns.update(column for column, _ in found)
        rows.update(row for _, row in found)
    if not columns:
        return
    width = max(sum((letter - 64) * 26**place for place, letter in enumerate(reversed(name))) for name in columns)
    if width > header_row.MAX_COLUMNS:
        raise UnreadableFile(header_row.too_many_columns(width))
    if (grid := max(map(int, rows)) * width) > max(_MIN_GRID_CELLS, cells * _MAX_GRID_RATIO):
        raise UnreadableFile(
            f"is a workbook with {cells:,} filled cells in a grid of {grid:,}; delete the cells far from the table"
        )


def _sheets(data: bytes, spellings: Spellings) -> list[_Sheet]:
    """The sheets that are tables, in their order."""
    try:
        import python_calamine as calamine
    except ImportError:
        raise UnreadableFile(_MISSING) from None
    where = ""
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = []
        for one in workbook.sheets_metadata:
            where = f"sheet {one.name!r}: "
            if one.typ == calamine.SheetTypeEnum.WorkSheet:
                cells, visible = workbook.get_sheet_by_name(one.name), one.visible == calamine.SheetVisibleEnum.Visible
                sheets.append((one.name, cells, visible))
    except calamine.PasswordError:
        raise UnreadableFile("is protected by a password; save it without one") from None
    except Exception as error:  # noqa: BLE001 - calamine raises many kinds, and panics on some damaged files
        raise UnreadableFile(f"{_DAMAGED} ({where}{type(error).__name__})") from None
    return [_Sheet(name, cells, spellings, visible=visible) for name, cells, visible in sheets]


def _numbered_rows(sheet: "CalamineSheet") -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, as text, with their numbers from 0 on; nothing else in a sheet marks a record.

    A cell that is merged over several rows is a cell of each of them.
    """
    left = sheet.start[1] if sheet.start else 0  # rows come from the first one on, columns from the first filled one
    merged = {
        (row, column - left): last
        for (row, column), (last, _) in sheet.merged_cell_ranges or ()
        if row < last  # over several rows
    }
    above: dict[int, tuple[int, str]] = {}  # column -> last row of the merged cell, and its text
    for number, row in enumerate(sheet.iter_rows() if sheet.height else ()):
        cells = [_text(cell) for cell in row]
        if not any(map(str.strip, cells)):
            continue
        for column, cell in enumerate(cells) if merged else ():
            if (number, column) in merged:
                above[column] = merged[number, column], cell
            elif not cell and column in above and number <= above[column][0]:
                cells[column] = above[column][1]
        yield number, cells


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
