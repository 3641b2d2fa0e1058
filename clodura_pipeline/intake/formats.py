"""Reads a contact file of any known format: what it is is decided by its content, not only by its name."""

import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from clodura_pipeline.intake.csv.tables import read_tables
from clodura_pipeline.intake.decoding import decode
from clodura_pipeline.intake.header_row import Spellings
from clodura_pipeline.intake.headers.matching import BadSpellings, load_spellings
from clodura_pipeline.intake.json.records import looks_like_json, read_json
from clodura_pipeline.intake.landed_rows import Reading, UnreadableFile, UnreadableRecord
from clodura_pipeline.intake.parquet import read_parquet
from clodura_pipeline.intake.spreadsheets import read_workbook

__all__ = [
    "BadSpellings",
    "Reading",
    "UnreadableFile",
    "UnreadableRecord",
    "load_spellings",
    "read_contacts",
]

LARGEST = 4 << 30  # bytes, unpacked; a file is read into memory as a whole, and its rows take about four times as much
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel before 2007, and workbooks with a password
_BLANK = b"\xef\xbb\xbf \t\r\n"
_HEAD = 1 << 12
_NOT_READ = (
    (_ZIP, "is a zip archive; unpack it"),
    (_GZIP, "is packed with gzip twice; unpack it once"),
    (b"%PDF-", "is a PDF document; export the list as CSV"),
    (b"SQLite format 3\x00", "is an SQLite database; export its table as CSV"),
    (b"ARROW1\x00", "is an Arrow or Feather file; save it as Parquet or CSV"),
    (b"Obj\x01", "is an Avro file; save it as Parquet or CSV"),
    (b"PARE", "is an encrypted Parquet file; save it without encryption"),
    (b"\xfd7zXZ\x00", "is compressed with xz; unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it, or compress it with gzip"),
    (b"BZh", "is compressed with bzip2; unpack it, or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive; unpack it"),
    (b"Rar!\x1a", "is a RAR archive; unpack it"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
)
_OTHER_TEXTS = (
    (b"<!doctype html", "is a web page, as some programs save as .xls; open it in a spreadsheet and save it as .xlsx"),
    (b"<html", "is a web page, as some programs save as .xls; open it in a spreadsheet and save it as .xlsx"),
    (b"<?xml", "is XML; export the list as CSV"),
    (b"begin:vcard", "is a vCard file; export the contacts as CSV"),
)


def read_contacts(location: Path, extra_spellings: Mapping[str, tuple[str, ...]] | None = None) -> Reading:
    """All records of a file. Raises UnreadableFile, with what is wrong and what to do, if there is no reading it."""
    data = _bytes_of(location)
    packed = data.startswith(_GZIP)
    if packed:
        data = _unpacked(data)
    reading = _read(data, location.name, extra_spellings or {})
    return replace(reading, format=f"{reading.format}, gzip") if packed else reading


def _read(data: bytes, name: str, spellings: Spellings) -> Reading:
    if data.startswith(b"PAR1"):
        return read_parquet(data, spellings)
    if data.startswith(_OLE) or (data.startswith(_ZIP) and _is_workbook(data)):
        return read_workbook(data, spellings)
    _refuse(data, _NOT_READ)
    text = decode(data)
    start = text.utf8[:_HEAD].lstrip(_BLANK)
    if not start and not text.utf8.strip(_BLANK):
        raise UnreadableFile("is empty")
    _refuse(start.lower(), _OTHER_TEXTS)
    reading = (read_json if looks_like_json(text, name) else read_tables)(text, spellings)
    return replace(reading, notes=(*text.notes, *reading.notes))


def _refuse(data: bytes, marks: tuple[tuple[bytes, str], ...]) -> None:
    for mark, reason in marks:
        if data.startswith(mark):
            raise UnreadableFile(reason)


def _bytes_of(location: Path) -> bytes:
    try:
        if location.stat().st_size > LARGEST:
            raise UnreadableFile(_too_large())
        return location.read_bytes()
    except OSError as trouble:
        raise UnreadableFile(f"cannot be opened: {trouble.strerror}") from None


def _unpacked(data: bytes) -> bytes:
    """What is packed in gzip, of one or more members; not more than LARGEST, however little it was packed to."""
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            unpacked = stream.read(LARGEST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UnreadableFile("is a gzip file that ends too early or is damaged; copy it again") from None
    if len(unpacked) > LARGEST:
        raise UnreadableFile(_too_large())
    return unpacked


def _too_large() -> str:
    return f"is larger than {LARGEST >> 30} GiB; split it into several files"


def _is_workbook(data: bytes) -> bool:
    # The directory at the end of a zip names its files in plain bytes, whether they are packed or not.
    return any(name in data for name in (b"xl/workbook.", b"application/vnd.oasis.opendocument.spreadsheet"))
