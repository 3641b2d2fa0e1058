"""Runs the demo and shows a bar per day: the sandbox in this process, the job in a process of its own."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clodura_pipeline.demo.folder import CALLS_PER_SECOND, DemoError, DemoFolder
from clodura_pipeline.demo.processes import running
from clodura_pipeline.enrichment.ledger_file import open_ledger
from clodura_pipeline.ledger import FILE_NAME, LedgerError
from clodura_pipeline.sandbox import CallLog, Sandbox, SandboxOptions

STARTING_BALANCE = 10_000
LATENCY_SECONDS = 0.04
WORKER = "clodura_pipeline.demo.worker"
# What a step does; a step that is not named here keeps the words of the one before.
_STEPS = {
    "raw_contacts": "loading",
    "validated_and_rejected": "validating",
    "enrichment_plan": "planning",
    "clodura_responses": "calling",
    "enriched_contacts": "building tables",
    "published_database": "publishing",
}


@dataclass(frozen=True)
class Demo:
    """An open demo: its folder, the days of its files, and the sandbox that runs for it."""

    folder: DemoFolder
    days: list[str]
    sandbox: Sandbox
    charged_before: float  # by the ledger, in earlier demos on the same folder

    def environment(self) -> dict[str, str]:
        """The environment of the demo's processes."""
        return self.folder.environment(self.sandbox.base_url, os.environ)


@dataclass
class Finished:
    """What a demo's runs did, according to the runs, the ledger and the sandbox."""

    folder: DemoFolder
    days: list[str]
    called: int = 0  # people called for, in these runs
    charged: float = 0  # by the ledger, in these runs
    call_log: CallLog = field(default_factory=lambda: CallLog((), 0))  # of the sandbox
    checks: int = 0
    remarks: list[str] = field(default_factory=list)  # checks that did not pass, and why a run stopped early

    @property
    def charges_agree(self) -> bool:
        """Whether the sandbox charged what the ledger says, to the credit."""
        return self.call_log.charged == self.charged

    def add(self, run: dict[str, Any]) -> None:
        """Add the worker's message about a finished run."""
        self.called += run["called"]
        self.checks += run["checks"]
        self.remarks += [f"{run['day']}: {warning}" for warning in run["warnings"]]
        if run["stop_reason"]:
            self.remarks.append(f"{run['day']}: stopped early: {run['stop_reason']}")


@contextlib.contextmanager
def open_demo(root: Path, fresh: bool = False) -> Iterator[Demo]:
    """The demo below a project's root, with its files written and its sandbox running.

    Raises:
        DemoError: its folder cannot be used.
    """
    folder = DemoFolder(root)
    with folder.locked():
        if fresh:
            folder.clear()
        days = folder.write_files(datetime.now(UTC).date())
        charged = _charged(folder)
        # A sandbox keeps nothing when it ends; the balance continues where it was, as Clodura's would.
        options = SandboxOptions(
            latency_seconds=LATENCY_SECONDS,
            latency_jitter_seconds=LATENCY_SECONDS,
            requests_per_second=CALLS_PER_SECOND,
            starting_balance=STARTING_BALANCE - charged,
        )
        with Sandbox(options) as sandbox:
            yield Demo(folder, days, sandbox, charged)


class DayBars(Progress):
    """A bar per day. Calls are counted where they arrive, at the sandbox, whenever the bars are drawn."""

    def __init__(self, days: Sequence[str], sandbox: Sandbox, console: Console) -> None:
        # Set first: the bars are drawn once while Progress is being made.
        self._sandbox = sandbox
        self._calling: str | None = None  # the day whose people are being called for
        self._calls_before = 0
        super().__init__(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(32),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars = {day: self.add_task(day, start=False, total=None, note="") for day in days}

    def show(self, message: dict[str, Any]) -> None:
        """Show a message of the worker."""
        bar = self._bars[message["day"]]
        match message["kind"]:
            case "start":
                self.start_task(bar)
                self.update(bar, note="starting")
            case "step" if message["step"] in _STEPS:
                self.update(bar, note=_STEPS[message["step"]])
            case "plan":
                self._calls_before = len(self._sandbox.call_log.enrich_calls)
                self.update(bar, total=max(1, message["people"]))
                self._calling = message["day"]
            case "done":
                self._calling = None
                called = message["called"]
                note = f"{called} people called for" if called else "no calls needed"
                self.update(bar, total=max(1, called), completed=max(1, called), note=note)
                self.stop_task(bar)
            case "failed":
                self.update(bar, note="[red]failed[/]")

    def get_renderables(self) -> Iterable[RenderableType]:
        """Called by rich at each refresh."""
        if self._calling:
            calls = len(self._sandbox.call_log.enrich_calls) - self._calls_before
            self.update(self._bars[self._calling], completed=calls)
        return super().get_renderables()


def run_days(demo: Demo, console: Console) -> Finished:
    """Run the job for every day of the demo's files.

    Raises:
        DemoError: a run failed; the message says why and where the log is.
    """
    folder, finished = demo.folder, Finished(demo.folder, demo.days)
    arguments, environment = ["-m", WORKER, *demo.days], demo.environment()
    with (
        DayBars(demo.days, demo.sandbox, console) as bars,
        running(arguments, environment, folder.folder, folder.log, subprocess.PIPE) as worker,
    ):
        for message in map(json.loads, worker.stdout or ()):
            bars.show(message)
            if message["kind"] == "failed":
                raise DemoError(f"The run of {message['day']} failed: {message['reason']}\nThe log is {folder.log}.")
            if message["kind"] == "done":
                finished.add(message)
        if worker.wait() != 0:
            raise DemoError(f"The demo's runs ended unexpectedly. The log is {folder.log}.")
    demo.sandbox.wait_until_idle()
    finished.call_log = demo.sandbox.call_log
    finished.charged = _charged(folder) - demo.charged_before
    return finished


def _charged(folder: DemoFolder) -> float:
    """Credits that the demo's ledger has charged in all."""
    try:
        with open_ledger(folder.state / FILE_NAME) as ledger:
            return ledger.totals().charged
    except LedgerError as error:
        raise DemoError(f"{error} Or start the demo from scratch: clodura-pipeline demo --fresh.") from None
