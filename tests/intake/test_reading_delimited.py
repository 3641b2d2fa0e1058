"""ContactRows CSV and its relatives as they are found in the wild: delimiters, encodings, preambles, headers, cells."""

import codecs
import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from clodura_pipeline.identity.cells import LANDED_COLUMNS
from clodura_pipeline.intake.contact_file import ContactRows, UnreadableFile, read_contacts


def read(folder: Path, content: str | bytes, name: str = "list.csv", **spellings: tuple[str, ...]) -> ContactRows:
    location = folder / name
    location.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_contacts(location, spellings)


def landed(reading: ContactRows, *columns: str) -> list[tuple[str | None, ...]]:
    return reading.rows.select(columns).rows()


PEOPLE = "contact_id,first_name,last_name,email\n007,Zoë,Müller,zoe@example.com\n008,Łukasz,Żak,lukasz@example.com\n"
READ = [("007", "Zoë", "Müller", "zoe@example.com"), ("008", "Łukasz", "Żak", "lukasz@example.com")]
WESTERN = PEOPLE.replace("Łukasz,Żak", "René,Sørensen")
READ_WESTERN = [READ[0], ("008", "René", "Sørensen", "lukasz@example.com")]


def test_rows_have_the_columns_that_all_files_have_in_common(tmp_path: Path) -> None:
    reading = read(tmp_path, PEOPLE)
    assert reading.rows.schema == {
        "source_row": pl.Int64,
        **dict.fromkeys((*LANDED_COLUMNS, "source_columns", "record"), pl.String),
    }
    assert reading.rows["source_row"].to_list() == [1, 2]
    assert (reading.records, reading.unreadable, reading.format) == (2, (), "CSV, comma, UTF-8")
    assert reading.mapping == {name: name for name in ("contact_id", "first_name", "last_name", "email")}


