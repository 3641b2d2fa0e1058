"""The command line: what it starts, and what it says when it cannot."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from clodura_pipeline.cli import main
from clodura_pipeline.demo import run, work
from clodura_pipeline.sandbox import RemoteSandbox
from clodura_pipeline.settings import Settings, load_settings, project_root


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("clodura_pipeline.settings.project_root", lambda: tmp_path)
    return tmp_path


def test_the_commands_are_listed_with_what_they_do() -> None:
    listed = invoke("--help")
    assert listed.exit_code == 0
    for name in ("demo", "sandbox"):
        assert re.search(rf"^  {name}  +\w", listed.output, re.MULTILINE)


def test_the_sandbox_obeys_its_options_and_ends_on_ctrl_c() -> None:
    options = [
        "--port",
        "0",
        "--api-key",
        "k",
        "--balance",
        "7",
        "--latency-seconds",
        "0.25",
        "--envelope",
        "data_list",
    ]
    options += ["--fault", "stall", "--fault", "status_503:0.3", "--requests-per-day", "9"]
    command = [sys.executable, "-m", "clodura_pipeline.cli", "sandbox", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        told = RemoteSandbox(found.group()).options()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert (told["starting_balance"], told["latency_seconds"], told["envelope"]) == (7, 0.25, "data_list")
    assert [(fault["kind"], fault["share"]) for fault in told["faults"]] == [("stall", 1.0), ("status_503", 0.3)]
    assert (told["requests_per_second"], told["requests_per_minute"], told["requests_per_day"]) == (10, 100, 9)


@pytest.mark.parametrize(
    ("fault", "says"),
    [("thunder", "there is no fault 'thunder'"), ("stall:7", "from 0 to 1"), ("stall:half", "from 0 to 1")],
)
def test_a_fault_that_is_none_is_explained(fault: str, says: str) -> None:
    result = invoke("sandbox", "--fault", fault)
    assert result.exit_code == 2
    assert says in result.output


def test_the_faults_are_listed_with_what_they_do() -> None:
    assert "charged_then_reset" in invoke("sandbox", "--list-faults").output


@pytest.mark.parametrize("command", [["sandbox"], ["demo", "--ui"]], ids=" ".join)
def test_a_port_that_is_taken_is_explained(command: list[str], taken_port: str, root: Path) -> None:
    result = invoke(*command, "--port", taken_port)
    assert result.exit_code == 1
    assert f"{taken_port}: Address already in use" in result.output
    assert "--port" in result.output
    assert not list(root.iterdir())


def test_a_port_without_the_ui_is_a_mistake() -> None:
    assert invoke("demo", "--port", "3000").exit_code == 2


def test_a_demo_whose_run_fails_says_why_and_where_the_log_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "work", worker_that_tells("failed", reason="the disk is full"))
    result = invoke("demo")
    assert result.exit_code == 1
    assert re.search(r"Error: The run of \d{4}-\d\d-\d\d failed: the disk is full", result.output)
    assert str(root / "data" / "demo" / "demo.log") in result.output


def test_a_demo_whose_worker_dies_says_where_the_log_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_WORKER", "no.such.module")
    result = invoke("demo")
    assert result.exit_code == 1
    log = root / "data" / "demo" / "demo.log"
    assert "ended unexpectedly" in result.output
    assert str(log) in result.output
    assert "no.such" in log.read_text()


def test_ctrl_c_in_a_demo_ends_it_without_a_traceback(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Iterator[work.Message]:
        signal.raise_signal(signal.SIGTERM)
        yield {}

    monkeypatch.setattr(run, "work", interrupted)
    result = invoke("demo")
    assert result.exit_code == 130
    assert "asks nobody twice" in result.output


def test_a_folder_that_cannot_be_written_is_explained(root: Path) -> None:
    (root / "data").touch()
    result = invoke("demo")
    assert result.exit_code == 1
    assert "Error: The demo needs to write to" in result.output


def test_the_example_of_an_env_file_names_every_setting_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.upper().startswith("CLODURA_")]:
        monkeypatch.delenv(name)
    example = (project_root() / ".env.example").read_text()
    all_on = tmp_path / ".env"
    all_on.write_text(re.sub("^# CLODURA_", "CLODURA_", example, flags=re.MULTILINE))
    assert set(dotenv_values(all_on)) == {f"CLODURA_{name.upper()}" for name in Settings.model_fields}
    assert load_settings(all_on) == load_settings(tmp_path / "none")
    assert [line for line in example.splitlines() if line and not line.startswith("#")] == ["CLODURA_API_KEY="]


def worker_that_tells(kind: str, **more: Any) -> Callable[..., Iterator[work.Message]]:
    def tell(days: Sequence[str], *_: Any) -> Iterator[work.Message]:
        yield {"kind": kind, "day": days[0], **more}

    return tell
