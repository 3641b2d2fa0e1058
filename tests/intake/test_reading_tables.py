"""Delimited files of several tables, with short records, spaces before quotes, or letters of another encoding."""

import codecs
import json
from pathlib import Path

import pytest

from clodura_pipeline.intake.contact_file import ContactRows, read_contacts
from clodura_pipeline.intake.rows.landed_rows import CHUNK_ROWS

HEADER = "id,first_name,last_name,email,company,note\n"
FULL = "9,Zoe,Zed,zoe@example.com,Acme,x\n"


def read(folder: Path, content: str | bytes) -> ContactRows:
    location = folder / "list.csv"
    location.write_bytes(content.encode() if isinstance(content, str) else content)
    reading = read_contacts(location)
    positions = [*reading.rows["source_row"], *(record.source_row for record in reading.unreadable)]
    assert sorted(positions) == list(range(1, reading.records + 1))
    return reading


def ids(reading: ContactRows) -> list[str | None]:
    return reading.rows["contact_id"].to_list()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("1,Ann,Lee,a@example.com\n", ["1"]),
        ("1,Ann\n" + FULL + "2,Bob,Ray\n", ["1", "9", "2"]),
        ("1,A,L,a@example.com,Acme\n2,B,R,b@example.com,Acme\n3,C,F,c@example.com,Acme\n", ["1", "2", "3"]),
        ("1,A,L,a@example.com\n2,B,R,b@example.com\n", ["1", "2"]),
        ("1,A,L,,Acme\n2,B,R,,Globex\n", ["1", "2"]),
        ("1,A,L,a@example.com,Acme\n2,B,R\n", ["1", "2"]),
        ('1,"A, B",L,"a@example.com"\n', ["1"]),
        (FULL + "2,B,R,b@example.com,Globex", ["9", "2"]),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_empty_cells_at_the_end_may_be_left_out(tmp_path: Path, body: str, expected: list[str], ending: str) -> None:
    reading = read(tmp_path, (HEADER + body).replace("\n", ending))
    assert (ids(reading), reading.unreadable) == (expected, ())
    assert json.loads(reading.rows["record"][0]).keys() == set(HEADER.strip().split(","))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("1,Ann,Lee,a@example.com,Acme\nWorks,x\n" + FULL, ["9"]),
        ("1,Ann\nMarie,Lee,a@example.com,Acme,x\n" + FULL, ["9"]),
        ("1,Ann,Lee\nSmith\nJones,a@example.com,Acme,x\n" + FULL, ["9"]),
        ("1,Ann\nMarie,Lee,a@example.com\nx,Acme,x\n" + FULL, ["9"]),
        ("1,Ann,Lee,a@example.com,Ac\n\nme,x\n2,B,R,b@example.com,Glo\nbex,x\n" + FULL, ["9"]),
        ("1,A,12 Main St\nSmall Town,a@example.com\n" + FULL, ["1", "9"]),
        (FULL + "Total: 5\n", ["9"]),
        (FULL + "2,B,R,b@example.com,Globex,Dear Bob, well\nYours,Ann\n", ["9"]),
        (FULL + "Name,Company\nAnn Lee,Acme\nBob Ray,Globex\n", ["9"]),
    ],
    ids=["company", "first name", "three pieces", "twice", "two torn", "short and torn", "footer", "too long",
         "another table"],
)  # fmt: skip
def test_what_may_be_a_piece_of_a_torn_record_is_set_aside(tmp_path: Path, body: str, expected: list[str]) -> None:
    reading = read(tmp_path, HEADER + body)
    assert ids(reading) == expected
    assert all(" where the header has 6" in record.reason for record in reading.unreadable)


def test_where_a_record_may_be_torn_the_reason_says_so(tmp_path: Path) -> None:
    reading = read(tmp_path, HEADER + FULL + "1,Ann,Lee,a@example.com,Acme\nWorks,x\n")
    torn = "is there a line break within a cell, which is then to be quoted?"
    assert [torn in record.reason for record in reading.unreadable] == [True, True]


def test_a_lone_address_is_a_record_in_a_list_that_begins_with_addresses(tmp_path: Path) -> None:
    reading = read(tmp_path, "Email,Name,City\na@example.com\nreport of today\nb@example.com,Bob,Ulm\n")
    assert reading.rows["email"].to_list() == ["a@example.com", "b@example.com"]


def test_a_column_without_header_may_be_missing(tmp_path: Path) -> None:
    reading = read(tmp_path, "First Name,Last Name,,\nAnn,Lee,,\nBob,Ray\nCy,Fox\n")
    assert (reading.rows["first_name"].to_list(), reading.unreadable) == (["Ann", "Bob", "Cy"], ())


def test_many_short_records_in_succession_are_all_read(tmp_path: Path) -> None:
    count = 2 * CHUNK_ROWS + 1
    body = "".join(f"{number},Ann,Lee\n" for number in range(count))
    reading = read(tmp_path, HEADER + body)
    assert (reading.rows.height, reading.rows["contact_id"][-1]) == (count, str(count - 1))


