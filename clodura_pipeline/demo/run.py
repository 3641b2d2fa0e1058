"""Runs the demo: the sandbox in this process, the job in a process of its own."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from clodura_pipeline.demo.bars import Bars
from clodura_pipeline.demo.place import CALLS_PER_SECOND, DemoProblem, Place
from clodura_pipeline.demo.work import work
from clodura_pipeline.graph.resources import LedgerResource
from clodura_pipeline.ledger import LedgerProblem
from clodura_pipeline.sandbox import BooksView, Sandbox, SandboxOptions

STARTING_BALANCE = 10_000
LATENCY_SECONDS = 0.04


@dataclass(frozen=True)
class Demo:
    """An open demo: its folder, the days of its files, and the sandbox that runs for it."""

    place: Place
    days: list[str]
    sandbox: Sandbox
    charged_before: int  # by the ledger, in earlier demos on the same folder

    def environment(self) -> dict[str, str]:
        """The environment of the demo's processes."""
        return self.place.environment(self.sandbox.base_url, os.environ)


@dataclass(frozen=True)
class Finished:
    """What a demo's runs came to, as the runs, the ledger and the sandbox tell it."""

    place: Place
    days: list[str]
    asked: int
    charged: int  # by the ledger, in these runs
    books: BooksView  # of the sandbox
    checks: int
    remarks: list[str]  # checks that did not pass, and why a run stopped asking

    @property
    def books_agree(self) -> bool:
        """Whether the sandbox charged what the ledger says, to the credit."""
        return self.books.charged == self.charged


@dataclass
class _Heard:
    """What the worker has told so far."""

    asked: int = 0
    checks: int = 0
    remarks: list[str] = field(default_factory=list)
    failure: str | None = None

    def take(self, message: dict[str, Any]) -> None:
        day = message["day"]
        if message["kind"] == "failed":
            self.failure = f"The run of {day} failed: {message['reason']}"
        elif message["kind"] == "done":
            self.asked += message["asked"]
            self.checks += message["checks"]
            self.remarks += [f"{day}: {warning}" for warning in message["warnings"]]
            if message["stop_reason"]:
                self.remarks.append(f"{day}: stopped asking: {message['stop_reason']}")


@contextlib.contextmanager
def open_demo(root: Path, fresh: bool = False) -> Iterator[Demo]:
    """The demo below a project's root, with its files written and its sandbox running.

    Raises:
        DemoProblem: its folder cannot be used.
    """
    place = Place.below(root)
    with place.claimed():
        if fresh:
            place.clear()
        days = place.furnish(datetime.now(UTC).date())
        charged = _charged(place)
        # The sandbox forgets when it ends; the balance goes on where it was, as Clodura's would.
        options = SandboxOptions(
            latency_seconds=LATENCY_SECONDS,
            latency_jitter_seconds=LATENCY_SECONDS,
            requests_per_second=CALLS_PER_SECOND,
            starting_balance=STARTING_BALANCE - charged,
        )
        with Sandbox(options) as sandbox:
            yield Demo(place, days, sandbox, charged)


def run_days(demo: Demo, console: Console) -> Finished:
    """Run the job for every day of the demo's files.

    Raises:
        DemoProblem: a run failed; the message says why and where the log is.
    """
    heard = _Heard()
    with Bars(demo.days, demo.sandbox.books, console) as bars:
        for message in work(demo.days, demo.place, demo.environment(), bars.watch):
            heard.take(message)
            bars.take(message)
    if heard.failure:
        raise DemoProblem(f"{heard.failure}\nThe whole story is in {demo.place.log}.")
    demo.sandbox.books.wait_until_idle()
    charged = _charged(demo.place) - demo.charged_before
    return Finished(demo.place, demo.days, heard.asked, charged, demo.sandbox.books.view(), heard.checks, heard.remarks)


def run_demo(root: Path, fresh: bool = False, console: Console | None = None) -> Finished:
    """Open the demo, run its days, end it."""
    with open_demo(root, fresh) as demo:
        return run_days(demo, console or Console())


def _charged(place: Place) -> int:
    """Credits that the demo's ledger has charged in all."""
    try:
        with LedgerResource(state_dir=str(place.state)).open() as ledger:
            return ledger.totals().charged
    except LedgerProblem as problem:
        raise DemoProblem(f"{problem} Or start the demo anew: clodura-pipeline demo --fresh.") from None
