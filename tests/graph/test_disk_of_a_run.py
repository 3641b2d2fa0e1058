"""Disk and files of a whole run: what is said, that nobody is asked twice, and that the next run makes up for it."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import psutil
import pytest
from click.testing import CliRunner
from project import TODAY, YESTERDAY, Project, failure_text

from clodura_pipeline.cli import main
from clodura_pipeline.graph.resources import WorkingDatabase
from clodura_pipeline.ledger.engines.sqlite import _file_system
from clodura_pipeline.sandbox import Directory

HEADER = "contact_id,email\n"


@pytest.fixture
def paid(project: Project, directory: Directory) -> Project:
    """Forty people have answers and are published; forty more wait in a file of today."""
    for day, first in ((YESTERDAY, 0), (TODAY, 40)):
        rows = "".join(f"{n},{directory.people[n].email}\n" for n in range(first, first + 40))
        project.put(f"{day}/list.csv", HEADER + rows)
    project.enrich(YESTERDAY)
    return project


def shown(project: Project) -> int:
    """Contacts in the published file that have an answer."""
    statuses = project.query("SELECT match_status, count(*) FROM enriched_contacts GROUP BY 1")
    return sum(count for status, count in statuses if status in ("person", "organisation", "no_match"))


def assert_fails_saying(project: Project, *words: str) -> None:
    """Today's run fails in words, within seconds; the published file is as it was."""
    began = time.monotonic()
    result = project.run()
    assert time.monotonic() - began < 15
    assert not result.success
    said = failure_text(result)
    for each in words:
        assert each in said
    assert "nexpected error" not in said
    assert shown(project) == 40


def assert_made_up_for(project: Project) -> None:
    """The next run succeeds, everybody is published, and everybody was asked once."""
    project.enrich()
    assert shown(project) == 80
    assert set(project.call_log().calls_by_contact().values()) == {1}
    assert project.call_count == 80


