"""The demo's worker, seen from its parent: started, listened to, ended."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from clodura_pipeline.demo.place import DemoProblem, Place

Message = dict[str, Any]
"""What the worker tells: `kind` (step, plan, done, failed), `day`, and what belongs to the kind; see `worker`."""

_GRACE_SECONDS = 20.0
_WATCH_SECONDS = 0.1
_WORKER = "clodura_pipeline.demo.worker"


def work(
    days: Sequence[str], place: Place, environment: Mapping[str, str], while_waiting: Callable[[], None]
) -> Iterator[Message]:
    """The worker's messages as they come; the worker never outlives this."""
    command = [sys.executable, "-m", _WORKER, *days]
    with place.log.open("ab") as log:
        worker = subprocess.Popen(
            command, env=environment, cwd=place.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=log, text=True, encoding="utf-8",
        )  # fmt: skip
        told_end = False
        try:
            for message in _lines(worker, while_waiting):
                told_end = message["kind"] == "failed"
                yield message
            if worker.wait(_GRACE_SECONDS) and not told_end:
                raise DemoProblem(f"The demo's runs ended unexpectedly; {place.log} tells more.")
        finally:
            _end(worker)


def _lines(worker: subprocess.Popen[str], while_waiting: Callable[[], None]) -> Iterator[Message]:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert worker.stdout is not None
        for line in worker.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="demo-worker-output", daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_WATCH_SECONDS)
        except queue.Empty:
            while_waiting()
            continue
        if line is None:
            return
        yield json.loads(line)


def _end(worker: subprocess.Popen[str]) -> None:
    """Wait for a worker that is ending (Ctrl-C reaches it too), and end it when it does not."""
    if worker.poll() is not None:
        return
    worker.terminate()
    try:
        worker.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
