"""Where the demo lives, and the environment its processes get: nothing of the user's own settings."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from clodura_pipeline.demo.samples import DAYS, FIRST_FILE, sample_files
from clodura_pipeline.sandbox import DEFAULT_API_KEY
from clodura_pipeline.settings import Settings

CALLS_PER_SECOND = 50
_DAGSTER_YAML = """\
# Written by the demo, whose own Dagster storage this folder is.
telemetry:
  enabled: false
nux:
  enabled: false
"""
_WORKSPACE_YAML = """\
load_from:
  - python_module:
      module_name: clodura_pipeline.definitions
      location_name: clodura_pipeline
"""
_NOBODY = "# The demo's own, and empty: nobody is kept from being asked.\n"
_NO_SPELLINGS = "# The demo's own, and empty: a setting that is left out would be taken from the project's .env.\n"


class DemoProblem(Exception):
    """The demo cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """The demo's folder, `data/demo` below the project's root, and what lies where in it."""

    folder: Path

    @classmethod
    def below(cls, root: Path) -> "Place":
        """The demo of a project."""
        return cls(root.resolve() / "data" / "demo")

    @property
    def contacts(self) -> Path:
        """The contact files."""
        return self.folder / "contacts"

    @property
    def state(self) -> Path:
        """The ledger and the working database."""
        return self.folder / "state"

    @property
    def database(self) -> Path:
        """The published file."""
        return self.folder / "clodura.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Dagster's runs and events."""
        return self.folder / ".dagster_home"

    @property
    def workspace(self) -> Path:
        """What the Dagster UI loads."""
        return self.dagster_home / "workspace.yaml"

    @property
    def log(self) -> Path:
        """Everything the runs print."""
        return self.folder / "demo.log"

    @property
    def ui_log(self) -> Path:
        """Everything the Dagster UI and its daemon print."""
        return self.folder / "ui.log"

    @property
    def _spellings(self) -> Path:
        return self.folder / "header_spellings.toml"

    @property
    def _suppression(self) -> Path:
        return self.folder / "suppression.txt"

    @property
    def _lock(self) -> Path:
        return self.folder / "demo.lock"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """The folder, for this process alone: two demos would delete and overwrite each other's files.

        Raises:
            DemoProblem: another demo is running in it.
        """
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._lock, timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise DemoProblem(f"Another demo is running in {self.folder}: end it first (Ctrl-C).") from None
        try:
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Delete all that earlier demos left."""
        with _explained(self.folder):
            for item in self.folder.iterdir():
                if item == self._lock:
                    continue
                if item.is_dir() and not item.is_symlink():
                    shutil.rmtree(item)
                else:
                    item.unlink()

    def furnish(self, today: date) -> list[str]:
        """Write the sample files and Dagster's configuration; returns the days the files belong to.

        Files of an earlier demo keep their days, so that it is the same people who are not asked again.
        """
        with _explained(self.folder):
            first = self._first_day() or date.fromordinal(today.toordinal() - (DAYS - 1))
            files = sample_files(first)
            for path, content in files.items():
                _write(self.contacts / path, content)
            _write(self.dagster_home / "dagster.yaml", _DAGSTER_YAML.encode())
            _write(self.workspace, _WORKSPACE_YAML.encode())
            _write(self._spellings, _NO_SPELLINGS.encode())
            _write(self._suppression, _NOBODY.encode())
        return sorted({path.partition("/")[0] for path in files})

    def environment(self, base_url: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment for the demo's processes: the inherited one, with every setting of ours replaced.

        Every setting is there by name, for what the environment leaves out is taken from the project's `.env`.
        """
        values: dict[str, object] = {name: field.default for name, field in Settings.model_fields.items()}
        values |= {
            "api_key": DEFAULT_API_KEY,
            "base_url": base_url,
            "contacts_dir": self.contacts,
            "start_date": self._first_day() or values["start_date"],
            "database": self.database,
            "state_dir": self.state,
            "header_spellings": self._spellings,
            "suppression_file": self._suppression,
            "requests_per_second": CALLS_PER_SECOND,
            "requests_per_minute": 0,
            "requests_per_day": 0,
        }
        # Names of settings may be written in either case.
        kept = {name: text for name, text in inherited.items() if not name.upper().startswith(("CLODURA_", "DAGSTER_"))}
        ours = {f"CLODURA_{name.upper()}": str(value) for name, value in values.items()}
        return kept | ours | {"DAGSTER_HOME": str(self.dagster_home)}

    def _first_day(self) -> date | None:
        days = [found.parent.name for found in self.contacts.glob(f"*/{FIRST_FILE}")]
        return date.fromisoformat(min(days)) if days else None


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DemoProblem(
            f"The demo needs to write to {folder}: {error.strerror or error} ({error.filename or folder}). "
            "Mend that, or run it from a copy of the project in a folder of your own."
        ) from None
