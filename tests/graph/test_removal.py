"""What was removed leaves the files too: the working database and the published file are written again as a whole."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
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
from clodura_pipeline.warehouse.published.publication import PublicationError, publish
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


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with rows, some of which are marked."""
    folder = tmp_path_factory.mktemp("filled")
    with working_database(WorkingDatabase(database=str(folder / "working.duckdb"))) as connection:
        connection.execute(ROWS)
    return folder


@pytest.fixture
def database(filled: Path, tmp_path: Path) -> WorkingDatabase:
    return copy_of(filled, tmp_path)


def copy_of(filled: Path, folder: Path) -> WorkingDatabase:
    shutil.copytree(filled, folder / "state")
    return WorkingDatabase(database=str(folder / "state" / "working.duckdb"))


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


@dataclass(frozen=True)
class Removal:
    """What one removal left, with the files of killed processes beside it: published, and again by the next process."""

    before: list[str]  # files that hold what was removed
    after_removal: list[str]
    after_publication: list[str]
    rows: list[Any]
    rejected: list[tuple[Any, ...]]
    may_hold_removed_rows: list[bool]  # before, then after each publication, and when the next process starts
    published: Path
    left_by_killed_processes: list[Path]


@pytest.fixture(scope="module")
def removal(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Removal]:
    folder = tmp_path_factory.mktemp("removal")
    database, published = copy_of(filled, folder), folder / "out" / "clodura.duckdb"
    left = [folder / "state" / name for name in (".working.duckdb.parquet", ".analysts.duckdb.parquet")]
    before = sorted(holding(folder, MARK))
    for each in left:
        each.mkdir()
        (each / "enriched_contacts.parquet").write_text(MARK)
    (folder / "state" / ".working.duckdb.new").write_text(MARK)
    remove(database)
    after_removal = sorted(holding(folder, MARK))

    may_hold = []
    with working_database(database) as connection:
        may_hold.append(analysts_file_holds_removed_rows(connection))
        assert publish(connection, published)
        may_hold.append(analysts_file_holds_removed_rows(connection))
        rejected = connection.execute("SELECT reasons, record::VARCHAR FROM rejected_contacts").fetchall()
    after_publication = holding(folder, MARK)
    with pytest.MonkeyPatch.context() as patch, working_database(database) as connection:
        patch.setattr(compaction, "_PROCESS_STARTED_AT", time.time())  # a process that starts now
        may_hold.append(analysts_file_holds_removed_rows(connection))
        assert publish(connection, published)
        may_hold.append(analysts_file_holds_removed_rows(connection))
    yield Removal(before, after_removal, after_publication, rows(database), rejected, may_hold, published, left)


def test_what_is_left_stays_as_it_was_and_what_was_removed_is_in_no_byte(removal: Removal) -> None:
    assert removal.before == ["analysts.duckdb", "working.duckdb"]
    assert "working.duckdb" not in removal.after_removal
    assert removal.after_publication == []
    (contact,) = next(found for found in removal.rows if found and found[0][0] == "a")
    assert STAYS in contact
    assert removal.rejected == [(["one", "it's two"], f'{{"name": "{STAYS}"}}')]


def test_what_killed_processes_left_is_removed_by_the_next(removal: Removal) -> None:
    assert removal.after_removal == ["analysts.duckdb", "enriched_contacts.parquet"]  # both until it is published
    assert not [left for left in removal.left_by_killed_processes if left.exists()]


def test_the_next_process_publishes_once_more_through_another_and_then_copies(removal: Removal) -> None:
    assert removal.may_hold_removed_rows == [True, True, True, False]


def test_the_published_file_is_the_same_however_it_is_written(
    removal: Removal, database: WorkingDatabase, tmp_path: Path
) -> None:
    copied = tmp_path / "out" / "clodura.duckdb"
    with working_database(database) as connection:
        assert not analysts_file_holds_removed_rows(connection)
        assert publish(connection, copied)
    commented = "SELECT count(*) FROM duckdb_columns() WHERE NOT internal AND comment IS NULL "
    commented += "AND table_name NOT IN (SELECT view_name FROM duckdb_views())"
    for out, ours in ((copied, rows(database)), (removal.published, removal.rows)):
        with duckdb.connect(out, read_only=True) as shown:
            assert [shown.execute(f"FROM {table.name}").fetchall() for table in PUBLISHED] == ours
            assert shown.execute(commented).fetchall() == [(0,)]
        assert [file.name for file in out.parent.iterdir()] == ["clodura.duckdb"]


def test_a_file_that_cannot_be_written_again_says_so_loses_nothing_and_is_made_up_for(
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
