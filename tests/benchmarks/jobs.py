"""The jobs as an operator starts them, each in processes of its own: `dg launch` against a sandbox on loopback."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent
_INSTANCE = "telemetry: {enabled: false}\n"
_TRIVIAL = """
import dagster as dg

@dg.asset
def first() -> None: ...

@dg.asset(deps=[first])
def second() -> None: ...

@dg.asset(deps=[second])
def third() -> None: ...

job = dg.define_asset_job("trivial", executor_def=dg.in_process_executor)
defs = dg.Definitions([first, second, third], jobs=[job])
"""


_PROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "trivial"
code_location_target_module = "trivial"
"""


@dataclass(frozen=True)
class Cost:
    """What a command took: wall and CPU seconds, and the peak memory of its largest process in MiB."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def measure_jobs(contacts: Path, folder: Path, day: str) -> Iterator[tuple[str, Cost]]:
    """Plans and nights over one list, in this order; the list is not landed before."""
    (folder / "none").mkdir(parents=True)
    other = folder / "other_project"
    other.mkdir()
    (other / "pyproject.toml").write_text(_PROJECT)
    (other / "trivial.py").write_text(_TRIVIAL)
    with _sandbox() as url:
        environment = _environment(folder / "trivial", folder / "none", url) | {"PYTHONPATH": str(other)}
        yield (
            "dg launch of three trivial assets",
            _run([str(_BIN / "dg"), "launch", "--job", "trivial"], environment, other),
        )
        plan = ["--job", "plan_contacts", "--partition", day]
        night = ["--job", "enrich_contacts", "--partition", day]
        jobs = (
            ("plan_contacts, no file (start-up)", plan, "empty", folder / "none", "0"),
            ("plan_contacts, fresh", plan, "list", contacts, "300"),
            ("plan_contacts again, nothing new", plan, "list", contacts, "300"),
            ("enrich_contacts, 300 calls left today", night, "list", contacts, "300"),
            ("enrich_contacts, the next 300 calls", night, "list", contacts, "600"),
        )
        for label, arguments, state, files, calls_per_day in jobs:
            environment = _environment(folder / state, files, url) | {"CLODURA_REQUESTS_PER_DAY": calls_per_day}
            yield label, _run([str(_BIN / "dg"), "launch", *arguments], environment)


@contextlib.contextmanager
def _sandbox() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(_BIN / "clodura-pipeline"), "sandbox", "--port", str(port), "--latency-seconds", "0"]
    for limit in ("second", "minute", "day"):
        command += [f"--requests-per-{limit}", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _environment(folder: Path, contacts: Path, url: str) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_INSTANCE)
    others = {name: value for name, value in os.environ.items() if not name.startswith(("CLODURA_", "DAGSTER_"))}
    return others | {
        "DAGSTER_HOME": str(home),
        "CLODURA_API_KEY": "sandbox-key",
        "CLODURA_BASE_URL": url,
        "CLODURA_CONTACTS_DIR": str(contacts),
        "CLODURA_STATE_DIR": str(folder / "state"),
        "CLODURA_DATABASE": str(folder / "clodura.duckdb"),
        "CLODURA_REQUESTS_PER_SECOND": "0",
        "CLODURA_REQUESTS_PER_MINUTE": "0",
    }


def _run(command: list[str], environment: Mapping[str, str], folder: Path = ROOT) -> Cost:
    start = time.perf_counter()
    log = Path(environment["DAGSTER_HOME"]) / "output.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
