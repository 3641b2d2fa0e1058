"""Reads a contact file of any known format: what it is is decided by its content, not only by its name."""

import gzip
import io
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from clodura_pipeline.intake.csv.table import read_csv
from clodura_pipeline.intake.encodings.decoding import decode
from clodura_pipeline.intake.headers.matching import Spellings
from clodura_pipeline.intake.json.contacts import read_json
from clodura_pipeline.intake.json.parsing import looks_like_json
from clodura_pipeline.intake.parquet import read_parquet
from clodura_pipeline.intake.rows.landed_rows import ContactRows, FrameSink, LandedRows
from clodura_pipeline.intake.unreadable import UnreadableFile
from clodura_pipeline.intake.workbooks import read_workbook

MAX_BYTES = 4 << 30  # unpacked; a text is read into memory as a whole
MAX_PACKED_RATIO = 200  # lists of contacts are packed to a tenth or, with empty columns, to a fiftieth of their size
_MIN_UNPACKED_BYTES = 64 << 20
_PIECE_BYTES = 1 << 22
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
# The directory at the end of a zip names its files in plain bytes, whether they are packed or not.
_IN_WORKBOOKS = (b"xl/workbook.", b"application/vnd.oasis.opendocument.spreadsheet")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel before 2007, and workbooks with a password
_BLANK = b"\xef\xbb\xbf \t\r\n"
_HEAD = 1 << 12
_REFUSED = tomllib.loads(Path(__file__).with_name("refused_formats.toml").read_text(encoding="utf-8"))


def read_contacts(
    location: Path, extra_spellings: Mapping[str, tuple[str, ...]] | None = None, store: FrameSink | None = None
) -> ContactRows:
    """All records of a file. Raises UnreadableFile, with what is wrong and what to do, if it cannot be read at all.

    With a `store`, the rows are handed to it in frames, and `rows` of the result are empty.
    """
    try:
        if location.stat().st_size > MAX_BYTES:
            raise UnreadableFile(f"is larger than {MAX_BYTES >> 30} GiB; split it into several files")
        data = location.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot be opened: {error.strerror}") from None
    packed = data.startswith(_GZIP)
    if packed:
        data = _unpacked(data)
    contacts = _read(data, location.name, extra_spellings or {}, LandedRows(store))
    return replace(contacts, format=f"{contacts.format}, gzip") if packed else contacts


def _read(data: bytes, name: str, spellings: Spellings, rows: LandedRows) -> ContactRows:
    if data.startswith(b"PAR1"):
        return read_parquet(data, spellings, rows)
    if data.startswith(_OLE) or (data.startswith(_ZIP) and any(map(data.__contains__, _IN_WORKBOOKS))):
        return read_workbook(data, spellings, rows)
    _refuse(data, {bytes.fromhex(mark): reason for mark, reason in _REFUSED["binary"].items()})
    text = decode(data)
    start = text.utf8[:_HEAD].lstrip(_BLANK)
    if not start and not text.utf8.strip(_BLANK):
        raise UnreadableFile("is empty")
    _refuse(start.lower(), {mark.encode(): reason for mark, reason in _REFUSED["text"].items()})
    contacts = (read_json if looks_like_json(text, name) else read_csv)(text, spellings, rows)
    notes = (*text.notes, *contacts.notes)
    return replace(contacts, notes=notes, encoding_is_doubtful=text.encoding_is_doubtful)


def _refuse(data: bytes, marks: Mapping[bytes, str]) -> None:
    for mark, reason in marks.items():
        if data.startswith(mark):
            raise UnreadableFile(reason)


def _unpacked(data: bytes) -> bytes:
    """What is packed in gzip, of one or more members, read in pieces and no further than it may be real."""
    largest = min(MAX_BYTES, max(_MIN_UNPACKED_BYTES, len(data) * MAX_PACKED_RATIO))
    unpacked = bytearray()
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            while piece := stream.read(_PIECE_BYTES):
                unpacked += piece
                if len(unpacked) > largest:
                    raise UnreadableFile(f"unpacks to more than {largest >> 20:,} MiB; split it into several files")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UnreadableFile("is a gzip file that ends too early or is damaged; copy it again") from None
    return bytes(unpacked)
