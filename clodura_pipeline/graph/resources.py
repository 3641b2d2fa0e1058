"""Dagster resources: settings as configuration, handing out plain objects that know no Dagster."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import Field, PrivateAttr

from clodura_pipeline.clodura.client import ClientSettings
from clodura_pipeline.enrichment.dispatcher import Outcome
from clodura_pipeline.enrichment.session import RunIdentity, Session, open_session
from clodura_pipeline.identity import canonical
from clodura_pipeline.identity.rereading import former_addresses, former_profiles, read_anew, spelling_of
from clodura_pipeline.identity.suppression import Suppression, SuppressionProblem, read_suppression
from clodura_pipeline.ledger import FILE_NAME, CanonicalForm, Ledger, Retention
from clodura_pipeline.ledger.rules.clock import SystemClock
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Policy, Refresh
from clodura_pipeline.ledger.rules.requests import Question
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.erasure.rebuild import quoted

_STRANGERS_LOCK_SECONDS = 100.0


@dataclass(frozen=True)
class Tick:
    """Something to do every so many seconds while people are asked."""

    call: Callable[[], None]
    seconds: float


class LedgerResource(dg.ConfigurableResource):
    """The ledger in the state folder."""

    state_dir: str
    raw_retention_days: float = Field(default=0.0, description="how long raw answers are kept; 0: for good")
    field_retention_days: float = Field(default=0.0, description="how long enriched fields are kept; 0: for good")

    @property
    def retention(self) -> Retention:
        """For how long answers are kept."""
        return Retention(self.raw_retention_days, self.field_retention_days)

    @contextlib.contextmanager
    def open(self) -> Iterator[Ledger]:
        """The open ledger; created when there is none. Raises `LedgerProblem`, which says what to do."""
        form = CanonicalForm(canonical.CANONICAL_VERSION, read_anew, spelling_of, former_profiles, former_addresses)
        with Ledger(Path(self.state_dir) / FILE_NAME, SystemClock(), canonical.profile_id, form) as ledger:
            yield ledger


class WorkingDatabase(DuckDBResource):
    """The working database, which only the one process that holds its lock opens.

    Dagster's own resource opens a file for up to 102 seconds, a damaged one too. This one waits for a session of
    somebody else's to end, and tells all else at once. A run opens it some twenty times, and DuckDB takes 17 ms to make
    an instance but 1 ms to attach a file to one, so a process keeps an instance, without a file, between the openings.
    """

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The open database; its file is closed at the end. Raises `duckdb.Error` when it cannot be opened."""
        with _attached(self.database) as connection:
            yield connection


_kept: dict[str, duckdb.DuckDBPyConnection] = {}
"""The instance that the file opened last was attached to, while nobody uses it."""
_ATTACHED = "working"


@contextlib.contextmanager
def _attached(path: str) -> Iterator[duckdb.DuckDBPyConnection]:
    instance = _kept.pop(path, None) or _new_instance(path)
    try:
        with contextlib.closing(instance.cursor()) as session:  # with it go its settings and temporary tables
            _attach(session, path)
            yield session
        instance.execute(f"DETACH {_ATTACHED}")
    except BaseException:
        # An error may have spoilt the instance, or left a transaction open; closing it closes the file too.
        instance.close()
        raise
    _kept[path] = instance


def _new_instance(path: str) -> duckdb.DuckDBPyConnection:
    """One that puts what does not fit into memory beside the file, not into whatever the current folder is."""
    while _kept:
        _kept.popitem()[1].close()
    return duckdb.connect(config={"temp_directory": f"{path}.tmp"})


def _attach(session: duckdb.DuckDBPyConnection, path: str) -> None:
    ends = time.monotonic() + _STRANGERS_LOCK_SECONDS
    while not _try_to_attach(session, path, last=time.monotonic() >= ends):
        time.sleep(0.5)
    session.execute(f"USE {_ATTACHED}")


def _try_to_attach(session: duckdb.DuckDBPyConnection, path: str, last: bool) -> bool:
    try:
        session.execute(f"ATTACH {quoted(path)} AS {_ATTACHED}")
    except duckdb.IOException as error:
        if last or "Could not set lock" not in str(error):
            raise
        return False
    return True


