"""The ledger's file: when it cannot be used, the message says what to do, and the file stays as it is."""

import os
import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from clocks import FakeClock
from dispatch_process import Job
from ledger_checks import rows, sums
from manual_run import UNLIMITED
from requests_of_tests import FORM, people_of_the_directory, request_for

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.enrichment.session import open_session
from clodura_pipeline.ledger import Ledger, LedgerError, Permit, Totals
from clodura_pipeline.ledger.engines.schema import SCHEMA_VERSION
from clodura_pipeline.ledger.engines.sqlite import SqliteDatabase, _file_system, refuse_network_file_system
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Policy, Run
from clodura_pipeline.sandbox import Sandbox

Start = Callable[..., Sandbox]
QUICK = Policy(UNLIMITED, Budget(0), timeout_seconds=1.0, max_workers=3)
PEOPLE = people_of_the_directory(4, "person")


def opened(path: Path) -> Ledger:
    return Ledger(path, Clock(), FORM)


def problem_of(path: Path) -> str:
    with pytest.raises(LedgerError) as caught:
        opened(path).close()
    return str(caught.value)


def permit(ledger: Ledger, person: Identifiers) -> None:
    """Permit a call for a person, who enters the ledger with it."""
    run = ledger.start_run(Run("run", "run", 0))
    assert isinstance(ledger.permit(request_for(person), run, QUICK), Permit)


def made(path: Path) -> Path:
    """A ledger with 200 people in it."""
    with opened(path) as ledger:
        for person in people_of_the_directory(200):
            permit(ledger, person)
    return path


def test_a_file_that_may_not_grow_says_which_setting_to_change(memory: Path) -> None:
    path = made(memory / "ledger.sqlite")
    child = os.fork()
    if child == 0:  # in a process of its own: the limit stays
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, path.stat().st_size))
        try:
            with opened(path) as ledger:
                for number in range(50_000):
                    permit(ledger, Identifiers(email=f"{number}@x.example"))
                    (memory / "permitted").write_text(str(number + 1))
        except LedgerError as error:
            os._exit(0 if "CLODURA_STATE_DIR" in str(error) else 1)
        except BaseException:  # noqa: BLE001
            os._exit(2)
        os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    permitted = int((memory / "permitted").read_text())
    assert rows(path, "SELECT count(*) FROM people")[0][0] == 200 + permitted
    assert audit_ledger(path).sound


# Not to be written, not to be read


def test_a_folder_that_cannot_be_written_says_which_setting_to_change(memory: Path) -> None:
    (memory / "file").write_text("no folder")
    for path in (memory / "file" / "ledger.sqlite", Path("/proc/clodura/ledger.sqlite")):
        assert "CLODURA_STATE_DIR" in problem_of(path)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_user_who_may_not_write_learns_which_setting_to_change(memory: Path, what: str) -> None:
    path = made(memory / "state" / "ledger.sqlite")
    memory.chmod(0o755)
    locked = path.parent if what == "folder" else path
    locked.chmod(0o555 if what == "folder" else 0o444)
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65_534)  # permission bits do not bind root
            message = problem_of(path)
        except BaseException:  # noqa: BLE001
            os._exit(2)
        os._exit(0 if "CLODURA_STATE_DIR" in message and "write" in message else 1)
    _, status = os.waitpid(child, 0)
    path.parent.chmod(0o755)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("damage", ["not a database", "header", "middle"])
