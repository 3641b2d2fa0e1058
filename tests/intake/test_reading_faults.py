"""Dirty delimited files: a fault costs the record it is in and no other, and nothing of it is lost."""

from pathlib import Path

import pytest

from clodura_pipeline.intake.contact_file import ContactRows, UnreadableFile, read_contacts

HEADER = "contact_id,first_name,email\n"


def read(folder: Path, content: str | bytes) -> ContactRows:
    location = folder / "list.csv"
    location.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_contacts(location)


def outcome(reading: ContactRows) -> dict[int, str | None]:
    """Each record by its position: the id it landed with, or the text of what could not be read."""
    told = dict(reading.rows.select("source_row", "contact_id").rows())
    told |= {record.source_row: record.text for record in reading.unreadable}
    assert reading.records == len(told) == reading.rows.height + len(reading.unreadable)
    return dict(sorted(told.items()))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2,b@example.com", "has 2 fields where the header has 3"),
        ("2", "has 1 field where the header has 3"),
        ("2,Bob,b@example.com,x", "has 4 fields where the header has 3: is a delimiter within a cell"),
        ("2,Bob,b@example.com,,x", "has 5 fields"),
        ('2,"Bob" X,b@example.com', "has text after a closing quote in field 2 ('first_name')"),
        ('2,"Bob \\"B\\" X",b@example.com', "has text after a closing quote in field 2 ('first_name')"),
        ('2,"Bob,b@example.com', "has a quote that is opened in field 2 ('first_name') and not closed"),
        ('"2,Bob,b@example.com', "has a quote that is opened in field 1 ('contact_id') and not closed"),
        ('2,Bob,"b@example.com', "has a quote that is opened in field 3 ('email') and not closed"),
        ('2,Bob,b@example.com,"', "has a quote that is opened in field 4 and not closed"),
        ('2,"Bob"",b@example.com', "has a quote that is opened in field 2"),
        ('2,"Bob",b@example.com,"x" y', "has text after a closing quote in field 4"),
        ("contact_id,first_name,email", "repeats the header line"),
        ("\x00\x00\x00", "has 1 field"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("quoted", [False, True], ids=["plain neighbours", "quoted neighbours"])
def test_only_the_faulty_record_is_set_aside(tmp_path: Path, line: str, reason: str, ending: str, quoted: bool) -> None:
    good = '"{0}","N","n@example.com"\n' if quoted else "{0},N,n@example.com\n"
    content = HEADER + good.format(1) + line + "\n" + good.format(3) + good.format(4)
    reading = read(tmp_path, content.replace("\n", ending))
    assert outcome(reading) == {1: "1", 2: line, 3: "3", 4: "4"}
    assert reason in reading.unreadable[0].reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('1,"A,a\n2,B,b\n3,C"c,c\n', {1: '1,"A,a', 2: "2", 3: "3"}),
        ('1,A,"a\n2,B,b\n3,C,c"\n4,D,d\n', {1: '1,A,"a', 2: "2", 3: "3", 4: "4"}),
        ('1,"A,a\n2,B,b\n3,C",c\n4,D,d\n', {1: '1,"A,a', 2: "2", 3: "3", 4: "4"}),
        ('1,"A,a\n2,"B,b\n3,"C,c\n', {1: '1,"A,a', 2: '2,"B,b', 3: '3,"C,c'}),
        ('1,"A,a\n"2","B","b"\n"3","C","c"\n', {1: '1,"A,a', 2: "2", 3: "3"}),
        ('"1","A","a\n"2","B","b"\n"3","C","c"\n', {1: '"1","A","a', 2: "2", 3: "3"}),
        ('"1","A","a\n"","B","b"\n"3","C","c"\n', {1: '"1","A","a', 2: None, 3: "3"}),
        ('1,A,a\n2,B,b\n3,"C,c', {1: "1", 2: "2", 3: '3,"C,c'}),
        ('1,A,"two\nlines"\n2,"B,b\n3,C,c\n', {1: "1", 2: '2,"B,b', 3: "3"}),
        ('1,"A,a\n2,B,"two\nlines"\n3,C,c\n', {1: '1,"A,a', 2: "2", 3: "3"}),
    ],
)
def test_a_quote_that_is_not_closed_swallows_no_later_row(
    tmp_path: Path, body: str, expected: dict[int, str | None]
) -> None:
    assert outcome(read(tmp_path, HEADER + body)) == expected


def test_an_open_quote_in_a_long_list_costs_one_row(tmp_path: Path) -> None:
    rows = [f"{number},N,n{number}@example.com" for number in range(1, 50_001)]
    rows[9] = '10,"N,n10@example.com'
    reading = read(tmp_path, HEADER + "\n".join(rows))
    assert (reading.records, len(reading.unreadable), reading.unreadable[0].source_row) == (50_000, 1, 10)


@pytest.mark.parametrize(
    "note",
    ["one\ntwo", "Dear Ann,\n\nwe met, and talked.\nBye", "x\n" * 2_000, ",\n,", "1,N\n2,M", "l" * 200_000],
    ids=["two lines", "letter", "long", "delimiters", "short rows", "beyond the csv module's limit"],
)
def test_text_with_line_breaks_is_one_record(tmp_path: Path, note: str) -> None:
    content = f'contact_id,email,note\n1,a@example.com,"{note}"\n2,b@example.com,x\n'
    assert outcome(read(tmp_path, content)) == {1: "1", 2: "2"}


