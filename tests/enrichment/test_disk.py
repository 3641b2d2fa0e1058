"""Disk and database: the message says what to do, and a paid answer is not let go while room may be made."""

import os
import resource
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asking_process import Job, profile_of, register
from ledger_helpers import UNLIMITED, FakeClock, assert_books_agree, people_of_the_directory, rows, sums

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.enrichment.dispatcher import Outcome
from clodura_pipeline.enrichment.session import RunIdentity, open_session
from clodura_pipeline.ledger import Ledger, LedgerProblem, Totals
from clodura_pipeline.ledger.rules.clock import SystemClock
from clodura_pipeline.ledger.rules.policy import Budget, Policy
from clodura_pipeline.ledger.schema import SCHEMA_VERSION, _file_system, refuse_network_file_system
from clodura_pipeline.sandbox import Fault, Sandbox

Start = Callable[..., Sandbox]
QUICK = Policy(UNLIMITED, Budget(0), timeout_seconds=1.0, max_workers=3)
PEOPLE = people_of_the_directory(4, "person")


def opened(path: Path) -> Ledger:
    return Ledger(path, SystemClock(), profile_of)


def problem_of(path: Path) -> str:
    with pytest.raises(LedgerProblem) as caught:
        opened(path).close()
    return str(caught.value)


def made(path: Path) -> Path:
    """A ledger with somebody in it."""
    with opened(path) as ledger:
        register(ledger, people_of_the_directory(200))
    return path


# Full


def fill(ledger: Ledger) -> int:
    """Allow the file no page more than it has; the limit before."""
    connection = ledger._connection
    before = connection.execute("PRAGMA max_page_count").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return before


def run_on_a_full_disk(
    sandbox: Sandbox, path: Path, room_after: float | None, policy: Policy = QUICK
) -> tuple[list[Outcome], str]:
    """Ask while the disk is full; room is made after so many seconds, or never. The outcomes, or the error."""
    outcomes: list[Outcome] = []
    settings = ClientSettings(sandbox.base_url, "sandbox-key", 1.0, 3)
    clock = SystemClock()
    with Ledger(path, clock, profile_of) as ledger:
        questions = register(ledger, PEOPLE)
        try:
            with open_session(ledger, settings, RunIdentity("run", "run", 0), policy, clock) as session:
                before = fill(ledger)

                def make_room() -> None:
                    ledger._connection.execute(f"PRAGMA max_page_count = {before}")

                if room_after is not None:
                    threading.Timer(room_after, make_room).start()
                outcomes += session.ask([questions], lambda: None, 1.0)
        except LedgerProblem as problem:
            return outcomes, str(problem)
    return outcomes, ""


def test_a_paid_answer_waits_for_room_on_a_full_disk(start: Start, ledger_path: Path) -> None:
    # Answers of some hundred kB each: they need pages that the file does not have.
    sandbox = start(faults=(Fault("huge_body"),), huge_body_bytes=300_000)
    began = time.monotonic()
    outcomes, problem = run_on_a_full_disk(sandbox, ledger_path, room_after=1.0)
    assert problem == ""
    assert time.monotonic() - began >= 1.0
    assert [outcome.state for outcome in outcomes] == ["person"] * 4
    assert sandbox.books.wait_until_idle()
    assert assert_books_agree(ledger_path, sandbox.books.view()) == Totals(4, 0, 8, 0)
    assert min(row[0] for row in rows(ledger_path, "SELECT length(raw) FROM attempts")) > 300_000


