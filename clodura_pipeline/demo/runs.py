"""Runs the demo and shows a bar per day: the sandbox in this process, the job in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from clodura_pipeline.demo.folder import CALLS_PER_SECOND, DemoError, DemoFolder
from clodura_pipeline.enrichment.ledger_file import open_ledger
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

    def start(
        self, arguments: Sequence[str], log: Path, stdout: int | None = None
    ) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        """A Python process with the demo's environment, in its folder; it ends with the context."""
        environment = self.folder.environment(self.sandbox.base_url, os.environ)
        return _running(arguments, environment, self.folder.folder, log, stdout)


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


class _Note(ProgressColumn):
    """How many people are called for: counted where calls arrive, at the sandbox, until the run says it itself."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self._sandbox = sandbox

    def render(self, task: Task) -> Text:
        called = task.fields["called"]
        if called is None and task.started:
            called = len(self._sandbox.call_log.enrich_calls) - task.fields["before"]
        return Text(f"{called} people called for" if called else "no calls needed" if called == 0 else "")


def run_days(demo: Demo, console: Console) -> Finished:
    """Run the job for every day of the demo's files.

    Raises:
        DemoError: a run failed; the message says why and where the log is.
    """
    folder, sandbox, finished = demo.folder, demo.sandbox, Finished(demo.folder, demo.days)
    bars = Progress(
        SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"), BarColumn(32), _Note(sandbox),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    with bars, demo.start(["-m", WORKER, *demo.days], folder.log, subprocess.PIPE) as worker:
        for day in demo.days:
            bar = bars.add_task(day, total=None, called=None, before=len(sandbox.call_log.enrich_calls))
            line = worker.stdout.readline() if worker.stdout else ""
            if not line:
                raise DemoError(f"The demo's runs ended unexpectedly. The log is {folder.log}.")
            report = json.loads(line)
            if "failed" in report:
                raise DemoError(f"The run of {day} failed: {report['failed']}\nThe log is {folder.log}.")
            bars.update(bar, total=1, completed=1, called=report["called"])
            finished.called += report["called"]
            finished.checks += report["checks"]
            finished.remarks += [f"{day}: {remark}" for remark in report["remarks"]]
        worker.wait()
    sandbox.wait_until_idle()
    finished.call_log = sandbox.call_log
    finished.charged = _charged(folder) - demo.charged_before
    return finished


def _charged(folder: DemoFolder) -> float:
    """Credits that the demo's ledger has charged in all."""
    try:
        with open_ledger(folder.state / FILE_NAME) as ledger:
            return ledger.totals().charged
    except LedgerError as error:
        raise DemoError(f"{error} Or start the demo from scratch: clodura-pipeline demo --fresh.") from None


@contextlib.contextmanager
def _running(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, stdout: int | None
) -> Iterator[subprocess.Popen[str]]:
    """A Python process in a session of its own, which gets SIGINT at the end and is killed when it does not end.

    Ctrl-C in a terminal therefore reaches the demo alone, which then ends the others in order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=stdout or output, stderr=output, text=True, encoding="utf-8", start_new_session=True,
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