class CloduraResource(dg.ConfigurableResource):
    """The one door to Clodura: every call goes through the ledger, within the limits and the budget.

    `with clodura.session(...)` opens it for a run; `enrich_batch(people)` asks a batch and yields outcomes.
    """

    api_key: str = Field(default="", repr=False, description="Clodura's key; needed to ask")
    base_url: str = Field(description="where the API is; plain http only for this machine's loopback")
    requests_per_second: int = Field(description="0: no such limit")
    requests_per_minute: int = Field(description="0: no such limit")
    requests_per_day: int = Field(description="per UTC day; 0: no such limit")
    jitter_seconds: float = Field(description="how unevenly calls may travel without a limit being passed")
    max_credits_per_run: int = Field(description="0: no cap")
    max_credits_per_day: int = Field(description="per UTC day; 0: no cap")
    min_balance: int = Field(description="credits to leave at Clodura")
    max_workers: int = Field(description="calls in flight")
    batch_size: int = Field(description="people per batch")
    timeout_seconds: float = Field(description="for a whole call")
    answer_max_age_days: float = Field(description="what a refresh run considers old")
    no_match_max_age_days: float = Field(description="what a refresh run considers an old miss")
    ledger: LedgerResource

    _session: Session | None = PrivateAttr(default=None)

    @property
    def limits(self) -> Limits:
        """How fast Clodura may be called."""
        return Limits(self.requests_per_second, self.requests_per_minute, self.requests_per_day, self.jitter_seconds)

    @property
    def refresh_ages(self) -> Refresh:
        """The ages beyond which a refresh run asks again."""
        return Refresh(self.answer_max_age_days, self.no_match_max_age_days)

    @contextlib.contextmanager
    def session(
        self, run_id: str, root_run_id: str, max_credits: int | None, refresh: bool, settle_doubts: bool
    ) -> Iterator[Session]:
        """Open the door for one run.

        Args:
            max_credits: the run's own cap instead of `max_credits_per_run`; 0: no cap.
            refresh: ask people again whose answers are older than the max ages.
            settle_doubts: ask people again whose answer was lost twice.
        """
        budget = Budget(self.max_credits_per_run, self.max_credits_per_day, self.min_balance)
        policy = Policy(
            limits=self.limits,
            budget=budget,
            timeout_seconds=self.timeout_seconds,
            max_workers=self.max_workers,
            refresh=self.refresh_ages if refresh else None,
            settle_doubts=settle_doubts,
        )
        client = ClientSettings(self.base_url, self.api_key, self.timeout_seconds, self.max_workers)
        cap = budget.per_run_credits if max_credits is None else max_credits
        identity = RunIdentity(run_id, root_run_id, cap)
        with (
            self.ledger.open() as ledger,
            open_session(ledger, client, identity, policy, SystemClock()) as session,
        ):
            self._session = session
            try:
                yield session
            finally:
                self._session = None

    def enrich_batch(self, people: Sequence[Question]) -> Iterator[Outcome]:
        """Ask one batch concurrently and yield one outcome per person. Needs an open session."""
        return self.enrich_batches([people])

    def enrich_batches(self, batches: Iterable[Sequence[Question]], tick: Tick | None = None) -> Iterator[Outcome]:
        """Ask batch after batch without a pause between them, and yield one outcome per person."""
        if self._session is None:
            raise RuntimeError("enrich_batch needs an open session: with clodura.session(...)")
        if tick is None:
            return self._session.ask(batches, lambda: None, 1.0)
        return self._session.ask(batches, tick.call, tick.seconds)

    def batches(self, people: Sequence[Question]) -> Iterator[Sequence[Question]]:
        """Cut people into batches of `batch_size`."""
        for start in range(0, len(people), self.batch_size):
            yield people[start : start + self.batch_size]


class ProjectFiles(dg.ConfigurableResource):
    """Where the project's files are."""

    contacts_dir: str
    database: str
    header_spellings: str = ""
    suppression_file: str = ""
    start_date: str
    allow_new_ledger: bool

    def suppression(self) -> Suppression:
        """Who is never asked. Fails the run when the list cannot be read, before anybody is asked."""
        try:
            return read_suppression(Path(self.suppression_file)) if self.suppression_file else Suppression()
        except SuppressionProblem as problem:
            raise dg.Failure(str(problem), allow_retries=False) from None


def build_resources(settings: Settings) -> dict[str, object]:
    """All resources, from the settings. The key is passed by the name of its variable, so that the UI shows no more."""
    if settings.api_key:
        # The key may come from .env alone; the resource is given the variable's name, so the variable must be there.
        os.environ["CLODURA_API_KEY"] = os.environ.get("CLODURA_API_KEY") or settings.api_key
    ledger = LedgerResource(
        state_dir=str(settings.state_dir),
        raw_retention_days=settings.raw_retention_days,
        field_retention_days=settings.field_retention_days,
    )
    return {
        "ledger": ledger,
        "duckdb": WorkingDatabase(database=str(settings.working_database)),
        "files": ProjectFiles(
            contacts_dir=str(settings.contacts_dir),
            database=str(settings.database),
            header_spellings=str(settings.header_spellings or ""),
            suppression_file=str(settings.suppression_file or ""),
            start_date=settings.start_date.isoformat(),
            allow_new_ledger=settings.allow_new_ledger,
        ),
        "clodura": CloduraResource(
            api_key=dg.EnvVar("CLODURA_API_KEY") if settings.api_key else "",
            base_url=settings.base_url,
            requests_per_second=settings.requests_per_second,
            requests_per_minute=settings.requests_per_minute,
            requests_per_day=settings.requests_per_day,
            jitter_seconds=settings.jitter_seconds,
            max_credits_per_run=settings.max_credits_per_run,
            max_credits_per_day=settings.max_credits_per_day,
            min_balance=settings.min_balance,
            max_workers=settings.max_workers,
            batch_size=settings.batch_size,
            timeout_seconds=settings.timeout_seconds,
            answer_max_age_days=settings.answer_max_age_days,
            no_match_max_age_days=settings.no_match_max_age_days,
            ledger=ledger,
        ),
    }