@contextlib.contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """As on a full disk; the limit is of the process and of those it starts."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill_the_disk_at(monkeypatch: pytest.MonkeyPatch, target: str, size: int) -> None:
    """No file may grow beyond a size while a function runs."""
    module, name = target.rsplit(".", 1)
    real: Callable[..., Any] = getattr(__import__(module, fromlist=[name]), name)

    def limited(*args: Any, **kwargs: Any) -> Any:
        with no_file_grows_beyond(size):
            return real(*args, **kwargs)

    monkeypatch.setattr(target, limited)


@pytest.mark.parametrize(
    ("where", "size", "words"),
    [
        (
            "graph.assets.enrichment.store_pending_reasons",
            10,
            ("Free space in CLODURA_STATE_DIR", "all are in the ledger"),
        ),
        ("graph.resources.build_analyst_tables", 1_000, ("The disk of CLODURA_STATE_DIR could not be used",)),
        (
            "graph.resources.publish",
            100_000,
            ("published file could not be written", "is unchanged", "Free space"),
        ),
    ],
    ids=["working database", "ledger while projecting", "publishing"],
)
def test_a_disk_that_is_full_after_the_asking_loses_nothing(
    paid: Project, where: str, size: int, words: tuple[str, ...]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        fill_the_disk_at(patched, f"clodura_pipeline.{where}", size)
        assert_fails_saying(paid, *words)
    assert paid.call_count == 80
    assert_made_up_for(paid)


def overwrite(path: Path, start: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:start] + b"\xa5" * (len(content) - start))


DAMAGE: dict[str, Callable[[Path], None]] = {
    "header": lambda path: overwrite(path, 0),
    "pages": lambda path: overwrite(path, 12_288),
    "truncated": lambda path: os.truncate(path, 20_000),
    "empty": lambda path: os.truncate(path, 0),
}


@contextlib.contextmanager
def damaged(project: Project, name: str, damage: str) -> Iterator[Path]:
    """A file of the state folder that is damaged, alone; then the one from the backup again."""
    file = project.state / name
    beside = [*project.state.glob(f"{name}-*"), *project.state.glob(f"{name}.*")]
    for left in beside:
        left.unlink()
    kept = shutil.copy(file, project.folder / "copy")
    DAMAGE[damage](file)
    yield file
    for left in project.state.glob(f"{name}*"):
        left.unlink()
    shutil.copy(kept, file)


def test_a_damaged_working_database_says_how_to_rebuild_it_and_is_rebuilt(paid: Project) -> None:
    for damage in DAMAGE:
        with damaged(paid, "working.duckdb", damage):
            assert_fails_saying(
                paid, "move working.duckdb, analysts.duckdb and any .wal beside them out of CLODURA_STATE_DIR"
            )
    assert paid.call_count == 40
    (paid.state / "working.duckdb").unlink()
    assert_made_up_for(paid)


def test_a_damaged_ledger_beside_a_published_file_asks_nobody_until_it_is_restored(paid: Project) -> None:
    for damage in DAMAGE:
        words = "is new and empty, but" if damage == "empty" else "backup"
        with damaged(paid, "ledger.sqlite", damage) as ledger:
            assert_fails_saying(paid, words, str(ledger))
    assert paid.call_count == 40
    assert_made_up_for(paid)


def test_a_state_folder_on_a_network_is_refused_before_anybody_is_asked(
    paid: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = paid.folder / "mounts"
    table.write_text(f"server:/x {paid.folder} nfs4 rw 0 0\n")
    monkeypatch.setattr(_file_system, "__defaults__", (table,))
    assert_fails_saying(paid, "Use a folder on a local disk", "nfs4")
    assert paid.call_count == 40


def test_a_state_folder_that_is_none_names_the_setting(paid: Project) -> None:
    file = paid.folder / "a file"
    file.write_text("no folder")
    result = paid.run(state_dir=file)
    assert not result.success
    assert "CLODURA_STATE_DIR" in failure_text(result)
    assert paid.call_count == 40


def test_forgetting_with_a_damaged_working_database_ends_in_words(paid: Project, directory: Directory) -> None:
    DAMAGE["truncated"](paid.state / "working.duckdb")
    folders = {"CLODURA_STATE_DIR": str(paid.state), "CLODURA_DATABASE": str(paid.database)}
    result = CliRunner().invoke(main, ["forget", "--yes", directory.people[0].email], env=folders)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)  # no traceback
    assert "move working.duckdb, analysts.duckdb and any .wal beside them out of CLODURA_STATE_DIR" in result.output


_HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def test_another_programs_session_on_the_working_database_is_awaited_and_then_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "working.duckdb"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdin
        close = other.stdin.close
        other.stdout.readline()
        monkeypatch.setattr("clodura_pipeline.graph.resources.FOREIGN_LOCK_SECONDS", 0.0)
        with (
            pytest.raises(duckdb.IOException, match="Could not set lock"),
            WorkingDatabase(database=str(path)).get_connection(),
        ):
            pass
        monkeypatch.setattr("clodura_pipeline.graph.resources.FOREIGN_LOCK_SECONDS", 20.0)
        monkeypatch.setattr("clodura_pipeline.graph.resources.time.sleep", lambda _: close())
        with WorkingDatabase(database=str(path)).get_connection() as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_run_has_the_working_database_open_only_while_it_works_on_it(tmp_path: Path) -> None:
    """Also after an error, of which nothing is stored."""
    database = WorkingDatabase(database=str(tmp_path / "working.duckdb"))
    run: Any = SimpleNamespace()

    def held() -> list[str]:
        return [file.path for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path))]

    with database.yield_for_execution(run):
        with database.get_connection() as connection:
            connection.execute("CREATE TABLE found AS SELECT 1 AS number")
            assert held()
        assert held() == []
        assert [file.name for file in tmp_path.iterdir()] == ["working.duckdb"]
        with pytest.raises(KeyError), database.get_connection() as connection:
            connection.execute("BEGIN")
            connection.execute("INSERT INTO found VALUES (2)")
            raise KeyError
        assert held() == []
        with database.get_connection() as connection:
            assert connection.execute("FROM found").fetchall() == [(1,)]
