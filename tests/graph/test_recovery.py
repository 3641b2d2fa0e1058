"""After something was lost, restored, killed half-way or replaced: what the next run makes of it.

Most tests look at the runs of one project, which loses one thing after the other: a run after its landing, the working
database, the ledger since its backup, the ledger as a whole, and the published file.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

import duckdb
import pytest
from project import TODAY, YESTERDAY, Project, Snapshot, by_answer, failure_text, land_contacts, open_project

from clodura_pipeline.enrichment.session import RefusedToStart
from clodura_pipeline.sandbox import Directory, Person, build_directory
from clodura_pipeline.warehouse.published.publication import PublicationError

BEFORE = TODAY - timedelta(days=2)
HEADER = "contact_id,email,linkedin_url\n"
MADE = build_directory()
FOUND = by_answer(MADE)
_PERSONS = iter(FOUND["person"])


def persons(count: int) -> list[Person]:
    """So many people who stand in no other file."""
    return list(islice(_PERSONS, count))


ODD_YEARS = [
    replace(person, organisation=replace(person.organisation, founded_year=year))
    for person, year in zip(persons(4), (0, 20, 2200, 1998), strict=True)
]
KEPT, SHRUNK, FORMER, REPLACED, FIRST_LANDED, LATER = (persons(3) for _ in range(6))
LAST = [*persons(2), *FOUND["miss"][:12]]


@dataclass(frozen=True)
class Runs:
    """What was published and called after each loss and the run that followed it."""

    killed_after_landing: Snapshot
    working_database_lost: Snapshot
    ledger_restored: Snapshot
    ledger_lost: Snapshot  # the run was refused
    published_file_damaged: Snapshot  # likewise
    new_ledger_allowed: Snapshot


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    people = [*ODD_YEARS, *(person for person in MADE if person.person_id not in {p.person_id for p in ODD_YEARS})]
    with open_project(tmp_path_factory.mktemp("losses"), directory=Directory(people, MADE.organisations)) as project:
        put(project, f"{BEFORE}/odd.csv", *ODD_YEARS)
        put(project, f"{YESTERDAY}/kept.csv", *KEPT)
        put(project, f"{YESTERDAY}/shrunk.csv", *SHRUNK)
        put(project, f"{YESTERDAY}/replaced.csv", *FORMER)
        project.enrich(BEFORE, YESTERDAY)
        backup = back_up(project)

        put(project, f"{YESTERDAY}/shrunk.csv", *SHRUNK[:2])
        put(project, f"{YESTERDAY}/replaced.csv", *REPLACED)
        put(project, f"{YESTERDAY}/first-landed.csv", *FIRST_LANDED)
        project.enrich(YESTERDAY, up_to=land_contacts)
        put(project, f"{TODAY}/later.csv", *LATER)
        project.enrich(TODAY)
        killed_after_landing = project.snapshot()

        (project.state / "working.duckdb").unlink()
        project.enrich(TODAY)
        working_database_lost = project.snapshot()

        for path in project.state.glob("ledger.sqlite*"):
            path.unlink()
        (project.state / "ledger.sqlite").write_bytes(backup)
        put(project, f"{TODAY}/last.csv", *LAST)
        project.enrich(YESTERDAY, TODAY)
        ledger_restored = project.snapshot()

        shutil.rmtree(project.state)
        with pytest.raises(RefusedToStart, match="CLODURA_ALLOW_NEW_LEDGER"):
            project.enrich(BEFORE)
        ledger_lost = project.snapshot()
        shutil.rmtree(project.state)
        published = project.database.read_bytes()
        project.database.chmod(0o644)
        project.database.write_bytes(b"damaged")
        with pytest.raises(PublicationError, match="cannot be read"):
            project.enrich(BEFORE)
        published_file_damaged = project.snapshot()
        project.database.write_bytes(published)
        project.enrich(BEFORE, allow_new_ledger=True)
        yield Runs(
            killed_after_landing,
            working_database_lost,
            ledger_restored,
            ledger_lost,
            published_file_damaged,
            project.snapshot(),
        )


def put(project: Project, path: str, *people: Person) -> None:
    rows = "".join(f"{person.person_id},{person.email},\n" for person in people)
    project.put(path, HEADER + rows)


def back_up(project: Project) -> bytes:
    with closing(sqlite3.connect(project.state / "ledger.sqlite")) as source:
        copy = project.folder / "copy.sqlite"
        with closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    return copy.read_bytes()


def shown(snapshot: Snapshot) -> dict[str, str | None]:
    """Clodura's person id by contact_id, which is the same where a contact shows the person it names."""
    return dict(snapshot.query("SELECT contact_id, clodura_person_id FROM enriched_contacts"))


