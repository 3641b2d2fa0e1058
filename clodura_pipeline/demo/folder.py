"""The demo's folder, and the environment of its processes, which holds none of the user's own settings."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.private_files import close_folder, make_private_folder
from clodura_pipeline.sandbox import DEFAULT_API_KEY
from clodura_pipeline.settings import Settings

CALLS_PER_SECOND = 50
_SAMPLES = Path(__file__).with_name("samples")  # day-1, day-2, day-3
_DAYS = 3
_FIRST_FILE = "hubspot-contacts.csv"
_DAGSTER_YAML = """\
# Written by the demo: this folder is its own Dagster storage.
telemetry:
  enabled: false
nux:
  enabled: false
"""
_EMPTY = "# Written by the demo, and empty: a setting that is left out would be taken from the project's .env.\n"


def sample_files(first_day: date) -> dict[str, bytes]:
    """Every file's content by its path below the contacts folder, for three days from `first_day` on.

    They are as dirty as real ones, about the first 215 people of the sandbox's directory, and never change. Lists
    overlap and name the same people by different identifiers, but no person has to be paid for twice: a row leaves out
    an address or a profile only where another row joins it.
    """
    days = {f"day-{number + 1}": first_day + timedelta(days=number) for number in range(_DAYS)}
    return {f"{days[path.parent.name]}/{path.name}": path.read_bytes() for path in sorted(_SAMPLES.glob("*/*.csv"))}


class DemoError(UserFixableError):
    """The demo cannot continue; the message says why and what to do."""


class DemoFolder:
    """`data/demo` below the project's root, and the paths in it."""

    def __init__(self, root: Path) -> None:
        self.folder = root.resolve() / "data" / "demo"
        self.contacts = self.folder / "contacts"
        self.state = self.folder / "state"  # the ledger and the working database
        self.database = self.folder / "clodura.duckdb"  # the published file
        self.report = self.folder / "clodura.html"  # the page about it
        self.dagster_home = self.folder / ".dagster_home"
        self.log = self.folder / "demo.log"  # what the runs print
        self.ui_log = self.folder / "ui.log"  # what the Dagster UI and its daemon print
        self._lock = self.folder / "demo.lock"
        self._empty_file = self.folder / "empty.txt"

    @contextlib.contextmanager
    def prepared(self, today: date, fresh: bool = False) -> Iterator[list[str]]:
        """The folder with its files, for this process alone; yields the days that the files belong to.

        Args:
            fresh: delete what earlier demos left.

        Raises:
            DemoError: another demo is running in it, or it cannot be written.
        """
        with contextlib.ExitStack() as stack:
            try:
                make_private_folder(self.folder)
                close_folder(self.folder)  # of a demo before this one
                stack.enter_context(FileLock(self._lock, timeout=0))
                for item in self.folder.iterdir() if fresh else ():
                    if item.is_dir() and not item.is_symlink():
                        shutil.rmtree(item)
                    elif item != self._lock:
                        item.unlink()
                days = self.write_files(today)
            except Timeout:
                raise DemoError(f"Another demo is running in {self.folder}. End it first (Ctrl-C).") from None
            except OSError as error:
                raise DemoError(
                    f"The demo needs to write to {self.folder}: {error.strerror or error} "
                    f"({error.filename or self.folder}). Change that, or run it from a copy of the project "
                    "in a folder of your own."
                ) from None
            yield days

    def write_files(self, today: date) -> list[str]:
        """Write the sample files and Dagster's configuration; returns the days that the files belong to.

        Files of an earlier demo keep their days, so that a second demo finds the same people, who have their answers.
        """
        samples = sample_files(self._first_day() or today - timedelta(days=_DAYS - 1))
        contents = {self.contacts / path: content for path, content in samples.items()} | {
            self.dagster_home / "dagster.yaml": _DAGSTER_YAML.encode(),
            self._empty_file: _EMPTY.encode(),
        }
        for path, content in contents.items():
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return sorted({path.partition("/")[0] for path in samples})

    def environment(self, base_url: str, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of the demo's processes: the inherited one, with every setting of this project replaced.

        Every setting is named, because what the environment leaves out is taken from the project's `.env`.
        """
        values: dict[str, object] = {name: field.default for name, field in Settings.model_fields.items()}
        values |= {
            "api_key": DEFAULT_API_KEY,
            "base_url": base_url,
            "contacts_dir": self.contacts,
            "start_date": self._first_day() or values["start_date"],
            "database": self.database,
            "state_dir": self.state,
            "header_spellings": self._empty_file,
            "suppression_file": self._empty_file,
            "answer_fields": self._empty_file,
            "ledger_url": "sqlite:",
            "parquet_dir": self.folder / "parquet",
            "alert_webhook": f"{base_url}/alerts",  # leads nowhere, and never to the user's own receiver
            "requests_per_second": CALLS_PER_SECOND,
            "requests_per_minute": 0,
            "requests_per_day": 0,
            "jitter_seconds": 0.2,  # of a busy machine, so that its sandbox refuses no call
        }
        # Names of settings may be written in either case.
        kept = {name: text for name, text in inherited.items() if not name.upper().startswith(("CLODURA_", "DAGSTER_"))}
        own = {f"CLODURA_{name.upper()}": str(value) for name, value in values.items() if value is not None}
        return kept | own | {"DAGSTER_HOME": str(self.dagster_home)}

    def _first_day(self) -> date | None:
        days = [found.parent.name for found in self.contacts.glob(f"*/{_FIRST_FILE}")]
        return date.fromisoformat(min(days)) if days else None
