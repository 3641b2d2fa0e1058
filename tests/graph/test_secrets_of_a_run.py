"""Whatever fails: neither key nor people in what Dagster stores, captures, prints or raises; the key in no file."""

import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandera.polars as pa
import pytest
from project import TODAY, Project, failure_text

from clodura_pipeline.sandbox import Directory, Fault, Person, Sandbox, SandboxOptions, build_directory
from clodura_pipeline.warehouse.published.build import build_analyst_tables
from clodura_pipeline.warehouse.published.publication import publish
from clodura_pipeline.warehouse.tables.columns import ENRICHED_CONTACTS, VALIDATED_CONTACTS
from clodura_pipeline.warehouse.tables.pandera_schemas import SCHEMAS

# Every word of a marked person begins with this, so however it is spelt (URL-encoded, escaped, cut, in capitals, a
# slug, the part of an address before the @), a file that shows some of them has it.
MARK = "zqxv"
KEY = "Zkey-7f3a-marked"
HEADER = "contact_id,first_name,last_name,email,linkedin_url,organisation_name,notes\n"
FOUND = [person for person in build_directory() if person.answer == "person"][:14]
MARKED = [
    replace(
        person,
        person_id=f"zqxvid{number}",
        first_name="Zqxvänna",
        last_name=f"Zqxv O'Zqxv{number}",
        email=f"zqxvmail{number}@zqxv-mail.example",
        linkedin_url=f"https://www.linkedin.com/in/zqxv%C3%A4-slug{number}",
        title="Keeper of the zqxvtitle",
    )
    for number, person in enumerate(FOUND)
]


def row(person: Person, **other: str) -> str:
    cells = {
        "contact_id": person.person_id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "linkedin_url": person.linkedin_url,
        "organisation_name": "zqxvcompany",
        "notes": "zqxvnote",
    }
    return ",".join(f'"{cell}"' for cell in (cells | other).values()) + "\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("marked")
    (folder / "home").mkdir()
    (folder / "contacts").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    options = SandboxOptions(api_key=KEY, starting_balance=1_000)
    directory = Directory(MARKED, build_directory().organisations)
    with (
        Sandbox(options, directory=directory) as sandbox,
        dg.DagsterInstance.from_config(str(folder / "home")) as instance,
    ):
        made = Project(folder, sandbox, lambda: instance, {"api_key": KEY, "timeout_seconds": 0.5})
        put_awkward_files(made)
        yield made


def put_awkward_files(project: Project) -> None:
    person = MARKED[0]
    project.put(f"{TODAY}/good.csv", HEADER + "".join(row(each) for each in MARKED[1:]))
    project.put(f"{TODAY}/other.csv", HEADER + row(person, organisation_name="zqxvother"))
    project.put(
        f"{TODAY}/invalid.csv",
        HEADER
        + row(person, email="zqxvmail@@zqxv", linkedin_url="zqxvslug", organisation_name="")
        + row(person, contact_id="zqxv2", email="", linkedin_url="https://www.linkedin.com/sales/lead/zqxv,1,2")
        + row(person, contact_id="zqxv3", email="zqxv1@zqxv.example; zqxv2@zqxv.example", linkedin_url="")
        + row(person, contact_id="")
        + '"zqxvopen,zqxv@zqxv.example\n',
    )
    # A list without header, broken JSON, a torn line, a workbook and a Parquet file that are none.
    project.put(f"{TODAY}/headless.csv", "Zqxvanna,Zqxvlast\nZqxvben,Zqxvother\n")
    project.put(f"{TODAY}/broken.json", '[{"email": "zqxv@zqxv.example", "name": "Zqxv" "Zqxv"}]')
    project.put(f"{TODAY}/lines.jsonl", '{"email": "zqxv@zqxv.example"}\n{"email": "zqxvtorn\n')
    project.put(f"{TODAY}/unfinished.parquet", b"PAR1 zqxv@zqxv.example")
    project.put(f"{TODAY}/workbook.xlsx", b"PK\x03\x04 zqxv@zqxv.example")
    project.put(f"{TODAY}/odd.csv", HEADER.encode() + b"\xff\x00\x81zqxv,zqxv\n")


Fail = Callable[[Project, pytest.MonkeyPatch], dict[str, Any]]


