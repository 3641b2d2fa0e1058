"""Ledgers of older schema versions are opened by this version: nothing is paid for again, and limits hold."""

from dataclasses import replace
from pathlib import Path

import pytest
from clocks import FakeClock
from ledger_checks import change
from manual_run import FREE, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.ledger import Address, Ledger, LedgerError, Permit, Wait
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.policy import Limits


def test_a_ledger_from_before_the_first_release_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path, FakeClock(), FORM).close()
    change(path, "PRAGMA user_version = 1")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"it has version 1,.*Nothing was changed"):
        Ledger(path, FakeClock(), FORM)
    assert path.read_bytes() == before


def test_calls_of_a_ledger_of_version_2_still_fill_the_windows(
    address: Address, clock: FakeClock, manual: ManualRun
) -> None:
    manual.permitted("a")
    clock.go_on(10)
    manual.permitted("b")
    change(address, "DROP INDEX attempts_in_doubt")
    change(address, "PRAGMA user_version = 2" if isinstance(address, Path) else "UPDATE schema_version SET version = 2")
    policy = replace(FREE, limits=Limits(per_second=0, per_minute=2, per_day=0))
    with Ledger(address, clock, FORM) as ledger:
        run = ManualRun(ledger, clock, "run 2", policy)
        clock.go_on(59)
        assert isinstance(run.permit("c"), Wait)
        clock.go_on(2)
        assert isinstance(run.permit("c"), Permit)
        assert audit_ledger(ledger.address).sound
