"""JSON in which contacts lie deeper: pages, accounts with contacts, columns, objects by key, one after another."""

import json
from pathlib import Path
from typing import Any

import pytest

from clodura_pipeline.intake.contact_file import ContactRows, UnreadableFile, read_contacts

ANN = {"id": "1", "name": "Ann Lee", "email": "ann@example.com"}
BOB = {"id": "2", "name": "Bob Ray", "email": "bob@example.com"}
CY = {"id": "3", "name": "Cy Fox", "email": "cy@example.com"}
BARE = {"id": "0", "phone": "1"}
THREE = ["ann@example.com", "bob@example.com", "cy@example.com"]
MAILS = {"emails": [{"value": "x@example.com", "type": "work"}, {"value": "y@example.com", "type": "home"}]}


def read(folder: Path, content: Any) -> ContactRows:
    location = folder / "list.json"
    location.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_contacts(location)


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def edges(*people: Any) -> Any:
    return {"contacts": {"edges": [{"node": one} for one in people]}}


@pytest.mark.parametrize(
    "content",
    [
        [{"contacts": [ANN, BOB], "hasMore": True}, {"contacts": [CY], "hasMore": False}],
        [{"results": [ANN, BOB], "paging": {}}, {"results": [CY]}],
        [{"results": [{"id": "1", "properties": ANN}, {"properties": BOB}]}, {"results": [{"properties": CY}]}],
        lines({"data": [ANN, BOB], "next": 2}, {"data": [CY], "next": None}),
        lines({"data": [ANN, BOB, CY]}),
        [{"name": "Acme", "contacts": [ANN, BOB]}, {"name": "Globex", "contacts": [CY]}, {"contacts": []}],
        [{"name": "Acme", "contacts": []}, {"name": "Globex", "contacts": [ANN, BOB, CY]}, {"contacts": None}],
        [{"name": "Acme", "keyContacts": [ANN]}, {"name": "Globex", "keyContacts": [BOB, CY]}],
        [{"name": "Acme", "linkedin_url": "https://www.linkedin.com/company/acme", "people": [ANN, BOB, CY]}],
        [{"results": [{"name": "Acme", "contacts": [ANN]}]}, {"results": [{"name": "B", "contacts": [BOB, CY]}]}],
        [{"data": edges(ANN, BOB)}, {"data": edges(CY)}],
        [{"event": "Webinar", "signups": [ANN, BOB, CY]}],
        {"accounts": [{"title": "Acme", "contacts": [ANN, BOB]}, {"title": "Globex", "contacts": [CY]}]},
        {"contacts": [ANN], "people": [BOB, CY], "pagination": {}},
        {"contacts": [ANN, BOB, CY], "tags": [{"name": "x"}], "owners": [{"name": "Rep", "email": "r@example.com"}]},
        {"hits": {"total": {"value": 3}, "hits": [{"_id": "1", "_source": one} for one in (ANN, BOB, CY)]}},
        {"101": ANN, "102": BOB, "103": CY},
        {"-Mx1": ANN, "-Mx2": BOB, "-Mx3": CY},
        {"email": THREE, "name": ["Ann Lee", "Bob Ray", "Cy Fox"]},
        [{"email": THREE, "name": ["Ann Lee", "Bob Ray", "Cy Fox"]}],
        json.dumps(ANN, indent=1) + "\n" + json.dumps(BOB, indent=1) + "\n" + json.dumps(CY, indent=1) + "\n",
    ],
    ids=str,
)  # fmt: skip
def test_every_contact_of_a_nested_list_is_a_record(tmp_path: Path, content: Any) -> None:
    reading = read(tmp_path, content)
    assert (reading.rows["email"].to_list(), reading.records) == (THREE, 3)
    assert reading.rows["source_row"].to_list() == [1, 2, 3]
    assert reading.rows["full_name"].to_list() == ["Ann Lee", "Bob Ray", "Cy Fox"]


@pytest.mark.parametrize(
    "content",
    [
        {"name": "Webinar November", "contacts": [BARE, ANN, BOB]},
        {"total": 3, "results": [BARE, {"id": "1", "properties": ANN}, {"properties": BOB}]},
        [{"name": "Webinar November", "contacts": [BARE]}, {"name": "December", "contacts": [ANN, BOB]}],
        {"connections": [{"id": "0"}, *[BARE] * 50, ANN, BOB]},
    ],
)
def test_what_the_first_of_a_list_lacks_the_others_tell(tmp_path: Path, content: Any) -> None:
    reading = read(tmp_path, content)
    assert reading.rows["email"].drop_nulls().to_list() == THREE[:2]
    assert "Webinar November" not in reading.rows["full_name"].to_list()
    assert reading.records == len(json.dumps(content).split('"phone"')) - 1 + 2 + json.dumps(content).count(
        '{"id": "0"}'
    )


