"""Ledgers of older schema versions are opened by this version: nothing is paid for again, and limits hold."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from clocks import FakeClock
from ledger_checks import change, owners
from manual_run import FREE, ManualRun
from requests_of_tests import FORM

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.verdicts import judge
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import Address, Ledger, Permit, Wait
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.rules.policy import Limits

VERSION_1 = Path(__file__).with_name("ledger_of_version_1.sql")
"""Two people, one of whom was called for; her answer could not be read, and 2 credits are at risk."""


def test_a_ledger_of_version_1_keeps_its_money_and_its_answers_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as former:
        former.executescript(VERSION_1.read_text())
        former.execute("PRAGMA user_version = 1")
    reader = AnswerReader()
    with open_ledger(path) as ledger:
        before = ledger.totals()
        counts = ledger.reread(lambda raw, request: judge(raw, request, datetime.now(UTC), reader), reader.version)
        after = ledger.totals()
    assert (before.calls, before.charged, before.at_risk) == (1, 0, 2)
    assert counts is not None
    assert dict(counts.changes) == {("unrecognised", "person"): 1}
    assert (after.calls, after.charged, after.at_risk) == (1, 2, 0)
    assert audit_ledger(path).sound
    assert owners(path, "em:ann@x.example", "em:b@x.example") == {"em:ann@x.example": 1}


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
