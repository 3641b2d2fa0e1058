"""What leaves the published file: CSV for spreadsheets, Parquet files, and the data dictionary."""

import csv
import gzip
import json
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from small_warehouse import answer_with, by_email, open_warehouse, person

from clodura_pipeline.cli import main
from clodura_pipeline.warehouse.published.publication import publish
from clodura_pipeline.warehouse.tables.columns import PUBLISHED

FORMULAS = ("=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1", "\n=1", " =1+1", "＝1+1", "＠SUM(A1)")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working database and the published file of a person for each formula, whose job title it is."""
    titles = {f"p{place}@engines.example": person(personTitle=text) for place, text in enumerate(FORMULAS)}
    with open_warehouse(tmp_path_factory.mktemp("published")) as warehouse:
        warehouse.land("crm.csv", *(by_email(f"p{place}") for place in range(len(FORMULAS))), by_email("info"))
        warehouse.call(answer_with(titles))
        warehouse.publish().close()
        return warehouse.folder


@pytest.fixture
def published(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The published file, which the setting names."""
    monkeypatch.setenv("CLODURA_DATABASE", str(folder / "clodura.duckdb"))
    return folder / "clodura.duckdb"


def test_export_holds_no_formula_and_every_value(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "people.csv"
    done = run("export", "enriched_contacts", str(target))
    assert done.exit_code == 0, done.output
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(FORMULAS)
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝＋－＠") or cell[:1] in ("\t", "\r", "\n")]
    with duckdb.connect(published, read_only=True) as file:
        stored = [row[0] or "" for row in file.execute("SELECT job_title FROM enriched_contacts").fetchall()]
    assert sorted(row["job_title"].removeprefix("'") for row in rows) == sorted(stored)
    assert {row["credits_charged"] for row in rows} == {"2.0"}
    frame = pl.read_csv(target, columns=["source_row", "person_key"])
    assert dict(frame.schema) == {"source_row": pl.Int64, "person_key": pl.Int64}


@pytest.mark.parametrize(
    ("name", "says"), [("crm_update", "There is no table or view crm_update"), ("file_results", "exists already")]
)
def test_export_says_what_it_cannot_do(published: Path, tmp_path: Path, name: str, says: str) -> None:
    target = tmp_path / "out.csv"
    if name == "file_results":
        target.write_text("kept")
    done = run("export", name, str(target))
    assert done.exit_code == 1
    assert says in done.output
    assert not target.exists() or target.read_text() == "kept"


def test_an_export_is_packed_as_its_ending_says(published: Path, tmp_path: Path) -> None:
    assert run("export", "people", str(tmp_path / "people.csv.gz")).exit_code == 0
    assert gzip.decompress((tmp_path / "people.csv.gz").read_bytes()).startswith(b"person_key,")
    assert not [*tmp_path.glob(".partial*")]


def test_a_full_disk_leaves_no_part_of_an_export(published: Path, tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, usual[1]))
    try:
        done = run("export", "enriched_contacts", str(tmp_path / "out.csv"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, ignored)
    assert done.exit_code == 1
    assert "out.csv could not be written: " in done.output
    assert not [*tmp_path.glob("*out.csv*")]


def test_parquet_files_are_replaced_as_a_set(folder: Path, tmp_path: Path) -> None:
    parquet, published = tmp_path / "parquet", tmp_path / "copy" / "clodura.duckdb"
    shutil.copytree(folder, tmp_path / "copy")
    with open_warehouse(tmp_path / "copy") as warehouse:
        assert publish(warehouse.connection, published, 0o440, parquet)
        (parquet / "a_table_of_an_earlier_version.parquet").touch()
        warehouse.land("event.csv", by_email("ann"))
        warehouse.build()
        assert publish(warehouse.connection, published, 0o440, parquet)
    assert {file.name for file in parquet.iterdir()} == {f"{table.name}.parquet" for table in PUBLISHED}
    assert {file.stat().st_mode & 0o777 for file in parquet.iterdir()} == {0o440}
    assert [other.name for other in parquet.parent.glob(".parquet*")] == []
    with duckdb.connect(published, read_only=True) as file:
        assert file.sql("SELECT count(*) FROM enriched_contacts WHERE source = 'event'").fetchall() == [(1,)]
        for table in PUBLISHED:
            twin = f"read_parquet('{parquet / table.name}.parquet')"
            only_in_one = (
                f"(FROM {table.name} EXCEPT ALL FROM {twin}) UNION ALL (FROM {twin} EXCEPT ALL FROM {table.name})"
            )
            assert file.execute(only_in_one).fetchall() == []


def described() -> list[dict[str, Any]]:
    return json.loads(run("tables", "--format", "json").output)


def test_dictionary_describes_every_table_view_and_column_of_the_file(published: Path) -> None:
    with duckdb.connect(published, read_only=True) as file:
        columns = file.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal").fetchall()  # fmt: skip
        objects = file.execute(
            "SELECT table_name, comment FROM duckdb_tables() UNION ALL "
            "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()  # fmt: skip
    printed = {
        (table["name"], column["name"]): column["description"] for table in described() for column in table["columns"]
    }
    assert printed == {(table, column): comment for table, column, comment in columns}
    assert {table["name"]: table["description"] for table in described()} == dict(objects)
    assert all(printed.values())


def test_dictionary_for_dbt_is_a_source_that_names_the_attached_file() -> None:
    document = yaml.safe_load(run("tables", "--format", "dbt").output)
    (source,) = document["sources"]
    assert (document["version"], source["name"], source["database"], source["schema"]) == (
        2,
        "clodura",
        "clodura",
        "main",
    )
    assert source["tables"] == described()


def test_dictionary_in_markdown_has_a_row_for_each_column() -> None:
    printed = run("tables").output
    for table in described():
        assert f"## {table['name']}\n\n{table['description']}\n" in printed
        for column in table["columns"]:
            assert f"| `{column['name']}` | {column['data_type']} | {column['description']} |" in printed
