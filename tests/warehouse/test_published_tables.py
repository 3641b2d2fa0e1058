"""The published file: what an analyst asks, and the table or view that answers.

Most tests query one published file, `published`: five lists, each of a day of its own and of people who stand in no
other one but Ann.

| list | who | called for |
|---|---|---|
| `crm` | Ann; a role address, rejected; Bob, who has a profile in the answer | once: Ann is an engineer, Bob is found |
| `moved` | Cleo | again by a refresh: she has another job |
| `rounded` | Dan and Eve, with one contact_id | once, both misses |
| `waiting` | three people, one of them twice | no, at one call a day |
| `listed` | people whose domains are on the suppression list, or nearly | no |
| `event` | Ann, in a file that arrived when the others had been published | no |
"""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_warehouse import DAY, Warehouse, answer_with, by_email, open_warehouse

from clodura_pipeline.identity.suppression_file import read_suppression
from clodura_pipeline.ledger.rules.policy import Refresh
from clodura_pipeline.warehouse.published.publication import publish
from clodura_pipeline.warehouse.rows.people import update_people
from clodura_pipeline.warehouse.rows.suppressed_people import update_suppressed_people

ANN = {"contact_id": "1", "first_name": "Ann", "last_name": "Lee", "email": "ann@engines.example"}
BOB = {
    **{"contact_id": "2", "first_name": "Bob", "last_name": "Ray", "email": "bob@engines.example"},
    "linkedin_url": "https://www.linkedin.com/in/bob-ray",
}
NOBODY = {"contact_id": "3", "email": "info@engines.example"}
LISTED = {
    **{"own": "a@acme.example", "below": "b@mail.acme.example", "other": "c@notacme.example"},
    **{"idn": "d@müller.example", "role": "info@müller.example", "above": "e@example.example"},
}
EVERYONE = Refresh(-1, -1)  # every answer is too old


def person(**fields: Any) -> bytes:
    """An answer with a person."""
    return json.dumps({"personId": "p-1", "firstName": "Ann", "lastName": "Lee", **fields}).encode()