def test_a_parents_own_fields_stand_beside_each_contact_and_are_never_its_name_or_id(tmp_path: Path) -> None:
    account = {"id": 9, "name": "Acme GmbH", "domain": "acme.example", "billing": {"email": None}, "tags": ["x", "y"]}
    reading = read(tmp_path, [{**account, "contacts": [{"email": "ann@example.com"}, BOB]}])
    assert reading.rows.select("contact_id", "full_name", "email", "organisation_domain").rows() == [
        (None, None, "ann@example.com", None),
        ("2", "Bob Ray", "bob@example.com", None),
    ]
    kept = {"parent_record.id": "9", "parent_record.name": "Acme GmbH", "parent_record.domain": "acme.example"}
    assert [json.loads(row).items() >= kept.items() for row in reading.rows["source_columns"]] == [True, True]


@pytest.mark.parametrize(
    "person",
    [
        {**ANN, **MAILS},
        {
            **MAILS,
            "id": "1",
            "names": [{"givenName": "Ann", "familyName": "Lee"}, {"givenName": "A", "familyName": "L"}],
        },
        {**ANN, "tags": [{"id": 5, "name": "x"}, {"id": 6, "name": "y"}]},
        {**ANN, "contact_emails": [{"email": "a@example.com", "status": "ok"}, {"email": "b@example.com"}]},
        {**ANN, "employment_history": [{"name": "Acme", "title": "x"}, {"name": "Globex"}]},
        {**ANN, "contacts": [{"type": "phone", "value": "1"}, {"type": "fax", "value": "2"}]},
        {**ANN, "organizations": [{"name": "Acme"}, {"name": "Globex"}]},
        {"name": "Ann Lee", "company": "Acme", "emails": [{"email": "a@example.com"}, {"email": "b@example.com"}]},
        {
            "name": "Deal",
            "email": None,
            "owners": [{"name": "R", "email": "r@example.com"}, {"name": "S", "email": "s"}],
        },
        {**ANN, "emails": ["x@example.com", "y@example.com"], "phones": ["1", "2"]},
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_lists_that_belong_to_one_person_make_no_further_records(
    tmp_path: Path, person: dict[str, Any], times: int
) -> None:
    assert read(tmp_path, [person] * times).records == times
    assert read(tmp_path, lines(*[person] * times, {"email": "z"})).records == times + 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([{**ANN, "contacts": [BOB, CY]}], "lists of contacts (contacts) within records that look like contacts"),
        ([{**ANN, "results": [BOB, CY]}], "lists of contacts (results) within records that look like contacts"),
        ([{"results": [ANN], "items": [BOB]}], "several lists that may be contacts (items, results)"),
        ({"contacts": [ANN], "speakers": [BOB]}, "several lists that may be contacts (contacts, speakers)"),
        ({"email": {"0": "a"}, "first_name": {"0": "x"}}, "no header"),
        ({"user": {"email": "a@example.com"}, "office": {"name": "Acme"}}, "no header"),
        (json.dumps(ANN, indent=1) + "\nthe end", "is not valid JSON from line 6, column 1 on"),
        (json.dumps(ANN, indent=1) + "\n{", "is not valid JSON from line 6"),
    ],
)
def test_what_could_lose_somebody_is_refused(tmp_path: Path, content: Any, reason: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, content)
    assert reason in caught.value.reason
    assert "example.com" not in caught.value.reason


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"name": "Initech"}, "has no list 'contacts', as other records of the file have"),
        ({"error": "too many requests"}, "has no list 'contacts', as other records of the file have"),
        ({"contacts": ["x"]}, "is not an object with names and values"),
    ],
)
def test_a_record_without_the_list_that_others_have_is_set_aside(
    tmp_path: Path, odd: dict[str, Any], reason: str
) -> None:
    reading = read(tmp_path, [{"contacts": [ANN]}, odd, {"contacts": [BOB, CY]}])
    assert (reading.rows["email"].to_list(), reading.records) == (THREE, 4)
    assert [(record.source_row, record.reason) for record in reading.unreadable] == [(2, reason)]


def test_several_people_side_by_side_in_one_record_are_set_aside(tmp_path: Path) -> None:
    reading = read(tmp_path, [ANN, {"company": "Acme", "name": ["Bob", "Cy"], "email": ["b@x.de", "c@x.de"]}])
    assert (reading.rows["email"].to_list(), reading.unreadable[0].source_row) == (THREE[:1], 2)


def test_a_list_of_people_that_shows_late_is_read_from_the_first_record_on(tmp_path: Path) -> None:
    pages = [{"contacts": [{"id": str(number)}]} for number in range(30_000)]
    reading = read(tmp_path, lines(*pages, {"contacts": [ANN, BOB]}))
    assert (reading.records, reading.rows["contact_id"][0], reading.rows["email"][-1]) == (30_002, "0", BOB["email"])


def test_what_mongodb_writes_with_its_type_is_its_value(tmp_path: Path) -> None:
    reading = read(
        tmp_path, lines({"_id": {"$oid": "5f1"}, "email": "a", "at": {"$date": {"$numberLong": "1"}}}, {"email": "b"})
    )
    assert reading.rows.select("contact_id", "source_columns").rows()[0] == ("5f1", '{"at":"1"}')


def test_the_key_of_an_object_is_kept_and_no_id(tmp_path: Path) -> None:
    reading = read(tmp_path, {"101": {"email": "a"}, "102": {"email": "b"}})
    assert reading.rows.select("contact_id", "source_columns").rows()[1] == (None, '{"object_key":"102"}')
