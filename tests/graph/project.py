"""A whole project in a folder of its own: files, ledger, databases, a sandbox, real Dagster runs in this process."""

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb

from clodura_pipeline.graph.assets import Assets
from clodura_pipeline.graph.assets.contacts import land_contacts, validate_contacts
from clodura_pipeline.graph.assets.enrichment import call_people, plan_calls
from clodura_pipeline.graph.assets.publication import publish_database, remove_overdue, show_contacts
from clodura_pipeline.graph.build import build_project
from clodura_pipeline.graph.checks import Check, pending, tables
from clodura_pipeline.graph.instance import GraphInstance
from clodura_pipeline.graph.partitions import range_tags
from clodura_pipeline.graph.resources import WorkingDatabase
from clodura_pipeline.graph.step import CheckStep, Step, without_none
from clodura_pipeline.sandbox import CallLog, Directory, Person, Sandbox, SandboxOptions
from clodura_pipeline.settings import Settings, check_settings

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
PAGE = dg.AssetKey("enrichment_report")
BODIES = (
    land_contacts, validate_contacts, plan_calls, call_people, remove_overdue, show_contacts, publish_database,
)  # fmt: skip

BLOCKING = [each for each in vars(tables).values() if isinstance(each, Check) and each.blocks]
ALWAYS_HOLD = [*BLOCKING, pending.pending_is_explained]


@dataclass(frozen=True)
class Snapshot:
    """What was published and called up to one moment, for scenarios of several runs that many tests look at."""

    database: Path
    call_log: CallLog

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.database, read_only=True) as connection:
            return connection.execute(sql).fetchall()


