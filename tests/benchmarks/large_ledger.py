"""What a large ledger costs: `uv run python -m tests.benchmarks --ledger [attempts, default 20000]`."""

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, judge
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import Ledger, Permit
from clodura_pipeline.ledger.engines.schema import columns
from clodura_pipeline.ledger.maintenance.audit import audit_ledger
from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.ledger.person_key import person_key
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Run

DAY = date(2026, 11, 20)
# High enough never to wait, yet every window is counted as in a real run.
POLICY = Policy(Limits(per_second=100_000, per_minute=1_000_000, per_day=100_000_000), Budget(per_run_credits=0))
SHARES = (0.0, 0.01, 0.1, 0.5, 1.0)
CALLS = 1_000
"""Permitted and settled through the ledger at each of the sizes."""
_ATTEMPTS_A_DAY = 27_000
_KEYS_APART = 922_337_203_685


def request(number: int) -> EnrichmentRequest:
    """A request for a person of that number, by profile."""
    identifier = f"li:person-{number}"
    sent = Identifiers(linkedin_url=f"https://www.linkedin.com/in/person-{number}")
    return EnrichmentRequest(person_key(identifier), sent, (identifier,), (), DAY, "list.csv")


def answer(number: int) -> RawAnswer:
    """A small answer about that person."""
    found = {"personId": str(number), "firstName": "Ann", "linkedinUrl": f"https://www.linkedin.com/in/person-{number}"}
    return RawAnswer(200, json.dumps(found).encode())


def measure_ledger(attempts: int) -> None:
    """Print what calls, opening and the check cost at growing sizes: history in SQL, the last calls as a run makes."""
    print(
        f"{'attempts':>10} {'permit ms (median)':>19} {'settle ms (median)':>19} {'open s':>7} {'check s':>8} "
        f"{'bytes/attempt':>14}"
    )
    with tempfile.TemporaryDirectory(prefix="clodura-ledger-") as name:
        file = Path(name) / "ledger.sqlite"
        made = 0
        for share in SHARES:
            made += add_history(file, made, round(attempts * share) - made)
            start = time.perf_counter()
            with open_ledger(file) as ledger:
                opened = time.perf_counter()
                permits, settlements = _call(ledger, attempts + made, made)
                made += CALLS
                audited = time.perf_counter()
                audit = audit_ledger(ledger.address)
                assert audit.sound, audit.problems
                assert audit.calls == made
                check_seconds = time.perf_counter() - audited
            size = sum(each.stat().st_size for each in Path(name).iterdir()) / made
            print(
                f"{made:>10,} {permits:>19.2f} {settlements:>19.2f} {opened - start:>7.2f} {check_seconds:>8.1f} "
                f"{size:>14.0f}",
                flush=True,
            )


def _call(ledger: Ledger, first_person: int, made: int) -> tuple[float, float]:
    """Permit and settle `CALLS` calls; returns the median milliseconds of both."""
    reader, now = AnswerReader(), datetime.now(UTC)
    run = ledger.start_run(Run(f"run-{made}", f"run-{made}", 0, str(DAY), str(DAY)))
    permits, settlements = [], []
    for number in range(first_person, first_person + CALLS):
        asked_for, raw = request(number), answer(number)
        verdict = judge(raw, asked_for.identifiers, now, reader)
        asked = time.perf_counter()
        permit = ledger.permit(asked_for, run, POLICY)
        permitted = time.perf_counter()
        assert isinstance(permit, Permit), permit
        ledger.settle(permit.attempt_id, verdict, raw, POLICY, reader.version)
        permits.append(permitted - asked)
        settlements.append(time.perf_counter() - permitted)
    ledger.end_run(run, None)
    return 1000 * statistics.median(permits), 1000 * statistics.median(settlements)


def add_history(file: Path, first: int, count: int) -> int:
    """Add so many answered attempts of as many people, from a year before on; returns their number.

    Each is a copy of a real one, with other numbers: everything that the ledger's rules demand is there.
    """
    if count <= 0:
        return 0
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        for day, start, size in _days(first, count):
            connection.execute("BEGIN")
            _add_day(connection, day.isoformat(), start, size)
            connection.execute("COMMIT")
    return count


def _days(first: int, count: int) -> Iterator[tuple[date, int, int]]:
    """(day, first number, attempts) of the history."""
    for start in range(first, first + count, _ATTEMPTS_A_DAY):
        yield (DAY - timedelta(days=366 + start // _ATTEMPTS_A_DAY), start, min(_ATTEMPTS_A_DAY, first + count - start))


def _add_day(connection: sqlite3.Connection, day: str, start: int, size: int) -> None:
    newest, template = connection.execute("SELECT max(id), min(id) FROM attempts").fetchone()
    run, number = f"history-{start}", f"CAST({start} + n AS TEXT)"
    numbers = f"WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {size}) "
    person = connection.execute("SELECT request FROM attempts WHERE id = ?", (template,)).fetchone()[0]
    person = person.rpartition("/in/")[2].rstrip('"} ')  # person-0

    def renamed(column: str) -> str:
        return f"replace({column}, '{person}', 'history-' || {number})"

    connection.execute(
        "INSERT INTO runs SELECT ?, ?, 0, range_start, range_end, started_at, ended_at, 0, NULL, NULL, sequence "
        "FROM runs ORDER BY sequence LIMIT 1",
        (run, run),
    )
    connection.execute(
        f"INSERT INTO people {numbers} SELECT ({start} + n + 1) * {_KEYS_APART}, sequence + n + 1, NULL, "
        "sequence + n + 1, NULL FROM numbers, control"
    )
    connection.execute(
        f"INSERT INTO identifiers {numbers} SELECT 'li:history-' || {number}, ({start} + n + 1) * {_KEYS_APART}, 1 "
        "FROM numbers"
    )
    changed = {
        "id": f"{newest} + n + 1",
        "person_key": f"({start} + n + 1) * {_KEYS_APART}",
        "run_id": f"'{run}'",
        "cap_scope": f"'{run}'",
        "usage_date": f"'{day}'",
        "request": renamed("request"),
        "request_hash": f"substr(request_hash, 1, 20) || {number}",
        "raw": f"CAST({renamed('CAST(raw AS TEXT)')} AS BLOB)",
        "answer": renamed("answer"),
        "sequence": "control.sequence + n + 1",
    }
    kept = [name if name in changed else f"attempts.{name}" for name in columns()["attempts"]]
    connection.execute(
        f"INSERT INTO attempts {numbers} SELECT {', '.join(changed.get(name, name) for name in kept)} "
        f"FROM numbers, control, attempts WHERE attempts.id = {template}"
    )
    connection.execute("UPDATE control SET sequence = sequence + ?", (size,))
    for scope in ("all", f"day:{day}", f"run:{run}"):
        connection.execute(
            "INSERT INTO totals SELECT ?, ?, 0, ? * charged_credits, 0 FROM attempts WHERE id = ? "
            "ON CONFLICT (scope) DO UPDATE SET calls = calls + excluded.calls, "
            "charged_credits = totals.charged_credits + excluded.charged_credits",
            (scope, size, size, template),
        )
