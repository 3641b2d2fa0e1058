"""All settings, each declared once: read from the environment and `.env`, checked, with paths made absolute."""

import difflib
import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import psutil
from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.intake.files import LANDED_FOLDER
from clodura_pipeline.ledger import FILE_NAME, Address, LedgerUrl, Retention
from clodura_pipeline.ledger.rules.policy import Budget, Limits, Refresh

PREFIX = "CLODURA_"
API_KEY = "CLODURA_API_KEY"
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class SettingsError(UserFixableError):
    """One or more settings cannot be used; the message names each and says what it must be."""


def project_root() -> Path:
    """The folder that relative paths start from: the Dagster project around the current folder, else this checkout."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and "[tool.dg" in pyproject.read_text(errors="replace"):
            return folder
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else here


class Settings(BaseModel):
    """Each field is the variable `CLODURA_` and its name in capitals, and an attribute of the component.

    The README's table, `.env.example`, the fields of `CloduraResource` and the component's attributes are made from
    this class or tested against it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: str = Field("", repr=False, description="Clodura's API key; needed for calls, not for plan, demo or tests")
    base_url: str = Field("https://api.clodura.ai", description="address of the API; plain http only for loopback")
    contacts_dir: Path = Field(Path("data/contacts"), description="folder of contact files, searched recursively")
    start_date: date = Field(date(2026, 1, 1), description="first daily partition; the last is today (UTC)")
    database: Path = Field(Path("data/clodura.duckdb"), description="the published DuckDB file that analysts open")
    state_dir: Path = Field(
        Path("data/state"), description="ledger and working database, on a local disk: back this folder up"
    )
    ledger_url: str = Field(
        "",
        repr=False,
        description="postgresql://… of a ledger that hosts share; empty: SQLite in the state folder",
    )
    requests_per_second: Count = Field(10, description="calls per second over all runs; 0: no such limit")
    requests_per_minute: Count = Field(100, description="calls per minute over all runs; 0: no such limit")
    requests_per_day: Count = Field(2000, description="calls per UTC day over all runs; 0: no such limit")
    jitter_seconds: Amount = Field(0.05, description="seconds by which travel times of calls may differ")
    max_credits_per_run: Count = Field(1000, description="credits that a run or backfill may spend; 0: no cap")
    max_credits_per_day: Count = Field(0, description="credits that a UTC day may spend; 0: no cap")
    min_balance: Count = Field(0, description="credits to leave untouched at Clodura")
    max_workers: Annotated[int, Field(ge=1, le=256)] = Field(16, description="calls in flight at once")
    batch_size: Annotated[int, Field(ge=1)] = Field(200, description="people per batch")
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(30.0, description="seconds for a whole call, not one read")
    answer_max_age_days: Amount = Field(90.0, description="days after which a refresh run calls again for an answer")
    no_match_max_age_days: Amount = Field(30.0, description="days after which a refresh run calls again for a miss")
    min_match_rate: Share = Field(0.4, description="share of answered people found as a person; below it a check warns")
    min_sample: Count = Field(30, description="answers below which rates are not judged")
    max_disagreement: Share = Field(0.1, description="share of matches that contradict the row; above it a check warns")
    answer_fields: Path | None = Field(None, description="TOML file with further field names of Clodura's answers")
    header_spellings: Path | None = Field(None, description="TOML file with further headers of contact files")
    suppression_file: Path | None = Field(None, description="text file of people who are never called for")
    raw_retention_days: Amount = Field(0.0, description="days that raw answers are kept; 0: for good")
    field_retention_days: Amount = Field(0.0, description="days that enriched fields are kept; 0: for good")
    published_mode: str = Field(
        "0440", pattern="^0?[0-7]{3}$", description="octal permissions of the published file; others get no access"
    )
    parquet_dir: Path | None = Field(None, description="folder for one Parquet file per published table")
    alert_webhook: str = Field("", repr=False, description="URL that receives a JSON message when something is wrong")
    allow_new_ledger: bool = Field(
        False, description="1: start an empty ledger beside paid answers, and pay for everything again"
    )

    @field_validator("ledger_url")
    @classmethod
    def _is_postgresql(cls, url: str) -> str:
        scheme = urlsplit(url).scheme
        if url and scheme not in ("sqlite", "postgresql", "postgres"):
            raise ValueError("must begin with postgresql://; leave it empty for SQLite in CLODURA_STATE_DIR")
        return "" if scheme == "sqlite" else url

    @property
    def ledger(self) -> Address:
        """Where the ledger is: on PostgreSQL, else in the state folder."""
        return LedgerUrl(self.ledger_url) if self.ledger_url else self.state_dir / FILE_NAME

    @property
    def published_permissions(self) -> int:
        """`published_mode` as a number."""
        return int(self.published_mode, 8)

    @property
    def working_database(self) -> Path:
        """The DuckDB file the pipeline works in; it can be rebuilt from the contact files and the ledger."""
        return self.state_dir / "working.duckdb"

    @property
    def landed_files(self) -> Path | None:
        """Where hosts that share a ledger keep what they have landed; None where no ledger is shared."""
        return self.contacts_dir / LANDED_FOLDER if self.ledger_url else None

    @property
    def limits(self) -> Limits:
        """How fast Clodura may be called."""
        return Limits(self.requests_per_second, self.requests_per_minute, self.requests_per_day, self.jitter_seconds)

    @property
    def budget(self) -> Budget:
        """How much may be spent."""
        return Budget(self.max_credits_per_run, self.max_credits_per_day, self.min_balance)

    @property
    def refresh_ages(self) -> Refresh:
        """The ages beyond which a refresh run calls again."""
        return Refresh(self.answer_max_age_days, self.no_match_max_age_days)

    @property
    def retention(self) -> Retention:
        """For how long answers are kept."""
        return Retention(self.raw_retention_days, self.field_retention_days)


