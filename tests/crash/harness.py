"""Kills the real job at many points, starts it again, and compares the sandbox with ledger and published file.

    uv run python tests/crash/harness.py --kills 100 [--engine postgresql]

prints one line a kill and the figures over all of them; exits 1 when a promise was broken.
"""

import argparse
import multiprocessing
import random
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from job_process import POINTS, run_job

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from ledger_checks import rows
from postgres_server import PostgresServer, running_server

from clodura_pipeline.ledger import Address, LedgerError, LedgerUrl
from clodura_pipeline.sandbox import CallLog, Sandbox, SandboxOptions

PROCESSES = multiprocessing.get_context("forkserver")
# Only what starts no thread when imported: a fork of a process with threads (polars has some) may hang.
PROCESSES.set_forkserver_preload(["dagster", "dagster_duckdb"])
LONGEST_SECONDS = 180
PEOPLE = 40
WORKERS = 8
TIMEOUT_SECONDS = 2  # the machine may be busy with several runs: an answer that comes too late is a doubt
LATENCY_SECONDS = 0.05
PASSES = {
    "entering_person": PEOPLE,
    "permitting": PEOPLE,
    "calling": PEOPLE,
    "settling": PEOPLE,
    "building": 4,
    "reading_balance": 2,
}
SIDES = ("before", "after")


@dataclass(frozen=True)
class KillPoint:
    """When a run is killed: the n-th time it passes one side of a point, or so many seconds after it began."""

    point: str
    side: str = ""
    nth: int = 1
    after_seconds: float | None = None

    def __str__(self) -> str:
        when = f"{self.after_seconds:.2f} s" if self.after_seconds is not None else f"{self.side} #{self.nth}"
        return f"{self.point} {when}"


@dataclass(frozen=True)
class Crash:
    """What one kill and the run after it came to. Money in credits."""

    kill: KillPoint
    killed: bool
    in_flight_at_kill: int
    called_again: int
    charged_by_server: float
    charged: float
    at_risk: float
    broken: tuple[str, ...]


@dataclass(frozen=True)
class LedgerSums:
    """The ledger's sums and its answers."""

    charged: float
    at_risk: float
    reserved: float
    in_flight: int
    answers: dict[int, bytes]


def crash(kill: KillPoint, folder: Path, server: PostgresServer | None = None) -> Crash:
    """Run, kill at the point, check; run again, check again. On a server, or on SQLite."""
    ledger = server.new_ledger() if server else folder / "state" / "ledger.sqlite"
    with Sandbox(SandboxOptions(starting_balance=10_000, latency_seconds=LATENCY_SECONDS)) as sandbox:
        (folder / "contacts").mkdir(parents=True)
        day = datetime.now(UTC).date().isoformat()
        people = sandbox.directory.people[:PEOPLE]
        rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people))
        (folder / "contacts" / f"list-{day}.csv").write_text("contact_id,email\n" + rows)
        settings = settings_of(folder, sandbox.base_url, ledger)
        killed = _run(settings, day, kill)
        sandbox.wait_until_idle()
        at_kill = _ledger(ledger)
        broken = [f"after the kill: {fault}" for fault in _faults(sandbox.call_log, at_kill, folder)]
        if not _run(settings, day, None):
            broken.append("the run after the kill did not succeed")
        sandbox.wait_until_idle()
        final = _ledger(ledger)
        broken += [f"at the end: {fault}" for fault in _faults(sandbox.call_log, final, folder)]
        lost = [key for key, raw in at_kill.answers.items() if final.answers.get(key) != raw]
        called_again = sum(1 for calls in sandbox.call_log.calls_by_contact().values() if calls > 1)
        broken += [f"{len(lost)} answers lost"] * bool(lost)
        broken += [f"{called_again} called again, {at_kill.in_flight} in flight"] * (called_again > at_kill.in_flight)
        broken += [f"{at_kill.in_flight} in flight, {WORKERS} workers"] * (at_kill.in_flight > WORKERS)
        broken += [f"at risk {final.at_risk}"] * (final.at_risk > 2 * at_kill.in_flight)
        broken += _unanswered(folder)
        charged_by_server = sandbox.call_log.charged
    return Crash(
        kill, killed, at_kill.in_flight, called_again, charged_by_server, final.charged, final.at_risk, tuple(broken)
    )


def kill_points(kills: int, seed: int) -> Iterator[KillPoint]:
    """Points spread over the run: each side of each point, its n-th passing at random, and plain times."""
    rng = random.Random(seed)
    points = [(point, side) for point in POINTS for side in SIDES]
    for number in range(kills):
        if number % 5 == 4:
            yield KillPoint("time", after_seconds=rng.uniform(0.3, 3.2))
            continue
        point, side = points[number % len(points)]
        yield KillPoint(point, side, rng.randint(1, PASSES.get(point, 1)))


