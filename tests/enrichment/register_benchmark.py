"""How long registering people keeps the ledger's write lock, and how long a rival run waits for it meanwhile; by hand.

    uv run python tests/enrichment/register_benchmark.py [people]

Every person has a profile and an address. They are registered once, all new, then again with nothing new, then with one
in a hundred new. A rival in a process of its own takes the write lock all the time, as the permits of its calls would.
The ledger lies where TMPDIR points: its commits are part of what is measured. In seconds it prints: the whole time,
the longest time the write lock was held, the rival's longest and mean wait for it.
"""

import contextlib
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from asking_process import profile_of

from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.clock import SystemClock

_BETWEEN_CALLS_SECONDS = 0.01


class TimedLedger(Ledger):
    """Notes the longest time that it held the write lock, in seconds."""

    longest_held = 0.0

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        began = 0.0
        with super()._transaction(kind) as cursor:
            began = time.monotonic()
            yield cursor
        if kind == "IMMEDIATE":
            self.longest_held = max(self.longest_held, time.monotonic() - began)


def _rival(path: Path, stop: Connection) -> None:
    """Take the write lock again and again until told to stop; then tell how long each time took, in seconds."""
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None)
    waits = []
    while not stop.poll(_BETWEEN_CALLS_SECONDS):
        began = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        waits.append(time.monotonic() - began)
        connection.execute("UPDATE control SET sequence = sequence")
        connection.execute("COMMIT")
    stop.send(waits)


def measure(ledger: TimedLedger, people: range) -> dict[str, float]:
    """Register them beside a rival."""
    here, there = multiprocessing.Pipe()
    rival = multiprocessing.get_context("fork").Process(target=_rival, args=(ledger.path, there))
    rival.start()
    ledger.longest_held = 0.0
    began = time.monotonic()
    ledger.register((str(n), name) for n in people for name in (f"li:person-{n * 7919 % 10**9}", f"em:p{n}@x.example"))
    seconds = time.monotonic() - began
    here.send("stop")
    waits = here.recv()
    rival.join()
    figures = (seconds, ledger.longest_held, max(waits), sum(waits) / len(waits))
    names = ("seconds", "longest_lock", "rivals_longest_wait", "rivals_mean_wait")
    return {name: round(figure, 4) for name, figure in zip(names, figures, strict=True)}


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        opened = TimedLedger(Path(folder) / "ledger.sqlite", SystemClock(), profile_of)
        for what, who in (
            ("all new", range(count)),
            ("nothing new", range(count)),
            ("one in a hundred new", range(count // 100, count + count // 100)),
        ):
            print(json.dumps({"registered": what, "people": count, **measure(opened, who)}))
        opened.close()
