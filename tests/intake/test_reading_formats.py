"""ContactRows JSON, Parquet and workbooks, and refusing what is none of these, by content and not by name."""

import gzip
import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import xlsxwriter

from clodura_pipeline.intake.contact_file import ContactRows, UnreadableFile, read_contacts

ANN = {"id": "007", "first_name": "Ann", "email": "ann@example.com"}


def read(folder: Path, content: str | bytes, name: str = "list.csv") -> ContactRows:
    location = folder / name
    location.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_contacts(location)


def workbook(*sheets: tuple[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for number, row in enumerate(rows):
            for position, cell in enumerate(row):
                sheet.write(number, position, cell)
    book.close()
    return stream.getvalue()


def parquet(columns: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (json.dumps([ANN]), "JSON"),
        (json.dumps(ANN), "JSON"),
        (json.dumps(ANN, indent=1), "JSON"),
        (json.dumps(ANN) + "\n" + json.dumps(ANN), "JSON Lines"),
        (json.dumps(ANN) + "\r\n\r\n" + json.dumps(ANN) + "\r\n", "JSON Lines"),
        (json.dumps({"total": 1, "results": [ANN]}), "JSON, list 'results'"),
        (
            json.dumps({"data": {"contacts": [ANN]}, "tags": ["x"], "errors": [{"code": 1}]}),
            "JSON, list 'data.contacts'",
        ),
        ("\ufeff " + json.dumps([ANN], indent=2), "JSON"),
        (json.dumps([ANN]).encode("utf-16"), "JSON"),
        (gzip.compress(json.dumps([ANN]).encode()), "JSON, gzip"),
        (parquet({name: [value] for name, value in ANN.items()}), "Parquet"),
        (gzip.compress(parquet({name: [value] for name, value in ANN.items()})), "Parquet, gzip"),
        (workbook(("Leads", [list(ANN), list(ANN.values())])), "Excel, sheet 'Leads'"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
@pytest.mark.parametrize("name", ["list.csv", "list", "list.xlsx", "list.json"])
def test_the_format_is_found_from_the_content(tmp_path: Path, content: str | bytes, format_: str, name: str) -> None:
    reading = read(tmp_path, content, name)
    assert reading.format == format_
    assert reading.rows.select("contact_id", "first_name", "email").rows()[0] == tuple(ANN.values())
    assert json.loads(reading.rows["record"][0]) == ANN
    assert reading.mapping == {"id": "contact_id", "first_name": "first_name", "email": "email"}


def test_json_values_become_text_as_they_are_written(tmp_path: Path) -> None:
    written = (
        '[{"id": 12345678901234567890, "email": "a@example.com", "n": 7.0, "f": 1.50, "e": 1e3, "yes": true, '
        '"no": false, "nothing": null, "blank": " ", "nan": NaN, "control": "a\tb", "nul": "x\\u0000y"}]'
    )
    reading = read(tmp_path, written)
    assert json.loads(reading.rows["record"][0]) == {
        "id": "12345678901234567890", "email": "a@example.com", "n": "7", "f": "1.50", "e": "1e3", "yes": "true",
        "no": "false", "nothing": None, "blank": " ", "nan": None, "control": "a\tb", "nul": "x\x00y",
    }  # fmt: skip
    assert json.loads(reading.rows["source_columns"][0])["blank"] is None


def test_nested_json_is_laid_flat(tmp_path: Path) -> None:
    contact = {
        "properties": {"email": "ann@example.com", "firstname": "Ann"},
        "company": {"name": "Example Works", "linkedin_url": "https://www.linkedin.com/company/example"},
        "emails": ["x@example.com", "y@example.com"],
        "tags": [],
        "phones": [{"value": "1", "type": "work"}],
        "empty": {},
    }
    reading = read(tmp_path, json.dumps([contact]))
    assert reading.mapping == {
        "properties.email": "email",
        "emails": "email",
        "emails[]": "email",
        "properties.firstname": "first_name",
        "company.name": "organisation_name",
        "company.linkedin_url": "organisation_linkedin_url",
    }
    assert json.loads(reading.rows["source_columns"][0]) == {
        "emails": "x@example.com",
        "emails[]": '["x@example.com", "y@example.com"]',
        "tags": None,
        "phones.value": "1",
        "phones.type": "work",
        "empty": None,
    }


def test_objects_need_not_have_the_same_names(tmp_path: Path) -> None:
    reading = read(tmp_path, '[{"source_row": "x"}, {"email": "a@example.com"}, {}, {"email": "b", "email": "c"}]')
    assert reading.rows.select("source_row", "email").rows() == [
        (1, None),
        (2, "a@example.com"),
        (3, None),
        (4, "b\nc"),
    ]
    assert json.loads(reading.rows["record"][3]) == {"source_row": None, "email": "b", "email_2": "c"}


def test_a_bad_line_of_json_lines_costs_only_its_record(tmp_path: Path) -> None:
    lines = [
        '{"email": "a@example.com"}',
        '{"email": "b@exam',
        "[1]",
        "",
        '{"email": "\\ud800"}',
        "null",
        '{"email":"z"}',
    ]
    content = "\n".join(lines).encode() + b'\n{"email": "\xc3\xa9"}\n{"email": "\xff"}\n'
    reading = read(tmp_path, content)
    assert reading.rows.select("source_row", "email").rows() == [(1, "a@example.com"), (6, "z"), (7, "é")]
    assert [(record.source_row, record.text) for record in reading.unreadable] == [
        (2, lines[1]), (3, "[1]"), (4, lines[4]), (5, "null"), (8, '{"email": "\\xff"}'),
    ]  # fmt: skip
    assert [record.reason for record in reading.unreadable] == [
        "is not valid JSON: unterminated string starting at at character 11",
        "is not an object with names and values",
        "has half a character, or bytes that are no text",
        "is not an object with names and values",
        "has bytes that are not valid UTF-8",
    ]
    assert reading.records == 8


def test_json_lines_are_known_by_name_when_their_first_line_is_broken(tmp_path: Path) -> None:
    reading = read(tmp_path, '"email": "a@exam\n{"email": "b@example.com"}\n', "list.jsonl")
    assert (reading.rows["source_row"].to_list(), [record.source_row for record in reading.unreadable]) == ([2], [1])


def test_elements_of_a_list_that_are_no_objects_are_unreadable_by_themselves(tmp_path: Path) -> None:
    reading = read(tmp_path, '[{"email": "a@example.com"}, 7, "x", {"email": "b@example.com"}]')
    assert reading.rows["source_row"].to_list() == [1, 4]
    assert [(record.source_row, record.text) for record in reading.unreadable] == [(2, "7"), (3, '"x"')]


def test_deeply_nested_json_is_no_crash(tmp_path: Path) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    reading = read(tmp_path, '{"email": "a@example.com"}\n' + deep + "\n")
    assert (reading.rows.height, reading.unreadable[0].reason) == (1, "is not valid JSON: is nested too deeply")
    listed = '[{"email": "a@example.com", "x": ' + '{"a":' * 900 + "1" + "}" * 900 + '}, {"email": "b@example.com"}]'
    reading = read(tmp_path, listed)
    assert (reading.rows["source_row"].to_list(), reading.unreadable[0].reason) == ([2], "is nested too deeply")
    with pytest.raises(UnreadableFile):
        read(tmp_path, "[" * 100_000)


@pytest.mark.parametrize("content", ["[]", "[ ]\n", parquet({"email": pa.array([], pa.string())})])
def test_a_list_of_nobody_is_read(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content).records == 0


def test_parquet_values_become_text_as_people_write_them(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 22, 10, 30)
    columns = {
        "id": pa.array([7, None]),
        "email": pa.array(["a@example.com", " "]).dictionary_encode(),
        "float": pa.array([12.0, 1.5]),
        "large": pa.array([2.0**60, float("nan")]),
        "decimal": pa.array([Decimal("5.00"), Decimal("5.25")]),
        "day": pa.array([date(2026, 11, 22), None]),
        "moment": pa.array([moment, None]),
        "zoned": pa.array([moment.replace(tzinfo=UTC), None]),
        "time": pa.array([time(10, 30), None]),
        "yes": pa.array([True, False]),
        "bytes": pa.array([b"text", b"\xff\x00"]),
        "company": pa.array([{"name": "Example Works"}, None]),
        "tags": pa.array([["x", "y"], []]),
        "nothing": pa.nulls(2),
    }
    reading = read(tmp_path, parquet(columns))
    assert reading.rows.select("contact_id", "email", "organisation_name").rows() == [
        ("7", "a@example.com", "Example Works"),
        (None, None, None),
    ]
    kept = [json.loads(columns) for columns in reading.rows["source_columns"]]
    assert kept[0] == {
        "float": "12", "large": "1152921504606846976", "decimal": "5", "day": "2026-11-22",
        "moment": "2026-11-22T10:30:00", "zoned": "2026-11-22T10:30:00+00:00", "time": "10:30:00", "yes": "true",
        "bytes": "text", "tags": "x", "tags[]": '["x", "y"]', "company": None, "nothing": None,
    }  # fmt: skip
    assert (kept[1]["large"], kept[1]["decimal"], kept[1]["bytes"], kept[1]["tags"]) == (None, "5.25", "ff00", None)


def test_cells_of_a_workbook_become_text_as_people_write_them(tmp_path: Path) -> None:
    head = ["Id", "E-Mail", "Number", "Day", "Yes", "Text", ""]
    rows = [
        ["Autumn fair"],
        [],
        head,
        [1234567890123456, "a@example.com", 1.5, date(2026, 11, 22), True, "007", ""],
        [],
        ["", "", "", "", "", "only this", ""],
        head,
        [7, "", 0.1, "", False, " x ", "beyond the header"],
    ]
    reading = read(tmp_path, workbook(("Leads", rows)))
    assert reading.rows.select("source_row", "contact_id", "email").rows() == [
        (1, "1234567890123456", "a@example.com"),
        (2, None, None),
        (4, "7", None),
    ]
    assert [(record.source_row, record.reason) for record in reading.unreadable] == [(3, "repeats the header line")]
    assert json.loads(reading.rows["source_columns"][0]) == {
        "Number": "1.5", "Day": "2026-11-22", "Yes": "true", "Text": "007", "column_7": None,
    }  # fmt: skip
    assert json.loads(reading.rows["record"][2])["column_7"] == "beyond the header"


@pytest.mark.parametrize(
    ("hidden", "sheet", "notes"),
    [
        ((), "First", ("only sheet 'First' is read; save each of 'Second' (1 record) as a file of its own",)),
        (("First",), "Second", ("only sheet 'Second' is read; save each of 'First' (1 record) as a file of its own",)),
    ],
)
def test_the_first_visible_sheet_of_contacts_is_read(
    tmp_path: Path, hidden: tuple[str, ...], sheet: str, notes: tuple[str, ...]
) -> None:
    book = workbook(
        ("Cover", [["Our lists"], ["of 2026"]]),
        ("Empty", []),
        ("First", [["Email"], ["First@example.com"]]),
        ("Second", [["Email"], ["Second@example.com"]]),
        hidden=hidden,
    )
    reading = read(tmp_path, book)
    assert reading.rows["email"].to_list() == [f"{sheet}@example.com"]
    assert (reading.format, reading.notes) == (f"Excel, sheet '{sheet}'", notes)


SUMMARY = ("Overview", [["Campaign", "Name", "Count"], ["Fair", "Autumn", 3], ["Web", "Winter", 4]])
MAILS = ("Mails", [["Email"], ["a@example.com"]])
PEOPLE = ("People", [["Id", "First Name", "Last Name", "Email"], [1, "Ann", "Lee", "a@example.com"]])
MORE = ("More", [*PEOPLE[1], [2, "Bob", "Ray", "b@example.com"]])


@pytest.mark.parametrize(
    ("sheets", "sheet", "left_out"),
    [
        ((SUMMARY, PEOPLE), "People", "'Overview' (2 records)"),
        ((MAILS, PEOPLE, SUMMARY), "People", "'Mails' (1 record), 'Overview' (2 records)"),
        ((PEOPLE, MORE), "More", "'People' (1 record)"),
        ((SUMMARY, MAILS), "Mails", "'Overview' (2 records)"),
    ],
)
def test_the_sheet_that_says_most_about_people_is_read_and_the_others_are_told(
    tmp_path: Path, sheets: tuple[Any, ...], sheet: str, left_out: str
) -> None:
    reading = read(tmp_path, workbook(*sheets))
    assert reading.format == f"Excel, sheet '{sheet}'"
    assert reading.notes == (f"only sheet '{sheet}' is read; save each of {left_out} as a file of its own",)


def test_a_table_above_the_one_that_says_most_is_read_in_a_sheet_too(tmp_path: Path) -> None:
    hosts = [["Webinar"], [], ["Name", "Email"], ["Host One", "h@example.com"], [], ["Attendees"]]
    reading = read(tmp_path, workbook(("Report", [*hosts, *PEOPLE[1]])))
    assert reading.rows.select("source_row", "full_name", "email").rows() == [
        (1, "Host One", "h@example.com"),
        (2, None, "a@example.com"),
    ]


EMAILS = pa.array(
    [[{"value": "a@example.com", "type": "work"}, {"value": "x@example.com", "type": "home"}], [], None, []],
    pa.list_(pa.struct({"value": pa.string(), "type": pa.string()})),
)


@pytest.mark.parametrize(
    ("emails", "header"),
    [
        (EMAILS, "emails.value"),
        (EMAILS.cast(pa.large_list(EMAILS.type.value_type)), "emails.value"),
        (pa.array([["a@example.com", "x@example.com"], [], None, [None]]), "emails"),
        (pa.array([["a@example.com", "x@example.com"], None, None, [None, None]], pa.list_(pa.string(), 2)), "emails"),
    ],
)
def test_lists_of_addresses_in_parquet_are_read_as_in_json(tmp_path: Path, emails: Any, header: str) -> None:
    reading = read(tmp_path, parquet({"id": [1, 2, 3, 4], "emails": emails}))
    assert reading.rows["email"].to_list() == ["a@example.com\nx@example.com", None, None, None]
    assert reading.mapping == {"id": "contact_id", header: "email", "emails[]": "email"}
    assert "x@example.com" in json.loads(reading.rows["source_columns"][0])["emails[]"]


def test_all_addresses_of_a_list_in_json_are_landed(tmp_path: Path) -> None:
    reading = read(tmp_path, json.dumps([{"emails": [{"value": "a@example.com"}, {"value": "x@example.com"}]}]))
    assert reading.rows["email"][0] == "a@example.com\nx@example.com"
    assert reading.mapping == {"emails.value": "email", "emails[]": "email"}


def test_lists_of_contacts_in_the_rows_of_parquet_are_read_as_in_json(tmp_path: Path) -> None:
    contacts = pa.array([[{"name": "Ann", "email": "a@example.com"}, {"name": "Bob", "email": "b@example.com"}]])
    reading = read(tmp_path, parquet({"name": ["Acme"], "contacts": contacts}))
    assert reading.rows.select("full_name", "email").rows() == [("Ann", "a@example.com"), ("Bob", "b@example.com")]


def test_bytes_that_are_an_id_are_text_or_hexadecimal_digits(tmp_path: Path) -> None:
    ids = pa.array([b"abc", b"\x01\x02", b"\xff"])
    fixed = pa.array([b"1111", b"\x00\x00\x00\x01", None], pa.binary(4))
    reading = read(tmp_path, parquet({"id": ids, "uuid": fixed, "email": ["a", "b", "c"]}))
    assert reading.rows["contact_id"].to_list() == ["abc", "0102", "ff"]
    assert [json.loads(row)["uuid"] for row in reading.rows["source_columns"]] == ["31313131", "00000001", None]


def test_without_its_library_a_workbook_is_refused_with_the_way_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(UnreadableFile, match=r"pip install 'clodura-pipeline\[excel\]'"):
        read(tmp_path, workbook(("Leads", [["Email"]])))


BOOK = workbook(("Leads", [["Email"], ["a@example.com"]]))
TABLE = parquet({"email": ["a@example.com"]})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOOK[: len(BOOK) // 2], "damaged workbook"),
        (BOOK.replace(b"xl/worksheets/sheet1.xml", b"xl/worksheets/sheet9.xml"), "damaged workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "damaged workbook"),
        (workbook(("A", []), ("B", [])), "no sheet of the workbook holds anything"),
        (workbook(("A", [["Product", "Price"], ["Lamp", 3]])), "the headers found are Product, Price"),
        (TABLE[: len(TABLE) // 2], "damaged or unfinished Parquet file"),
        (parquet({"product": ["Lamp"]}), "the headers found are product"),
        (b"PAR1", "damaged or unfinished Parquet file"),
        (gzip.compress(b"email\na@example.com\n" * 100, mtime=0)[:-12], "ends too early"),
        (gzip.compress(gzip.compress(b"email\n", mtime=0), mtime=0), "packed with gzip twice"),
        (b"PK\x03\x04" + b"list.csv" * 9, "zip archive"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"SQLite format 3\x00...", "SQLite"),
        (b"\n<!DOCTYPE html><html><table>", "web page"),
        (b"<html><body>", "web page"),
        (b'<?xml version="1.0"?>', "XML"),
        (b"BEGIN:VCARD\nFN:Ann Example\n", "vCard"),
        (b'[{"email": "ann@example.com"}, {"email": ', "from line 1, column 42 on (the file ends there"),
        (b'[{"email": "ann@example.com"},\n {"email": nope}]', "from line 2, column 12 on; export it again"),
        (b'{"contacts": [{"email": "ann@example.com"}', "the file ends there"),
        (b'[{"email": "ann@example.com"}] trailing', "from line 1, column 31 on"),
        (b"[1, 2, 3]", "no headers were found"),
        (b'[{"product": "Lamp"}]', "the headers found are product"),
        (b'{"a": [{"email": "x"}], "b": [{"email": "y"}]}', "several lists that may be contacts (a, b)"),
        (b'{"ann@example.com": {"city": "Ulm"}}', "looks like data"),
        (bytes(range(256)) * 40, "no header"),
        (b"x" * 400_000, "no line break"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason_and_nobodys_data(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, content)
    assert reason in caught.value.reason
    assert str(caught.value) == caught.value.reason
    assert "ann@example.com" not in caught.value.reason
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be opened: No such file"):
        read_contacts(tmp_path / "gone.csv")
    with pytest.raises(UnreadableFile, match="cannot be opened: Is a directory"):
        read_contacts(tmp_path)


def test_a_file_beyond_what_memory_holds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clodura_pipeline.intake.contact_file.MAX_BYTES", 1000)
    for content in (b"email\n" + b"a@example.com\n" * 100, gzip.compress(b"email\n" + b"a@example.com\n" * 100)):
        with pytest.raises(UnreadableFile, match="split it into several files"):
            read(tmp_path, content)


def test_all_formats_yield_the_same_columns(tmp_path: Path) -> None:
    schemas = [
        read(tmp_path, content).rows.schema
        for content in ("email\nx", '[{"email":"x"}]', '{"email":"x"}\n{"email":"y"}', TABLE, BOOK, "[]")
    ]
    assert all(schema == schemas[0] for schema in schemas)
    assert set(schemas[0].dtypes()) == {pl.Int64(), pl.String()}
