"""Real processes: the job alone, `dg` commands, and the UI's server."""

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from project import TODAY, Project

ROOT = Path(__file__).parents[2]
DAY = TODAY.isoformat()
PRELOADED = [
    "dagster",
    "dagster_duckdb",
    *(f"dagster_dg_cli.cli.{name}" for name in ("api", "check", "dev", "labs", "launch", "list", "plus", "scaffold")),
]
"""Nothing that starts a thread when imported, as polars does: a fork of a process with threads may hang."""
JOB = ("--job", "enrich_contacts")
UP_TO_THE_CALLS = ("--assets", "+key:clodura_responses")
"""The job without what follows the calls: half as long."""
_INSTANCE = """
telemetry:
  enabled: false
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy
_LAUNCH = """
mutation($job: ExecutionParams!) { launchRun(executionParams: $job) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_TERMINATE = """
mutation($ids: [String!]!) { terminateRuns(runIds: $ids, terminatePolicy: SAFE_TERMINATE) { __typename
    ... on TerminateRunsResult { terminateRunResults { __typename } } } }
"""
_STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"


def until(reached: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < ends, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.02)


def environment(project: Project, **more: str) -> dict[str, str]:
    """What a process needs to work on a project, with Dagster's storage in the project's folder."""
    home = project.folder / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(_INSTANCE)
    others = {name: value for name, value in os.environ.items() if not name.startswith(("CLODURA_", "DAGSTER_"))}
    return others | {
        "DAGSTER_HOME": str(home),
        "CLODURA_API_KEY": "sandbox-key",
        "CLODURA_BASE_URL": project.sandbox.base_url,
        "CLODURA_CONTACTS_DIR": str(project.contacts),
        "CLODURA_STATE_DIR": str(project.state),
        "CLODURA_DATABASE": str(project.database),
        "CLODURA_REQUESTS_PER_SECOND": "0",
        "CLODURA_REQUESTS_PER_MINUTE": "0",
        "CLODURA_REQUESTS_PER_DAY": "0",
        "CLODURA_MAX_WORKERS": "8",
        "CLODURA_TIMEOUT_SECONDS": "8",
    } | more  # fmt: skip


_started: list["Forked"] = []


def end_started() -> None:
    """End the processes that a test has started: called after each."""
    while _started:
        _started.pop().end()


class Forked:
    """A process forked from a server that has Dagster and `dg` imported: a second, not four."""

    def __init__(self, target: Callable[..., None], output: Path, environment: Mapping[str, str], *given: Any) -> None:
        self._output = output
        server = multiprocessing.get_context("forkserver")
        server.set_forkserver_preload(PRELOADED)
        self.process = server.Process(target=_run_forked, args=(target, output, dict(environment), given))
        self.process.daemon = True  # ended with the tests at the latest
        self.process.start()
        _started.append(self)

    def wait(self, seconds: float = 60.0) -> int | None:
        """Its exit code; None when it has not ended in time."""
        self.process.join(seconds)
        return self.process.exitcode

    def end(self) -> None:
        """End it and what it has started, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            if self.process.pid:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()

    @property
    def printed(self) -> str:
        """What it has printed so far, errors included."""
        return self._output.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and what it has started, as a terminal does."""
        assert self.process.pid
        os.killpg(self.process.pid, number)


def _run_forked(target: Callable[..., None], output: Path, environment: dict[str, str], given: Sequence[Any]) -> None:
    os.setsid()
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    target(*given)


def forked_job(project: Project) -> Forked:
    """The job for today in a process of its own."""
    return Forked(_run_job, project.folder / "output", environment(project))


def _run_job() -> None:
    from clodura_pipeline.graph.build import build_project
    from clodura_pipeline.settings import check_settings

    given = {name: value for name, value in os.environ.items() if name.startswith("CLODURA_")}
    settings = {name.removeprefix("CLODURA_").lower(): value for name, value in given.items()}
    job = build_project(check_settings(settings, Path.cwd())).resolve_job_def("enrich_contacts")
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(partition_key=DAY, instance=instance, raise_on_error=False)
    sys.exit(0 if result.success else 1)


def forked_dg(folder: Path, environment: Mapping[str, str], *arguments: str) -> Forked:
    """A `dg` command in a folder, in a process of its own."""
    return Forked(_run_dg, folder / "output", environment, str(folder), arguments)


def _run_dg(folder: str, arguments: Sequence[str]) -> None:
    from dagster_dg_cli.cli import main

    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["dg", *arguments]
    main()


def launch(
    project: Project, env_file: str, *arguments: str, what: Sequence[str] = JOB, day: str = DAY, **given: str
) -> Forked:
    """`dg launch` for a day in a project folder of its own with this `.env`."""
    root = project_folder(project, env_file)
    return forked_dg(root, environment(project, **given), "launch", *what, "--partition", day, *arguments)


def project_folder(project: Project, env_file: str) -> Path:
    """A folder like that of this project, with this `.env`."""
    root = project.folder / "project"
    root.mkdir()
    for name in ("pyproject.toml", "dagster.yaml", "clodura_pipeline"):
        (root / name).symlink_to(ROOT / name)
    (root / ".env").write_text(env_file)
    return root


class Ui:
    """The UI's server, asked as the UI asks it."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return bool(_OPENER.open(f"{self._url}/server_info", timeout=2))
        except OSError:
            return False

    def launch(self) -> str:
        """Start the job for today; the run's id."""
        selector = {
            "repositoryLocationName": "clodura_pipeline.definitions",
            "repositoryName": "__repository__",
            "jobName": "enrich_contacts",
        }
        tags = [{"key": "dagster/partition", "value": DAY}]
        job = {"selector": selector, "mode": "default", "runConfigData": {}, "executionMetadata": {"tags": tags}}
        return self._ask(_LAUNCH, job=job)["launchRun"]["run"]["runId"]

    def terminate(self, run_id: str) -> None:
        """What the button does."""
        (result,) = self._ask(_TERMINATE, ids=[run_id])["terminateRuns"]["terminateRunResults"]
        assert result["__typename"] == "TerminateRunSuccess"

    def status(self, run_id: str) -> str:
        """The state that the UI shows."""
        return self._ask(_STATUS, id=run_id)["runOrError"]["status"]

    def tags(self, run_id: str) -> dict[str, str]:
        """The tags that the UI shows."""
        found = self._ask(_STATUS, id=run_id)["runOrError"]["tags"]
        return {tag["key"]: tag["value"] for tag in found}

    def _ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self._url}/graphql", body, {"Content-Type": "application/json"})
        with _OPENER.open(request, timeout=30) as answer:
            return json.load(answer)["data"]


@contextlib.contextmanager
def ui_of(project: Project) -> Iterator[Ui]:
    """The UI's server on a project; it and all that it started is ended with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-m", "clodura_pipeline.definitions", "--port", str(port)]
    with (
        (project.folder / "ui.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment(project), stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        ui = Ui(port)
        try:
            until(ui.is_up, "the UI's server answers")
            yield ui
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def events_of(project: Project) -> list[str]:
    """What the event log shows of all runs: messages, and errors with their causes."""
    with dg.DagsterInstance.from_config(str(project.folder / "home")) as instance:
        logs = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    said = [entry.user_message or entry.message for entry in logs]
    for entry in logs:
        event = entry.dagster_event
        error = event.step_failure_data.error if event and event.is_step_failure else None
        while error:
            said.append(error.message)
            error = error.cause
    return said
