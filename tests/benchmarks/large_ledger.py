"""What a large ledger costs: `uv run python -m tests.benchmarks --ledger [attempts, default 20000]`."""

import json
import statistics
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, judge
from clodura_pipeline.identity.canonical import CANONICAL_VERSION, identifiers_of
from clodura_pipeline.identity.cells.linkedin import profile_id
from clodura_pipeline.ledger import CanonicalForm, Ledger, Permit
from clodura_pipeline.ledger.rules.clock import SystemClock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest, person_key

DAY = date(2026, 11, 20)
# High enough never to wait, yet every window is counted as in a real run.
POLICY = Policy(Limits(per_second=100_000, per_minute=1_000_000, per_day=100_000_000), Budget(per_run_credits=0))
STEPS = 10


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
    """Grow a ledger through its own calls and print, ten times on the way, what permits and opening cost."""
    reader, now, form = AnswerReader(), datetime.now(UTC), CanonicalForm(CANONICAL_VERSION, identifiers_of, profile_id)
    print(f"{'attempts':>10} {'permit ms (median)':>19} {'settle ms (median)':>19} {'open s':>7} {'bytes/answer':>13}")
    with tempfile.TemporaryDirectory(prefix="clodura-ledger-") as name:
        file = Path(name) / "ledger.sqlite"
        for step in range(STEPS):
            start = time.perf_counter()
            with Ledger(file, SystemClock(), form) as ledger:
                opening = time.perf_counter() - start
                run = ledger.start_run(f"run-{step}", f"run-{step}", 0, str(DAY), str(DAY))
                permits, settlements = [], []
                for number in range(attempts * step // STEPS, attempts * (step + 1) // STEPS):
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
            made = attempts * (step + 1) // STEPS
            size = sum(each.stat().st_size for each in Path(name).iterdir()) / made
            medians = [1000 * statistics.median(times) for times in (permits, settlements)]
            print(f"{made:>10,} {medians[0]:>19.2f} {medians[1]:>19.2f} {opening:>7.2f} {size:>13.0f}", flush=True)
