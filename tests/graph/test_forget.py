"""`clodura-pipeline forget`: nothing is left of one person, everybody else stays, and they are not asked again.

Most tests look at one project with four people to erase, each marked by a word of their own: Ann, who was called for
and stands in two files; Ben, whose erasure is cut short by a kill; Cat, who shares an address and was not called for;
and Dan, whom no file has brought so far. The same files are loaded again after that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from project import TODAY, YESTERDAY, Project, Snapshot, by_answer, open_project, plan_calls

from clodura_pipeline.cli import main
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import FILE_NAME
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.sandbox import Directory, Person, build_directory

HEADER = "contact_id,first_name,last_name,email,linkedin_url,organisation_name,notes\n"
MADE = build_directory()


def marked(person: Person, mark: str) -> Person:
    return replace(
        person,
        person_id=f"{mark}personid",
        first_name=f"{mark}first".title(),
        last_name=f"{mark}last".title(),
        email=f"{mark}mail@{mark}-mail.example",
        linkedin_url=f"https://www.linkedin.com/in/{mark}slug",
        title=f"Keeper of the {mark}title",
    )


MARKS = ("zqann", "zqben", "zqcat", "zqdan")
FOUND = by_answer(MADE)["person"]
ANN, BEN, CAT, DAN = (marked(person, mark) for person, mark in zip(FOUND, MARKS, strict=False))
OTHERS = FOUND[4:11]
SHARED = "anzu@zq-mail.example"  # the address of Cat and of another


def row(contact_id: str, person: Person | None = None, notes: str = "", **cells: str) -> str:
    if person:
        cells = {"email": person.email} | cells
    names = ("first_name", "last_name", "email", "linkedin_url", "organisation_name")
    return ",".join([contact_id, *(f'"{cells.get(name, "")}"' for name in names), f'"{notes}"']) + "\n"


def put_files_of_ann_and_ben(project: Project) -> None:
    asked_by = f"asked by ZQANNmail@zqann-mail.example (https://linkedin.com/in/zqannslug/)\nfor {OTHERS[0].email}"
    names: dict[str, Any] = {"first_name": ANN.first_name, "last_name": ANN.last_name}
    project.put(
        f"crm-{YESTERDAY}.csv",
        HEADER
        + row("zqann-one", linkedin_url=ANN.linkedin_url, notes="zqannnote", **names)
        + row("other-0", OTHERS[0], asked_by)
        + row("zqann-two", organisation_name=ANN.organisation.name, **names)
        + f'broken,"",{ANN.email},more,cells,than,there,are,headers\n{row("other-1", OTHERS[1])}',
    )
    project.put(
        f"webinar-{TODAY}.csv",
        HEADER
        + row("zqann-3", email=f"Ann <{ANN.email.upper()}>", linkedin_url="linkedin.com/in/ZQannslug?x=1", **names)
        + row("other-2", OTHERS[2]),
    )
    project.put(f"half-{YESTERDAY}.csv", HEADER + row("zqben-one", BEN) + row("other-3", OTHERS[3]))


def clodura(project: Project, *arguments: str, text: str | None = None) -> Result:
    env = {
        "CLODURA_STATE_DIR": str(project.state),
        "CLODURA_DATABASE": str(project.database),
        "CLODURA_CONTACTS_DIR": str(project.contacts),
    }
    return CliRunner().invoke(main, ["forget", *arguments], env=env, input=text)


def left_of(project: Project, *marks: str) -> list[str]:
    """Files in the state and output folders that hold one of the marks, in any case."""
    mark = re.compile("|".join(marks).encode(), re.IGNORECASE)
    files = [file for folder in (project.state, project.database.parent) for file in folder.rglob("*")]
    return [file.name for file in files if file.is_file() and mark.search(file.read_bytes())]


@dataclass(frozen=True)
class Erasures:
    """What came of each step. `left_...`: files that hold something of the person."""

    dan: Result
    loaded: Snapshot
    left_loaded: list[str]
    shared_refused: Result
    left_shared_refused: list[str]
    ann: Result
    ann_erased: Snapshot
    left_ann: list[str]
    ledger_is_sound: bool
    cat: Result
    left_cat: list[str]
    left_ben_killed: list[str]
    planned: dict[str, Any]
    left_dan_planned: list[str]
    loaded_again: Snapshot
    left_loaded_again: list[str]


@pytest.fixture(scope="module")
def erasures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasures]:
    directory = Directory([ANN, BEN, CAT, DAN, *(p for p in MADE if p not in FOUND[:4])], MADE.organisations)
    with open_project(tmp_path_factory.mktemp("forget"), directory=directory) as project:
        put_files_of_ann_and_ben(project)
        project.enrich(YESTERDAY, TODAY, up_to=plan_calls)
        dan = clodura(project, DAN.email, "--yes")  # nothing is published yet
        project.enrich(YESTERDAY, TODAY)
        loaded, left_loaded = project.snapshot(), left_of(project, "zqann")

        other = OTHERS[4].linkedin_url
        project.put(
            f"shared-{TODAY}.csv",
            HEADER
            + row("zqcat-one", linkedin_url=CAT.linkedin_url, email=SHARED)
            + row("other-4", linkedin_url=other, email=SHARED)
            + row("other-row", linkedin_url=other),
        )
        project.enrich(TODAY, up_to=plan_calls)
        shared_refused = clodura(project, SHARED, "--yes")
        left_shared_refused = left_of(project, "zqcatslug")

        ann = clodura(project, ANN.email, "--yes")
        ann_erased, left_ann = project.snapshot(), left_of(project, "zqann")
        ledger_is_sound = audit_ledger(project.state / FILE_NAME).sound
        cat = clodura(project, "-", "--yes", text=f"{CAT.linkedin_url}\n")
        left_cat = left_of(project, "zqcat")
        with open_ledger(project.state / FILE_NAME) as ledger:
            ledger.erase([f"em:{BEN.email}"])  # as far as the process got
            assert ledger.overwrite_removed(thoroughly=True)
        left_ben_killed = left_of(project, "zqben")

        project.put(f"dan-{TODAY}.csv", HEADER + row("zqdan-one", DAN) + row("other-5", OTHERS[5]))
        planned = project.enrich(TODAY, up_to=plan_calls)["enrichment_plan"]  # applies Ben's, but builds no tables
        left_dan_planned = left_of(project, "zqdan")
        project.enrich(YESTERDAY, TODAY)  # the files still hold them; the check that every row is accounted for holds
        yield Erasures(
            dan, loaded, left_loaded, shared_refused, left_shared_refused, ann, ann_erased, left_ann, ledger_is_sound,
            cat, left_cat, left_ben_killed, planned, left_dan_planned, project.snapshot(), left_of(project, *MARKS),
        )  # fmt: skip


CREDITS = "SELECT run_id, file_date, requests, persons, credits_charged FROM credit_usage ORDER BY ALL"
CONTACTS = "SELECT contact_id FROM enriched_contacts ORDER BY 1"


def test_nothing_is_left_of_the_person(erasures: Erasures) -> None:
    counts = erasures.loaded.query(
        "SELECT (SELECT count(*) FROM rejected_contacts), (SELECT count(*) FROM contact_rows)"
    )
    assert counts == [(1, 8)]
    assert set(erasures.left_loaded) >= {FILE_NAME, "working.duckdb", "clodura.duckdb"}
    assert erasures.ann.exit_code == 0, erasures.ann.output
    assert "4 rows of contact files erased" in erasures.ann.output
    for file in (f"crm-{YESTERDAY}.csv", f"webinar-{TODAY}.csv"):
        assert file in erasures.ann.output
    assert erasures.left_ann == []
    assert erasures.ann_erased.query(CREDITS) == erasures.loaded.query(CREDITS)
    loaded, left = (one.query(CONTACTS) for one in (erasures.loaded, erasures.ann_erased))
    others = [each for each in loaded if not each[0].startswith("zqann")]
    assert len(others) == 5
    assert set(left) >= set(others)  # published by the command itself
    assert [each for each in left if each[0].startswith("zqann")] == []
    assert erasures.ledger_is_sound


def test_nobody_asks_them_again_when_the_same_files_are_loaded(erasures: Erasures) -> None:
    before = len(erasures.loaded.call_log.enrich_calls)
    later = [call.contact for call in erasures.loaded_again.call_log.enrich_calls[before:]]
    assert sorted(map(str, later)) == sorted(person.person_id for person in OTHERS[4:6])
    assert erasures.left_loaded_again == []
    assert {each[1:] for each in erasures.loaded_again.query(CREDITS)} >= {
        each[1:] for each in erasures.loaded.query(CREDITS)
    }
    found = "SELECT source_row, reasons[1], record FROM rejected_contacts WHERE source_file SIMILAR TO '(crm|web).*'"
    rejected = erasures.loaded_again.query(f"{found} ORDER BY source_file, 1")
    assert rejected == [(place, "erased at this person's request", None) for place in (1, 3, 4, 1)]


def test_everybody_else_stays_and_what_they_say_of_the_person_is_blanked(erasures: Erasures) -> None:
    remaining = [*(f"other-{number}" for number in range(6)), "other-row"]
    assert erasures.loaded_again.query(CONTACTS) == [(contact,) for contact in remaining]
    source = "SELECT source_columns FROM enriched_contacts WHERE contact_id = 'other-0'"
    ((told,),) = erasures.loaded_again.query(source)
    assert "asked by [erased] ([erased])" in told
    assert OTHERS[0].email in told


def test_a_process_killed_in_the_middle_is_made_up_for_by_the_next_runs(erasures: Erasures) -> None:
    assert "working.duckdb" in erasures.left_ben_killed
    assert erasures.left_loaded_again == []
    calls = [call.contact for call in erasures.loaded_again.call_log.enrich_calls]
    assert (calls.count(BEN.person_id), calls.count(OTHERS[3].person_id)) == (1, 1)


def test_an_address_shared_by_two_says_to_name_the_profile(erasures: Erasures) -> None:
    assert erasures.shared_refused.exit_code == 1
    assert OTHERS[4].linkedin_url in erasures.shared_refused.output
    assert "working.duckdb" in erasures.left_shared_refused
    assert erasures.cat.exit_code == 0, erasures.cat.output
    assert erasures.left_cat == []


def test_somebody_unknown_so_far_is_known_when_a_file_brings_them(erasures: Erasures) -> None:
    assert erasures.dan.exit_code == 0, erasures.dan.output
    assert "0 person" in erasures.dan.output
    assert "there is none" in erasures.dan.output  # of published files
    assert erasures.left_dan_planned == []
    assert (erasures.planned["run_to_call"], erasures.planned["run_people"]) == (2, 3)


@pytest.mark.parametrize("identifier", ["info@acme.example", "acme.example", "Ann Lee", "a@b.example, c@d.example"])
def test_what_names_no_one_person_is_refused(project: Project, identifier: str) -> None:
    result = clodura(project, identifier, "--yes")
    assert result.exit_code == 2
    assert "one person" in result.output
    assert not project.state.exists()


def test_without_a_ledger_or_a_yes_nothing_happens(project: Project) -> None:
    result = clodura(project, ANN.email, "--yes")
    assert result.exit_code == 1
    assert "CLODURA_SUPPRESSION_FILE" in result.output
    assert not project.state.exists()
    project.state.mkdir()
    with open_ledger(project.state / FILE_NAME) as ledger:
        assert clodura(project, ANN.email, text="n\n").exit_code == 1
        assert not ledger.erased_people()