ENGINEER = person(
    personTitle="Engineer", organisation={"organisationName": "Engines", "organisationEmployeeSize": "51 - 200",
                                          "revenue": "$1B - $5B", "domain": "engines.example"},
    hobby="chess",
)  # fmt: skip
ANSWERS = answer_with(
    {
        "ann@engines.example": ENGINEER,
        "bob@engines.example": person(
            firstName="Bob", lastName="Ray", linkedinUrl="http://de.linkedin.com/in/Bob-Ray/?x=1"
        ),
    }
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    """The folder of the working database and the published file, and when the lists but the last were published."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "never.txt").write_text("acme.example\nmüller.example\n")
    days = [DAY + timedelta(days=number) for number in range(5)]
    with open_warehouse(folder) as warehouse:
        warehouse.suppression = read_suppression(folder / "never.txt")
        warehouse.calls_per_day = 1
        warehouse.land("crm.csv", ANN, NOBODY, BOB, day=days[0])
        assert warehouse.call(ANSWERS, (days[0],)) == 2
        warehouse.land("moved.csv", by_email("cleo"), day=days[1])
        assert warehouse.call(lambda _: person(personTitle="Engineer"), (days[1],)) == 1
        assert warehouse.call(lambda _: person(personTitle="CTO"), (days[1],)) == 0
        assert warehouse.call(lambda _: person(personTitle="CTO"), (days[1],), refresh=EVERYONE) == 1
        rounded = {"contact_id": "1.23457E+11"}
        warehouse.land("rounded.csv", by_email("dan", **rounded), by_email("eve", **rounded), day=days[2])
        assert warehouse.call(answer_with({}), (days[2],)) == 2
        again = by_email("pia", contact_id="again")
        warehouse.land("waiting.csv", *map(by_email, ("pia", "quin", "rob")), again, day=days[3])
        listed = (by_email(name, email=address, organisation_name="Engines") for name, address in LISTED.items())
        warehouse.land("listed.csv", *listed, day=days[4])
        warehouse.publish().close()
        published_first = warehouse.now
        warehouse.land("event.csv", {**ANN, "contact_id": "77"}, day=days[0])
        warehouse.publish().close()
    return folder, published_first


@pytest.fixture
def published(scenario: tuple[Path, datetime]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file."""
    with duckdb.connect(scenario[0] / "clodura.duckdb", read_only=True) as file:
        yield file


@pytest.fixture
def warehouse(scenario: tuple[Path, datetime], tmp_path: Path) -> Iterator[Warehouse]:
    """A copy that the test may change, with its published file."""
    folder = tmp_path / "copy"
    shutil.copytree(scenario[0], folder)
    with open_warehouse(folder) as opened:
        yield opened


def test_person_is_shown_with_every_field_and_the_answer_as_it_came(published: duckdb.DuckDBPyConnection) -> None:
    row = published.sql(
        "SELECT match_status, job_title, matched_organisation_name, organisation_employees_min, "
        "organisation_employees_max, organisation_revenue_min, organisation_revenue_max, credits_charged, "
        "identifiers_label, answer->>'$.hobby' FROM enriched_contacts WHERE source = 'crm' AND contact_id = '1'"
    ).fetchall()
    assert row == [
        ("person", "Engineer", "Engines", 51, 200, 1_000_000_000, 5_000_000_000, 2, "name and e-mail", "chess")
    ]


def test_names_without_a_column_are_listed(published: duckdb.DuckDBPyConnection) -> None:
    found = published.sql(
        "SELECT path, answers, filled, column_name FROM answer_fields WHERE path IN ('hobby', 'personTitle')"
    ).fetchall()
    assert sorted(found) == [("hobby", 1, 1, None), ("personTitle", 3, 3, "job_title")]


def test_every_row_of_a_file_is_in_file_results_in_its_order(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.sql("SELECT source_row, match_status FROM file_results WHERE source_file = 'crm.csv'").fetchall()
    assert rows == [(1, "person"), (2, "rejected"), (3, "person")]


def test_contact_of_a_new_list_is_new_although_its_person_was_known(
    published: duckdb.DuckDBPyConnection, scenario: tuple[Path, datetime]
) -> None:
    new = published.execute("SELECT source, contact_id FROM new_since(?)", [scenario[1]]).fetchall()
    assert new == [("event", "77")]


def test_changed_job_is_listed_with_old_and_new_value(published: duckdb.DuckDBPyConnection) -> None:
    of_cleo = "(SELECT person_key FROM enriched_contacts WHERE contact_id = 'cleo')"
    changes = published.sql("SELECT field, old_value, new_value FROM contact_changes").fetchall()
    assert changes == [("job_title", "Engineer", "CTO")]
    answers = published.sql(f"SELECT job_title FROM answers WHERE person_key IN {of_cleo}").fetchall()
    assert answers == [("CTO",), ("Engineer",)]


def test_person_in_two_lists_is_one_person_and_two_duplicates(published: duckdb.DuckDBPyConnection) -> None:
    people = published.sql("SELECT contacts, credits_charged FROM people WHERE email = 'ann@engines.example'")
    assert people.fetchall() == [(2, 2.0)]
    duplicates = published.sql("SELECT source, contact_id FROM duplicate_contacts ORDER BY ALL").fetchall()
    assert duplicates == [("crm", "1"), ("event", "77"), ("waiting", "again"), ("waiting", "pia")]
    credits = published.sql("SELECT sum(credits_charged) FROM enriched_contacts WHERE email = 'ann@engines.example'")
    assert credits.fetchall() == [(2.0,)]


def test_id_of_several_people_identifies_none_of_them(published: duckdb.DuckDBPyConnection) -> None:
    shown = "SELECT count(*), count(DISTINCT contact_id), max(set_aside[1]) FROM enriched_contacts"
    count, ids, note = published.sql(f"{shown} WHERE source = 'rounded'").fetchall()[0]
    assert (count, ids) == (2, 2)
    assert note.startswith("contact_id: ")


def test_contacts_of_one_person_share_the_day_of_the_call(published: duckdb.DuckDBPyConnection) -> None:
    days = published.sql(
        "SELECT contact_id, expected_day - (SELECT published_at::DATE FROM publication) FROM pending_contacts "
        "WHERE source = 'waiting'"
    ).fetchall()
    assert dict(days) == {"pia": 1, "quin": 2, "rob": 3, "again": 1}


def test_profile_in_another_spelling_is_no_difference_to_the_crm(published: duckdb.DuckDBPyConnection) -> None:
    actions = published.sql(
        "SELECT action FROM crm_updates WHERE field = 'linkedin_url' AND contact_id = '2'"
    ).fetchall()
    assert actions == [("same",)]


def test_every_view_answers(published: duckdb.DuckDBPyConnection) -> None:
    views = [row[0] for row in published.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
    counts = {view: published.sql(f"SELECT count(*) FROM {view}").fetchall()[0][0] for view in views}
    assert set(views) == {
        "file_results", "match_rates", "pending_contacts", "spend_by_month", "duplicate_contacts", "organisations",
        "crm_updates",
    }  # fmt: skip
    assert counts["file_results"] == 17
    assert counts["match_rates"] == 4
    assert counts["organisations"] > 0
    assert counts["crm_updates"] > 0


def test_publishing_the_same_again_only_changes_when_it_was_published(warehouse: Warehouse) -> None:
    target, tables = warehouse.folder / "clodura.duckdb", "SELECT * FROM {} ORDER BY ALL"
    names = ("enriched_contacts", "people", "list_report")
    with duckdb.connect(target, read_only=True) as file:
        first = [file.sql(tables.format(name)).fetchall() for name in names]
        (published,) = file.sql("SELECT published_at FROM publication").fetchall()
    later = published[0] + timedelta(hours=3)
    sizes = set()
    for run in range(8):
        warehouse.connection.execute("UPDATE publication SET published_at = ?, run_id = ?", [later, f"run {run}"])
        assert publish(warehouse.connection, target)
        sizes.add(target.stat().st_size)
    with duckdb.connect(target, read_only=True) as file:
        assert file.sql("SELECT published_at, run_id FROM publication").fetchall() == [(later, "run 7")]
        assert [file.sql(tables.format(name)).fetchall() for name in names] == first
    assert max(sizes) - min(sizes) < 1_000_000


@pytest.mark.parametrize(
    "change",
    [
        lambda target, other: target.unlink(),
        lambda target, other: shutil.copyfile(other, target),
    ],
    ids=["file removed", "file replaced by another"],
)
def test_file_that_is_not_the_one_published_is_written_in_full(
    warehouse: Warehouse, change: Callable[[Path, Path], object]
) -> None:
    target, other = warehouse.folder / "clodura.duckdb", warehouse.folder / "other.duckdb"
    with duckdb.connect(other):
        pass
    target.chmod(0o640)
    change(target, other)
    assert publish(warehouse.connection, target)
    with duckdb.connect(target, read_only=True) as file:
        assert file.sql("SELECT contact_id FROM file_results WHERE source = 'moved'").fetchall() == [("cleo",)]


def test_a_listed_domain_suppresses_those_below_it_in_both_spellings_and_no_other(
    published: duckdb.DuckDBPyConnection,
) -> None:
    found = published.execute("SELECT contact_id FROM enriched_contacts WHERE match_status = 'suppressed'").fetchall()
    assert {name for (name,) in found} == {"own", "below", "idn", "role"}


SPELLINGS = [
    ("xn--mller-kva.example", "info@müller.example"),
    ("müller.example", "info@xn--mller-kva.example"),
    ("müller.example", "info@mu\u0308ller.example"),
    ("mu\u0308ller.example", "info@müller.example"),
    ("https://müller.example/", "info@müller.example"),
    ("müller.example", "info@ｍüller.example"),
    ("MÜLLER.example", "info@mail.müller.example"),
    ("acme.example", "info@acme.example."),
    ("acme.example", "info@acme\u3002example"),
]


def test_a_listed_domain_suppresses_its_people_in_every_spelling(tmp_path: Path) -> None:
    listed = tmp_path / "never.txt"
    with open_warehouse(tmp_path) as warehouse:
        rows = (by_email(f"a{place}", email=address) for place, (_, address) in enumerate(SPELLINGS))
        warehouse.land("crm.csv", *({**row, "organisation_name": f"Engines {row['contact_id']}"} for row in rows))
        update_people(warehouse.connection, warehouse.ledger)
        for row, (domain, address) in enumerate(SPELLINGS, 1):
            listed.write_text(domain)
            update_suppressed_people(warehouse.connection, read_suppression(listed))
            suppressed = warehouse.connection.execute(
                "SELECT source_row FROM contact_people SEMI JOIN suppressed_people USING (person_key)"
            ).fetchall()
            assert (row,) in suppressed, (domain, address)
