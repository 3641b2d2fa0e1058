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

import dagster as dg
import duckdb
import psutil
import pytest
from click.testing import CliRunner
from project import TODAY, YESTERDAY, Project

from clodura_pipeline.cli import main
from clodura_pipeline.graph.failures import failing_with_message
from clodura_pipeline.graph.resources import WorkingDatabase
from clodura_pipeline.ledger.engines.sqlite import _file_system
from clodura_pipeline.sandbox import Sandbox, SandboxOptions, build_directory

HEADER = "contact_id,email\n"
WAITING = build_directory().people[40:80]
REBUILD = "move working.duckdb, analysts.duckdb and any .wal beside them out of CLODURA_STATE_DIR"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder in which forty people have answers and are published; forty more wait in a file of today."""
    with Sandbox() as sandbox:
        project = Project(tmp_path_factory.mktemp("published"), sandbox, dg.DagsterInstance.ephemeral)
        for day, people in ((YESTERDAY, sandbox.directory.people[:40]), (TODAY, WAITING)):
            rows = "".join(f"{person.person_id},{person.email}\n" for person in people)
            project.put(f"{day}/list.csv", HEADER + rows)
        project.enrich(YESTERDAY)
        assert project.call_count == 40
    return project


@pytest.fixture
def paid(published: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of `published`, with a sandbox that has seen no call yet."""
    shutil.copytree(published.folder, tmp_path, dirs_exist_ok=True)
    with Sandbox(SandboxOptions(starting_balance=published.sandbox.call_log.balance)) as sandbox:
        yield Project(tmp_path, sandbox, dg.DagsterInstance.ephemeral)


def shown(project: Project) -> int:
    """Contacts in the published file that have an answer."""
    statuses = project.query("SELECT match_status, count(*) FROM enriched_contacts GROUP BY 1")
    return sum(count for status, count in statuses if status in ("person", "organisation", "no_match"))


def assert_fails_saying(project: Project, *words: str, **changes: Any) -> None:
    """Today's run fails in words, within seconds; the published file is as it was."""
    began = time.monotonic()
    with pytest.raises(dg.Failure) as failed, failing_with_message():
        project.enrich(**changes)
    assert time.monotonic() - began < 15
    said = failed.value.description or ""
    for each in words:
        assert each in said
    assert "nexpected error" not in said
    assert shown(project) == 40


def assert_made_up_for(project: Project) -> None:
    """The next run succeeds, everybody is published, and everybody was asked once."""
    project.enrich()
    assert shown(project) == 80
    calls = project.call_log().calls_by_contact()
    assert len(calls) == len(WAITING)
    assert set(calls.values()) == {1}


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


FULL_WHILE = {
    "resources.build_analyst_tables": (1_000, ("The disk of CLODURA_STATE_DIR could not be used",)),  # in the ledger
    "assets.enrichment.store_pending_reasons": (10, ("Free space in CLODURA_STATE_DIR", "all are in the ledger")),
    "resources.publish": (100_000, ("published file could not be written", "is unchanged", "Free space")),
}


@pytest.mark.parametrize("target", FULL_WHILE)
def test_a_disk_that_is_full_after_the_calls_loses_nothing(
    paid: Project, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    size, words = FULL_WHILE[target]
    with monkeypatch.context() as patched:
        fill_the_disk_at(patched, f"clodura_pipeline.graph.{target}", size)
        assert_fails_saying(paid, *words)
    assert paid.call_count == 40
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


def test_a_damaged_file_of_the_state_folder_stops_runs_before_the_calls_until_it_is_replaced(paid: Project) -> None:
    """The ledger is restored from a backup; the working database is built again."""
    for damage in DAMAGE:
        with damaged(paid, "working.duckdb", damage):
            assert_fails_saying(paid, REBUILD)
        with damaged(paid, "ledger.sqlite", damage) as ledger:
            # An empty one beside a published file is taken for a new one.
            assert_fails_saying(paid, "is new and empty, but" if damage == "empty" else "backup", str(ledger))
    assert paid.call_count == 0
    (paid.state / "working.duckdb").unlink()
    assert_made_up_for(paid)


def test_a_state_folder_on_a_network_is_refused_before_anybody_is_asked(
    paid: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = paid.folder / "mounts"
    table.write_text(f"server:/x {paid.folder} nfs4 rw 0 0\n")
    monkeypatch.setattr(_file_system, "__defaults__", (table,))
    assert_fails_saying(paid, "Use a folder on a local disk", "nfs4")
    assert paid.call_count == 0


def test_a_state_folder_that_is_none_names_the_setting(paid: Project) -> None:
    file = paid.folder / "a file"
    file.write_text("no folder")
    assert_fails_saying(paid, "CLODURA_STATE_DIR", state_dir=file)
    assert paid.call_count == 0


def test_forgetting_with_a_damaged_working_database_ends_in_words(paid: Project) -> None:
    DAMAGE["truncated"](paid.state / "working.duckdb")
    folders = {"CLODURA_STATE_DIR": str(paid.state), "CLODURA_DATABASE": str(paid.database)}
    result = CliRunner().invoke(main, ["forget", "--yes", WAITING[0].email], env=folders)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)  # no traceback
    assert REBUILD in result.output


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
