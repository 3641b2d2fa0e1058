"""Processes of the demo: started, ended in order, and never left running."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_GRACE_SECONDS = 30.0


@contextlib.contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP (a closed terminal) raise KeyboardInterrupt: else the demo's processes would be left running.

    SIGINT does so too where it was ignored, as shells have it for what they start in the background: processes
    inherit that, and Dagster could not be stopped gracefully. Use it in the main thread.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A Python process in a session of its own, which gets SIGINT at the end and is killed when it does not end.

    Ctrl-C in a terminal therefore reaches the demo alone, which then ends the others in order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=output if stdout is None else stdout, stderr=output, text=True, encoding="utf-8",
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            try:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            finally:
                # What is left of its session, also when Ctrl-C is pressed again.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
