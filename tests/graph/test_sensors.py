"""The sensor of new files, and what a run that needs attention shows and sends, with a real receiver."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest
from project import PAGE, TODAY, YESTERDAY, Project, by_answer, metadata_of, open_project

from clodura_pipeline.graph.alerts import alert_text, send_alert
from clodura_pipeline.settings import check_settings

HEADER = "contact_id,email\n"
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class Ticks:
    """The sensor `new_contact_files`, with the cursor between its ticks."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.cursor: str | None = None
        self.skipped = ""
        self.run_keys: list[str | None] = []

    def tick(self) -> list[tuple[str, str]]:
        """First and last day of each run that one tick requests."""
        definitions = self.project.build()
        sensor = definitions.resolve_sensor_def("new_contact_files")
        with dg.build_sensor_context(
            instance=self.project.instance, cursor=self.cursor, resources=definitions.resources
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        self.skipped = data.skip_message or ""
        self.run_keys = [request.run_key for request in data.run_requests or ()]
        return [(request.tags[START], request.tags[END]) for request in data.run_requests or ()]


@pytest.fixture
def ticks(project: Project) -> Ticks:
    return Ticks(project)


def put(project: Project, path: str, text: str, seconds_ago: float = 120) -> None:
    """Write a file that was last written to some time ago, as far as its own times tell."""
    written = project.put(path, HEADER + text)
    past = time.time() - seconds_ago
    os.utime(written, (past, past))


@pytest.fixture(autouse=True)
def quiet_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the last change of a file's entry cannot be set: a file counts as finished after a moment."""
    monkeypatch.setattr("clodura_pipeline.graph.sensors.QUIET_SECONDS", 0.0)


def test_each_version_of_a_file_is_requested_once(project: Project, ticks: Ticks) -> None:
    put(project, f"{YESTERDAY}/crm.csv", "1,a@b.example\n")
    assert ticks.tick() == [(str(YESTERDAY), str(YESTERDAY))]
    assert ticks.tick() == []
    assert "new or changed" in ticks.skipped
    put(project, f"{YESTERDAY}/crm.csv", "1,a@c.example\n")  # the same size and age
    assert ticks.tick() == [(str(YESTERDAY), str(YESTERDAY))]
    put(project, f"{YESTERDAY}/crm.csv", "1,a@c.example\n")  # written again with the same content
    assert ticks.tick() == []


def test_a_tick_whose_cursor_was_lost_requests_the_same_run(project: Project, ticks: Ticks) -> None:
    put(project, f"{YESTERDAY}/crm.csv", "1,a@b.example\n")
    ticks.tick()
    requested, ticks.cursor = ticks.run_keys, None  # as after a daemon that died before it stored the cursor
    ticks.tick()
    assert ticks.run_keys == requested != [None]


def test_days_in_a_row_are_one_run_and_others_another(project: Project, ticks: Ticks) -> None:
    for days in (0, 1, 4):
        put(project, f"{TODAY - timedelta(days=days)}/crm.csv", "1,a@b.example\n")
    four_ago = str(TODAY - timedelta(days=4))
    assert ticks.tick() == [(four_ago, four_ago), (str(YESTERDAY), str(TODAY))]


def test_a_file_that_is_being_written_is_left_for_later(
    project: Project, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clodura_pipeline.graph.sensors.QUIET_SECONDS", 60.0)
    put(project, f"{TODAY}/crm.csv", "1,a@b.example\n", seconds_ago=0)
    assert ticks.tick() == []
    monkeypatch.setattr("clodura_pipeline.graph.sensors.QUIET_SECONDS", 0.0)
    assert ticks.tick() == [(str(TODAY), str(TODAY))]


def test_nothing_is_requested_while_a_run_is_under_way(project: Project, ticks: Ticks) -> None:
    put(project, f"{TODAY}/crm.csv", "1,a@b.example\n")
    job = project.build().resolve_job_def("enrich_contacts")
    project.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert ticks.tick() == []
    assert "queued or running" in ticks.skipped


class Receiver(HTTPServer):
    """Takes alerts; answers the first few with an error."""

    def __init__(self, failures: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.failures = failures
        self.received: list[Any] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.failures -= 1
        if server.failures < 0:
            server.received.append(json.loads(body))
        self.send_response(503 if server.failures >= 0 else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(params=[0, 2], ids=["answers at once", "answers the third time"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    server = Receiver(request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_alert_is_sent_as_text_and_tried_three_times(receiver: Receiver) -> None:
    log = dg.get_dagster_logger()
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    assert send_alert(url, "something", log, sleep=lambda _: None)
    assert receiver.received == [{"text": "something"}]


def test_a_dead_receiver_raises_nothing_and_its_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert not send_alert("http://127.0.0.1:9/secret", "x", dg.get_dagster_logger(), sleep=lambda _: None)
    assert "secret" not in caplog.text


@dataclass(frozen=True)
class Runs:
    """The runs of one list: one whose resource lowers the cap to the price of two people, and one for all others."""

    project: Project
    stopped: dg.ExecuteInProcessResult
    finished: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with open_project(tmp_path_factory.mktemp("runs")) as project:
        found = by_answer(project.sandbox.directory.people)["person"][:12]
        put(project, f"list-{TODAY}.csv", "".join(f"{person.person_id},{person.email}\n" for person in found))
        job = project.build(max_credits_per_run=10).resolve_job_def("enrich_contacts")
        assets = [key for key in job.asset_layer.selected_asset_keys if key != PAGE]
        lowered = {"resources": {"clodura": {"config": {"max_credits_per_run": 4}}}}
        stopped = job.execute_in_process(lowered, project.instance, str(TODAY), asset_selection=assets)
        yield Runs(project, stopped, project.run())


def text_of(project: Project, result: dg.ExecuteInProcessResult, **more: Any) -> str | None:
    run = project.instance.get_run_by_id(result.run_id)
    assert run is not None
    settings = {"state_dir": project.state, "database": project.database, **more}
    return alert_text(run, project.instance, check_settings(settings, project.folder))


def test_stopping_early_is_visible_on_the_run(runs: Runs) -> None:
    run = runs.project.instance.get_run_by_id(runs.stopped.run_id)
    assert run is not None
    tags = {name: value for name, value in run.tags.items() if name.startswith("clodura/")}
    assert tags == {
        "clodura/stop_reason": "run_budget",
        "clodura/credits": "4",
        "clodura/pending": "10",
        "clodura/range": str(TODAY),
    }
    figures = metadata_of(runs.stopped, "clodura_responses")
    assert (figures["pending"], figures["credits_charged"], figures["run_credits_charged"]) == (10, 4, 4)


def test_what_needs_attention_is_in_one_message_without_contact_data(runs: Runs) -> None:
    text = text_of(runs.project, runs.stopped, min_balance=999)
    assert text is not None
    for part in (
        "Stopped early: run_budget; 10 people are pending",
        "day_is_complete",
        "Balance: 976 credits are left",
    ):
        assert part in text
    assert "@" not in text


def test_a_run_that_needs_no_attention_sends_no_alert(runs: Runs) -> None:
    assert runs.finished.success
    assert text_of(runs.project, runs.finished) is None


def test_what_is_loaded_already_is_not_requested(runs: Runs) -> None:
    assert Ticks(runs.project).tick() == []


def test_a_failed_run_says_why(project: Project) -> None:
    text = text_of(project, project.run(contacts_dir=project.folder / "elsewhere"))
    assert text is not None
    assert "Failed: The contacts folder does not exist" in text


def test_alerts_are_there_and_on_only_with_a_webhook(project: Project) -> None:
    def names(**settings: Any) -> set[str]:
        return {sensor.name for sensor in project.build(**settings).sensors or ()}

    assert names() == {"new_contact_files"}
    with_alerts = project.build(alert_webhook="https://hooks.example/token")
    alert = with_alerts.resolve_sensor_def("alert_on_failure")
    assert alert.default_status is dg.DefaultSensorStatus.RUNNING
