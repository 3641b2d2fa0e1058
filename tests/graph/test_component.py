"""The component in a Dagster project of another team: scaffolded, two instances, one day run against the sandbox."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml
from launched import Forked, forked_dg
from project import TODAY

from clodura_pipeline.component import CloduraEnrichmentComponent
from clodura_pipeline.sandbox import Sandbox, SandboxOptions
from clodura_pipeline.settings import Settings

TYPE = "clodura_pipeline.CloduraEnrichmentComponent"
PYPROJECT = """
[project]
name = "their-project"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "their_project"
"""
DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


class OtherProject:
    """A project that depends on this package and knows nothing else of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        package = root / "their_project"
        (package / "defs").mkdir(parents=True)
        (root / "pyproject.toml").write_text(PYPROJECT)
        for module in (package, package / "defs"):
            (module / "__init__.py").touch()
        (package / "definitions.py").write_text(DEFINITIONS)
        (root / "home").mkdir()
        (root / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")

    def dg(self, *arguments: str) -> Forked:
        """Run a `dg` command in the project to its end."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CLODURA_", "DAGSTER_"))}
        command = forked_dg(self.root, inherited | {"DAGSTER_HOME": str(self.root / "home")}, *arguments)
        command.wait()
        return command

    def add(self, name: str, **attributes: Any) -> None:
        """Write the file of an instance, as `dg scaffold defs` and its user do."""
        path = self.root / "their_project" / "defs" / name / "defs.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"type": TYPE, "attributes": attributes}))


@pytest.fixture
def other_project(tmp_path: Path) -> OtherProject:
    return OtherProject(tmp_path)


def test_two_instances_run_side_by_side_in_another_project(
    other_project: OtherProject, monkeypatch: pytest.MonkeyPatch, keep_page_script: Callable[[Path], None]
) -> None:
    """One is launched by dg, the other runs in this process, from the same code location."""
    with Sandbox(SandboxOptions(api_key="their-key", starting_balance=100)) as sandbox:
        person = next(person for person in sandbox.directory.people if person.answer == "person")
        for team in ("north", "south"):
            contacts = other_project.root / team / "contacts" / str(TODAY)
            contacts.mkdir(parents=True)
            keep_page_script(other_project.root / team / "state")
            (contacts / "crm.csv").write_text(f"contact_id,email\n{team},{person.email}\n")
            other_project.add(
                team,
                api_key_env="THEIR_KEY",
                base_url=sandbox.base_url,
                contacts_dir=f"{team}/contacts",
                state_dir=f"{team}/state",
                database=f"{team}/published.duckdb",
                key_prefix=team,
                requests_per_second=0,
            )
        (other_project.root / ".env").write_text("THEIR_KEY=their-key\n")
        launched = other_project.dg("launch", "--job", "enrich_contacts_north", "--partition", str(TODAY))
        assert launched.wait() == 0, launched.printed
        monkeypatch.setenv("THEIR_KEY", "their-key")
        monkeypatch.syspath_prepend(str(other_project.root))
        both = dg.load_from_defs_folder(path_within_project=other_project.root / "their_project")
        keys = {key.to_user_string() for key in both.resolve_asset_graph().get_all_asset_keys()}
        assert {"north/clodura_responses", "south/clodura_responses"} < keys
        with dg.DagsterInstance.ephemeral() as instance:
            south = both.resolve_job_def("enrich_contacts_south")
            assert south.execute_in_process(instance=instance, partition_key=str(TODAY)).success
        for team in ("north", "south"):
            with duckdb.connect(other_project.root / team / "published.duckdb", read_only=True) as published:
                shown = published.execute("SELECT contact_id, match_status FROM enriched_contacts").fetchall()
            assert shown == [(team, "person")]
        assert len(sandbox.call_log.enrich_calls) == 2  # one ledger each


def test_every_setting_is_an_attribute_with_a_description() -> None:
    model = CloduraEnrichmentComponent.get_model_cls()
    assert model is not None
    properties = model.model_json_schema()["properties"]
    assert set(Settings.model_fields) - set(properties) == {"api_key"}
    without = [name for name, schema in properties.items() if not schema.get("description")]
    assert without == []


def test_an_attribute_that_is_misspelt_is_refused(other_project: OtherProject) -> None:
    scaffold = other_project.dg("scaffold", "defs", TYPE, "misspelt")
    assert scaffold.wait() == 0, scaffold.printed
    (scaffolded,) = other_project.root.rglob("defs.yaml")
    assert yaml.safe_load(scaffolded.read_text())["type"] == TYPE
    other_project.add("misspelt", max_credit_per_run=20)
    check = other_project.dg("check", "yaml")
    assert check.wait() not in (0, None)
    assert "max_credit_per_run" in check.printed