@dataclass
class Project:
    """Write files with `put`, run the job with `run`, ask the published file with `query`."""

    folder: Path
    sandbox: Sandbox
    open_instance: Callable[[], dg.DagsterInstance]
    settings: dict[str, Any] = field(default_factory=dict)
    _built: dict[str, dg.Definitions] = field(default_factory=dict)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        """What Dagster keeps of the runs; made when a test needs it, which takes as long as a tenth of a run."""
        return self.open_instance()

    @property
    def contacts(self) -> Path:
        return self.folder / "contacts"

    @property
    def database(self) -> Path:
        return self.folder / "out" / "clodura.duckdb"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def put(self, path: str, text: str | bytes) -> Path:
        file = self.contacts / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def build(self, **changes: Any) -> dg.Definitions:
        """The definitions under these settings, built once: 0.2 s (measured), a tenth of a run."""
        settings = self.settings_of(**changes)
        key = settings.model_dump_json()
        if key not in self._built:
            self._built[key] = build_project(settings)
        return self._built[key]

    def settings_of(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "api_key": "sandbox-key",
            "base_url": self.sandbox.base_url,
            "contacts_dir": self.contacts,
            "database": self.database,
            "state_dir": self.state,
            "requests_per_second": 0,
            "requests_per_minute": 0,
            "requests_per_day": 0,
            "timeout_seconds": 5,
        }
        values |= self.settings | changes
        # The resource reads the key from its variable, as it does for a user.
        os.environ["CLODURA_API_KEY"] = values["api_key"]
        return check_settings(values, self.folder)

    def run(
        self,
        first: date = TODAY,
        last: date | None = None,
        *,
        job: str = "enrich_contacts",
        config: dict[str, Any] | None = None,
        page: bool = False,
        **changes: Any,
    ) -> dg.ExecuteInProcessResult:
        """Run a job for a day or a range; returns the result, failed or not.

        Without the page about the published file, unless `page`: it has tests of its own.
        """
        tags = {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": (last or first).isoformat(),
        }
        run_config = {"ops": {"clodura_responses": {"config": config}}} if config else None
        made = self.build(**changes).resolve_job_def(job)
        assets = [key for key in made.asset_layer.selected_asset_keys if page or key != PAGE]
        return made.execute_in_process(
            run_config=run_config, instance=self.instance, tags=tags, raise_on_error=False, asset_selection=assets
        )

    def enrich(
        self,
        first: date = TODAY,
        last: date | None = None,
        *,
        config: dict[str, Any] | None = None,
        up_to: Assets = publish_database,
        **changes: Any,
    ) -> dict[str, dict[str, Any]]:
        """What the job does for a day or a range, without Dagster's bookkeeping: half of the time.

        For tests in which that is not looked at. An error is raised; the checks that block a run must hold, and the
        one of pending people. `up_to`: the last assets, with `plan_calls` a dry run; without checks then.

        Returns:
            The figures that Dagster would show of the run, by asset.
        """
        shown: dict[str, dict[str, Any]] = {}

        def add(figures: Mapping[str, Any], key: dg.AssetKey, **_: Any) -> None:
            shown.setdefault(key.to_user_string(), {}).update(figures)

        settings = self.settings_of(**changes)
        instance = GraphInstance(settings)
        tags = range_tags(first, last or first)
        run_config = {"ops": {"clodura_responses": {"config": config}}} if config else {}
        run = dg.DagsterRun("enrich_contacts", tags=tags, run_config=run_config)
        database = instance.resources["clodura_duckdb"]
        assert isinstance(database, WorkingDatabase)
        context: Any = SimpleNamespace(
            run=run,
            resources=SimpleNamespace(**instance.resources),
            log=logging.getLogger("enrich"),
            add_asset_metadata=add,
            instance=SimpleNamespace(add_run_tags=lambda *_: None),
            op_execution_context=SimpleNamespace(op_config=config or {}),
        )
        with ExitStack() as until_end:
            until_end.enter_context(database.yield_for_execution(context))
            for assets in BODIES[: BODIES.index(up_to) + 1]:
                figures = without_none(assets.body(Step(context, instance)) or {})
                for spec in assets.specs:
                    add(figures, spec.key)
            if up_to is publish_database:
                step = CheckStep(context, instance, until_end)
                assert [check.find(step).problem for check in ALWAYS_HOLD] == [""] * len(ALWAYS_HOLD)
        return shown

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return Snapshot(self.database, self.sandbox.call_log).query(sql)

    def snapshot(self) -> Snapshot:
        """What is published and was called up to now; it stays as it is."""
        copies = self.folder / "snapshots"
        copies.mkdir(exist_ok=True)
        copy = copies / f"{len(list(copies.iterdir()))}.duckdb"
        shutil.copy(self.database, copy)
        return Snapshot(copy, self.call_log())

    def statuses(self) -> dict[str, str]:
        """match_status by contact_id."""
        return dict(self.query("SELECT contact_id, match_status FROM enriched_contacts"))

    def call_log(self) -> CallLog:
        self.sandbox.wait_until_idle()
        return self.sandbox.call_log

    @property
    def call_count(self) -> int:
        """Enrich calls the server saw."""
        return len(self.call_log().enrich_calls)


@contextmanager
def open_project(
    folder: Path, options: SandboxOptions | None = None, directory: Directory | None = None
) -> Iterator[Project]:
    """A new project in a folder, and its sandbox with a balance of 1,000 credits."""
    options = options or SandboxOptions(starting_balance=1_000)
    with Sandbox(options, directory=directory) as sandbox, ExitStack() as until_end:
        made = Project(folder, sandbox, lambda: until_end.enter_context(dg.DagsterInstance.ephemeral()))
        made.contacts.mkdir()
        yield made


def by_answer(people: Iterable[Person]) -> dict[str, list[Person]]:
    """People by what an answer about them brings: person, organisation, miss."""
    found: dict[str, list[Person]] = {"person": [], "organisation": [], "miss": []}
    for person in people:
        found[person.answer].append(person)
    return found


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """The values of an asset's materialization."""
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def failure_text(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps say, in words."""
    said = []
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            error = data.error
            while error is not None:
                said.append(error.message)
                error = error.cause
            if data.user_failure_data and data.user_failure_data.description:
                said.append(data.user_failure_data.description)
    return "\n".join(said)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check passed, by asset and name."""
    return {
        f"{check.asset_key.to_user_string()}.{check.check_name}": check.passed
        for check in result.get_asset_check_evaluations()
    }
