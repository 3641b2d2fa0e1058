"""Made-up contacts and cells, and mutations of bytes, all drawn from one source of randomness."""

import csv
import io
import json
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import xlsxwriter

HEADERS = (
    "Record ID", "First Name", "Last Name", "Name", "Email", "E-mail 2 - Value", "LinkedIn URL", "Company", "Website",
    "Company LinkedIn Page", "Attendee Email", "Név", "ФИО", "氏名", "Middle Name", "Suffix", "Note", "", "URL",
    "Vorname",
)  # fmt: skip
WORDS = (
    "Ann", "Lee", "Zoë", "Łukasz", "Öztürk", "Kovács", "Петров", "山田", "김", "O'Neil", "de la Cruz", "Acme GmbH",
    "N/A", "#NV", "-", "", " ", "ann@acme.example", "info@acme.example", "b@x.example;c@x.example", "=SUM(1)",
    "1.23457E+11", "https://www.linkedin.com/in/ann-lee", "linkedin.com/sales/lead/1", "linkedin.com/in/%C3%A9",
    "acme.example", "007", "Dr.", "null", "a\nb", 'say "hi"', "\x00", "\u202eabc", "😀", "\ud7ff", "x" * 300,
    "<ann@acme.example>", "@", "://",
)  # fmt: skip
TOKENS = (
    b'"', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b'""', b"\x00", b"\xff", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]",
    b"Email", b"email,name\n", b"null", b"\\u0000", b"\\ud800", b"1e999", b"PK\x03\x04", b"PAR1", b"\x1f\x8b",
    b"<html>",
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1250", "cp1251", "cp932", "mac_roman")


def table(random: Random) -> tuple[list[str], list[list[str]]]:
    """Headers with at least one address, and rows of cells."""
    headers = ["Email", *random.sample(HEADERS, random.randint(0, 8))]
    random.shuffle(headers)
    return headers, [[random.choice(WORDS) for _ in headers] for _ in range(random.choice((0, 1, 2, 5, 30)))]


def value(random: Random, depth: int = 0) -> Any:
    """Any JSON value, mostly objects that look like contacts."""
    if depth > 3 or random.random() < 0.5:
        return random.choice((*WORDS, None, True, 7, 1.5, 10**20, [], {}))
    if random.random() < 0.3:
        return [value(random, depth + 1) for _ in range(random.randint(0, 4))]
    names = (
        "email",
        "firstName",
        "last_name",
        "name",
        "contacts",
        "results",
        "emails",
        "company",
        "linkedinUrl",
        "$oid",
    )
    return {random.choice(names): value(random, depth + 1) for _ in range(random.randint(0, 6))}


def contact_file(random: Random) -> bytes:
    """A contact file of any format, mutated in half of the cases."""
    headers, rows = table(random)
    kind = random.choice(("csv", "csv", "csv", "json", "json lines", "nested", "parquet", "workbook"))
    if kind == "csv":
        stream = io.StringIO(newline="")
        ending = random.choice(("\n", "\r\n", "\r"))
        writer = csv.writer(stream, delimiter=random.choice(",;\t|"), lineterminator=ending)
        writer.writerows([headers, *rows])
        content = stream.getvalue().encode(random.choice(ENCODINGS), "replace")
    elif kind in ("json", "json lines"):
        objects = [dict(zip(headers, row, strict=True)) for row in rows]
        text = json.dumps(objects) if kind == "json" else "\n".join(map(json.dumps, objects))
        content = text.encode(random.choice(ENCODINGS[:5]))
    elif kind == "nested":
        content = json.dumps(value(random)).encode()
    elif kind == "parquet":
        names = [f"{header} {at}" if headers.count(header) > 1 else header for at, header in enumerate(headers)]
        columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {name: [] for name in names}
        stream = io.BytesIO()
        pyarrow.parquet.write_table(
            pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()}), stream
        )
        content = stream.getvalue()
    else:
        stream = io.BytesIO()
        book = xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
        sheet = book.add_worksheet()
        for number, row in enumerate([headers, *rows], start=random.choice((0, 2))):
            sheet.write_row(number, random.choice((0, 0, 1)), row)
        book.close()
        content = stream.getvalue()
    return mutated(random, content) if random.random() < 0.5 else content


def mutated(random: Random, content: bytes) -> bytes:
    """The bytes with a few places changed, cut, repeated or filled with tokens that mean something to a parser."""
    for _ in range(random.choice((1, 1, 2, 4))):
        start = random.randint(0, len(content))
        end = min(start + random.choice((0, 1, 10, 100)), len(content))
        piece = random.choice((b"", random.choice(TOKENS), content[start:end] * 2, random.randbytes(2)))
        content = content[:start] + piece + content[end:]
    return content


def answer(random: Random) -> bytes:
    """An answer of Clodura in one of its known shapes, or near it."""
    person: dict[str, Any] = {
        "personId": random.choice(("p1", 7, None, "")), "firstName": random.choice(WORDS), "lastName": "Lee",
        "personTitle": random.choice(WORDS), "seniority": random.choice((["CXO"], "Head", [], None)),
        "organisation": {"organisationName": random.choice(WORDS), "domain": "acme.example"},
    }  # fmt: skip
    for name in random.sample(list(person), random.randint(0, 3)):
        person[name] = value(random, 2)
    shapes: tuple[Any, ...] = (
        person, {"data": person}, {"data": [person]}, {"result": {"contact": person}}, [person], {"data": []}, {},
        {"person": person, "organisation": person["organisation"]}, {"data": [person, person]}, value(random),
    )  # fmt: skip
    document = random.choice(shapes)
    if isinstance(document, dict) and random.random() < 0.5:
        document["creditsUsed"] = random.choice((0, 1, 2, 0.5, 3, -1, "2", None, 10**9, {}))
    body = json.dumps(document).encode()
    return mutated(random, body) if random.random() < 0.5 else body
