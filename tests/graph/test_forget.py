"""`clodura-pipeline forget`: nothing is left of one person, everybody else stays, and they are not asked again."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from project import TODAY, YESTERDAY, Project, checks_of, metadata_of, open_project

from clodura_pipeline.cli import main
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import FILE_NAME
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.sandbox import Directory, Person, build_directory

HEADER = "contact_id,first_name,last_name,email,linkedin_url,organisation_name,notes\n"
EVERYBODY = [person for person in build_directory() if person.answer == "person"]
OTHERS = EVERYBODY[1:6]
MARKED = replace(
    EVERYBODY[0],
    person_id="zqpersonid",
    first_name="Zqfirst",
    last_name="Zqlast",
    email="zqmail@zq-mail.example",
    linkedin_url="https://www.linkedin.com/in/zqslug",
    title="Keeper of the zqtitle",
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    directory = Directory([MARKED, *EVERYBODY[1:]], build_directory().organisations)
    with open_project(tmp_path, directory=directory) as made:
        yield made


def row(contact_id: str, person: Person | None = None, notes: str = "", **cells: str) -> str:
    if person:
        cells = {"email": person.email} | cells
    names = ("first_name", "last_name", "email", "linkedin_url", "organisation_name")
    return ",".join([contact_id, *(f'"{cells.get(name, "")}"' for name in names), f'"{notes}"']) + "\n"


def clodura(project: Project, *arguments: str, text: str | None = None) -> Result:
    env = {
        "CLODURA_STATE_DIR": str(project.state),
        "CLODURA_DATABASE": str(project.database),
        "CLODURA_CONTACTS_DIR": str(project.contacts),
    }
    return CliRunner().invoke(main, ["forget", *arguments], env=env, input=text)


def left_of(project: Project, mark: bytes = rb"zq[-a-z]{3}") -> list[str]:
    """Files in the state and output folders that hold the mark, in any case.

    Every word of theirs begins with zq; two letters alone also stand in keyed hashes now and then.
    """
    files = [file for folder in (project.state, project.database.parent) for file in folder.rglob("*")]
    return [file.name for file in files if file.is_file() and re.search(mark, file.read_bytes(), re.IGNORECASE)]


def credits(project: Project) -> list[tuple[Any, ...]]:
    return project.query("SELECT run_id, file_date, requests, persons, credits_charged FROM credit_usage ORDER BY ALL")


def test_nothing_is_left_of_the_person_and_nobody_asks_them_again(project: Project) -> None:
    asked_by = f"asked by ZQmail@zq-mail.example (https://linkedin.com/in/zqslug/)\nfor {OTHERS[0].email}"
    names: dict[str, Any] = {"first_name": MARKED.first_name, "last_name": MARKED.last_name}
    project.put(
        f"crm-{YESTERDAY}.csv",
        HEADER
        + row("zq-one", linkedin_url=MARKED.linkedin_url, notes="zqnote", **names)
        + row("other-0", OTHERS[0], asked_by)
        + row("zq-two", organisation_name=MARKED.organisation.name, **names)
        + f'broken,"",zqmail@zq-mail.example,more,cells,than,there,are,headers\n{row("other-1", OTHERS[1])}',
    )
    project.put(
        f"webinar-{TODAY}.csv",
        HEADER
        + row("zq-three", email=f"Zqfirst <{MARKED.email.upper()}>", linkedin_url="linkedin.com/in/ZQslug?x=1", **names)
        + row("other-2", OTHERS[2]),
    )
    project.enrich(YESTERDAY, TODAY)
    asked, spent = project.call_count, credits(project)
    counts = project.query("SELECT (SELECT count(*) FROM rejected_contacts), (SELECT count(*) FROM contact_rows)")
    assert counts == [(1, 6)]
    assert set(left_of(project)) >= {FILE_NAME, "working.duckdb", "clodura.duckdb"}

    result = clodura(project, MARKED.email, "--yes")
    assert result.exit_code == 0, result.output
    assert "4 rows of contact files erased" in result.output
    for file in (f"crm-{YESTERDAY}.csv", f"webinar-{TODAY}.csv"):
        assert file in result.output
    assert left_of(project) == []
    assert credits(project) == spent
    assert audit_ledger(project.state / FILE_NAME).sound
    assert set(project.statuses()) == {"other-0", "other-1", "other-2"}

    again = project.run(YESTERDAY, TODAY)  # the files still hold them
    assert again.success
    assert checks_of(again)["enriched_contacts.every_row_accounted_for"]
    assert project.call_count == asked
    assert left_of(project) == []
    assert {each[1:] for each in credits(project)} == {each[1:] for each in spent}
    rejected = project.query("SELECT source_row, reasons[1], record FROM rejected_contacts ORDER BY source_file, 1")
    assert rejected == [(place, "erased at this person's request", None) for place in (1, 3, 4, 1)]
    told = project.query("SELECT source_columns FROM enriched_contacts WHERE contact_id = 'other-0'")[0][0]
    assert "asked by [erased] ([erased])" in told
    assert OTHERS[0].email in told


def test_a_process_killed_in_the_middle_is_made_up_for_by_the_next_runs(project: Project) -> None:
    project.put(f"crm-{YESTERDAY}.csv", HEADER + row("zq-one", MARKED) + row("other", OTHERS[0]))
    project.enrich(YESTERDAY)
    with open_ledger(project.state / FILE_NAME) as ledger:
        ledger.erase(["em:zqmail@zq-mail.example"])  # as far as it got
        assert ledger.overwrite_removed(thoroughly=True)
    assert "working.duckdb" in left_of(project)
    project.put(f"new-{TODAY}.csv", HEADER + row("other", OTHERS[1]))
    result = project.run(TODAY, job="plan_contacts")  # applies it, but builds no tables
    assert metadata_of(result, "enrichment_plan")["run_to_call"] == 1
    project.enrich(YESTERDAY, TODAY)
    assert left_of(project) == []
    assert project.call_count == 3


def test_an_address_shared_by_two_says_to_name_the_profile(project: Project) -> None:
    other = OTHERS[0]
    project.put(
        f"crm-{TODAY}.csv",
        HEADER
        + row("zq-one", linkedin_url=MARKED.linkedin_url, email="anzu@zq-mail.example")
        + row("other", linkedin_url=other.linkedin_url, email="anzu@zq-mail.example")
        + row("other-row", linkedin_url=other.linkedin_url),
    )
    assert project.run(TODAY, job="plan_contacts").success
    refused = clodura(project, "anzu@zq-mail.example", "--yes")
    assert refused.exit_code == 1
    assert other.linkedin_url in refused.output
    assert b"zqslug" in (project.state / "working.duckdb").read_bytes()
    assert clodura(project, "-", "--yes", text=f"{MARKED.linkedin_url}\n").exit_code == 0
    assert left_of(project, b"zqslug") == []
    result = project.run(TODAY, job="plan_contacts")
    assert metadata_of(result, "enrichment_plan")["run_to_call"] == 1
    assert metadata_of(result, "enrichment_plan")["people"] == 1


def test_somebody_unknown_so_far_is_known_when_a_file_brings_them(project: Project) -> None:
    assert project.run(TODAY, job="plan_contacts").success
    result = clodura(project, MARKED.email, "--yes")
    assert result.exit_code == 0, result.output
    assert "0 person" in result.output
    project.put(f"crm-{TODAY}.csv", HEADER + row("zq-one", MARKED) + row("other", OTHERS[0]))
    assert metadata_of(project.run(job="plan_contacts"), "enrichment_plan")["run_to_call"] == 1
    assert left_of(project) == []


@pytest.mark.parametrize(
    "identifier", ["info@acme.example", "acme.example", "Zqfirst Zqlast", "a@b.example, c@d.example"]
)
def test_what_names_no_one_person_is_refused(project: Project, identifier: str) -> None:
    result = clodura(project, identifier, "--yes")
    assert result.exit_code == 2
    assert "one person" in result.output
    assert not project.state.exists()


def test_without_a_ledger_or_a_yes_nothing_happens(project: Project) -> None:
    result = clodura(project, MARKED.email, "--yes")
    assert result.exit_code == 1
    assert "CLODURA_SUPPRESSION_FILE" in result.output
    assert not project.state.exists()
    project.state.mkdir()
    with open_ledger(project.state / FILE_NAME) as ledger:
        assert clodura(project, MARKED.email, text="n\n").exit_code == 1
        assert not ledger.erased_people()
