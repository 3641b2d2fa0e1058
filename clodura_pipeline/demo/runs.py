"""Runs the demo and shows a bar per day: the sandbox in this process, the job in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clodura_pipeline.demo.folder import CALLS_PER_SECOND, DemoError, DemoFolder
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import FILE_NAME, LedgerError
from clodura_pipeline.sandbox import CallLog, Sandbox, SandboxOptions

STARTING_BALANCE = 10_000
LATENCY_SECONDS = 0.04
WORKER = "clodura_pipeline.demo.worker"
_GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Demo:
    """An open demo: its folder, the days of its files, and the sandbox that runs for it."""

    folder: DemoFolder
    days: list[str]
    sandbox: Sandbox
    charged_before: float  # by the ledger, in earlier demos on the same folder

    @contextlib.contextmanager
    def start(self, arguments: Sequence[str], log: Path, stdout: int | None = None) -> Iterator[subprocess.Popen[str]]:
        """A Python process with the demo's environment, which gets SIGINT at the end of the context.

        It is killed when it does not end. It has a session of its own: Ctrl-C in a terminal reaches the demo alone,
        which then ends the others in order.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments], env=self.folder.environment(self.sandbox.base_url, os.environ),
                cwd=self.folder.folder, stdin=subprocess.DEVNULL, stdout=stdout or output, stderr=output, text=True,
                encoding="utf-8", start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            try:
                process.send_signal(signal.SIGINT)
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)  # what is left of its session


@dataclass(frozen=True)
class Finished:
    """What a demo's runs did, according to the ledger, the sandbox and the runs' checks."""

    folder: DemoFolder
    days: list[str]
    charged: float  # by the ledger, in these runs
    call_log: CallLog  # of the sandbox
    remarks: list[str]  # checks that did not pass

    @property
    def called(self) -> int:
        """People called for; the sandbox answers each first call."""
        return len(self.call_log.enrich_calls)

    @property
    def charges_agree(self) -> bool:
        """Whether the sandbox charged what the ledger says, to the credit."""
        return self.call_log.charged == self.charged


@contextlib.contextmanager
def open_demo(root: Path, fresh: bool = False) -> Iterator[Demo]:
    """The demo below a project's root, with its files written and its sandbox running.

    Raises:
        DemoError: its folder cannot be used.
    """
    folder = DemoFolder(root)
    with folder.prepared(datetime.now(UTC).date(), fresh) as days:
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


def run_days(demo: Demo, console: Console) -> Finished:
    """Run the job for every day of the demo's files.

    Raises:
        DemoError: a run failed; the message says why and where the log is.
    """
    log, remarks = demo.folder.log, []
    bars = Progress(
        SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"), BarColumn(32),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    with bars, demo.start(["-m", WORKER, *demo.days], log, subprocess.PIPE) as worker:
        for day in demo.days:
            bar = bars.add_task(day, total=None)
            line = worker.stdout.readline() if worker.stdout else ""
            if not line:
                raise DemoError(f"The demo's runs ended unexpectedly. The log is {log}.")
            report = json.loads(line)
            if "failed" in report:
                raise DemoError(f"The run of {day} failed: {report['failed']}\nThe log is {log}.")
            bars.update(bar, total=1, completed=1)
            remarks += [f"{day}: {remark}" for remark in report["remarks"]]
        worker.wait()
    demo.sandbox.wait_until_idle()
    charged = _charged(demo.folder) - demo.charged_before
    return Finished(demo.folder, demo.days, charged, demo.sandbox.call_log, remarks)


def _charged(folder: DemoFolder) -> float:
    """Credits that the demo's ledger has charged in all."""
    try:
        with open_ledger(folder.state / FILE_NAME) as ledger:
            return ledger.totals().charged
    except LedgerError as error:
        raise DemoError(f"{error} Or start the demo from scratch: clodura-pipeline demo --fresh.") from None
