"""Retention: what is overdue is gone from every file, and nobody is bought twice for it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from project import TODAY, Project, checks_of, metadata_of

from clodura_pipeline.graph.assets.enrichment import call_people
from clodura_pipeline.ledger import FILE_NAME
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.sandbox import Person
from clodura_pipeline.warehouse.tables.columns import ENRICHED_CONTACTS

HEADER = "contact_id,email\n"
STRICT: dict[str, Any] = {"raw_retention_days": 1, "field_retention_days": 1}
CHECKED = ("retained_answers", "published_database")
FIELDS = ENRICHED_CONTACTS.names[
    ENRICHED_CONTACTS.names.index("clodura_person_id") : ENRICHED_CONTACTS.names.index("credits_charged")
]


def grow_older(project: Project, days: float) -> None:
    """All answers so far came so much earlier."""
    with closing(sqlite3.connect(project.state / FILE_NAME)) as ledger, ledger:
        ledger.execute("UPDATE attempts SET answered_at = answered_at - ?", (days * 86_400,))
        # As it would have been projected then.
        ledger.execute("UPDATE control SET sequence = sequence + 1")
        ledger.execute("UPDATE attempts SET sequence = (SELECT sequence FROM control)")


def holding(project: Project, text: str) -> set[str]:
    files = [file for folder in (project.state, project.database.parent) for file in folder.rglob("*")]
    return {file.name for file in files if file.is_file() and text.encode() in file.read_bytes()}


def remove_overdue(project: Project, **settings: Any) -> dg.ExecuteInProcessResult:
    job = project.build(**settings).resolve_job_def("remove_overdue")
    return job.execute_in_process(instance=project.instance, raise_on_error=False)


def removed_by(result: dg.ExecuteInProcessResult) -> tuple[int, int]:
    """How many raw answers a run removed, and how many answers it emptied."""
    figures = metadata_of(result, "retained_answers")
    return figures["run_raw_answers_removed"], figures["run_answers_emptied"]


def checks_alone(project: Project, **settings: Any) -> tuple[bool, bool]:
    """Both checks `nothing_overdue` when they are run by themselves: of the state folder, of the published file."""
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), "nothing_overdue") for asset in CHECKED]
    built = project.build(**settings)
    job = dg.define_asset_job("checks_alone", dg.AssetSelection.checks(*keys))
    found = checks_of(
        dg.Definitions.merge(built, dg.Definitions(jobs=[job]))
        .resolve_job_def("checks_alone")
        .execute_in_process(instance=project.instance, raise_on_error=False)
    )
    first, second = (found[f"{asset}.nothing_overdue"] for asset in CHECKED)
    return first, second


def test_what_is_overdue_leaves_no_byte_by_night_and_by_hour_and_nobody_is_called_for_again(
    project: Project,
    people: dict[str, list[Person]],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    keep_page_script: Callable[[Path], None],
) -> None:
    keep_page_script(project.state)
    old, unread, young, unread_later = people["person"][:4]
    project.sandbox.options = project.sandbox.options.patched(
        {"faults": [{"kind": "unknown_shape", "only_calls": [3, 5]}]}
    )
    rows = f"old,{old.email}\nmiss,{people['miss'][0].email}\nunread,{unread.email}\n"
    project.put(f"crm-{TODAY}.csv", HEADER + rows)
    project.enrich(max_workers=1)
    assert project.statuses() == {"old": "person", "miss": "no_match", "unread": "unrecognised"}

    grow_older(project, days=2)
    kept = project.enrich()["retained_answers"]
    assert (kept["run_raw_answers_removed"], kept["run_answers_emptied"]) == (0, 0)  # the default keeps for good
    hourly = remove_overdue(project)
    assert hourly.success
    assert removed_by(hourly) == (0, 0)
    assert holding(project, old.person_id) == {FILE_NAME, "working.duckdb", "analysts.duckdb", "clodura.duckdb"}
    assert checks_alone(project) == (True, True)
    assert checks_alone(project, field_retention_days=1.0) == (False, False)
    assert checks_alone(project, raw_retention_days=1.0) == (False, True)

    # A nightly run with other people.
    project.put(f"new-{TODAY}.csv", HEADER + f"young,{young.email}\nlater,{unread_later.email}\n")
    figures = project.enrich(max_workers=1, **STRICT)["retained_answers"]
    assert (figures["run_raw_answers_removed"], figures["run_answers_emptied"]) == (3, 2)
    assert "could never be read" in caplog.text
    assert checks_alone(project, **STRICT) == (True, True)
    assert holding(project, old.person_id) == set()
    assert holding(project, young.person_id) != set()
    read = {"old": "person", "miss": "no_match", "young": "person"}
    assert project.statuses() == {**read, "unread": "unrecognised", "later": "unrecognised"}
    nothing = project.query(f"SELECT {', '.join(FIELDS)} FROM enriched_contacts WHERE contact_id = 'old'")
    assert nothing == [(None,) * len(FIELDS)]

    # The hourly job between such runs.
    capfd.readouterr()
    grow_older(project, days=1.1)
    result = remove_overdue(project, **STRICT)
    assert result.success
    assert removed_by(result) == (2, 1)
    assert "could never be read" in capfd.readouterr().err
    assert holding(project, young.person_id) == set()
    assert project.statuses()["young"] == "person"
    assert checks_alone(project, **STRICT) == (True, True)

    project.enrich(up_to=call_people, **STRICT)
    assert project.call_count == 5
    charged = project.call_log().charged
    assert project.query("SELECT sum(credits_charged), sum(credits_at_risk) FROM credit_usage") == [(charged - 4, 4)]
    assert project.query("SELECT sum(credits_charged) FROM enriched_contacts") == [(charged - 4,)]
    assert audit_ledger(project.state / FILE_NAME).sound
