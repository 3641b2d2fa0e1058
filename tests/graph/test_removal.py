"""What was removed leaves the files too: the working database and the published file are written anew, whole."""

import time
from pathlib import Path
from typing import Any

import pytest

from clodura_pipeline.graph.resources import WorkingDatabase
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.erasure import compaction
from clodura_pipeline.warehouse.erasure.compaction import (
    NotCompacted,
    analysts_file_holds_removed_rows,
    execute_in_new_process,
    want_compaction,
)
from clodura_pipeline.warehouse.published.publication import PublicationError, publish, query_published
from clodura_pipeline.warehouse.tables.columns import PUBLISHED

MARK = "zqmarked"
STAYS = "Ann O'Neil"
ROWS = """
INSERT INTO rejected_contacts BY NAME SELECT 'a.csv' AS source_file, 1 AS source_row, ['one', 'it''s two'] AS reasons,
    '{"name": "STAYS"}'::JSON AS record;
INSERT INTO enriched_contacts BY NAME SELECT 'a' AS source, unnest(['1', '2']) AS contact_id,
    unnest(['STAYS', 'MARK']) AS email, TIMESTAMP '2026-11-22 10:00:00.123456' AS answered_at;
INSERT INTO unreadable_records BY NAME SELECT 'a.csv' AS source_file, 'MARK' AS reason;
""".replace("STAYS", STAYS.replace("'", "''")).replace("MARK", MARK)


@pytest.fixture
def database(tmp_path: Path) -> WorkingDatabase:
    made = WorkingDatabase(database=str(tmp_path / "state" / "working.duckdb"))
    with working_database(made) as connection:
        connection.execute(ROWS)
    return made


def rows(database: WorkingDatabase) -> list[Any]:
    with working_database(database) as connection:
        return [connection.execute(f"FROM analysts.{table.name}").fetchall() for table in PUBLISHED]


def remove(database: WorkingDatabase) -> None:
    with working_database(database) as connection:
        connection.execute("DELETE FROM enriched_contacts WHERE email = ?", [MARK])
        connection.execute("DELETE FROM unreadable_records WHERE reason = ?", [MARK])
        want_compaction(connection)


def holding(folder: Path, text: str) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def test_what_is_left_stays_as_it_was_and_what_was_removed_is_in_no_byte(
    database: WorkingDatabase, tmp_path: Path
) -> None:
    assert sorted(holding(tmp_path, MARK)) == ["analysts.duckdb", "working.duckdb"]
    remove(database)
    assert holding(tmp_path, MARK) == ["analysts.duckdb"]
    with working_database(database) as connection:
        assert publish(connection, tmp_path / "clodura.duckdb")
    assert holding(tmp_path, MARK) == []
    (contact,) = next(found for found in rows(database) if found and found[0][0] == "a")
    assert STAYS in contact
    with working_database(database) as connection:
        rejected = connection.execute("SELECT reasons, record::VARCHAR FROM rejected_contacts").fetchall()
        assert rejected == [(["one", "it's two"], f'{{"name": "{STAYS}"}}')]


@pytest.mark.parametrize("removed", [False, True])
def test_the_published_file_is_the_same_however_it_is_written(
    database: WorkingDatabase, tmp_path: Path, removed: bool
) -> None:
    if removed:
        with working_database(database) as connection:
            want_compaction(connection)
    out = tmp_path / "out" / "clodura.duckdb"
    with working_database(database) as connection:
        assert analysts_file_holds_removed_rows(connection) is removed
        assert publish(connection, out)
        shown = [query_published(out, f"FROM {table.name}") for table in PUBLISHED]
        ours = [connection.execute(f"FROM analysts.{table.name}").fetchall() for table in PUBLISHED]
    assert shown == ours
    commented = "SELECT count(*) FROM duckdb_columns() WHERE NOT internal AND comment IS NULL "
    commented += "AND table_name NOT IN (SELECT view_name FROM duckdb_views())"
    assert query_published(out, commented) == [(0,)]
    assert [file.name for file in out.parent.iterdir()] == ["clodura.duckdb"]


def test_what_a_killed_process_left_is_removed_by_the_next(database: WorkingDatabase, tmp_path: Path) -> None:
    left = tmp_path / "state" / ".working.duckdb.parquet"
    left.mkdir()
    (left / "enriched_contacts.parquet").write_text(MARK)
    (tmp_path / "state" / ".working.duckdb.new").write_text(MARK)
    remove(database)
    assert holding(tmp_path, MARK) == ["analysts.duckdb"]
    assert not left.exists()


def test_a_file_that_cannot_be_written_anew_says_so_loses_nothing_and_is_made_up_for(
    database: WorkingDatabase, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "state" / ".working.duckdb.new"
    in_the_way.mkdir()
    with pytest.raises(NotCompacted, match="may still stand in its file"):
        remove(database)
    in_the_way.rmdir()
    assert rows(database)
    assert holding(tmp_path, MARK) == ["analysts.duckdb"]


def test_a_file_that_cannot_be_published_stays_the_former_one(database: WorkingDatabase, tmp_path: Path) -> None:
    out = tmp_path / "clodura.duckdb"
    with working_database(database) as connection:
        publish(connection, out)
    former = out.read_bytes()
    remove(database)
    (tmp_path / ".clodura.duckdb.new").mkdir()
    with working_database(database) as connection, pytest.raises(PublicationError, match="is unchanged"):
        publish(connection, out)
    assert out.read_bytes() == former


@pytest.mark.parametrize(
    ("statement", "says"),
    [("ATTACH '/nowhere/at/all'", "Cannot open file.*nowhere"), ("SELECT 'Ann'::INTEGER", "^ConversionException$")],
)
def test_the_other_process_says_what_is_wrong_with_files_and_nothing_of_rows(
    tmp_path: Path, statement: str, says: str
) -> None:
    with pytest.raises(OSError, match=says):
        execute_in_new_process(["SELECT 1", statement], tmp_path)


def test_the_next_process_publishes_once_more_through_another_and_then_copies(
    database: WorkingDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(database)
    with working_database(database) as connection:
        assert publish(connection, tmp_path / "clodura.duckdb")
        assert analysts_file_holds_removed_rows(connection)
    monkeypatch.setattr(compaction, "_PROCESS_STARTED_AT", time.time())  # a process that starts now
    with working_database(database) as connection:
        assert analysts_file_holds_removed_rows(connection)
        assert publish(connection, tmp_path / "clodura.duckdb")
        assert not analysts_file_holds_removed_rows(connection)


def test_what_a_process_killed_while_publishing_left_is_removed_by_the_next(
    database: WorkingDatabase, tmp_path: Path
) -> None:
    left = tmp_path / "state" / ".analysts.duckdb.parquet"
    left.mkdir()
    (left / "enriched_contacts").write_text(MARK)
    remove(database)
    with working_database(database) as connection:
        assert publish(connection, tmp_path / "clodura.duckdb")
    assert not left.exists()