def rows_that_break_the_schema_and_answers_of_all_kinds(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    checked = pa.Column(str, checks=pa.Check.str_endswith("company"), nullable=True)
    schema = SCHEMAS[VALIDATED_CONTACTS].update_columns({"organisation_name": {"checks": checked.checks}})
    patch.setitem(SCHEMAS, VALIDATED_CONTACTS, schema)
    faults = ("garbage_200", "html_instead_of_json", "status_422", "reset_before_answer", "cut_body", "status_500")
    switch(project, faults=tuple(Fault(kind, only_calls=(2 + n,)) for n, kind in enumerate(faults)))  # pyright: ignore[reportArgumentType]
    return {"max_credits_per_run": 14}  # some people are left for the next runs


def wrong_key(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"api_key": f"wrong-{KEY}"}


def refused_plan(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    switch(project, faults=(Fault("status_403"),))
    return {}


def a_key_with_a_line_break(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"api_key": f"{KEY}\n"}


def a_bad_line_in_the_suppression_file(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    path = project.folder / "suppression.txt"
    path.write_text("Zqxv Zqxvlast <zqxv@zqxv.example>\n")
    return {"suppression_file": path}


def a_published_table_that_breaks_its_schema(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    column = pa.Column(str, pa.Check.str_startswith("no"), nullable=True)
    patch.setitem(SCHEMAS[ENRICHED_CONTACTS].columns, "email", column)
    return {}


def a_value_that_duckdb_cannot_convert(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    def convert(connection: duckdb.DuckDBPyConnection, *more: object) -> int:
        connection.execute("SELECT ?::INTEGER", [MARKED[0].email])
        return build_analyst_tables(connection, *more)  # pyright: ignore[reportArgumentType]

    patch.setattr("clodura_pipeline.graph.resources.build_analyst_tables", convert)
    return {}


def a_defect_while_validating(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    def trip(*_: object) -> None:
        try:
            raise KeyError(MARKED[0].email)
        except KeyError as error:
            raise ValueError(f"{MARKED[0]} {KEY}") from error

    patch.setattr("clodura_pipeline.graph.assets.contacts.validate", trip)
    return {}


def a_full_disk(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    def full(connection: duckdb.DuckDBPyConnection, target: Path, *more: Any) -> bool:
        patch.setattr("clodura_pipeline.warehouse.published.publication._swap", _no_space)
        return publish(connection, target, *more)

    patch.setattr("clodura_pipeline.graph.resources.publish", full)
    return {}


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def a_damaged_ledger(project: Project, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    project.state.mkdir(exist_ok=True)
    for name in ("ledger.sqlite", "ledger.sqlite-wal"):
        (project.state / name).write_bytes(b"not a database " * 1000)
    return {}


RAW = ("raw_contacts", "validated_contacts", "rejected_contacts")
CALLS = (*RAW, "enrichment_plan", "clodura_responses")
TABLES = ("enriched_contacts", "credit_usage", "published_database")
PATHS: tuple[
    tuple[Fail, Sequence[str], str], ...
] = (  # what fails, in which assets, what is said: nothing of a success
    (rows_that_break_the_schema_and_answers_of_all_kinds, (*CALLS, "retained_answers", *TABLES), ""),
    (wrong_key, CALLS, "check CLODURA_API_KEY"),
    (refused_plan, CALLS, "the plan may not include the Enrich API"),
    (a_key_with_a_line_break, CALLS, "characters that no key holds"),
    (a_bad_line_in_the_suppression_file, CALLS, "line 1: no single e-mail address"),
    (a_published_table_that_breaks_its_schema, TABLES, "schema_holds"),
    (a_value_that_duckdb_cannot_convert, TABLES, "Unexpected error ConversionException"),
    (a_defect_while_validating, RAW, "Unexpected error ValueError"),
    (a_full_disk, TABLES, "The earlier file is unchanged"),
    (a_damaged_ledger, CALLS, "backup"),
)


@pytest.mark.parametrize(("fail", "assets", "said"), PATHS, ids=[path[0].__name__ for path in PATHS])
def test_no_failure_of_a_run_shows_the_key_or_a_person(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str], fail: Fail, assets: Sequence[str], said: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    switch(project, faults=())
    changes = fail(project, monkeypatch)
    result = (
        project.build(**changes)
        .resolve_job_def("enrich_contacts")
        .execute_in_process(
            instance=project.instance,
            partition_key=str(TODAY),
            raise_on_error=False,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
        )
    )
    assert result.success is (not said), failure_text(result)
    printed = "".join(capfd.readouterr())
    assert said in printed + failure_text(result)
    assert "Traceback" not in failure_text(result)
    assert shows(f"{printed} {caplog.text} {failure_text(result)}") == []
    stored = list(everything_dagster_keeps(project.folder / "home"))
    assert any(result.run_id in text for _, text in stored)  # there was something to search
    assert any(name.endswith(".err") for name, _ in stored)
    assert {name: shown for name, text in stored if (shown := shows(text))} == {}
    assert [
        path.name for path in project.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ] == []


def test_what_the_run_works_on_is_found_by_the_search(project: Project) -> None:
    assert shows((project.contacts / f"{TODAY}" / "good.csv").read_text()) == [MARK]


def shows(text: str) -> list[str]:
    """Which of the marks a text shows."""
    lowered = text.lower()
    return [mark for mark in (MARK, KEY.lower()) if mark in lowered]


def everything_dagster_keeps(home: Path) -> Iterator[tuple[str, str]]:
    """Every file below Dagster's home as text, and what its databases hold compressed."""
    for path in home.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes().decode("latin-1")
            if path.suffix == ".db":
                yield from (
                    (f"{path.name}: {name}", zlib.decompress(value).decode("latin-1"))
                    for name, value in blobs_of(path)
                    if value[:1] == b"x"
                )


def blobs_of(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for values in connection.execute(f'SELECT * FROM "{table}"'):
                yield from ((table, value) for value in values if isinstance(value, bytes))


def switch(project: Project, **changes: Any) -> None:
    project.sandbox.options = replace(project.sandbox.options, **changes)
