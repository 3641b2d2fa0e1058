"""Two demos on one folder, run with settings and a server of the user that they must not use."""

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from clodura_pipeline.demo.runs import Finished, open_demo, run_days
from clodura_pipeline.demo.summary import Figures, print_summary
from clodura_pipeline.sandbox import CallLog, Sandbox


@dataclass(frozen=True)
class DemoRun:
    """The result of one demo, and what it printed."""

    finished: Finished
    figures: Figures
    printed: str


@dataclass(frozen=True)
class TwoDemos:
    """The first demo in a folder and a second one of its last day; `users_server` is what they must not call."""

    first: DemoRun
    second: DemoRun
    users_folder: Path
    users_server: CallLog

    @property
    def database(self) -> Path:
        return self.first.finished.folder.database


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
            first, second = _run_demo(folder), _run_demo(folder, only_last_day=True)
        return TwoDemos(first, second, users, users_server.call_log)


def _run_demo(root: Path, only_last_day: bool = False) -> DemoRun:
    printed = io.StringIO()
    console = Console(file=printed, width=100)
    with open_demo(root) as demo:
        finished = run_days(replace(demo, days=demo.days[-1:]) if only_last_day else demo, console)
    return DemoRun(finished, print_summary(finished, console), printed.getvalue())
