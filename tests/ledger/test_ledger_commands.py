"""`clodura-pipeline ledger`: every fault is found and reported, copies are whole, looking changes nothing."""

import multiprocessing
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from clocks import FakeClock
from ledger_checks import rows
from manual_run import ManualRun
from requests_of_tests import FORM

from clodura_pipeline.cli import main
from clodura_pipeline.clodura.verdicts import Next, State, Verdict
from clodura_pipeline.ledger import FILE_NAME, Ledger
from clodura_pipeline.ledger.maintenance.audit import audit_ledger

OUTCOMES = ("person", "organisation", "no_match", "refused", "ambiguous", "unrecognised", "unavailable")
STATED = Verdict(State.NO_MATCH, "ok", Next.GO_ON, 1, cost_basis="stated")


def open_ledger(path: Path) -> Ledger:
    return Ledger(path, FakeClock(), FORM)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which everything has happened once, closed."""
    path = tmp_path_factory.mktemp("original") / FILE_NAME
    clock = FakeClock()
    with Ledger(path, clock, FORM) as ledger:
        manual = ManualRun(ledger, clock)
        for outcome in OUTCOMES:
            manual.call(f"{outcome}-zqperson", outcome)
        manual.settle(manual.permitted("stated-zqperson"), STATED)
        ledger.release(manual.permitted("released-zqperson").attempt_id, "connection_refused")
        clock.go_on(86_400)
        # A request that sends identifiers of two people joins them.
        one, other = (manual.request(f"{name}-zqperson") for name in ("unavailable", "released"))
        manual.call(replace(one, sent_ids=one.sent_ids + other.sent_ids), "person")
        manual.permitted("in-flight-zqperson")
        ledger.erase(["em:refused-zqperson@x.example"])
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


def test_a_sound_ledger_is_called_sound_and_its_totals_are_shown(state: Path) -> None:
    result = clodura(state, "check")
    assert result.exit_code == 0, result.output
    for shown in ("Sound", "6 charged, 2 reserved, 4 at risk", "10 (", "1 erased"):
        assert shown in result.output
    assert "zqperson" not in result.output


OLDEST = "(SELECT person_key FROM people ORDER BY added LIMIT 1 OFFSET {})"
PLANTED = {
    "a total that is off": ("UPDATE totals SET charged_credits = charged_credits + 1 WHERE scope = 'all'", "all"),
    "a total that is gone": ("DELETE FROM totals WHERE scope LIKE 'day:%'", "day:2026-11-22"),
    "a total of nothing": ("INSERT INTO totals VALUES ('run:ghost', 1, 0, 0, 0)", "run:ghost"),
    "a call that is gone": ("DELETE FROM attempts WHERE id = 1", "sum over its attempts"),
    "a chain of aliases": (
        f"UPDATE people SET alias_of = {OLDEST.format(2)} WHERE alias_of IS NOT NULL; "
        f"UPDATE people SET alias_of = {OLDEST.format(1)} WHERE person_key = {OLDEST.format(2)}",
        "never another alias",
    ),
    "an alias of a younger key": (
        f"UPDATE people SET alias_of = {OLDEST.format(4)} WHERE person_key = {OLDEST.format(3)}",
        "the older key",
    ),
    "an identifier without a person": (
        "INSERT INTO identifiers VALUES ('em:ghost', 999, 1)",
        "refers to rows that are there",
    ),
    "a call without a person": ("UPDATE attempts SET person_key = 999 WHERE id = 1", "refers to rows that are there"),
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
    "a person paid for twice": (
        "UPDATE attempts SET person_key = (SELECT person_key FROM attempts WHERE id = 1), purpose = 'new' "
        "WHERE id = (SELECT max(id) FROM attempts WHERE state = 'person')",
        "as if there were none",
    ),
    "a person called for twice at once": (
        "UPDATE attempts SET state = 'sent', reserved_credits = 2, charged_credits = 0, at_risk_credits = 0, "
        "person_key = (SELECT person_key FROM attempts WHERE state = 'sent') WHERE id = 2",
        "called for twice at once",
    ),
    "a change from the future": ("UPDATE people SET sequence = 9999", "sequence"),
    "an erased person who is back": (
        "INSERT INTO identifiers SELECT 'em:back', person_key, 1 FROM people WHERE erased_at IS NOT NULL",
        "nothing is left of erased people",
    ),
}


@pytest.mark.parametrize("change", PLANTED)
def test_every_planted_corruption_is_found(state: Path, change: str) -> None:
    statement, shown = PLANTED[change]
    plant(state, statement)
    result = clodura(state, "check")
    assert result.exit_code == 1
    assert "WRONG" in result.output
    assert shown in result.output


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
    "no database": lambda state: (state / FILE_NAME).write_bytes(b"some other file, saved here by mistake" * 200),
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
    before, after = audit_ledger(state / FILE_NAME), audit_ledger(restored / FILE_NAME)
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


def call_until_done(path: Path, done: Event) -> None:
    clock = FakeClock()
    with Ledger(path, clock, FORM) as ledger:
        manual = ManualRun(ledger, clock, run_id="beside")
        number = 0
        while not done.is_set():
            number += 1
            manual.call(f"beside-{number}", OUTCOMES[number % 3])


def test_backups_made_while_a_process_calls_are_all_sound(state: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    caller = context.Process(target=call_until_done, args=(state / FILE_NAME, done))
    caller.start()
    try:
        at_start = audit_ledger(state / FILE_NAME).calls
        ends = time.monotonic() + 20
        while audit_ledger(state / FILE_NAME).calls == at_start:
            assert time.monotonic() < ends
            time.sleep(0.02)
        calls = []
        for number in range(8):
            assert clodura(state, "backup", tmp_path / f"copy-{number}").exit_code == 0
            audit = audit_ledger(tmp_path / f"copy-{number}")
            assert audit.sound, audit.problems
            assert audit_ledger(state / FILE_NAME).sound
            calls.append(audit.calls)
            time.sleep(0.02)
    finally:
        done.set()
        caller.join(20)
    assert caller.exitcode == 0
    assert calls == sorted(calls)
    assert calls[0] < calls[-1]


def test_an_export_holds_every_row_and_raw_bytes_only_on_demand(state: Path, tmp_path: Path) -> None:
    assert clodura(state, "export", tmp_path / "tables").exit_code == 0
    assert clodura(state, "export", tmp_path / "all", "--raw").exit_code == 0
    tables = {file.stem: pl.read_parquet(file) for file in (tmp_path / "tables").iterdir()}
    assert set(tables) == {"attempts", "people", "identifiers", "readings", "runs"}
    for name, table in tables.items():
        assert len(table) == rows(state / FILE_NAME, f"SELECT count(*) FROM {name}")[0][0]
    assert "raw" not in tables["attempts"].columns
    assert pl.read_parquet(tmp_path / "all" / "attempts.parquet")["raw"].drop_nulls().to_list() == [b"{}"] * 7
    assert tables["attempts"]["charged_credits"].sum() == audit_ledger(state / FILE_NAME).charged
    assert tables["attempts"].schema["sent_at"] == pl.Datetime("us", "UTC")
    again = clodura(state, "export", tmp_path / "tables")
    assert again.exit_code == 1
    assert "nothing was overwritten" in again.output
