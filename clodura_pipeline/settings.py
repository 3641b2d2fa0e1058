"""All settings: read from the environment and `.env`, checked once, with paths made absolute."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from clodura_pipeline.ledger.rules.policy import Budget, Limits

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0)]
Days = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class SettingsError(Exception):
    """One or more settings cannot be used; the message names each and says what it must be."""


def project_root() -> Path:
    """The folder relative paths start from: the checkout this package lies in, else the current folder."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


class Settings(BaseSettings):
    """Names and meanings as in the README's table; each is `CLODURA_` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="CLODURA_", extra="ignore", env_ignore_empty=True)

    api_key: str = Field(default="", repr=False)
    base_url: str = "https://api.clodura.ai"
    contacts_dir: Path = Path("data/contacts")
    start_date: date = date(2026, 1, 1)
    database: Path = Path("data/clodura.duckdb")
    state_dir: Path = Path("data/state")
    header_spellings: Path | None = None
    requests_per_second: Count = 10
    requests_per_minute: Count = 100
    requests_per_day: Count = 2000
    jitter_seconds: Seconds = 0.05
    max_credits_per_run: Count = 1000
    max_credits_per_day: Count = 0
    min_balance: Count = 0
    max_workers: Annotated[int, Field(ge=1, le=256)] = 16
    batch_size: Positive = 200
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    answer_max_age_days: Seconds = 90.0
    no_match_max_age_days: Seconds = 30.0
    min_match_rate: Share = 0.4
    min_sample: Count = 30
    suppression_file: Path | None = None
    raw_retention_days: Days = 0.0
    field_retention_days: Days = 0.0
    allow_new_ledger: bool = False

    def model_post_init(self, _context: Any) -> None:
        root = project_root()
        for name in ("contacts_dir", "database", "state_dir", "header_spellings", "suppression_file"):
            path = getattr(self, name)
            if path is not None:
                setattr(self, name, (root / path.expanduser()).resolve())

    @property
    def working_database(self) -> Path:
        """The DuckDB file the pipeline works in; it can be rebuilt from the contact files and the ledger."""
        return self.state_dir / "working.duckdb"

    @property
    def limits(self) -> Limits:
        """How fast Clodura may be called."""
        return Limits(self.requests_per_second, self.requests_per_minute, self.requests_per_day, self.jitter_seconds)

    @property
    def budget(self) -> Budget:
        """How much may be spent."""
        return Budget(self.max_credits_per_run, self.max_credits_per_day, self.min_balance)


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the settings; the environment wins over `.env` in the project's root.

    Raises:
        SettingsError: naming every setting that cannot be used.
    """
    try:
        return Settings(_env_file=env_file or project_root() / ".env", _env_file_encoding="utf-8")  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        lines = [
            f"CLODURA_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("These settings cannot be used:\n  " + "\n  ".join(lines)) from None
