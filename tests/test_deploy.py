"""The files for several hosts, as far as they can be tried without Docker and Kubernetes."""

import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_docker import DockerRunLauncher
from postgres_server import running_server
from psycopg.conninfo import conninfo_to_dict

from clodura_pipeline.settings import Settings, project_root

ROOT = project_root()
FOLDER = ROOT / "clodura_pipeline" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
IMAGE = (FOLDER / "Dockerfile").read_text()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance from the file that the image holds, on a real server."""
    shutil.copy(FOLDER / "dagster.yaml", tmp_path)
    with running_server() as server:
        host = conninfo_to_dict(server.new_ledger().url)["host"]
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", f"postgresql://postgres@/postgres?host={host}")
        with dg.DagsterInstance.from_config(str(tmp_path)) as made:
            yield made


def test_dagster_accepts_the_instance_and_keeps_its_runs_on_the_server(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, DockerRunLauncher)
    assert instance.run_retries_enabled
    assert not instance.telemetry_enabled

    @dg.asset
    def something() -> None: ...

    assert dg.materialize([something], instance=instance).success
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]


def test_runs_get_what_the_services_have(instance: dg.DagsterInstance) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, DockerRunLauncher)
    assert launcher.env_vars
    for name in ("webserver", "daemon"):
        assert set(launcher.env_vars) <= set(SERVICES[name]["environment"])
    named = {COMPOSE["volumes"][volume.split(":")[0]]["name"] + ":" + volume.split(":")[1]
             for volume in SERVICES["code"]["volumes"]}  # fmt: skip
    assert named == set(launcher.container_kwargs["volumes"])
    assert launcher.networks == [COMPOSE["networks"]["default"]["name"]]


def test_commands_and_settings_in_the_files_exist() -> None:
    for service in SERVICES.values():
        for program in service.get("command", [])[:1]:
            assert shutil.which(program), program
    settings = {f"CLODURA_{name.upper()}" for name in Settings.model_fields}
    used = {name for service in SERVICES.values() for name in service["environment"] if name.startswith("CLODURA_")}
    in_image = {word.split("=")[0] for word in shlex.split(IMAGE, comments=True) if word.startswith("CLODURA_")}
    assert used | in_image <= settings
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"postgres", "deploy"} <= set(extras)


def test_what_the_image_copies_is_there_and_the_code_location_has_one_address() -> None:
    copied = [word for line in IMAGE.splitlines() if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert copied
    assert [path for path in copied if not (ROOT / path).exists()] == []
    (server,) = yaml.safe_load((FOLDER / "workspace.yaml").read_text())["load_from"]
    assert server["grpc_server"]["host"] in SERVICES
    assert str(server["grpc_server"]["port"]) in SERVICES["code"]["command"]


def test_no_file_holds_a_secret() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            assert name in ("POSTGRES_USER", "POSTGRES_DB", "DAGSTER_CURRENT_IMAGE") or "${" in value, name
    values = yaml.safe_load((FOLDER / "helm-values.yaml").read_text())
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    assert deployment["envSecrets"] == launcher["envSecrets"] == [{"name": "clodura"}]
    assert deployment["volumes"] == launcher["volumes"]