def test_a_disk_that_stays_full_ends_the_run_in_words_and_lists_the_doubt(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.rules.policy.LEASE_MARGIN_SECONDS", 0.5)
    monkeypatch.setattr("clodura_pipeline.enrichment.caller._LONGEST_PATIENCE_SECONDS", 1.5)
    sandbox = start(faults=(Fault("huge_body"),), huge_body_bytes=300_000)
    outcomes, problem = run_on_a_full_disk(sandbox, ledger_path, None, replace(QUICK, timeout_seconds=0.5))
    assert outcomes == []
    assert "disk is full" in problem
    assert "Make room in CLODURA_STATE_DIR" in problem
    assert len(sandbox.books.view().enrich_calls) == 1  # nobody else was asked meanwhile
    with opened(ledger_path) as ledger:
        ledger.start_run("later", "later", 0)
    total = assert_books_agree(ledger_path, sandbox.books.view())
    assert (total.charged, total.at_risk) == (0, 2)


def test_a_paid_answer_waits_for_a_rival_that_keeps_the_ledger_locked_beyond_the_lease(
    start: Start, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.ledger.rules.policy.LEASE_MARGIN_SECONDS", 0.1)
    monkeypatch.setattr("clodura_pipeline.ledger.schema.BUSY_SECONDS", 0.2)
    sandbox = start(latency_seconds=0.4)
    policy = replace(QUICK, timeout_seconds=0.6)
    settings = ClientSettings(sandbox.base_url, "sandbox-key", policy.timeout_seconds, 1)
    clock = SystemClock()
    locked_at: list[float] = []
    with Ledger(ledger_path, clock, profile_of) as ledger:
        questions = register(ledger, PEOPLE[:1])

        def lock_until_the_lease_has_ended() -> None:
            until = time.monotonic() + 5
            while not sandbox.books.in_flight:
                assert time.monotonic() < until
                time.sleep(0.01)
            with closing(sqlite3.connect(ledger_path, isolation_level=None)) as rival:
                rival.execute("BEGIN IMMEDIATE")
                locked_at.append(time.monotonic())
                time.sleep(0.4 + 2 * policy.lease_seconds)

        with open_session(ledger, settings, RunIdentity("run", "run", 0), policy, clock) as session:
            locking = threading.Thread(target=lock_until_the_lease_has_ended)
            locking.start()
            (outcome,) = session.ask([questions], lambda: None, 1.0)
            locking.join()
            assert time.monotonic() - locked_at[0] > 2 * policy.lease_seconds
    assert outcome.state == "person"
    assert assert_books_agree(ledger_path, sandbox.books.view()) == Totals(1, 0, 2, 0)


def test_a_file_that_may_not_grow_is_a_problem_in_words(memory: Path) -> None:
    path = made(memory / "ledger.sqlite")
    child = os.fork()
    if child == 0:  # in a process of its own: the limit stays
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, path.stat().st_size))
        try:
            with opened(path) as ledger:
                ledger.register((f"{n}", f"email:{n}@x.example") for n in range(50_000))
        except LedgerProblem as problem:
            os._exit(0 if "CLODURA_STATE_DIR" in str(problem) else 1)
        except BaseException:  # noqa: BLE001
            os._exit(2)
        os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert rows(path, "SELECT count(*) FROM people")[0][0] == 200


# Not to be written, not to be read


def test_a_folder_that_cannot_be_written_says_which_setting_to_change(memory: Path) -> None:
    (memory / "file").write_text("no folder")
    for path in (memory / "file" / "ledger.sqlite", Path("/proc/clodura/ledger.sqlite")):
        assert "CLODURA_STATE_DIR" in problem_of(path)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_user_who_may_not_write_is_told_which_setting_to_change(memory: Path, what: str) -> None:
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
    with pytest.raises(LedgerProblem) as caught, opened(path) as ledger:
        ledger.register([("a", "email:somebody@x.example")])
    assert "Restore the state folder from your back-up" in str(caught.value)
    assert "do not delete it" in str(caught.value)
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
    made(path)
    assert sums(path) == Totals()


def test_a_ledger_locked_by_a_stranger_says_so(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(memory / "ledger.sqlite")
    monkeypatch.setattr("clodura_pipeline.ledger.schema.BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        assert "Another process kept it locked" in problem_of(path)
    made(path)


def test_what_an_interruption_left_open_is_rolled_back(memory: Path) -> None:
    with opened(memory / "ledger.sqlite") as ledger:
        ledger._connection.execute("BEGIN IMMEDIATE")
        ledger._connection.execute("INSERT INTO undated_files VALUES ('half', 'done')")
        ledger.register([("a", "email:a")])
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


def test_a_network_file_system_is_refused_in_words(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = memory / "mounts"
    table.write_text(f"server:/x {memory} nfs4 rw 0 0\n")
    monkeypatch.setattr(_file_system, "__defaults__", (table,))
    with pytest.raises(LedgerProblem, match="Use a folder on a local disk"):
        refuse_network_file_system(memory / "state")
    assert "nfs4" in problem_of(memory / "state" / "ledger.sqlite")
    assert not (memory / "state").exists()


# One world


def test_answers_of_the_sandbox_and_of_the_live_api_are_never_mixed(start: Start, memory: Path) -> None:
    path, sandbox = memory / "ledger.sqlite", start()
    clock: Any = FakeClock()
    with Ledger(path, clock, profile_of) as ledger:
        ledger.enter_world(loopback=False)
        ledger.enter_world(loopback=False)
        settings = ClientSettings(sandbox.base_url, "sandbox-key", 1.0, 3)
        with (
            pytest.raises(LedgerProblem, match="CLODURA_BASE_URL points to the sandbox"),
            open_session(ledger, settings, RunIdentity("run", "run", 0), QUICK, clock),
        ):
            pass
    assert sandbox.books.calls == ()
    assert Job(sandbox.base_url, path, PEOPLE).api_key == "sandbox-key"
