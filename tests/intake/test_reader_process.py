"""Files that would take a run down: what they cost is limited, they are refused with the limit, and others are read."""

import gzip
import io
import json
import os
import resource
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from clodura_pipeline.intake.contact_file import ContactRows, UnreadableFile, read_contacts
from clodura_pipeline.intake.reader_process import ContactFileReader, ReadLimits

GOOD = "Id,Email,First Name\n1,ann@example.com,Änne\n2,bob@example.com\n3,x,y,z,z\n"
SECONDS = 20  # far more than any refusal takes, on a busy machine too


@pytest.fixture(scope="module")
def reader() -> Iterator[ContactFileReader]:
    with ContactFileReader(ReadLimits(memory_bytes=400 << 20, seconds=SECONDS)) as reader:
        yield reader


def read(reader: ContactFileReader, location: Path, spellings: dict[str, tuple[str, ...]] | None = None) -> ContactRows:
    with reader.read(location, spellings) as (contacts, batches):
        rows = pl.DataFrame(batches.read_all()) if contacts.rows_read else contacts.rows
        return replace(contacts, rows=rows)


def write(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    location = folder / name
    location.write_bytes(content.encode() if isinstance(content, str) else content)
    return location


def workbook(sheet: str, **parts: str) -> bytes:
    """The smallest workbook that is one, written by hand."""
    package = "http://schemas.openxmlformats.org"
    relation = f"{package}/officeDocument/2006/relationships"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{package}/spreadsheetml/2006/main" xmlns:r="{relation}"><sheets>'
        '<sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{relation}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{package}/spreadsheetml/2006/main"><sheetData>{sheet}'
        "</sheetData></worksheet>",
        **parts,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def header(columns: int) -> str:
    """A list with an address and further columns."""
    return "email," + ",".join(f"c{number}" for number in range(columns)) + "\n" + "x" + "," * columns + "\n"


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


HEADER_ROW = row(1, cell("A1", "Email"), cell("B1", "Name"))


def test_a_file_is_read_as_in_this_process(reader: ContactFileReader, tmp_path: Path) -> None:
    location = write(tmp_path, GOOD)
    here, there = read_contacts(location, {"email": ("Mail",)}), read(reader, location, {"email": ("Mail",)})
    assert there.rows.sort("source_row").equals(here.rows)
    assert (there.unreadable, there.records, there.mapping) == (here.unreadable, here.records, here.mapping)
    assert (there.format, there.notes) == (here.format, here.notes)


def test_a_path_that_is_no_text_is_read(reader: ContactFileReader, tmp_path: Path) -> None:
    assert read(reader, write(tmp_path, GOOD, os.fsdecode(b"M\xfcller \n.csv"))).records == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: workbook(HEADER_ROW + row(1048576, cell("XFD1048576", "x"))), "16,384 columns"),
        (lambda: workbook(HEADER_ROW + row(6000, cell("XFD6000", "x"))), "16,384 columns"),
        (lambda: workbook(HEADER_ROW + row(1048576, cell("BXX1048576", "x"))), "grid of 2,097,152,000"),
        (lambda: workbook(HEADER_ROW + row(2, cell("A2", "x" * (80 << 20)))), "unpacks to 80 MiB"),
        (lambda: workbook(HEADER_ROW, **{"xl/sharedStrings.xml": "<si><t/></si>" * 10_000_000}), "unpacks to"),
        (lambda: header(2_500), "2,501 columns"),
        (lambda: header(20_000), "20,001 columns"),
        (lambda: json.dumps([{"email": f"a{n}@b.example", f"k{n}": 1} for n in range(6_000)]), "different names"),
        (lambda: "email" + "," * (8 << 20) + "\n", "no line break"),
        (lambda: gzip.compress(b"email\n" + b"a\n" * 35_000_000), "unpacks to more than 64 MiB"),
        (lambda: "", "is empty"),
    ],
    ids=["far corner", "far right", "far below", "large cell", "many strings", "2,500 columns", "20,000 columns",
         "different names", "long header", "gzip", "empty"],
)  # fmt: skip
def test_what_would_take_too_much_is_refused_at_once(
    reader: ContactFileReader, tmp_path: Path, content: Callable[[], str | bytes], reason: str
) -> None:
    location = write(tmp_path, content())
    started = time.monotonic()
    with pytest.raises(UnreadableFile) as caught:
        read(reader, location)
    assert reason in caught.value.reason
    assert time.monotonic() - started < SECONDS
    assert read(reader, write(tmp_path, GOOD)).records == 3


@pytest.mark.parametrize("size", [8 << 20, 33 << 20], ids=["8 MB", "33 MB, after which the process ends"])
def test_a_long_line_costs_only_its_record(reader: ContactFileReader, tmp_path: Path, size: int) -> None:
    contacts = read(reader, write(tmp_path, "email,first_name\na@x.eu,A\n" + "x," * (size // 2) + "\nb@x.eu,B\n"))
    assert contacts.rows.sort("source_row")["email"].to_list() == ["a@x.eu", "b@x.eu"]
    assert [record.source_row for record in contacts.unreadable] == [2]
    assert contacts.unreadable[0].reason == "is a line of more than 1,048,576 characters"


def test_a_small_gzip_needs_little_memory(tmp_path: Path) -> None:
    with ContactFileReader(ReadLimits(memory_bytes=200 << 20)) as reader:
        assert read(reader, write(tmp_path, gzip.compress(GOOD.encode()), "list.csv.gz")).records == 3


def test_a_file_that_takes_too_much_memory_is_refused_and_others_are_read(tmp_path: Path) -> None:
    nested = "[" + ",".join('{"email":"a@x.eu","a":{"b":{"c":[1,2,3]}}}' for _ in range(60_000)) + "]"
    with ContactFileReader(ReadLimits(memory_bytes=14 << 20, memory_per_byte=1)) as reader:
        with pytest.raises(UnreadableFile, match=r"^took more than \d+ MiB of memory"):
            read(reader, write(tmp_path, nested, "list.json"))
        assert read(reader, write(tmp_path, GOOD)).records == 3


def test_a_file_that_takes_too_long_is_refused_and_others_are_read(tmp_path: Path) -> None:
    with ContactFileReader(ReadLimits(seconds=1.6, seconds_per_mebibyte=0)) as reader:
        assert read(reader, write(tmp_path, GOOD)).records == 3
        with pytest.raises(UnreadableFile, match=r"^took more than 2 seconds"):
            read(reader, write(tmp_path, "email,name\n" + '"a\n' * 3_000_000))
        assert read(reader, write(tmp_path, GOOD)).records == 3


def test_a_reader_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with ContactFileReader() as reader:
        read(reader, write(tmp_path, GOOD))
        process = reader._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert read(reader, write(tmp_path, GOOD)).records == 3
    assert reader._process is None


def test_the_process_is_kept_for_small_files_and_ends_after_large_ones(tmp_path: Path) -> None:
    with ContactFileReader(ReadLimits(kept_bytes=1_000)) as reader:
        read(reader, write(tmp_path, GOOD))
        first = reader._process
        read(reader, write(tmp_path, GOOD))
        assert reader._process is first
        read(reader, write(tmp_path, GOOD * 100))
        assert reader._process is None


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    rows = "".join(f"{number},a{number}@example.com,Ann\n" for number in range(400_000))
    with ContactFileReader() as reader:
        assert read(reader, write(tmp_path, "Id,Email,First Name\n" + rows)).rows.height == 400_000
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 900 << 10