def test_a_damaged_ledger_says_to_restore_it_and_is_left_as_it_is(memory: Path, damage: str) -> None:
    path = made(memory / "ledger.sqlite")
    content = bytearray(path.read_bytes())
    if damage == "not a database":
        content = bytearray(b"something else entirely " * 500)
    elif damage == "header":
        content[:100] = b"\xff" * 100
    else:
        for page in range(1, len(content) // 4096):  # all but the schema
            content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(LedgerError) as caught, opened(path) as ledger:
        permit(ledger, Identifiers(email="ada@x.example"))
    assert "Restore the state folder from your backup" in str(caught.value)
    assert "do not delete the file" in str(caught.value)
    assert path.read_bytes() == bytes(content)


def test_a_newer_ledger_is_refused_unchanged_with_its_version(memory: Path) -> None:
    path = made(memory / "ledger.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    message = problem_of(path)
    assert f"version {SCHEMA_VERSION + 1}" in message
    assert "Install that version" in message
    assert rows(path, "PRAGMA user_version")[0][0] == SCHEMA_VERSION + 1


def test_an_empty_file_is_a_new_ledger(memory: Path) -> None:
    path = memory / "ledger.sqlite"
    path.touch()
    opened(path).close()
    assert sums(path) == Totals()


def test_a_ledger_locked_by_another_process_says_so(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(memory / "ledger.sqlite")
    monkeypatch.setattr("clodura_pipeline.ledger.engines.sqlite.BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "Another process kept it locked" in problem_of(path)
    opened(path).close()


def test_what_an_interruption_left_open_is_rolled_back(memory: Path) -> None:
    with opened(memory / "ledger.sqlite") as ledger:
        assert isinstance(ledger.database, SqliteDatabase)
        ledger.database._connection.execute("BEGIN IMMEDIATE")
        ledger.database._connection.execute("INSERT INTO undated_files VALUES ('half', 'done')")
        permit(ledger, Identifiers(email="a@x.example"))
    assert rows(memory / "ledger.sqlite", "SELECT * FROM undated_files") == []


# Network file systems


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("/dev/sda1 / ext4 rw 0 0\n", "ext4"),
        ("/dev/sda1 / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n", "nfs4"),
        ("server:/x /data nfs rw 0 0\n/dev/sda1 /data/state ext4 rw 0 0\n", "ext4"),
        ("server:/x /dat nfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n", "ext4"),
        ("/dev/sda1 / ext4 rw 0 0\n//server/share /data/state cifs rw 0 0\n", "cifs"),
        ("tmpfs /data/state tmpfs rw 0 0\nserver:/x /data/state nfs rw 0 0\n", "nfs"),
        ("sshfs /data fuse.sshfs rw 0 0\nbroken line\n\n", "fuse.sshfs"),
        ("", ""),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(memory: Path, mounts: str, kind: str) -> None:
    table = memory / "mounts"
    table.write_text(mounts)
    assert _file_system(Path("/data/state"), table) == kind


def test_a_mount_with_a_space_in_its_name_is_found(memory: Path) -> None:
    table = memory / "mounts"
    table.write_text("/dev/sda1 / ext4 rw 0 0\nserver:/x /my\\040data nfs rw 0 0\n")
    assert _file_system(Path("/my data/state"), table) == "nfs"
    assert _file_system(Path("/my data/state"), memory / "none") == ""


def test_a_network_file_system_is_refused_with_its_remedy(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = memory / "mounts"
    table.write_text(f"server:/x {memory} nfs4 rw 0 0\n")
    monkeypatch.setattr(_file_system, "__defaults__", (table,))
    with pytest.raises(LedgerError, match="Use a folder on a local disk"):
        refuse_network_file_system(memory / "state")
    assert "nfs4" in problem_of(memory / "state" / "ledger.sqlite")
    assert not (memory / "state").exists()


# One environment


def test_answers_of_the_sandbox_and_of_the_live_api_are_never_mixed(start: Start, memory: Path) -> None:
    path, sandbox = memory / "ledger.sqlite", start()
    clock: Any = FakeClock()
    with Ledger(path, clock, FORM) as ledger:
        ledger.bind_environment(loopback=False)
        ledger.bind_environment(loopback=False)
        settings = ClientSettings(sandbox.base_url, "sandbox-key", 1.0, 3)
        with (
            pytest.raises(LedgerError, match="CLODURA_BASE_URL points to a sandbox"),
            open_session(ledger, settings, Run("run", "run", 0), QUICK, clock),
        ):
            pass
    assert sandbox.call_log.calls == ()
    assert Job(sandbox.base_url, path, PEOPLE).api_key == "sandbox-key"
