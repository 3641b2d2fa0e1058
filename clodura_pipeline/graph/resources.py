"""Dagster resources: the settings as configuration, handing out plain objects that know no Dagster."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import Field, PrivateAttr, create_model

from clodura_pipeline.clodura.answers.fields import load_answer_fields
from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.enrichment.session import Session, open_session
from clodura_pipeline.graph.partitions import utc_now
from clodura_pipeline.identity.suppression_file import Suppression, read_suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.policy import Budget, Policy, Run
from clodura_pipeline.settings import (
    API_KEY,
    SECRETS,
    Settings,
    check_settings,
    project_root,
    resolve_api_key,
    variable_of,
)
from clodura_pipeline.warehouse.published.build import build_analyst_tables
from clodura_pipeline.warehouse.published.publication import publish
from clodura_pipeline.warehouse.tables.table import quoted

FOREIGN_LOCK_SECONDS = 100.0
_ATTACHED = "SELECT database_name FROM duckdb_databases() WHERE path IS NOT NULL"
_FOR_OPERATORS = (
    "The settings, and the only way to Clodura. Each field says what the setting is now; a value given here changes it "
    "for one run, null leaves it. Caps can only be lowered."
)


def config_type(name: str) -> tuple[Any, Any]:
    """The type and default of a setting where only plain types are allowed: paths and dates as text."""
    setting = Settings.model_fields[name]
    if setting.annotation in (int, float, bool, str):
        return setting.annotation, setting.default
    return str, "" if setting.default is None else str(setting.default)


class CloduraResource(dg.ConfigurableResource):
    """The settings of an instance, and the only way to Clodura: every call passes the ledger, limits and budget.

    Made by `from_settings`, which adds a field for each setting: what a run's config changes of them. The values of the
    settings are no fields: the launchpad would copy all of them into each run's config, where the cap gets lost, and
    Dagster 1.13.27 drops configured values as soon as a run's config names one field of a resource.
    """

    base: ClassVar[Settings] = Settings.model_construct()
    api_key_env: str = Field(API_KEY, description="environment variable that holds Clodura's API key")

    @classmethod
    def from_settings(cls, settings: Settings, api_key_env: str = API_KEY) -> "CloduraResource":
        """A resource with these settings, and the name of the variable that holds the key."""
        fields: dict[str, Any] = {"api_key_env": (str, Field(api_key_env, description="holds the API key"))}
        for name, value in settings:
            if name not in SECRETS:
                shown = "none" if value in (None, "") else value
                description = f"{Settings.model_fields[name].description}. {variable_of(name)}: {shown}"
                fields[name] = (config_type(name)[0] | None, Field(None, description=description))
        made: type[CloduraResource] = create_model(cls.__name__, __base__=cls, __doc__=_FOR_OPERATORS, **fields)
        made.base = settings
        return made(api_key_env=api_key_env)

    @property
    def settings(self) -> Settings:
        """The settings, without the key, as this run's config has changed them."""
        names = [name for name in Settings.model_fields if name not in SECRETS]
        values = {name: getattr(self.base, name) for name in names}
        changed = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return check_settings(values | changed | {"ledger_url": self.base.ledger_url}, project_root())

    def suppression(self) -> Suppression:
        """Who is never called for. Raises `UserFixableError` when the list cannot be read."""
        path = self.settings.suppression_file
        return read_suppression(path) if path else Suppression()

    def answer_reader(self) -> AnswerReader:
        """Reads answers, also by the user's field names. Raises `UserFixableError` when their file cannot be read."""
        return AnswerReader(load_answer_fields(self.settings.answer_fields))

    def publish(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Replace the published file; False when it already shows a later state. See `publication.publish`."""
        settings = self.settings
        return publish(connection, settings.database, settings.published_permissions, settings.parquet_dir)

    def build_tables(self, connection: duckdb.DuckDBPyConnection, ledger: Ledger, run_id: str) -> int:
        """Bring the analysts' tables up to date; returns the ledger's sequence that they show."""
        return build_analyst_tables(
            connection, ledger, self.suppression(), run_id, utc_now(), self.settings.requests_per_day or None
        )

    @contextlib.contextmanager
    def session(
        self,
        ledger: Ledger,
        run: Run,
        budget: Budget,
        refresh: bool = False,
        retry_ambiguous: bool = False,
    ) -> Iterator[Session]:
        """Open the way to Clodura for one run."""
        settings = self.settings
        policy = Policy(
            limits=settings.limits,
            budget=budget,
            timeout_seconds=settings.timeout_seconds,
            max_workers=settings.max_workers,
            refresh=settings.refresh_ages if refresh else None,
            retry_ambiguous=retry_ambiguous,
        )
        key = resolve_api_key(self.api_key_env)
        client = ClientSettings(settings.base_url, key, settings.timeout_seconds, settings.max_workers)
        with open_session(ledger, client, run, policy, Clock(), self.answer_reader()) as session:
            yield session


class WorkingDatabase(DuckDBResource):
    """The working database, opened by one process at a time.

    Dagster's own resource tries again for up to 102 seconds whatever is wrong, and leaves the file open when the body
    raises. This one waits only for a session of another program to end, and always closes the file. DuckDB itself is
    started once a run: that takes 20 ms, to attach the file and detach it 4 ms, and a run does it some 17 times.
    """

    _engine: duckdb.DuckDBPyConnection | None = PrivateAttr(None)
    _keeps_engine: bool = PrivateAttr(False)

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WorkingDatabase"]:
        """The resource for one run, or one step of it in a process of its own."""
        with super().yield_for_execution(context):
            self._keeps_engine = True
            try:
                yield self
            finally:
                self._keeps_engine = False
                if self._engine is not None:
                    self._engine.close()
                self._engine = None

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The open database. Raises `duckdb.Error` when it cannot be opened."""
        engine = self._engine or duckdb.connect(config={"temp_directory": f"{self.database}.tmp"})
        self._engine = None  # after an error it may refuse everything, so it is kept only when there was none
        with contextlib.ExitStack() as until_closed:
            until_closed.callback(engine.close)
            with contextlib.closing(engine.cursor()) as connection:
                _attach(connection, self.database)
                yield connection
            with contextlib.suppress(duckdb.IOException):  # no room for a checkpoint: all is in the .wal beside it
                for (name,) in engine.execute(_ATTACHED).fetchall():
                    engine.execute(f'DETACH "{name}"')
                if self._keeps_engine:
                    # Else it keeps the memory it took: 0.9 instead of 0.2 GB after a sort of 2 million rows.
                    engine.execute("SET memory_limit = '64MB'")
                    self._engine = engine
                    until_closed.pop_all()


def _attach(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    ends = time.monotonic() + FOREIGN_LOCK_SECONDS
    while True:
        try:
            connection.execute(f"ATTACH {quoted(path)} AS working")
            break
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error) or time.monotonic() >= ends:
                raise
            time.sleep(0.5)
    connection.execute("USE working")
