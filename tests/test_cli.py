"""The command line: what it starts, and what it says when it cannot."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values
from remote_sandbox import RemoteSandbox

from clodura_pipeline.cli import main
from clodura_pipeline.demo import runs
from clodura_pipeline.sandbox import Sandbox, SandboxOptions
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


@pytest.mark.parametrize(
    ("group", "names"),
    [([], {"demo", "run", "plan", "status", "ledger", "forget", "sandbox"}), (["ledger"], {"backup"})],
    ids=["all", "ledger"],
)
def test_commands_are_listed_with_summaries_that_are_not_cut(group: list[str], names: set[str]) -> None:
    listed = invoke(*group, "--help")
    assert listed.exit_code == 0
    summaries = listed.output.split("Commands:\n")[1].splitlines()
    assert names <= {line.split()[0] for line in summaries}
    assert len(summaries) >= 4
    for line in summaries:
        assert re.fullmatch(r"  \w+ +[A-Z].*\w\.", line), line


def test_the_sandbox_obeys_its_options_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    names = tmp_path / "names.toml"
    names.write_text('personTitle = "who.position"\n[organisation]\ndomain = "web.site"\n')
    options = [
        "--port", "0", "--api-key", "k", "--balance", "7", "--latency-seconds", "0.25", "--envelope", "data_list",
        "--name-style", "snake_case", "--field-names", str(names), "--credit-usage-field", "creditUsage.used",
        "--fault", "stall", "--fault", "status_503:0.3", "--requests-per-day", "9",
    ]  # fmt: skip
    command = [sys.executable, "-m", "clodura_pipeline.cli", "sandbox", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        shown = RemoteSandbox(found.group()).options()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert (shown["starting_balance"], shown["latency_seconds"], shown["envelope"]) == (7, 0.25, "data_list")
    assert (shown["name_style"], shown["credit_usage_field"]) == ("snake_case", "creditUsage.used")
    assert shown["field_names"] == {"personTitle": "who.position", "organisation.domain": "web.site"}
    assert [(fault["kind"], fault["share"]) for fault in shown["faults"]] == [("stall", 1.0), ("status_503", 0.3)]
    assert (shown["requests_per_second"], shown["requests_per_minute"], shown["requests_per_day"]) == (10, 100, 9)


@pytest.mark.parametrize("content", ["not TOML", None])
def test_a_file_of_field_names_that_cannot_be_read_is_explained(content: str | None, tmp_path: Path) -> None:
    names = tmp_path / "names.toml"
    if content:
        names.write_text(content)
    result = invoke("sandbox", "--field-names", str(names))
    assert result.exit_code == 2
    assert "names.toml cannot be read" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("fault", "says"),
    [("thunder", "no such fault: 'thunder'"), ("stall:7", "less than or equal to 1"), ("stall:half", "from 0 to 1")],
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


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replaces the demo's worker by a module with this code; `day` is the first day that it is given."""

    def replace(code: str) -> None:
        (tmp_path / "replaced_worker.py").write_text(f"import json, sys, time\nday = sys.argv[1]\n{code}\n")
        monkeypatch.setattr(runs, "WORKER", "replaced_worker")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return replace


def test_a_demo_whose_run_fails_says_why_and_where_the_log_is(root: Path, worker: Callable[[str], None]) -> None:
    worker('print(json.dumps({"failed": "the disk is full"}), flush=True); sys.exit(1)')
    result = invoke("demo")
    assert result.exit_code == 1
    assert re.search(r"Error: The run of \d{4}-\d\d-\d\d failed: the disk is full", result.output)
    assert str(root / "data" / "demo" / "demo.log") in result.output


def test_a_demo_whose_worker_dies_says_where_the_log_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "WORKER", "no.such.module")
    result = invoke("demo")
    assert result.exit_code == 1
    log = root / "data" / "demo" / "demo.log"
    assert "ended unexpectedly" in result.output
    assert str(log) in result.output
    assert "no.such" in log.read_text()


def test_ctrl_c_in_a_demo_ends_it_and_its_worker_without_a_traceback(
    root: Path, worker: Callable[[str], None], tmp_path: Path
) -> None:
    own_id = tmp_path / "process-id"
    worker(
        f"import os, pathlib, signal; pathlib.Path({str(own_id)!r}).write_text(str(os.getpid()))\n"
        "os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    )
    result = invoke("demo")
    assert result.exit_code == 130
    assert "makes no call twice" in result.output
    assert "Traceback" not in result.output
    with pytest.raises(ProcessLookupError):
        os.kill(int(own_id.read_text()), 0)


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
    for name, setting in Settings.model_fields.items():
        description = setting.description or ""
        assert f"# {description[:1].upper()}{description[1:]}.\n" in example, name


def test_the_version_is_shown() -> None:
    assert re.search(r"\d+\.\d+", invoke("--version").output)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ("yesterday", "is no day"),
        ("2026-11-21..2026-11-19", "its first day is after its last"),
        ("2020-01-01", "CLODURA_START_DATE"),
        ("2999-01-01", "in the future"),
    ],
)
def test_days_that_cannot_be_run_are_explained(days: str, says: str, root: Path) -> None:
    for command in ("run", "plan"):
        result = invoke(command, days)
        assert result.exit_code == 2
        assert says in result.output


def test_plan_run_and_status(
    root: Path, monkeypatch: pytest.MonkeyPatch, keep_page_script: Callable[[Path], None]
) -> None:
    today = datetime.now(UTC).date()
    keep_page_script(root / "data" / "state")
    with Sandbox(SandboxOptions(starting_balance=100)) as sandbox:
        monkeypatch.setenv("CLODURA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("CLODURA_API_KEY", "sandbox-key")
        monkeypatch.setenv("DAGSTER_HOME", str(root / "home"))
        (root / "home").mkdir()
        people = [person for person in sandbox.directory.people if person.answer == "person"][:3]
        contacts = root / "data" / "contacts" / str(today)
        contacts.mkdir(parents=True)
        rows = "".join(f"{number},{person.email}\n" for number, person in enumerate(people))
        (contacts / "crm.csv").write_text("contact_id,email\n" + rows)
        before = invoke("status")
        assert before.exit_code == 0, before.output
        assert "no call was made" in before.output
        planned = invoke("plan", str(today))
        assert planned.exit_code == 0, planned.output
        assert re.search(r"to call for +3\b", planned.output)
        assert re.search(r"credits at most +6\b", planned.output)
        of_two_days = invoke("plan", f"{today - timedelta(days=1)}..{today}")
        assert re.search(r"to call for +3\b", of_two_days.output), of_two_days.output
        assert not sandbox.call_log.enrich_calls
        monkeypatch.setenv("CLODURA_API_KEY", "another-key")
        failed = invoke("run", str(today))
        assert failed.exit_code == 1
        assert "Error: Clodura rejected the API key (401)" in failed.output
        assert "Traceback" not in failed.output
        assert "another-key" not in failed.output
        monkeypatch.setenv("CLODURA_API_KEY", "sandbox-key")
        done = invoke("run", str(today), "--max-credits", "4")
        assert done.exit_code == 0, done.output
        assert "2 calls: 2 people found" in done.output
        assert "1 contacts are pending. Stopped early: the run's cap is reached" in done.output
        after = invoke("status").output
        assert re.search(r"today +4 credits, 2 of 2000 calls", after)
        assert re.search(r"pending +1 people, 1 day", after)
        assert "the run's cap is reached" in after
