"""The published file: what an analyst asks, and the table or view that answers."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_warehouse import Warehouse, by_email

from clodura_pipeline.identity.suppression_file import read_suppression
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.rules.policy import Refresh
from clodura_pipeline.warehouse.published.publication import publish

ANN = {"contact_id": "1", "first_name": "Ann", "last_name": "Lee", "email": "ann@engines.example"}
BOB = {"contact_id": "2", "first_name": "Bob", "last_name": "Ray", "email": "bob@engines.example"}
NOBODY = {"contact_id": "3", "email": "info@engines.example"}


EVERYONE = Refresh(-1, -1)  # every answer is too old


def person(**fields: Any) -> bytes:
    """An answer with a person."""
    return json.dumps({"personId": "p-1", "firstName": "Ann", "lastName": "Lee", **fields}).encode()


def engineer(_: EnrichmentRequest) -> bytes:
    return person(
        personTitle="Engineer", organisation={"organisationName": "Engines", "organisationEmployeeSize": "51 - 200",
                                              "revenue": "$1B - $5B", "domain": "engines.example"},
        hobby="chess",
    )  # fmt: skip


def nothing(_: EnrichmentRequest) -> bytes:
    return b"{}"


def test_person_is_shown_with_every_field_and_the_answer_as_it_came(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN)
    assert warehouse.call(engineer) == 1
    with warehouse.publish() as file:
        row = file.sql(
            "SELECT match_status, job_title, matched_organisation_name, organisation_employees_min, "
            "organisation_employees_max, organisation_revenue_min, organisation_revenue_max, credits_charged, "
            "identifiers_label, answer->>'$.hobby' FROM enriched_contacts"
        ).fetchall()
    assert row == [
        ("person", "Engineer", "Engines", 51, 200, 1_000_000_000, 5_000_000_000, 2, "name and e-mail", "chess")
    ]


def test_names_without_a_column_are_listed(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN)
    warehouse.call(engineer)
    with warehouse.publish() as file:
        found = file.sql(
            "SELECT path, answers, filled, column_name FROM answer_fields WHERE path IN ('hobby', 'personTitle')"
        ).fetchall()
    assert sorted(found) == [("hobby", 1, 1, None), ("personTitle", 1, 1, "job_title")]


def test_every_row_of_a_file_is_in_file_results_in_its_order(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN, NOBODY, BOB)
    warehouse.call(nothing)
    with warehouse.publish() as file:
        rows = file.sql("SELECT source_row, match_status FROM file_results WHERE source_file = 'crm.csv'").fetchall()
    assert rows == [(1, "no_match"), (2, "rejected"), (3, "no_match")]


def test_contact_of_a_new_list_is_new_although_its_person_was_known(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN)
    warehouse.call(engineer)
    with warehouse.publish():
        exported = warehouse.now
    warehouse.land("event.csv", {**ANN, "contact_id": "77"})
    with warehouse.publish() as file:
        new = file.execute("SELECT source, contact_id FROM new_since(?)", [exported]).fetchall()
    assert new == [("event", "77")]


def test_changed_job_is_listed_with_old_and_new_value(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN)
    assert warehouse.call(lambda _: person(personTitle="Engineer")) == 1
    assert warehouse.call(lambda _: person(personTitle="CTO")) == 0
    assert warehouse.call(lambda _: person(personTitle="CTO"), refresh=EVERYONE) == 1
    with warehouse.publish() as file:
        changes = file.sql("SELECT field, old_value, new_value FROM contact_changes").fetchall()
        answers = file.sql("SELECT job_title FROM answers").fetchall()
    assert changes == [("job_title", "Engineer", "CTO")]
    assert answers == [("CTO",), ("Engineer",)]


def test_person_in_two_lists_is_one_person_and_two_duplicates(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN)
    warehouse.land("event.csv", {**ANN, "contact_id": "77"})
    assert warehouse.call(engineer) == 1
    with warehouse.publish() as file:
        assert file.sql("SELECT contacts, credits_charged FROM people").fetchall() == [(2, 2.0)]
        assert file.sql("SELECT count(*) FROM duplicate_contacts").fetchall() == [(2,)]
        assert file.sql("SELECT sum(credits_charged) FROM enriched_contacts").fetchall() == [(2.0,)]


def test_id_of_several_people_identifies_none_of_them(warehouse: Any) -> None:
    rounded = {"contact_id": "1.23457E+11"}
    warehouse.land("crm.csv", {**ANN, **rounded}, {**BOB, **rounded})
    assert warehouse.call(engineer) == 2
    with warehouse.publish() as file:
        shown = file.sql("SELECT count(*), count(DISTINCT contact_id), max(set_aside[1]) FROM enriched_contacts")
        count, ids, note = shown.fetchall()[0]
    assert (count, ids) == (2, 2)
    assert note.startswith("contact_id: ")


def test_contacts_of_one_person_share_the_day_of_the_call(warehouse: Warehouse) -> None:
    names = ("ann", "bob", "eva")
    warehouse.land("crm.csv", *map(by_email, names), {**by_email("ann"), "contact_id": "again"})
    warehouse.calls_per_day = 1
    with warehouse.publish() as file:
        days = dict(file.sql("SELECT contact_id, expected_day - (SELECT published_at::DATE FROM publication) "
                             "FROM pending_contacts").fetchall())  # fmt: skip
    assert days == {"ann": 1, "bob": 2, "eva": 3, "again": 1}


def test_profile_in_another_spelling_is_no_difference_to_the_crm(warehouse: Warehouse) -> None:
    warehouse.land("crm.csv", {**ANN, "linkedin_url": "https://www.linkedin.com/in/ann-lee"})
    warehouse.call(lambda _: person(linkedinUrl="http://de.linkedin.com/in/Ann-Lee/?x=1"))
    with warehouse.publish() as file:
        actions = file.sql("SELECT action FROM crm_updates WHERE field = 'linkedin_url'").fetchall()
    assert actions == [("same",)]


def test_every_view_answers(warehouse: Any) -> None:
    warehouse.land("crm.csv", ANN, NOBODY, BOB)
    warehouse.call(engineer)
    with warehouse.publish() as file:
        views = [row[0] for row in file.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
        counts = {view: file.sql(f"SELECT count(*) FROM {view}").fetchall()[0][0] for view in views}
    assert set(views) == {
        "file_results", "match_rates", "pending_contacts", "spend_by_month", "duplicate_contacts", "organisations",
        "crm_updates",
    }  # fmt: skip
    assert counts["file_results"] == 3
    assert counts["match_rates"] == 1
    assert counts["organisations"] > 0
    assert counts["crm_updates"] > 0


def test_publishing_the_same_again_only_changes_when_it_was_published(warehouse: Warehouse) -> None:
    warehouse.land("crm.csv", ANN)
    warehouse.call(engineer)
    tables = "FROM enriched_contacts, people, list_report"
    with warehouse.publish() as file:
        first = file.sql(tables).fetchall()
        (published,) = file.sql("SELECT published_at FROM publication").fetchall()
    later = published[0] + timedelta(hours=3)
    sizes = set()
    for run in range(20):
        warehouse.connection.execute("UPDATE publication SET published_at = ?, run_id = ?", [later, f"run {run}"])
        assert publish(warehouse.connection, warehouse.folder / "clodura.duckdb")
        sizes.add((warehouse.folder / "clodura.duckdb").stat().st_size)
    with duckdb.connect(warehouse.folder / "clodura.duckdb", read_only=True) as file:
        assert file.sql("SELECT published_at, run_id FROM publication").fetchall() == [(later, "run 19")]
        assert file.sql(tables).fetchall() == first
    assert max(sizes) - min(sizes) < 1_000_000


@pytest.mark.parametrize(
    "change",
    [
        lambda warehouse: (warehouse.folder / "clodura.duckdb").unlink(),
        lambda warehouse: shutil.copyfile(warehouse.folder / "other.duckdb", warehouse.folder / "clodura.duckdb"),
    ],
    ids=["file removed", "file replaced by another"],
)
def test_file_that_is_not_the_one_published_is_written_in_full(
    warehouse: Warehouse, change: Callable[[Warehouse], object]
) -> None:
    with duckdb.connect(warehouse.folder / "other.duckdb"):
        pass
    warehouse.land("crm.csv", ANN)
    warehouse.publish().close()
    (warehouse.folder / "clodura.duckdb").chmod(0o640)
    change(warehouse)
    assert publish(warehouse.connection, warehouse.folder / "clodura.duckdb")
    with duckdb.connect(warehouse.folder / "clodura.duckdb", read_only=True) as file:
        assert file.sql("SELECT contact_id FROM file_results").fetchall() == [("1",)]


def test_a_listed_domain_suppresses_those_below_it_in_both_spellings_and_no_other(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    listed = tmp_path / "never.txt"
    listed.write_text("acme.example\nmüller.example\n")
    warehouse.suppression = read_suppression(listed)
    addresses = {"own": "a@acme.example", "below": "b@mail.acme.example", "other": "c@notacme.example",
                 "idn": "d@müller.example", "role": "info@müller.example", "above": "e@example.example"}  # fmt: skip
    rows = [by_email(name, email=address) for name, address in addresses.items()]
    warehouse.land("crm.csv", *[row | {"organisation_name": "Engines"} for row in rows])
    with warehouse.publish() as published:
        found = published.execute(
            "SELECT contact_id FROM enriched_contacts WHERE match_status = 'suppressed'"
        ).fetchall()
    assert {name for (name,) in found} == {"own", "below", "idn", "role"}


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ("xn--mller-kva.example", "info@müller.example"),
        ("müller.example", "info@xn--mller-kva.example"),
        ("müller.example", "info@mu\u0308ller.example"),
        ("mu\u0308ller.example", "info@müller.example"),
        ("https://müller.example/", "info@müller.example"),
        ("müller.example", "info@ｍüller.example"),
        ("MÜLLER.example", "info@mail.müller.example"),
        ("acme.example", "info@acme.example."),
        ("acme.example", "info@acme\u3002example"),
    ],
)
def test_a_listed_domain_suppresses_its_people_in_every_spelling(
    warehouse: Warehouse, tmp_path: Path, listed: str, address: str
) -> None:
    (tmp_path / "never.txt").write_text(listed)
    warehouse.suppression = read_suppression(tmp_path / "never.txt")
    warehouse.land("crm.csv", by_email("ada", email=address, organisation_name="Engines"))
    with warehouse.publish() as published:
        assert published.execute("SELECT match_status FROM enriched_contacts").fetchall() == [("suppressed",)]