@pytest.mark.parametrize("quote", ["", '""'], ids=["plain", "with quotes"])
def test_a_quoted_cell_beyond_the_limit_is_one_unreadable_record(tmp_path: Path, quote: str) -> None:
    note = "".join(f"line {number} {quote}of a thread\n" for number in range(40_000))
    reading = read(tmp_path, f'contact_id,email,note\n1,a@example.com,"{note}"\n2,b@example.com,x\n')
    assert (reading.rows["contact_id"].to_list(), reading.records) == (["2"], 2)
    assert reading.unreadable[0].reason == "has a quoted cell of more than 262,144 characters"
    assert reading.unreadable[0].text.startswith("1,a@example.com,")


def test_a_short_record_with_line_breaks_is_kept_whole(tmp_path: Path) -> None:
    assert outcome(read(tmp_path, HEADER + '1,"two\nlines"\n2,B,b@example.com\n')) == {1: '1,"two\nlines"', 2: "2"}


def test_delimiters_too_many_at_the_end_are_no_fault(tmp_path: Path) -> None:
    reading = read(tmp_path, HEADER + "1,A,a@example.com,,\n2,B,b@example.com,\n3,C,c@example.com, \n")
    assert outcome(reading) == {1: "1", 2: "2", 3: "3"}


def test_space_after_a_closing_quote_is_no_fault(tmp_path: Path) -> None:
    reading = read(tmp_path, HEADER + '1,"A, B" ,a@example.com\n')
    assert reading.rows["first_name"].to_list() == ["A, B "]


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_carriage_return_in_a_cell_ends_no_line_where_the_record_is_whole_with_it(
    tmp_path: Path, ending: str
) -> None:
    content = (HEADER + "1,A\rB,a@example.com\n2,B,b@example.com\n").replace("\n", ending)
    reading = read(tmp_path, content)
    assert reading.rows["first_name"].to_list() == ["A\rB", "B"]


def test_a_line_break_within_a_cell_of_a_file_with_cr_line_ends_joins_no_records(tmp_path: Path) -> None:
    content = "contact_id,email,first_name\r1,a@example.com,A\nB\r2,b@example.com,C\r"
    assert outcome(read(tmp_path, content)) == {1: "1", 2: "B", 3: "2"}


def test_lines_that_end_differently_are_all_lines(tmp_path: Path) -> None:
    content = "contact_id,first_name,email\r\n1,A,a\r2,B,b\n3,C,c\r4,D,d\r\r\n5,E,e"
    assert outcome(read(tmp_path, content)) == {number: str(number) for number in range(1, 6)}


def test_nul_bytes_stay_in_their_cells(tmp_path: Path) -> None:
    reading = read(tmp_path, HEADER + "1\x00,A\x00B,a@example.com\n2,\x00,b@example.com\n")
    assert reading.rows.select("contact_id", "first_name").rows() == [("1\x00", "A\x00B"), ("2", "\x00")]


def test_bad_bytes_in_a_utf8_file_cost_only_their_records(tmp_path: Path) -> None:
    body = "1,Zoë,a\n2,Łukasz,b\n3,B?d,c\n4,Åsa,d\n5,?,e\n".encode().replace(b"?", b"\xff\xfe")
    reading = read(tmp_path, HEADER.encode() + body)
    assert outcome(reading) == {1: "1", 2: "2", 3: "3,B\\xff\\xfed,c", 4: "4", 5: "5,\\xff\\xfe,e"}
    assert reading.unreadable[0].reason == "has bytes that are not valid UTF-8"
    assert reading.rows["first_name"].to_list() == ["Zoë", "Łukasz", "Åsa"]


def test_bytes_that_windows_1252_has_not_cost_only_their_records(tmp_path: Path) -> None:
    body = b"1,Zo\xeb,a\n2,Ren\xe9,b\n3,\x81,c\n"
    reading = read(tmp_path, HEADER.encode() + body)
    assert outcome(reading) == {1: "1", 2: "2", 3: "3,\\x81,c"}
    assert reading.unreadable[0].reason == "has bytes that are not valid Windows-1252"


@pytest.mark.parametrize("mark", [b"\xff\xfe", b""], ids=["marked", "unmarked"])
def test_a_utf16_file_cut_within_a_letter_loses_only_its_last_record(tmp_path: Path, mark: bytes) -> None:
    content = mark + (HEADER + "1,Ann,a@example.com\n2,Bob,b@example.com").encode("utf-16-le")
    reading = read(tmp_path, content[:-1])
    assert outcome(reading) == {1: "1", 2: "2,Bob,b@example.co\\x6d"}


def test_half_a_letter_in_utf16_costs_only_its_record(tmp_path: Path) -> None:
    body = (HEADER + "1,A?,a\n2,B,b\n").encode("utf-16").replace(b"?\x00", b"\x00\xd8")
    assert outcome(read(tmp_path, body)) == {1: "1,A\\ud800,a", 2: "2"}


def test_a_broken_header_line_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="the first line has a quote that is opened in field 2"):
        read(tmp_path, 'contact_id,"first_name,email\n1,A,a@example.com\n')


def test_the_second_of_two_files_joined_is_read_too(tmp_path: Path) -> None:
    one = HEADER + "1,A,a@example.com\n"
    two = HEADER + "2,B,b@example.com\n"
    assert outcome(read(tmp_path, one + two)) == {1: "1", 2: HEADER.strip(), 3: "2"}


def test_a_large_fault_is_kept_as_it_is(tmp_path: Path) -> None:
    line = "2;" + "x" * 300_000
    assert outcome(read(tmp_path, HEADER + "1,A,a\n" + line + "\n3,C,c\n")) == {1: "1", 2: line, 3: "3"}
