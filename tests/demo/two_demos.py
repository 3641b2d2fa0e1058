"""Two demos on one folder, run while settings and a server of the user lie in wait for them."""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from clodura_pipeline.demo.figures import Figures
from clodura_pipeline.demo.run import Finished, run_demo
from clodura_pipeline.demo.summary import print_summary
from clodura_pipeline.sandbox import BooksView, Sandbox


@dataclass(frozen=True)
class Told:
    """What one demo came to, and what it printed."""

    finished: Finished
    figures: Figures
    printed: str


@dataclass(frozen=True)
class TwoDemos:
    """The first demo in a folder and a second one after it; `users_server` is what they must not ask."""

    first: Told
    second: Told
    users_folder: Path
    users_server: BooksView

    @property
    def database(self) -> Path:
        return self.first.finished.place.database


def run_two_demos(folder: Path) -> TwoDemos:
    """Run both in `folder`, with everything that a user may have set."""
    users = folder / "users"
    users.mkdir(parents=True)
    with Sandbox() as users_server:
        settings = {
            "CLODURA_API_KEY": "key-of-the-user",
            "CLODURA_BASE_URL": users_server.base_url,
            "CLODURA_CONTACTS_DIR": str(users),
            "CLODURA_STATE_DIR": str(users),
            "CLODURA_DATABASE": str(users / "clodura.duckdb"),
            "clodura_max_credits_per_run": "2",
            "DAGSTER_HOME": str(users),
        }
        with patch.dict(os.environ, settings):
            first, second = _tell(folder), _tell(folder)
        return TwoDemos(first, second, users, users_server.books.view())


def _tell(root: Path) -> Told:
    printed = io.StringIO()
    console = Console(file=printed, width=100)
    finished = run_demo(root, console=console)
    return Told(finished, print_summary(finished, console), printed.getvalue())
