"""A ledger of schema version 1 is opened by this version: nothing is paid for again, and its answers are read again."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.verdicts import judge
from clodura_pipeline.enrichment.ledger_file import open_ledger

VERSION_1 = Path(__file__).with_name("ledger_of_version_1.sql")
"""Two people, one of whom was called for; her answer could not be read, and 2 credits are at risk."""


def test_a_ledger_of_version_1_keeps_its_money_and_its_answers_are_read_again(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as former:
        former.executescript(VERSION_1.read_text())
        former.execute("PRAGMA user_version = 1")
    reader = AnswerReader()
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        before = ledger.totals()
        counts = ledger.reread(lambda raw, request: judge(raw, request, datetime.now(UTC), reader), reader.version)
        after, audit = ledger.totals(), ledger.audit()
        known = ledger.find(["em:ann@x.example", "em:b@x.example"])
    assert (before.calls, before.charged, before.at_risk) == (1, 0, 2)
    assert counts is not None
    assert dict(counts.changes) == {("unrecognised", "person"): 1}
    assert (after.calls, after.charged, after.at_risk) == (1, 2, 0)
    assert audit.sound
    assert known == {"em:ann@x.example": 1}
