"""`changed_at`: when anything that an analyst sees of a contact last changed."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from small_warehouse import DAY, Warehouse, answer_with, by_email, open_warehouse, person

from clodura_pipeline.identity.suppression_file import Suppression
from clodura_pipeline.ledger.rules.stops import PendingReason
from clodura_pipeline.warehouse.published.analysts_file import attach_analysts_file
from clodura_pipeline.warehouse.published.pending import store_pending_reasons

ANN, BOB = by_email("ann"), by_email("bob")
NEXT_DAY = DAY + timedelta(days=1)
Step = Callable[[Warehouse], object]


def arrive(warehouse: Warehouse) -> None:
    warehouse.call(answer_with({"ann@engines.example": person(hobby="chess")}))


def give_reason(warehouse: Warehouse) -> None:
    keys = warehouse.connection.execute("SELECT person_key FROM enriched_contacts WHERE contact_id = 'ann'").fetchall()
    store_pending_reasons(warehouse.connection, [DAY], {keys[0][0]: PendingReason("busy", "waits")}, None)


def suppress_ann(warehouse: Warehouse) -> None:
    warehouse.suppression = Suppression(frozenset({"em:ann@engines.example"}))


# One after another on one warehouse; each with the contacts that it changes.
CHANGES: list[tuple[str, Step, set[str]]] = [
    ("nothing before an answer", lambda w: None, set()),
    ("the reason for waiting changes", give_reason, {"crm/ann"}),
    ("the answer arrives", arrive, {"crm/ann", "crm/bob"}),
    ("nothing after an answer", lambda w: None, set()),
    ("an unchanged file lands again", lambda w: w.land("crm.csv", ANN, BOB), set()),
    ("a kept answer reads the same", lambda w: w.reread('[person]\njob_title = ["unknown"]\n'), set()),
    ("a field is read from a kept answer", lambda w: w.reread('[person]\njob_title = ["hobby"]\n'), {"crm/ann"}),
    ("first appearance in another list", lambda w: w.land("event.csv", ANN), {"event/ann"}),
    (
        "a column that is not used changes",
        lambda w: w.land("crm.csv", {**ANN, "source_columns": '{"score": "7"}'}, BOB),
        {"crm/ann"},
    ),
    (
        "a later file corrects a cell",
        lambda w: w.land("new.csv", {**ANN, "organisation_name": "Engines"}, source="crm", day=NEXT_DAY),
        {"crm/ann"},
    ),
    (
        "the contact of a list is another person now",
        lambda w: w.land("event.csv", {**ANN, "email": "eva@engines.example"}),
        {"event/ann"},
    ),
    ("the person is suppressed", suppress_ann, {"crm/ann"}),
]


def suppress_first_of_a_contact(warehouse: Warehouse) -> None:
    """Of two people with one contact_id, the one whose row is not the contact's latest."""
    eve = {"first_name": "Eve", "last_name": "Fox", "linkedin_url": "https://www.linkedin.com/in/eve-fox-1"}
    gus = {"first_name": "Gus", "last_name": "Hill", "organisation_name": "Engines"}
    warehouse.land("two.csv", {**eve, "contact_id": "7"}, {**gus, "contact_id": "7"}, day=NEXT_DAY)
    warehouse.build()
    warehouse.suppression = Suppression(frozenset({"li:eve-fox-1"}))


def allow_all(warehouse: Warehouse) -> None:
    warehouse.suppression = Suppression()


def share_an_id(warehouse: Warehouse) -> None:
    """Dora, who is not called for, and Cid have the same ids; they count as different people once he has an answer."""
    cid = {"email": "", "last_name": "Ray", "first_name": "Cid", "organisation_name": "Engines"}
    warehouse.land("fair.csv", {**cid, "contact_id": "1"}, {**cid, "contact_id": "2"})
    dora = {"first_name": "Dora", "last_name": "May", "email": "dora@engines.example"}
    warehouse.land("more.csv", {**dora, "contact_id": "1"}, {**dora, "contact_id": "2"}, source="fair", day=NEXT_DAY)


FURTHER: list[tuple[str, Step]] = [
    ("two people share ids", share_an_id),
    ("one of them is answered", lambda w: w.call(answer_with({}))),
    ("a person without a contact of her own is suppressed", suppress_first_of_a_contact),
    ("nobody is suppressed", allow_all),
]
Tables = dict[str, list[tuple[object, ...]]]


@dataclass(frozen=True)
class Night:
    """What one change came to: the contacts that say they changed, the tables, and the same tables built again."""

    changed: set[str]
    updated: Tables
    built_again: Tables


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Night]:
    """All changes one after another on one warehouse."""
    found = {}
    with open_warehouse(tmp_path_factory.mktemp("nights")) as warehouse:
        warehouse.land("crm.csv", ANN, BOB)
        warehouse.build()
        for what, change, *_ in (*CHANGES, *FURTHER):
            before = warehouse.now
            change(warehouse)
            with warehouse.publish() as file:
                changed = file.execute("SELECT source || '/' || contact_id FROM new_since(?)", [before]).fetchall()
            rebuilt = shown_of_new_tables(warehouse, tmp_path_factory.mktemp("copy"))
            found[what] = Night({contact for (contact,) in changed}, shown(warehouse), rebuilt)
    return found


def test_changed_at_is_the_time_of_the_last_visible_change(nights: dict[str, Night]) -> None:
    assert {what: nights[what].changed for what, *_ in CHANGES} == {what: changed for what, _, changed in CHANGES}


def test_what_is_brought_up_to_date_is_what_a_new_file_shows(nights: dict[str, Night]) -> None:
    assert {what: night.updated for what, night in nights.items()} == {
        what: night.built_again for what, night in nights.items()
    }


def shown(warehouse: Warehouse) -> Tables:
    """The rows of the tables that are brought up to date row by row, without the times at which they changed."""
    return {
        table: warehouse.connection.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()
        for table, columns in (("enriched_contacts", "* EXCLUDE (changed_at)"), ("people", "*"), ("contact_rows", "*"))
    }


def shown_of_new_tables(warehouse: Warehouse, folder: Path) -> Tables:
    """The same, built in a copy of the warehouse whose tables were lost; the warehouse itself stays as it is."""
    warehouse.connection.execute("CHECKPOINT")
    shutil.copy(warehouse.folder / "working.duckdb", folder / "working.duckdb")
    with duckdb.connect(folder / "working.duckdb") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        attach_analysts_file(connection, folder / "analysts.duckdb")
        copy = replace(warehouse, connection=connection, folder=folder)
        copy.build()
        return shown(copy)