ATTENDEES = "Attended,First Name,Last Name,Email,Company\nYes,Ann,Lee,a@example.com,Acme\n"


@pytest.mark.parametrize(
    ("above", "people"),
    [
        ("Name,Email\nHost One,h@example.com\nHost Two,i@example.com\n\n", ["h@example.com", "i@example.com"]),
        ("Attended,User,Email,Time\nYes,Host,h@example.com,9\n\nAttendee Details,\n", ["h@example.com"]),
        (
            "Report\nTopic,Id\nHow,1\nHosts,\nAttended,User,Email\nYes,Host,h@example.com,\nPanelists,\n"
            "Attended,User,Email\nYes,Pan,p@example.com,\nAttendees,\n",
            ["h@example.com", "p@example.com"],
        ),
        ("First Name,Last Name,Company\nHost,One,Acme\n", [None]),
        ("Name,Autumn fair\nOwner,Marketing\n,,,\n", []),
        ("Name,Email\n", []),
        ("Contact:\nAnn\n", []),
    ],
    ids=["two lists", "hosts", "hosts and panelists", "names", "titles", "header alone", "note"],
)
def test_people_above_the_best_header_are_read_under_their_own(
    tmp_path: Path, above: str, people: list[str | None]
) -> None:
    reading = read(tmp_path, above + ATTENDEES)
    assert reading.rows["email"].to_list() == [*people, "a@example.com"]
    assert reading.rows["first_name"][-1] == "Ann"
    assert bool(reading.notes) == bool(people)


def test_records_above_the_best_header_that_cannot_be_read_are_counted_too(tmp_path: Path) -> None:
    reading = read(tmp_path, 'Name,Email\nHost One,h@example.com\nTwo,i@example.com,x,y\n"\n' + ATTENDEES)
    assert [record.source_row for record in reading.unreadable] == [2, 3]
    assert reading.notes == ("3 records above the header, read under a header of their own: Name, Email",)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_space_before_every_quote_is_left_out(tmp_path: Path, delimiter: str) -> None:
    rows = ["id", "first_name", "email", "company"], ["1", '"Ann"', '"a@example.com"', f'"Acme{delimiter} Inc. ""A"""']
    rows = (*rows, ["2", '"B"', '"b"', '"C"'])
    reading = read(tmp_path, "".join(f"{delimiter} ".join(row) + "\n" for row in rows))
    assert reading.rows["organisation_name"].to_list() == [f'Acme{delimiter} Inc. "A"', "C"]
    assert reading.rows["email"].to_list() == ["a@example.com", "b"]
    assert reading.unreadable == ()
    assert reading.notes == ("the spaces before quoted cells are left out",)


def test_a_space_before_some_quotes_is_text(tmp_path: Path) -> None:
    reading = read(tmp_path, 'id,first_name,email\n1, "Ann",a@example.com\n2,"Bob",b@example.com\n')
    assert reading.rows["first_name"].to_list() == [' "Ann"', "Bob"]
    assert reading.notes == ()


@pytest.mark.parametrize(
    ("name", "encoding", "doubted"),
    [
        ("Jürgen Größe", "mac_roman", True),
        ("Zoë Lefèvre", "cp1252", False),
        ("Łukasz Wąs", "cp1250", True),
        ("Paweł Kos", "cp1250", True),
        ("Cœur Sacré", "iso8859-15", True),
        ("Cœur Sacré", "cp1252", False),
        ("Željko Šarić é".replace("ć", "c"), "cp1252", False),
        ("O\u2019Neill René — £50, 3 m³, ¿Qué? 5° «x» Col·lega ½", "cp1252", False),
        ("Jürgen Größe", "utf-8", False),
        ("Ångström Ã São", "utf-8", False),
        ("Jürgen".encode().decode("cp1252"), "utf-8", True),
        ("Łukasz".encode().decode("cp1252", "ignore") + "Größe".encode().decode("cp1252"), "utf-8", True),
    ],
)
def test_letters_of_another_encoding_are_told(tmp_path: Path, name: str, encoding: str, doubted: bool) -> None:
    reading = read(tmp_path, f"id;name;city\n1;{name};x\n".encode(encoding))
    assert (reading.rows.height, bool(reading.notes)) == (1, doubted)
    assert not any(word in note for note in reading.notes for word in name.split())


def test_a_mark_of_the_encoding_may_stand_twice(tmp_path: Path) -> None:
    reading = read(tmp_path, codecs.BOM_UTF8 * 2 + b'"Email","First Name"\na@example.com,Ann\n')
    assert reading.mapping == {"Email": "email", "First Name": "first_name"}


@pytest.mark.parametrize("again", ["\ufeffId,Email", '\ufeff"Id","Email"', "id,email", "ID, Email "])
def test_a_header_that_comes_again_is_known_however_it_is_written(tmp_path: Path, again: str) -> None:
    reading = read(tmp_path, f"Id,Email\n1,a@example.com\n{again}\n2,b@example.com\n")
    assert ids(reading) == ["1", "2"]
    assert [record.reason for record in reading.unreadable] == ["repeats the header line"]