@pytest.mark.parametrize(
    ("delimiter", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")], ids=lambda value: value
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"], ids=["LF", "CRLF", "CR", "CRCRLF"])
def test_delimiter_and_line_ending_are_found_from_the_content(
    tmp_path: Path, delimiter: str, word: str, ending: str
) -> None:
    reading = read(tmp_path, PEOPLE.replace(",", delimiter).replace("\n", ending), name="contacts")
    assert landed(reading, "contact_id", "first_name", "last_name", "email") == READ
    assert reading.format == f"CSV, {word}, UTF-8"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PEOPLE.encode(), "UTF-8"),
        (codecs.BOM_UTF8 + PEOPLE.encode(), "UTF-8"),
        (codecs.BOM_UTF16_LE + PEOPLE.encode("utf-16-le"), "UTF-16"),
        (codecs.BOM_UTF16_BE + PEOPLE.encode("utf-16-be"), "UTF-16"),
        (PEOPLE.encode("utf-16-le"), "UTF-16"),
        (PEOPLE.encode("utf-16-be"), "UTF-16"),
        (codecs.BOM_UTF32_LE + PEOPLE.encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF32_BE + PEOPLE.encode("utf-32-be"), "UTF-32"),
        (WESTERN.encode("cp1252"), "Windows-1252"),
        (WESTERN.replace("Müller", "O\u2019Müller").encode("cp1252"), "Windows-1252"),
    ],
    ids=["UTF-8", "UTF-8 BOM", "UTF-16LE BOM", "UTF-16BE BOM", "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE", "1252",
         "1252 quote"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_the_encoding_is_found_from_the_content(tmp_path: Path, content: bytes, encoding: str, packed: bool) -> None:
    reading = read(tmp_path, gzip.compress(content) if packed else content)
    expected = READ_WESTERN if encoding == "Windows-1252" else READ
    rows = landed(reading, "contact_id", "first_name", "last_name", "email")
    assert [tuple(cell.removeprefix("O\u2019") for cell in row if cell) for row in rows] == expected
    assert reading.format == f"CSV, comma, {encoding}{', gzip' if packed else ''}"


@pytest.mark.parametrize(
    "above",
    [
        "",
        "\n\n",
        "sep=,\n",
        'Notes:\n"When exporting your connection data, you may notice that some of the addresses are missing."\n\n',
        '"Notes:"\n"Two\nlines, with a comma"\n\n\n',
        "Attendee Report\nReport Generated:,11/22/2026\nTopic,Webinar ID,Actual Start Time\n\n",
        "Name,Autumn fair\nOwner,Marketing\n,,,\n",
        "".join(f"remark {number}\n" for number in range(19)),
        'a note with a "quote\n',
        '"a note with an open quote\n',
    ],
    ids=["none", "blank", "sep", "LinkedIn", "two-line note", "webinar", "titles", "19 lines", "quote", "open quote"],
)
def test_what_stands_above_the_header_is_skipped(tmp_path: Path, above: str) -> None:
    reading = read(tmp_path, above + PEOPLE)
    assert landed(reading, "source_row", "contact_id", "last_name") == [(1, "007", "Müller"), (2, "008", "Żak")]
    assert reading.unreadable == ()


@pytest.mark.parametrize(
    "content",
    [
        "Elektropost,Kanal\nann@example.com,Email\nbob@example.com,Phone\n",
        "ann@example.com,Email,Company\nbob@example.com,Phone,Company\n",
        "Wer,Kanal\nAnn Example,E-Mail\n",
    ],
)
def test_a_persons_data_is_never_taken_for_a_header(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, content)
    assert "xample" not in caught.value.reason


@pytest.mark.parametrize(
    "content", ["Autumn list\n\nEmail\na@example.com\n", "Autumn list\nEmail,Consent\na@example.com,y\n"]
)
def test_one_known_header_below_a_title_is_enough(tmp_path: Path, content: str) -> None:
    assert landed(read(tmp_path, content), "email") == [("a@example.com",)]


def test_linkedin_connections_are_read_as_exported(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        '\ufeffNotes:\r\n"When exporting your connection data, you may notice that some are missing."\r\n\r\n'
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On\r\n"
        'Ann,Example,https://www.linkedin.com/in/ann-example,,"Example Works, Inc.",CTO,12 Mar 2024\r\n',
        name="Connections.csv",
    )
    assert landed(reading, "first_name", "linkedin_url", "email", "organisation_name") == [
        ("Ann", "https://www.linkedin.com/in/ann-example", None, "Example Works, Inc.")
    ]
    assert json.loads(reading.rows["source_columns"][0]) == {"Position": "CTO", "Connected On": "12 Mar 2024"}


def test_the_delimiter_that_excel_names_is_taken(tmp_path: Path) -> None:
    reading = read(tmp_path, "sep=^\r\nemail^last_name\r\nann@example.com^Example, Ann\r\n")
    assert landed(reading, "email", "last_name") == [("ann@example.com", "Example, Ann")]


def test_commas_in_cells_do_not_hide_the_semicolons_between_them(tmp_path: Path) -> None:
    reading = read(tmp_path, "Full Name;Company, Division;Email\nDoe, Ann, PhD;A, B, C;ann@example.com\n")
    assert landed(reading, "full_name", "email") == [("Doe, Ann, PhD", "ann@example.com")]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    cells = ["a,b", 'say ""hi""', "two\nlines", "two\r\nlines", "", " padded ", '""', "mac\rline", ",\n,"]
    content = "email,note\n" + "".join(f'p{n}@example.com,"{cell}"\n' for n, cell in enumerate(cells))
    reading = read(tmp_path, content)
    notes = [json.loads(record)["note"] for record in reading.rows["record"]]
    assert notes == [cell.replace('""', '"') for cell in cells]
    assert reading.rows["source_row"].to_list() == list(range(1, len(cells) + 1))


def test_a_quote_within_an_unquoted_cell_is_text(tmp_path: Path) -> None:
    reading = read(tmp_path, 'first_name,email\nRobert "Bob" X,b@example.com\n6" pipe,c@example.com\n')
    assert landed(reading, "first_name") == [('Robert "Bob" X',), ('6" pipe',)]


def test_ids_stay_verbatim_and_other_cells_as_they_are(tmp_path: Path) -> None:
    reading = read(tmp_path, "Id,Name,City\n 00aB1 , Ann ,\n1.0,\t,x\n,' ',  \n")
    assert landed(reading, "contact_id", "full_name") == [(" 00aB1 ", " Ann "), ("1.0", None), (None, "' '")]
    assert reading.rows["source_columns"].to_list() == ['{"City":null}', '{"City":"x"}', '{"City":null}']
    assert json.loads(reading.rows["record"][2]) == {"Id": "", "Name": "' '", "City": "  "}


def test_blank_lines_are_no_records_and_lines_of_delimiters_are(tmp_path: Path) -> None:
    reading = read(tmp_path, "email,last_name\n\n  \nann@example.com,A\n,\n\r\n\t\nbob@example.com,B\n\n\n")
    assert landed(reading, "source_row", "email") == [(1, "ann@example.com"), (2, None), (3, "bob@example.com")]
    assert reading.records == 3


def test_a_single_column_is_a_list_too(tmp_path: Path) -> None:
    reading = read(tmp_path, 'Email\nann@example.com\n\n""\nbob@example.com')
    assert landed(reading, "source_row", "email") == [(1, "ann@example.com"), (2, None), (3, "bob@example.com")]
    assert reading.rows["source_columns"].to_list() == [None, None, None]


def test_of_repeated_headers_all_cells_are_used_and_kept(tmp_path: Path) -> None:
    reading = read(tmp_path, "Email,Tag,Email,Tag\na@example.com,1,b@example.com,2\n ,,c@example.com,\n")
    assert landed(reading, "email") == [("a@example.com\nb@example.com",), ("c@example.com",)]
    assert [json.loads(columns) for columns in reading.rows["source_columns"]] == [
        {"Tag": "1", "Email_2": "b@example.com", "Tag_2": "2"},
        {"Tag": None, "Email_2": "c@example.com", "Tag_2": None},
    ]
    assert reading.mapping == {"Email": "email", "Email_2": "email"}


def test_a_second_address_is_landed_below_the_first_and_kept_beside(tmp_path: Path) -> None:
    reading = read(tmp_path, "E-mail 2,Email\nb@example.com,\nc@example.com,a@example.com\n")
    assert landed(reading, "email", "source_columns") == [
        ("b@example.com", '{"E-mail 2":"b@example.com"}'),
        ("a@example.com\nc@example.com", '{"E-mail 2":"c@example.com"}'),
    ]


def test_columns_without_header_are_kept_when_they_hold_something(tmp_path: Path) -> None:
    reading = read(tmp_path, "email,,city,\na@example.com,x,Bonn,\nb@example.com,,Ulm,\n")
    assert json.loads(reading.rows["record"][0]) == {"email": "a@example.com", "column_2": "x", "city": "Bonn"}


def test_a_users_own_spelling_is_understood(tmp_path: Path) -> None:
    content = "Elektropost;Wer\nann@example.com;Ann\n"
    with pytest.raises(UnreadableFile, match="Elektropost"):
        read(tmp_path, content)
    reading = read(tmp_path, content, email=("Elektropost",))
    assert reading.mapping == {"Elektropost": "email"}


@pytest.mark.parametrize("content", ["email,last_name", "email;last_name\n", "\ufeffemail,last_name\r\n\r\n"])
def test_a_header_alone_is_a_list_of_nobody(tmp_path: Path, content: str) -> None:
    reading = read(tmp_path, content)
    assert (reading.records, reading.rows.height, reading.unreadable) == (0, 0, ())
    assert reading.mapping == {"email": "email", "last_name": "last_name"}


@pytest.mark.parametrize(
    "content", [b"", b"\n\n  \r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, gzip.compress(b"", mtime=0)]
)
def test_an_empty_file_is_called_empty(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"^is empty"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", ["Product;Price;Stock\nLamp;12;3\n", "foo;bar\n1;2\n", "ticketNr;openedAt\n"])
def test_headers_that_say_nothing_usable_are_named_with_what_is_expected(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, content)
    assert f"the headers found are {', '.join(content.split(chr(10))[0].split(';'))}" in caught.value.reason
    assert "Expected" in caught.value.reason
    assert "linkedin_url" in caught.value.reason


@pytest.mark.parametrize(
    "content",
    [
        "Ann,Example,ann@example.com\nBob,Example,bob@example.com\n",
        "Ann;Example;https://www.linkedin.com/in/ann-example\n",
        "00012345,Ann,Example\n",
        "Ann,Example,Works\nBob,Example,Works\n",
        '"Ann","1, Example Street\nExampleton","Works"\n',
    ],
)
def test_a_list_without_header_is_refused_without_showing_anybody(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, content)
    assert "xample" not in str(caught.value)
    assert "Ann" not in str(caught.value)


def test_a_list_of_companies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="Company Name, Website"):
        read(tmp_path, "Company Name,Website\nExample Works,example.com\n")


def test_nobody_stands_in_the_repr_of_a_reading(tmp_path: Path) -> None:
    reading = read(tmp_path, PEOPLE + "009,Kim,K,k@example.com,x\n")
    assert reading.unreadable[0].text == "009,Kim,K,k@example.com,x"
    shown = repr(reading) + repr(reading.unreadable)
    assert not any(word in shown for word in ("Kim", "Zoë", "example.com"))