SECRETS = {name for name, setting in Settings.model_fields.items() if not setting.repr}
"""Settings that no page, log or command shows."""


def variable_of(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def load_settings(env_file: Path | None = None, root: Path | None = None, **values: Any) -> Settings:
    """Read the settings: `values` given by name win over the environment, which wins over `.env` in the root.

    Args:
        root: the folder that relative paths start from.
        values: settings by their field's name; None is as if it were left out.

    Raises:
        SettingsError: naming every setting that cannot be used or is not known.
    """
    root = root or project_root()
    env_file = env_file or root / ".env"
    from_file = _read_env_file(env_file)
    given = from_file | {name: value for name, value in _given_environment(PREFIX, from_file).items() if value}
    _refuse_unknown(given, env_file)
    by_field = {name.upper().removeprefix(PREFIX).lower(): value for name, value in given.items()}
    known = {name: value for name, value in by_field.items() if value and name in Settings.model_fields}
    return check_settings(known | {name: value for name, value in values.items() if value is not None}, root)


def check_settings(values: Mapping[str, Any], root: Path) -> Settings:
    """Settings of these values, with relative paths below `root`.

    Raises:
        SettingsError: naming every setting that cannot be used.
    """
    try:
        settings = Settings.model_validate(dict(values))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = [f"{variable_of('_'.join(map(str, found['loc'])))}: {found['msg']}" for found in problems]
        raise SettingsError("These settings cannot be used:\n  " + "\n  ".join(lines)) from None
    paths = {name: value for name, value in settings if isinstance(value, Path)}
    return settings.model_copy(update={name: (root / path.expanduser()).resolve() for name, path in paths.items()})


def resolve_api_key(variable: str) -> str:
    """The key in this environment variable, else in `.env`; empty when it is in neither."""
    from_file = _read_env_file(project_root() / ".env", prefix="")
    return _given_environment(variable, from_file).get(variable) or from_file.get(variable, "")


def _given_environment(prefix: str, from_file: Mapping[str, str]) -> dict[str, str]:
    """The variables with this prefix (in any case), each as given to the process.

    `dg` and Dagster's code servers load `.env` over the variables that a user gave the process (measured with Dagster
    1.13.27: `dagster/_cli/utils.py`, `instance.inject_env_vars`), so a cap given for one run would be lost. A variable
    that has the same value as in `from_file` may have come from there: then it is looked up in what this process and
    those above it were started with, as far as each has it. The system keeps that; psutil reads it on Linux, macOS and
    the BSDs.
    """
    found = {name: value for name, value in os.environ.items() if name.upper().startswith(prefix)}
    injected = {name for name, value in found.items() if from_file.get(name) == value}
    process = psutil.Process()
    while injected and process is not None:
        try:
            started_with, process = process.environ(), process.parent()
        except psutil.Error:
            break  # of another user, or ended
        injected &= started_with.keys()
        differing = {name for name in injected if started_with[name] != from_file[name]}
        found |= {name: started_with[name] for name in differing}
        injected -= differing
    return found


def _read_env_file(path: Path, prefix: str = PREFIX) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        is_text = "\0" not in path.read_text("utf-8-sig")  # UTF-16 without a mark decodes, to letters and NUL
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        raise SettingsError(f"{path} is not written in UTF-8 and cannot be read. Save it as UTF-8, then start again.")
    values = dotenv_values(path, encoding="utf-8-sig")
    return {name: value or "" for name, value in values.items() if name.upper().startswith(prefix)}


def _refuse_unknown(given: Iterable[str], env_file: Path) -> None:
    known, lines = [name.upper() for name in Settings.model_fields], []
    for name in sorted(given):
        rest = name.upper().removeprefix(PREFIX)
        # Further keys, of several instances, are named by their `api_key_env`.
        if rest not in known and not name.startswith(f"{API_KEY}_"):
            similar = difflib.get_close_matches(rest, known, n=1, cutoff=0.6)
            meant = (
                f"did you mean {PREFIX}{similar[0]}?" if similar else "not known (see .env.example for all settings)"
            )
            lines.append(f"{name}: {meant}")
    if lines:
        raise SettingsError(
            f"These variables are no settings, in the environment or in {env_file}:\n  " + "\n  ".join(lines) + "\n"
            "Nothing was started, because a guard of your credits may be misspelt. Correct or remove them."
        )
