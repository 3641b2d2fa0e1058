"""Exports with structure above or around the data: APIs' answers, group headers, merged cells, links."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from clodura_pipeline.intake.contact_file import ContactRows, read_contacts


def read(folder: Path, content: Any, name: str = "list.json") -> ContactRows:
    location = folder / name
    if isinstance(content, bytes):
        location.write_bytes(content)
    else:
        location.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_contacts(location)


def values(contacts: ContactRows) -> list[dict[str, str]]:
    columns = [name for name in contacts.rows.columns if name not in {"source_row", "source_columns", "record"}]
    return [{name: row[name] for name in columns if row[name] is not None} for row in contacts.rows.to_dicts()]


ANN = {"first_name": "Ann", "last_name": "Lee", "email": "ann@acme.example"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#contacts",
                "value": [
                    {
                        "id": "AAMk",
                        "givenName": "Ann",
                        "surname": "Lee",
                        "companyName": "Acme",
                        "emailAddresses": [
                            {"name": "Ann Lee", "address": "ann@acme.example"},
                            {"name": "Ann Lee", "address": "ann@home.example"},
                        ],
                    }
                ],
            },
            {**ANN, "contact_id": "AAMk", "organisation_name": "Acme", "email": "ann@acme.example\nann@home.example"},
        ),
        (
            {"value": [{"scoredEmailAddresses": [{"address": "ann@acme.example", "relevanceScore": 1}]}]},
            {"email": "ann@acme.example"},
        ),
        (
            '{"_airbyte_ab_id": "x", "_airbyte_emitted_at": 1, "_airbyte_data": {"id": 7, "first_name": "Ann", '
            '"last_name": "Lee", "email": "ann@acme.example"}}\n' * 2,
            {**ANN, "contact_id": "7"},
        ),
        (
            {
                "contacts": [
                    {
                        "vid": 7,
                        "properties": {
                            "firstname": {"value": "Ann", "versions": []},
                            "lastname": {"value": "Lee"},
                            "email": {"value": "ann@acme.example"},
                            "company": {"value": "Acme"},
                        },
                    }
                ]
            },
            {**ANN, "contact_id": "7", "organisation_name": "Acme"},
        ),
        (
            [
                {
                    "first_name": "ann",
                    "linkedin_url": "linkedin.com/in/ann-lee",
                    "emails": [{"address": "ann@acme.example", "type": "professional"}],
                    "job_company_name": "acme",
                    "job_company_website": "acme.example",
                    "job_company_linkedin_url": "linkedin.com/company/acme",
                    "experience": [{"company": {"name": "old"}, "title": {"name": "cto"}}],
                }
            ],
            {
                "first_name": "ann",
                "email": "ann@acme.example",
                "linkedin_url": "linkedin.com/in/ann-lee",
                "organisation_name": "acme",
                "organisation_domain": "acme.example",
                "organisation_linkedin_url": "linkedin.com/company/acme",
            },
        ),
        ([{"json": {"first_name": "Ann", "last_name": "Lee", "email": "ann@acme.example"}, "pairedItem": 0}], ANN),
        ({"results": [{"name": {"first": "Ann", "last": "Lee"}, "email": "ann@acme.example"}]}, ANN),
    ],
    ids=["Microsoft Graph", "Graph people", "Airbyte", "HubSpot", "People Data Labs", "n8n", "nested name"],
)
def test_answers_of_apis_are_read_with_their_addresses(tmp_path: Path, content: Any, expected: dict[str, str]) -> None:
    assert values(read(tmp_path, content))[0] == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Email ID (Email IDs),First Name\nann@acme.example,Ann\n", {"email": "ann@acme.example", "first_name": "Ann"}),
        (
            "Order Name,Order Email,Ticket,Ticket Name,Ticket ID,Ticket First Name,Ticket Last Name,Ticket Email\n"
            "Buyer,buy@x.example,Early bird,VIP,7,Ann,Lee,ann@acme.example\n",
            ANN,
        ),
        (
            "Contact,,,Company,,\nFirst Name,Last Name,Email,Name,Website,City\n"
            "Ann,Lee,ann@acme.example,Acme,acme.example,Ulm\n",
            {**ANN, "organisation_name": "Acme", "organisation_domain": "acme.example"},
        ),
        (
            "Company,,Person,\nName,Domain,Full name,Email\nAcme,acme.example,Ann Lee,ann@acme.example\n",
            {
                "full_name": "Ann Lee",
                "email": "ann@acme.example",
                "organisation_name": "Acme",
                "organisation_domain": "acme.example",
            },
        ),
        (
            "Autumn fair,,,Stand 7,,\nFirst Name,Last Name,Email,Name,Website,City\nAnn,Lee,ann@acme.example,,,\n",
            ANN,
        ),
    ],
    ids=["Zoho", "Tito", "group header", "company first", "titles"],
)
def test_headers_that_say_more_than_one_thing_are_understood(
    tmp_path: Path, content: str, expected: dict[str, str]
) -> None:
    assert values(read(tmp_path, content, "list.csv")) == [expected]


def workbook(fill: Any) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    fill(book.add_worksheet("People"))
    book.close()
    return stream.getvalue()


def merged(sheet: Any) -> None:
    sheet.merge_range("B2:D2", "Autumn fair")
    sheet.write_row("B4", ["Company", "Name", "Email"])
    sheet.merge_range("B5:B6", "Acme")
    sheet.write_row("C5", ["Ann Lee", "ann@acme.example"])
    sheet.write_row("C6", ["Bob Ray", "bob@acme.example"])
    sheet.write_row("B7", ["Globex", "Cy Fox", "cy@globex.example"])
    sheet.write_row("C8", ["Di Poe", "di@x.example"])
    sheet.merge_range("B9:D10", "The end")


def test_a_cell_that_is_merged_over_rows_is_a_cell_of_each(tmp_path: Path) -> None:
    contacts = read(tmp_path, workbook(merged), "list.xlsx")
    assert contacts.rows["organisation_name"].to_list() == ["Acme", "Acme", "Globex", None, "The end"]
    assert contacts.rows["email"].to_list()[:2] == ["ann@acme.example", "bob@acme.example"]


def test_profiles_that_cells_link_to_are_read(tmp_path: Path) -> None:
    def linked(sheet: Any) -> None:
        sheet.write_row("B2", ["Email", "Profile of"])
        sheet.write_row("B3", ["bob@acme.example", "Bob"])
        sheet.write_row("B4", ["ann@acme.example", "Ann"])
        sheet.write_url("C4", "https://www.linkedin.com/in/ann-lee?a=1&b=2", string="Ann")
        sheet.write_url("B3", "mailto:bob@acme.example", string="bob@acme.example")

    contacts = read(tmp_path, workbook(linked), "list.xlsx")
    assert contacts.rows.select("email", "linkedin_url").rows() == [
        ("bob@acme.example", None),
        ("ann@acme.example", "https://www.linkedin.com/in/ann-lee?a=1&b=2"),
    ]


def test_damaged_links_of_a_workbook_cost_no_row(tmp_path: Path) -> None:
    content = workbook(lambda sheet: sheet.write_column("A1", ["Email", "ann@acme.example"]))
    damaged = content.replace(b"xl/_rels/workbook.xml.rels", b"xl/_rels/workbook.xm,.rels", 1)
    assert damaged != content
    assert read(tmp_path, damaged, "list.xlsx").rows["email"].to_list() == ["ann@acme.example"]


def test_unused_columns_full_of_addresses_are_noted(tmp_path: Path) -> None:
    content = "Email,Elektropost,Netz,Note\na@x.example,b@x.example,linkedin.com/in/b,see c@x.example\n"
    contacts = read(tmp_path, content, "list.csv")
    assert contacts.notes[0].startswith("addresses or profiles in columns that are not used: Elektropost, Netz; ")


def test_a_header_that_may_be_a_secret_is_not_quoted(tmp_path: Path) -> None:
    for content in ("CLODURA_API_KEY=0123456789abcdef\n", "id,CLODURA_API_KEY=x\n7,1234\n", "k3y0" * 20 + ",b\n1,2\n"):
        with pytest.raises(Exception, match="looks like data") as caught:
            read(tmp_path, content, "list.csv")
        assert "CLODURA_API" not in str(caught.value)
