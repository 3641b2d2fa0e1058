"""After something was lost, restored, killed half-way or replaced: what the next run makes of it."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import dagster as dg
import duckdb
import pytest
from project import TODAY, YESTERDAY, Project, failure_text

from clodura_pipeline.sandbox import Person, Sandbox
from clodura_pipeline.sandbox.directory import Directory

HEADER = "contact_id,email,linkedin_url\n"
People = dict[str, list[Person]]


def put(project: Project, path: str, *people: Person) -> None:
    rows = "".join(f"{person.person_id},{person.email},\n" for person in people)
    project.put(path, HEADER + rows)


def shown_rightly(project: Project) -> bool:
    """Whether every contact found shows the person it names."""
    rows = project.query("SELECT contact_id, clodura_person_id FROM enriched_contacts WHERE match_status = 'person'")
    return bool(rows) and all(contact == found for contact, found in rows)


def back_up(project: Project) -> bytes:
    with closing(sqlite3.connect(project.state / "ledger.sqlite")) as source:
        copy = project.folder / "copy.sqlite"
        with closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    return copy.read_bytes()


def test_a_ledger_restored_from_a_back_up_shows_nobody_elses_answers(project: Project, people: People) -> None:
    put(project, f"{YESTERDAY}/a.csv", *people["person"][:3])
    project.enrich(YESTERDAY)
    saved = back_up(project)
    put(project, f"{TODAY}/b.csv", *people["person"][3:6])
    project.enrich(TODAY)
    for path in project.state.glob("ledger.sqlite*"):
        path.unlink()
    (project.state / "ledger.sqlite").write_bytes(saved)
    put(project, f"{TODAY}/c.csv", *people["miss"][:12], *people["person"][7:9])
    project.enrich(TODAY)
    assert shown_rightly(project)
    assert project.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'pending'") == [(0,)]
    sums = project.query(
        "SELECT (SELECT sum(credits_charged) FROM enriched_contacts), sum(credits_charged) FROM credit_usage"
    )
    assert sums[0][0] == sums[0][1]


@pytest.mark.parametrize("edit", ["first landing", "shrunk", "replaced"])
def test_rows_landed_by_a_killed_run_are_taken_up_by_the_next_of_any_day(
    project: Project, people: People, edit: str
) -> None:
    found = people["person"]
    put(project, f"{TODAY}/today.csv", found[9])
    if edit != "first landing":
        put(project, f"{YESTERDAY}/crm.csv", *found[:3])
        project.enrich(YESTERDAY)
    kept = {"first landing": found[:2], "shrunk": found[:2], "replaced": found[3:6]}[edit]
    put(project, f"{YESTERDAY}/crm.csv", *kept)
    definitions = project.build()
    only = dg.define_asset_job("landing_only", selection="raw_contacts")
    job = dg.Definitions(assets=definitions.assets, resources=definitions.resources, jobs=[only]).resolve_job_def(
        "landing_only"
    )
    assert job.execute_in_process(instance=project.instance, partition_key=str(YESTERDAY)).success
    project.enrich(TODAY)
    shown = {row[0] for row in project.query("SELECT contact_id FROM enriched_contacts")}
    assert shown == {person.person_id for person in (*kept, found[9])}


def test_a_lost_working_database_is_rebuilt_from_all_files(project: Project, people: People) -> None:
    put(project, f"{YESTERDAY}/a.csv", *people["person"][:2])
    put(project, f"{TODAY}/b.csv", *people["person"][2:4])
    project.enrich(YESTERDAY, TODAY)
    asked = project.call_count
    (project.state / "working.duckdb").unlink()
    project.enrich(TODAY)
    assert project.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'person'") == [(4,)]
    assert project.call_count == asked


def test_a_new_ledger_beside_a_published_file_that_cannot_be_read_is_refused(project: Project, people: People) -> None:
    put(project, f"{TODAY}/a.csv", people["person"][0])
    project.enrich()
    asked = project.call_count
    shutil.rmtree(project.state)
    project.database.chmod(0o644)
    with duckdb.connect(project.database):
        project.database.chmod(0o444)
        project.database.with_name("copy").write_bytes(b"")
    project.database.chmod(0o644)
    project.database.write_bytes(b"damaged")
    result = project.run()
    assert not result.success
    assert "cannot be read" in failure_text(result)
    assert project.call_count == asked


@pytest.mark.parametrize("cap", [None, 0])
def test_a_refresh_without_a_cap_is_refused(project: Project, people: People, cap: int | None) -> None:
    put(project, f"{TODAY}/a.csv", people["person"][0])
    result = project.run(config={"refresh": True} | ({} if cap is None else {"max_credits": cap}))
    assert not result.success
    assert "max_credits" in failure_text(result)
    assert project.call_count == 0


def test_an_odd_founding_year_does_not_keep_the_others_from_being_published(project: Project) -> None:
    made = project.sandbox.directory
    odd = [
        replace(person, organisation=replace(person.organisation, founded_year=year))
        for person, year in zip([p for p in made.people if p.answer == "person"], (0, 20, 2200, 1998), strict=False)
    ]
    with Sandbox(project.sandbox.options, directory=Directory(tuple(odd), made.organisations)) as sandbox:
        other = Project(project.folder, sandbox, project.open_instance)
        put(other, f"{TODAY}/a.csv", *odd)
        other.enrich()
        years = other.query("SELECT organisation_founded_year FROM enriched_contacts ORDER BY ALL")
    assert years.count((None,)) >= 2


def test_a_working_database_of_a_newer_version_is_left_alone_and_says_so(project: Project, people: People) -> None:
    put(project, f"{TODAY}/a.csv", people["person"][0])
    project.state.mkdir(parents=True)
    with duckdb.connect(project.state.joinpath("working.duckdb")) as newer:
        newer.execute("CREATE TABLE working_state (name VARCHAR, value VARCHAR)")
        newer.execute("INSERT INTO working_state VALUES ('schema_version', '99')")
    result = project.run()
    assert not result.success
    assert "newer clodura_pipeline" in failure_text(result)
    assert project.call_count == 0
    with duckdb.connect(project.state.joinpath("working.duckdb")) as untouched:
        assert untouched.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(1,)]
