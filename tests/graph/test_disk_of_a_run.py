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
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from project import TODAY, YESTERDAY, Project, failure_text

from clodura_pipeline.cli import main
from clodura_pipeline.graph.resources import WorkingDatabase
from clodura_pipeline.ledger.schema import _file_system
from clodura_pipeline.sandbox import Directory

HEADER = "contact_id,email\n"


@pytest.fixture
def bought(project: Project, directory: Directory) -> Project:
    """Forty people have answers and are published; forty more wait in a file of today."""
    for day, first in ((YESTERDAY, 0), (TODAY, 40)):
        rows = "".join(f"{n},{directory.people[n].email}\n" for n in range(first, first + 40))
        project.put(f"{day}/list.csv", HEADER + rows)
    assert project.run(YESTERDAY).success
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
    assert "nobody foresaw" not in said
    assert shown(project) == 40


def assert_made_up_for(project: Project) -> None:
    """The next run succeeds, everybody is published, and everybody was asked once."""
    result = project.run()
    assert result.success, failure_text(result)
    assert shown(project) == 80
    assert set(project.books().calls_by_contact().values()) == {1}
    assert project.asked == 80


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
        ("graph.assets.enrichment.set_pending_reasons", 10, ("Make room in CLODURA_STATE_DIR", "answers are in the ledger")),
        ("graph.assets.enrichment.bring_up_to_date", 1_000, ("The disk of CLODURA_STATE_DIR could not be used",)),
        ("graph.assets.publication.publish", 100_000, ("clodura.duckdb could not be written", "is unchanged. Make room")),
    ],
    ids=["working database", "ledger while projecting", "publishing"],
)
def test_a_disk_that_is_full_after_the_asking_loses_nothing(
    bought: Project, where: str, size: int, words: tuple[str, ...]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        fill_the_disk_at(patched, f"clodura_pipeline.{where}", size)
        assert_fails_saying(bought, *words)
    assert bought.asked == 80
    assert_made_up_for(bought)


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
    """A file of the state folder that is damaged, alone; then the one from the back-up again."""
    file = project.state / name
    beside = [*project.state.glob(f"{name}-*"), *project.state.glob(f"{name}.*")]
    for left in beside:
        left.unlink()
    kept = shutil.copy(file, project.folder / "back-up")
    DAMAGE[damage](file)
    yield file
    for left in project.state.glob(f"{name}*"):
        left.unlink()
    shutil.copy(kept, file)


def test_a_damaged_working_database_says_how_to_build_it_anew_and_it_is(bought: Project) -> None:
    for damage in DAMAGE:
        with damaged(bought, "working.duckdb", damage):
            assert_fails_saying(bought, "move working.duckdb and working.duckdb.wal out of CLODURA_STATE_DIR")
    assert bought.asked == 40
    (bought.state / "working.duckdb").unlink()
    assert_made_up_for(bought)


def test_a_damaged_ledger_beside_a_published_file_asks_nobody_until_it_is_restored(bought: Project) -> None:
    for damage in DAMAGE:
        words = "is new and empty, but" if damage == "empty" else "Restore the state folder from your back-up"
        with damaged(bought, "ledger.sqlite", damage) as ledger:
            assert_fails_saying(bought, words, str(ledger))
    assert bought.asked == 40
    assert_made_up_for(bought)


def test_a_state_folder_on_a_network_is_refused_before_anybody_is_asked(
    bought: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = bought.folder / "mounts"
    table.write_text(f"server:/x {bought.folder} nfs4 rw 0 0\n")
    monkeypatch.setattr(_file_system, "__defaults__", (table,))
    assert_fails_saying(bought, "Use a folder on a local disk", "nfs4")
    assert bought.asked == 40


def test_a_state_folder_that_is_none_names_the_setting(bought: Project) -> None:
    file = bought.folder / "a file"
    file.write_text("no folder")
    result = bought.run(state_dir=file)
    assert not result.success
    assert "CLODURA_STATE_DIR" in failure_text(result)
    assert bought.asked == 40


def test_forgetting_with_a_damaged_working_database_ends_in_words(bought: Project, directory: Directory) -> None:
    DAMAGE["truncated"](bought.state / "working.duckdb")
    folders = {"CLODURA_STATE_DIR": str(bought.state), "CLODURA_DATABASE": str(bought.database)}
    result = CliRunner().invoke(main, ["forget", "--yes", directory.people[0].email], env=folders)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)  # no traceback
    assert "move working.duckdb and working.duckdb.wal out of CLODURA_STATE_DIR" in result.output


_HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def test_somebody_elses_session_on_the_working_database_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "working.duckdb"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stranger:
        assert stranger.stdout
        assert stranger.stdin
        close = stranger.stdin.close
        stranger.stdout.readline()
        monkeypatch.setattr("clodura_pipeline.graph.resources._STRANGERS_LOCK_SECONDS", 0.0)
        with (
            pytest.raises(duckdb.IOException, match="Could not set lock"),
            WorkingDatabase(database=str(path)).get_connection(),
        ):
            pass
        monkeypatch.setattr("clodura_pipeline.graph.resources._STRANGERS_LOCK_SECONDS", 20.0)
        monkeypatch.setattr("clodura_pipeline.graph.resources.time.sleep", lambda _: close())
        with WorkingDatabase(database=str(path)).get_connection() as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
