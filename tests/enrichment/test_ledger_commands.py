"""`clodura-pipeline ledger`: what is wrong is found and said, copies are whole, looking changes nothing."""

import multiprocessing
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from ledger_helpers import Desk, FakeClock, rows

from clodura_pipeline.cli import main
from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.ledger import FILE_NAME, Ledger, audit_file

OUTCOMES = ("person", "organisation", "no_match", "refused", "ambiguous", "unrecognised", "unavailable")
STATED = Verdict(State.NO_MATCH, "ok", Next.GO_ON, 1, cost_basis="stated")


def open_ledger(path: Path) -> Ledger:
    return Ledger(path, FakeClock(), lambda _: None)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which everything has happened once, closed."""
    path = tmp_path_factory.mktemp("original") / FILE_NAME
    clock = FakeClock()
    with Ledger(path, clock, lambda _: None) as ledger:
        desk = Desk(ledger, clock)
        for outcome in OUTCOMES:
            desk.asked(f"{outcome}-somebody", outcome)
        desk.settle(desk.granted("stated-somebody"), STATED)
        ledger.withdraw(desk.granted("withdrawn-somebody").attempt_id, "connection_refused")
        clock.go_on(86_400)
        desk.asked("person-of-the-next-day", "person")
        desk.granted("under-way-somebody")
        ledger.register([("a", "em:a@x.example"), ("b", "em:b@x.example")])
        ledger.register([("c", "em:a@x.example"), ("c", "em:b@x.example")])
        ledger.forget(["email:refused-somebody@x.example"])
    return path


@pytest.fixture
def state(original: Path, tmp_path: Path) -> Path:
    """A state folder with a copy of it."""
    folder = tmp_path / "state"
    folder.mkdir()
    shutil.copy(original, folder / FILE_NAME)
    return folder


def clodura(state: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["ledger", *map(str, arguments)], env={"CLODURA_STATE_DIR": str(state)})


def plant(state: Path, change: str) -> None:
    with closing(sqlite3.connect(state / FILE_NAME)) as connection, connection:
        connection.executescript(change)


def test_a_sound_ledger_is_called_sound_and_its_books_are_shown(state: Path) -> None:
    result = clodura(state, "check")
    assert result.exit_code == 0, result.output
    for told in ("Sound", "6 charged, 2 reserved, 4 at risk", "10 (", "2026-11-22", "2026-11-23", "1 forgotten"):
        assert told in result.output
    assert "somebody" not in result.output


PLANTED = {
    "a total that is off": ("UPDATE totals SET charged_credits = charged_credits + 1 WHERE scope = 'all'", "all"),
    "a total that is gone": ("DELETE FROM totals WHERE scope LIKE 'day:%'", "day:2026-11-22"),
    "a total of nothing": ("INSERT INTO totals VALUES ('run:ghost', 1, 0, 0, 0)", "run:ghost"),
    "a call that is gone": ("DELETE FROM attempts WHERE id = 1", "sum over its attempts"),
    "a chain of aliases": (
        "UPDATE people SET alias_of = 3 WHERE alias_of IS NOT NULL; "
        "UPDATE people SET alias_of = 2 WHERE person_key = 3",
        "never another alias",
    ),
    "an alias of a younger key": ("UPDATE people SET alias_of = 5 WHERE person_key = 4", "the older key"),
    "an identifier of nobody": ("INSERT INTO identifiers VALUES ('em:ghost', 999)", "identifier leads to a person"),
    "a call of nobody": ("UPDATE attempts SET person_key = 999 WHERE id = 1", "refers to rows that are there"),
    "a call of no run": ("UPDATE attempts SET run_id = 'ghost' WHERE id = 1", "refers to rows that are there"),
    "an unknown state": ("UPDATE attempts SET state = 'maybe' WHERE id = 1", "known state"),
    "a reservation that stayed": ("UPDATE attempts SET reserved_credits = 2 WHERE id = 1", "reserved"),
    "a reservation that is missing": ("UPDATE attempts SET reserved_credits = 0 WHERE state = 'sent'", "reserved"),
    "a miss that cost": ("UPDATE attempts SET charged_credits = 2 WHERE state = 'refused'", "what its state says"),
    "a person for nothing": ("UPDATE attempts SET charged_credits = 0 WHERE state = 'person'", "what its state says"),
    "an answer at risk": ("UPDATE attempts SET at_risk_credits = 2 WHERE state = 'person'", "only a doubt is at risk"),
    "a doubt for free": (
        "UPDATE attempts SET at_risk_credits = 0 WHERE state = 'ambiguous'",
        "only a doubt is at risk",
    ),
    "a negative cost": ("UPDATE attempts SET charged_credits = -2 WHERE id = 1", "negative"),
    "an answer at no time": ("UPDATE attempts SET answered_at = NULL WHERE state = 'person'", "has a time"),
    "a person bought twice": (
        "UPDATE attempts SET person_key = 1 WHERE id = (SELECT max(id) FROM attempts WHERE state = 'person')",
        "as if they had none",
    ),
    "a person asked twice at once": (
        "UPDATE attempts SET state = 'sent', reserved_credits = 2, charged_credits = 0, at_risk_credits = 0, "
        "person_key = (SELECT person_key FROM attempts WHERE state = 'sent') WHERE id = 2",
        "asked twice at once",
    ),
    "a change from the future": ("UPDATE people SET sequence = 9999 WHERE person_key = 2", "sequence"),
    "somebody erased who is back": (
        "INSERT INTO identifiers SELECT 'em:back', person_key FROM people WHERE forgotten_at IS NOT NULL",
        "people who were erased",
    ),
}


@pytest.mark.parametrize("change", PLANTED)
def test_every_planted_corruption_is_found(state: Path, change: str) -> None:
    statement, told = PLANTED[change]
    plant(state, statement)
    result = clodura(state, "check")
    assert result.exit_code == 1
    assert "WRONG" in result.output
    assert told in result.output


def garble(state: Path) -> None:
    file = state / FILE_NAME
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):  # the b-tree headers behind the schema
        content[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    file.write_bytes(content)


def unlink_an_index_entry(state: Path) -> None:
    with closing(sqlite3.connect(state / FILE_NAME)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '(person_key)', '(run_id)') WHERE name = 'attempts_by_person'"
        )


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no database": lambda state: (state / FILE_NAME).write_bytes(b"what somebody saved here by mistake" * 200),
    "cut short": lambda state: (state / FILE_NAME).write_bytes((state / FILE_NAME).read_bytes()[:20_000]),
    "pages overwritten": garble,
    "an index that lies": unlink_an_index_entry,
    "empty": lambda state: (state / FILE_NAME).write_bytes(b""),
    "of a later version": lambda state: plant(state, "PRAGMA user_version = 99"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("command", ["check", "backup"])
def test_a_damaged_file_gets_a_clear_sentence_and_no_traceback(state: Path, damage: str, command: str) -> None:
    DAMAGE[damage](state)
    result = clodura(state, command, *([state / "copy.sqlite"] if command == "backup" else []))
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert any(word in result.output for word in ("damaged", "no ledger", "newer than this program", "do not add up"))


def test_a_missing_ledger_is_said_to_be_missing_and_is_not_made(tmp_path: Path) -> None:
    for command in (["check"], ["backup", tmp_path / "copy"], ["export", tmp_path / "tables"]):
        result = clodura(tmp_path / "state", *command)
        assert result.exit_code == 1
        assert "There is no ledger" in result.output
    assert list(tmp_path.iterdir()) == []


def test_looking_changes_nothing(state: Path) -> None:
    before = (state / FILE_NAME).read_bytes()
    assert clodura(state, "check").exit_code == 0
    assert clodura(state, "backup", state / "copy").exit_code == 0
    assert clodura(state, "export", state / "tables").exit_code == 0
    assert (state / FILE_NAME).read_bytes() == before


def test_a_backup_is_one_private_file_that_can_take_the_ledgers_place(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    result = clodura(state, "backup", target)
    assert result.exit_code == 0, result.output
    assert "To restore it" in result.output
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.move(target, restored / FILE_NAME)
    before, after = audit_file(state / FILE_NAME), audit_file(restored / FILE_NAME)
    assert before == after
    with open_ledger(restored / FILE_NAME) as ledger:
        assert ledger.totals().charged == before.charged
    assert list(tmp_path.glob(".*")) == []


def test_a_backup_overwrites_nothing(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "last-weeks-copy.sqlite"
    target.write_bytes(b"precious")
    result = clodura(state, "backup", target)
    assert result.exit_code == 1
    assert "not overwritten" in result.output
    assert target.read_bytes() == b"precious"
    assert clodura(state, "backup", tmp_path / "no-such-folder" / "copy").exit_code == 1


def buy_until_told(path: Path, done: Event) -> None:
    clock = FakeClock()
    with Ledger(path, clock, lambda _: None) as ledger:
        desk = Desk(ledger, clock, run_id="beside")
        number = 0
        while not done.is_set():
            number += 1
            desk.asked(f"beside-{number}", OUTCOMES[number % 3])


def test_backups_made_while_a_process_buys_are_all_sound(state: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    buyer = context.Process(target=buy_until_told, args=(state / FILE_NAME, done))
    buyer.start()
    try:
        begun = audit_file(state / FILE_NAME).calls
        ends = time.monotonic() + 20
        while audit_file(state / FILE_NAME).calls == begun:
            assert time.monotonic() < ends
            time.sleep(0.02)
        calls = []
        for number in range(8):
            assert clodura(state, "backup", tmp_path / f"copy-{number}").exit_code == 0
            audit = audit_file(tmp_path / f"copy-{number}")
            assert audit.sound, audit.problems
            assert audit_file(state / FILE_NAME).sound
            calls.append(audit.calls)
            time.sleep(0.02)
    finally:
        done.set()
        buyer.join(20)
    assert buyer.exitcode == 0
    assert calls == sorted(calls)
    assert calls[0] < calls[-1]


def test_an_export_holds_every_row_and_raw_bytes_only_when_asked_for(state: Path, tmp_path: Path) -> None:
    assert clodura(state, "export", tmp_path / "tables").exit_code == 0
    assert clodura(state, "export", tmp_path / "all", "--raw").exit_code == 0
    tables = {file.stem: pl.read_parquet(file) for file in (tmp_path / "tables").iterdir()}
    assert set(tables) == {"attempts", "people", "identifiers", "readings", "runs"}
    for name, table in tables.items():
        assert len(table) == rows(state / FILE_NAME, f"SELECT count(*) FROM {name}")[0][0]
    assert "raw" not in tables["attempts"].columns
    assert pl.read_parquet(tmp_path / "all" / "attempts.parquet")["raw"].drop_nulls().to_list() == [b"{}"] * 7
    assert tables["attempts"]["charged_credits"].sum() == audit_file(state / FILE_NAME).charged
    assert tables["attempts"].schema["sent_at"] == pl.Datetime("us", "UTC")
    again = clodura(state, "export", tmp_path / "tables")
    assert again.exit_code == 1
    assert "nothing was overwritten" in again.output
