"""Decisions a second of three processes at one ledger: `uv run python -m tests.benchmarks --decisions [seconds]`."""

import multiprocessing
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.verdicts import judge
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import Address, Permit
from clodura_pipeline.ledger.rules.policy import Run
from tests.benchmarks.large_ledger import DAY, POLICY, answer, request
from tests.support.postgres_server import running_server

PROCESSES = 3
_APART = 1_000_000  # people of one process are not those of another


def measure_decisions(seconds: float) -> None:
    """Print permits, and permits with their settlements, a second, for SQLite and for a PostgreSQL server."""
    print(f"{'engine':<12} {'permits/s':>10} {'permits with settlement/s':>26}")
    with (
        tempfile.TemporaryDirectory(prefix="clodura-decisions-") as name,
        running_server(Path(name) / "server") as server,
    ):
        addresses: dict[str, Address] = {"SQLite": Path(name) / "ledger.sqlite", "PostgreSQL": server.new_ledger()}
        for engine, address in addresses.items():
            rates = [_rate(address, seconds, settles) for settles in (False, True)]
            print(f"{engine:<12} {rates[0]:>10.0f} {rates[1]:>26.0f}", flush=True)


def _rate(address: Address, seconds: float, settles: bool) -> float:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        work = [(address, worker, seconds, settles) for worker in range(PROCESSES)]
        return sum(pool.starmap(decide, work)) / seconds


def decide(address: Address, worker: int, seconds: float, settles: bool) -> int:
    """Permit calls, one after another, for so many seconds; returns their number."""
    reader, now = AnswerReader(), datetime.now(UTC)
    first = (2 * worker + settles) * _APART
    with open_ledger(address) as ledger:
        run = ledger.start_run(Run(f"run-{first}", f"run-{first}", 0, str(DAY), str(DAY)))
        time.sleep(1)  # until the others have started, too
        number, ends = first, time.perf_counter() + seconds
        while time.perf_counter() < ends:
            asked = request(number)
            permit = ledger.permit(asked, run, POLICY)
            assert isinstance(permit, Permit), permit
            if settles:
                raw = answer(number)
                verdict = judge(raw, asked.identifiers, now, reader)
                ledger.settle(permit.attempt_id, verdict, raw, POLICY, reader.version)
            number += 1
    return number - first
