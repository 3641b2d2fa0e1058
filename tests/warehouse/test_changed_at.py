"""`changed_at`: when anything that an analyst sees of a contact last changed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from small_warehouse import DAY, Warehouse, answer_with, by_email, person

from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger.rules.stops import PendingReason
from clodura_pipeline.warehouse.published.pending import store_pending_reasons

ANN, BOB = by_email("ann"), by_email("bob")
NEXT_DAY = DAY + timedelta(days=1)
Step = Callable[[Warehouse], object]


def arrive(warehouse: Warehouse) -> None:
    warehouse.call(answer_with({"ann@engines.example": person(hobby="chess")}))


def misses(warehouse: Warehouse) -> None:
    warehouse.call(answer_with({}))


def give_reason(warehouse: Warehouse) -> None:
    keys = warehouse.connection.execute("SELECT person_key FROM enriched_contacts WHERE contact_id = 'ann'").fetchall()
    store_pending_reasons(warehouse.connection, [DAY], {keys[0][0]: PendingReason("busy", "waits")}, None)


def suppress_ann(warehouse: Warehouse) -> None:
    warehouse.suppression = Suppression(frozenset({"em:ann@engines.example"}))


CHANGES: dict[str, tuple[list[Step], Step, set[str]]] = {
    "nothing": ([], lambda w: None, set()),
    "nothing after an answer": ([arrive], lambda w: None, set()),
    "an unchanged file lands again": ([arrive], lambda w: w.land("crm.csv", ANN, BOB), set()),
    "first appearance in another list": ([arrive], lambda w: w.land("event.csv", ANN), {"event/ann"}),
    "the answer arrives": ([], arrive, {"crm/ann", "crm/bob"}),
    "a miss arrives": ([], misses, {"crm/ann", "crm/bob"}),
    "a field is read from a kept answer": (
        [arrive], lambda w: w.reread('[person]\njob_title = ["hobby"]\n'), {"crm/ann"},
    ),
    "a kept answer reads the same": ([arrive], lambda w: w.reread('[person]\njob_title = ["unknown"]\n'), set()),
    "the reason for waiting changes": ([], give_reason, {"crm/ann"}),
    "the person is suppressed": ([arrive], suppress_ann, {"crm/ann"}),
    "the contact is another person now": ([arrive], lambda w: w.land("crm.csv", {**ANN, "email": "eva@engines.example"},
                                                                     BOB), {"crm/ann"}),
    "a later file corrects a cell": (
        [arrive], lambda w: w.land("new.csv", {**ANN, "organisation_name": "Engines"}, source="crm", day=NEXT_DAY),
        {"crm/ann"},
    ),
    "a column that is not used changes": (
        [arrive], lambda w: w.land("crm.csv", {**ANN, "source_columns": '{"score": "7"}'}, BOB), {"crm/ann"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "change", "changed"), CHANGES.values(), ids=list(CHANGES))
def test_changed_at_is_the_time_of_the_last_visible_change(
    warehouse: Warehouse, before: list[Step], change: Step, changed: set[str]
) -> None:
    warehouse.land("crm.csv", ANN, BOB)
    warehouse.publish().close()
    for step in before:
        step(warehouse)
        warehouse.publish().close()
    exported = warehouse.now
    change(warehouse)
    with warehouse.publish() as file:
        new = file.execute("SELECT source || '/' || contact_id FROM new_since(?)", [exported]).fetchall()
    assert {contact for (contact,) in new} == changed
