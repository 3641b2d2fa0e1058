"""What holds of any delimited file: both ways of reading agree, and every record is accounted for."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clodura_pipeline.intake.contact_file import ContactRows, read_contacts
from clodura_pipeline.intake.csv.records import Grammar, records
from clodura_pipeline.intake.csv.table import DELIMITERS, Layout, find_layouts, read_cells, read_clean, read_records
from clodura_pipeline.intake.encodings.decoding import Text, decode
from clodura_pipeline.intake.rows.landed_rows import LandedTable, cell_columns, text_frame
from clodura_pipeline.intake.unreadable import UnreadableFile

# No deadline: how long an example takes says nothing on a machine that others use too.
SOME = settings(deadline=None)
MANY = settings(deadline=None, max_examples=300)
HEADERS = ["email", "first_name", "note"]
CELLS = st.text(
    st.sampled_from("ab@ \"',;\t|\n\r\x00\x0b\x1c\x85\u2028\ufeffé漢😀") | st.characters(codec="utf-8"), max_size=8
)
PIECES = st.sampled_from(
    ['"', '""', ",", ";", "\n", "\r\n", "\r", "Ann", " ", "\t", "|", "\x00", "é", "\u2028", "\ufeff", '"a,b"', '"a\nb"',
     ",,", "email", "\n\n", '",', ',"', '"\n"', "x,y,z\n"]
)  # fmt: skip


def read(content: bytes) -> ContactRows:
    with TemporaryDirectory() as folder:
        location = Path(folder) / "list.csv"
        location.write_bytes(content)
        return read_contacts(location)


class Cells(LandedTable):
    """All cells of a text in one frame, instead of landed rows."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.match, None, 0, lambda _: None)
        width = len(layout.match.headers)
        self._frames = [text_frame([], cell_columns(width), [[]] * width)]

    def take(self, cells: pl.DataFrame) -> None:
        self._frames.append(cells)

    def frame(self) -> pl.DataFrame:
        self.flush()
        return pl.concat(self._frames)


def carefully(text: Text, layout: Layout) -> Cells:
    cells = Cells(layout)
    read_records(text, layout, cells, layout.start, len(text.utf8), 1)
    return cells


def by_blocks(text: Text, layout: Layout, block_bytes: int) -> Cells:
    cells = Cells(layout)
    read_cells(text, layout, cells, block_bytes)
    return cells


def both_ways(text: Text) -> tuple[pl.DataFrame | None, Cells]:
    layout = find_layouts(text, {})[-1]
    fast = read_clean(text.utf8[layout.start :], layout.delimiter, len(layout.match.headers), 1) if text.valid else None
    return fast, carefully(text, layout)


def written(rows: list[list[str]], delimiter: str, ending: str, quoting: int) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=ending, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([HEADERS, *rows])
    return stream.getvalue()


@SOME
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=8),
    delimiter=st.sampled_from(list(DELIMITERS)),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_well_written_files_are_read_as_they_were_meant(
    rows: list[list[str]], delimiter: str, ending: str, quoting: int, encoding: str
) -> None:
    # The csv module does not quote cells for the \r in them, which may make it the end of a line.
    assume(quoting != csv.QUOTE_MINIMAL or not any("\r" in cell for row in rows for cell in row))
    text = decode(written(rows, delimiter, ending, quoting).encode(encoding))
    fast, careful = both_ways(text)
    assert not careful.unreadable
    assert [list(row[1:]) for row in careful.frame().rows()] == rows
    assert fast is None or fast.equals(careful.frame())


@SOME
@given(
    rows=st.lists(st.lists(st.text(st.sampled_from("ab ,é\"'"), max_size=5), min_size=3, max_size=3), max_size=20),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_files_without_faults_take_the_fast_way(rows: list[list[str]], quoting: int) -> None:
    fast, careful = both_ways(decode(written(rows, ",", "\r\n", quoting).encode()))
    assert fast is not None
    assert fast.equals(careful.frame())


@MANY
@given(
    header=st.sampled_from(["email,first_name,x", "email;x", '"email"|"x"', "email"]),
    pieces=st.lists(PIECES, max_size=30),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-16-le"]),
)
def test_wherever_the_fast_way_reads_it_agrees_with_the_careful_one(
    header: str, pieces: list[str], encoding: str
) -> None:
    assume(encoding != "utf-16-le" or "\x00" not in pieces)  # with many of these it is no UTF-16 without its mark
    fast, careful = both_ways(decode((header + "\n" + "".join(pieces)).encode(encoding)))
    if fast is not None:
        assert not careful.unreadable
        assert fast.equals(careful.frame())


@MANY
@given(
    pieces=st.lists(PIECES | st.sampled_from(["1,2,3\n", "\ud800", '1,"2",3\n']), max_size=40),
    block_size=st.integers(1, 20),
)
def test_where_the_blocks_of_a_file_end_makes_no_difference(pieces: list[str], block_size: int) -> None:
    utf8 = ("email,first_name,x\n" + "".join(pieces)).encode("utf-8", "surrogatepass")
    text = Text(utf8, "\ud800" not in pieces, "UTF-8")
    layout = find_layouts(text, {})[-1]
    blocks, whole = by_blocks(text, layout, block_size), carefully(text, layout)
    assert blocks.frame().equals(whole.frame())
    assert blocks.unreadable == whole.unreadable


@MANY
@given(content=st.binary(max_size=200) | st.lists(PIECES | st.binary(max_size=3), max_size=40).map(
    lambda pieces: b"email,first_name,x\n" + b"".join(p if isinstance(p, bytes) else p.encode() for p in pieces)
))  # fmt: skip
def test_every_record_of_any_bytes_is_accounted_for(content: bytes) -> None:
    try:
        reading = read(content)
    except UnreadableFile:
        return
    positions = [*reading.rows["source_row"], *(record.source_row for record in reading.unreadable)]
    assert sorted(positions) == list(range(1, reading.records + 1))
    assert reading.records == reading.rows.height + len(reading.unreadable)
    assert all(record.text.encode() or record.reason for record in reading.unreadable)


@MANY
@given(pieces=st.lists(PIECES, max_size=30), delimiter=st.sampled_from(list(DELIMITERS)))
def test_nothing_of_a_text_is_lost_between_its_records(pieces: list[str], delimiter: str) -> None:
    text = "".join(pieces)
    utf8 = text.encode()
    found = list(records(utf8, delimiter, 0, ("email", "first_name", "x")))
    assert not found or not utf8[found[-1].end :].decode().strip()
    assert "".join("".join(record.text for record in found).split()) == "".join(text.split())


@SOME
@given(cells=st.lists(CELLS, min_size=1, max_size=5), delimiter=st.sampled_from(list(DELIMITERS)))
def test_our_own_splitting_agrees_with_the_standard_librarys(cells: list[str], delimiter: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator="").writerow(cells)
    assert Grammar(delimiter).fields(stream.getvalue()) == cells