def settings_of(folder: Path, base_url: str, ledger: Address) -> dict[str, Any]:
    """The settings of an installation in a folder."""
    return {
        "api_key": "sandbox-key",
        "base_url": base_url,
        "contacts_dir": str(folder / "contacts"),
        "state_dir": str(folder / "state"),
        "database": str(folder / "out" / "clodura.duckdb"),
        "ledger_url": ledger.url if isinstance(ledger, LedgerUrl) else "",
        "requests_per_second": 0,
        "requests_per_minute": 0,
        "requests_per_day": 0,
        "max_workers": WORKERS,
        "timeout_seconds": TIMEOUT_SECONDS,
    }


def _run(settings: dict[str, Any], day: str, kill: KillPoint | None) -> bool:
    """Run the job; with a kill point: whether it was killed, without: whether it succeeded."""
    at_time = kill is not None and kill.after_seconds is not None
    armed = (kill.point, kill.side, kill.nth) if kill is not None and not at_time else None
    process = PROCESSES.Process(target=run_job, args=(settings, day, armed))
    process.start()
    process.join(kill.after_seconds if kill is not None and at_time else LONGEST_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode == (-signal.SIGKILL if kill is not None else 0)


def _ledger(ledger: Address) -> LedgerSums:
    try:
        charged, at_risk, reserved, in_flight = rows(
            ledger,
            "SELECT coalesce(sum(charged_credits), 0), coalesce(sum(at_risk_credits), 0), "
            "coalesce(sum(reserved_credits), 0), count(*) FILTER (WHERE state = 'sent') FROM attempts",
        )[0]
    except (LedgerError, sqlite3.OperationalError):  # killed before there was one
        return LedgerSums(0, 0, 0, 0, {})
    answers = {row[0]: row[1] for row in rows(ledger, "SELECT id, raw FROM attempts WHERE raw IS NOT NULL")}
    return LedgerSums(charged, at_risk, reserved, in_flight, answers)


def _faults(call_log: CallLog, ledger: LedgerSums, folder: Path) -> Iterator[str]:
    """Promises that do not hold at this time."""
    if not ledger.charged <= call_log.charged <= ledger.charged + ledger.at_risk + ledger.reserved:
        yield (
            f"server charged {call_log.charged}, ledger {ledger.charged} + {ledger.at_risk} at risk "
            f"+ {ledger.reserved} reserved"
        )
    published = folder / "out" / "clodura.duckdb"
    if published.exists():
        try:
            with duckdb.connect(published, read_only=True) as file:
                sums = file.execute(
                    "SELECT (SELECT coalesce(sum(credits_charged), 0) FROM enriched_contacts), "
                    "(SELECT coalesce(sum(credits_charged), 0) FROM credit_usage), (SELECT count(*) FROM publication)"
                ).fetchall()[0]
        except duckdb.Error as error:
            yield f"the published file does not open: {type(error).__name__}"
            return
        if sums[0] != sums[1] or sums[2] != 1:
            yield f"the published file shows {sums}"


def _unanswered(folder: Path) -> list[str]:
    with duckdb.connect(folder / "out" / "clodura.duckdb", read_only=True) as file:
        statuses = dict(file.execute("SELECT match_status, count(*) FROM enriched_contacts GROUP BY 1").fetchall())
    left = {status: n for status, n in statuses.items() if status not in ("person", "organisation", "no_match")}
    return [f"without an answer at the end: {left}"] if left or sum(statuses.values()) != PEOPLE else []


def crash_all(kills: list[KillPoint], parallel: int, server: PostgresServer | None = None) -> Iterator[Crash]:
    """Crash at every point, several at a time, each in a folder and on a ledger of its own."""
    with tempfile.TemporaryDirectory() as base, ThreadPoolExecutor(parallel) as pool:
        folders = [Path(base) / str(number) for number in range(len(kills))]
        yield from pool.map(crash, kills, folders, [server] * len(kills))


def main() -> None:
    """Command line: how many kills, how many at a time, the seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--parallel", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    if options.engine == "sqlite":
        report(options, None)
    with running_server() as server:
        report(options, server)


def report(options: argparse.Namespace, server: PostgresServer | None) -> None:
    """Crash, print, and exit."""
    crashes: list[Crash] = []
    for done in crash_all(list(kill_points(options.kills, options.seed)), options.parallel, server):
        crashes.append(done)
        result = "; ".join(done.broken) or "ok"
        print(
            f"{done.kill!s:32} in flight {done.in_flight_at_kill}, called again {done.called_again}, "
            f"server {done.charged_by_server}, ledger {done.charged:g} + {done.at_risk:g} at risk: {result}",
            flush=True,
        )
    broken = [done for done in crashes if done.broken]
    again, in_flight = sum(done.called_again for done in crashes), sum(done.in_flight_at_kill for done in crashes)
    print(
        f"\n{sum(done.killed for done in crashes)} runs killed of {len(crashes)}; answers lost in "
        f"{sum('lost' in ' '.join(done.broken) for done in crashes)}; people called again: "
        f"{again} of {in_flight} in flight; "
        f"server charged {sum(done.charged_by_server for done in crashes)}, ledgers "
        f"{sum(done.charged for done in crashes):g} + {sum(done.at_risk for done in crashes):g} at risk; "
        f"{len(broken)} with a broken promise"
    )
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