def of(*people: Person) -> dict[str, str | None]:
    return {person.person_id: person.person_id if person.answer == "person" else None for person in people}


@pytest.mark.parametrize(
    ("source", "kept"),
    [("first-landed", FIRST_LANDED), ("shrunk", SHRUNK[:2]), ("replaced", REPLACED)],
    ids=["first landing", "shrunk", "replaced"],
)
def test_rows_landed_by_a_killed_run_are_taken_up_by_the_next_of_any_day(
    runs: Runs, source: str, kept: list[Person]
) -> None:
    contacts = runs.killed_after_landing.query(f"SELECT contact_id FROM enriched_contacts WHERE source = '{source}'")
    assert {contact for (contact,) in contacts} == {person.person_id for person in kept}


def test_a_lost_working_database_is_rebuilt_from_all_files(runs: Runs) -> None:
    assert shown(runs.working_database_lost) == shown(runs.killed_after_landing)
    assert shown(runs.working_database_lost).items() >= of(*ODD_YEARS, *KEPT, *SHRUNK[:2], *LATER).items()
    assert runs.working_database_lost.call_log == runs.killed_after_landing.call_log


def test_a_ledger_restored_from_a_back_up_shows_nobody_elses_answers(runs: Runs) -> None:
    everybody = (*ODD_YEARS, *KEPT, *SHRUNK[:2], *REPLACED, *FIRST_LANDED, *LATER, *LAST)
    assert shown(runs.ledger_restored) == of(*everybody)
    assert runs.ledger_restored.query("SELECT count(*) FROM enriched_contacts WHERE match_status = 'pending'") == [(0,)]
    of_contacts = "SELECT sum(credits_charged) FROM enriched_contacts"
    ((booked, shown_with_contacts),) = runs.ledger_restored.query(
        f"SELECT sum(credits_charged), ({of_contacts}) FROM credit_usage"
    )
    no_longer_listed = (*FORMER, SHRUNK[2])
    assert booked == shown_with_contacts + 2 * len(no_longer_listed)


def test_a_new_ledger_beside_bought_answers_is_refused(runs: Runs) -> None:
    calls = len(runs.ledger_restored.call_log.enrich_calls)
    assert len(runs.ledger_lost.call_log.enrich_calls) == calls
    assert shown(runs.ledger_lost) == shown(runs.ledger_restored)
    assert len(runs.new_ledger_allowed.call_log.enrich_calls) == calls + len(ODD_YEARS)


def test_a_new_ledger_beside_a_published_file_that_cannot_be_read_is_refused(runs: Runs) -> None:
    assert runs.published_file_damaged.call_log.enrich_calls == runs.ledger_lost.call_log.enrich_calls
    assert runs.published_file_damaged.database.read_bytes() == b"damaged"


def test_an_odd_founding_year_does_not_keep_the_others_from_being_published(runs: Runs) -> None:
    listed = "SELECT organisation_founded_year FROM enriched_contacts WHERE source = 'odd' ORDER BY ALL"
    years = runs.killed_after_landing.query(listed)
    assert len(years) == len(ODD_YEARS)
    assert years.count((None,)) >= 2


def test_a_working_database_of_a_newer_version_is_left_alone_and_says_so(project: Project) -> None:
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
