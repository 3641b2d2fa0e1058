"""A ledger moves between the engines as a whole, and the commands work on both."""

import os
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from clocks import FakeClock
from ledger_checks import change, rows
from manual_run import ManualRun
from postgres_server import PostgresServer
from requests_of_tests import FORM

from clodura_pipeline.cli import main
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.ledger import Address, Ledger, LedgerUrl
from clodura_pipeline.ledger.engines.schema import columns
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.eligibility import Answered

OUTCOMES = ("person", "organisation", "no_match", "refused", "ambiguous", "unrecognised", "unavailable")


@pytest.fixture
def used(address: Address) -> Address:
    """A ledger of yesterday in which everything has happened, with no call in flight."""
    clock = FakeClock()
    with Ledger(address, clock, FORM) as ledger:
        manual = ManualRun(ledger, clock)
        for outcome in OUTCOMES:
            manual.call(f"{outcome}-zqperson", outcome)
        manual.call(manual.request("no_match-zqperson", "linkedin"), "person", body=b'{"personTitle": "\xff"}')
        ledger.write_restore_marker()
        ledger.erase(["em:refused-zqperson@x.example"])
    return address


def clodura(*arguments: object, address: Address, folder: Path) -> Result:
    environment = {"CLODURA_STATE_DIR": str(folder), "CLODURA_API_KEY": "", "CLODURA_LEDGER_URL": ""}
    if isinstance(address, LedgerUrl):
        environment["CLODURA_LEDGER_URL"] = address.url
    else:
        environment["CLODURA_STATE_DIR"] = str(address.parent)
    return CliRunner().invoke(main, [*map(str, arguments)], env=dict(os.environ) | environment)


def content(address: Address) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: [tuple(row) for row in rows(address, f"SELECT {', '.join(kinds)} FROM {table} ORDER BY 1")]
        for table, kinds in columns().items()
    }


def test_a_copy_on_the_other_engine_is_the_same_ledger_and_goes_on(
    used: Address, postgres: PostgresServer, tmp_path: Path
) -> None:
    target = postgres.new_ledger() if isinstance(used, Path) else tmp_path / "moved.sqlite"
    words = [address.url if isinstance(address, LedgerUrl) else address for address in (used, target)]
    result = clodura("ledger", "copy", *words, address=used, folder=tmp_path)
    assert result.exit_code == 0, result.output
    assert "both ends are sound and equal" in result.output
    assert "postgres:@" not in result.output
    assert content(target) == content(used)
    clock = FakeClock()
    with Ledger(target, clock, FORM) as ledger:
        run = ManualRun(ledger, clock, "later")
        assert run.permit("person-zqperson") == Answered(State.PERSON)
        run.call("new", "person")  # with ids that follow on those copied
        run.call("ambiguous-zqperson", "person")  # its lease was of the other clock, and has ended
        assert audit_ledger(ledger.address).sound
    assert len(rows(target, "SELECT 1 FROM attempts")) == len(rows(used, "SELECT 1 FROM attempts")) + 2
    again = clodura("ledger", "copy", *words, address=used, folder=tmp_path)
    assert again.exit_code == 1
    assert "already, and nothing was copied" in again.output


def test_nothing_is_copied_while_a_call_is_in_flight_or_from_a_ledger_that_is_not_sound(
    used: Address, tmp_path: Path
) -> None:
    words = ("ledger", "copy", "CLODURA_LEDGER_URL", tmp_path / "moved.sqlite")
    clock = FakeClock()
    with Ledger(used, clock, FORM) as ledger:
        permit = ManualRun(ledger, clock, "later").permitted("in flight")
        result = clodura(*words, address=used, folder=tmp_path)
        assert "A run is calling" in result.output
        ledger.release(permit.attempt_id, "connection_refused")
    change(used, "UPDATE totals SET charged_credits = charged_credits + 1 WHERE scope = 'all'")
    assert "is not sound" in clodura(*words, address=used, folder=tmp_path).output
    assert not (tmp_path / "moved.sqlite").exists()


def test_check_backup_export_answers_and_doctor_work_on_both_engines(used: Address, tmp_path: Path) -> None:
    checked = clodura("ledger", "check", address=used, folder=tmp_path)
    assert checked.exit_code == 0, checked.output
    assert "Sound" in checked.output
    assert "zqperson" not in checked.output
    saved = clodura("ledger", "backup", tmp_path / "copy.sqlite", address=used, folder=tmp_path)
    assert saved.exit_code == 0, saved.output
    assert audit_ledger(tmp_path / "copy.sqlite") == audit_ledger(used)
    assert (tmp_path / "copy.sqlite").stat().st_mode & 0o777 == 0o600
    exported = clodura("ledger", "export", tmp_path / "tables", address=used, folder=tmp_path)
    assert exported.exit_code == 0, exported.output
    assert pl.read_parquet(tmp_path / "tables" / "attempts.parquet")["charged_credits"].sum() == 5
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tables").iterdir()} == {0o600}
    assert "5 kept answers" in clodura("answers", address=used, folder=tmp_path).output
    engine = "SQLite" if isinstance(used, Path) else "PostgreSQL"
    diagnosis = clodura("doctor", address=used, folder=tmp_path).output
    assert f"ledger: {used}, {engine} " in diagnosis.replace("\n", " ")
    assert "ms per statement" in diagnosis


@pytest.mark.parametrize("address", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE totals SET charged_credits = charged_credits + 1 WHERE scope = 'all'", "sum over its attempts"),
        ("UPDATE attempts SET at_risk_credits = 2 WHERE state = 'person'", "only a doubt is at risk"),
        ("UPDATE attempts SET charged_credits = -2 WHERE id = 1", "no credits are negative"),
    ],
)
def test_a_planted_corruption_on_a_server_is_found(used: Address, statement: str, rule: str) -> None:
    change(used, statement)
    assert any(rule in problem.rule for problem in audit_ledger(used).problems)
