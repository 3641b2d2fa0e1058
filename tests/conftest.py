"""Settings of all tests, and their order."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# An example may take long on a busy machine; what must be fast is measured by tests of its own.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Temporary files lie in memory where there is plenty: ledgers and tables wait 2 ms for a disk at every commit.
_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

_LONGEST_FIRST = (
    "demo",
    "crash",
    "graph/test_component.py",
    "graph/test_launch.py",
    "graph/test_termination.py",
    "graph/test_caps.py",
    "graph",
    "enrichment",
    "identity",
    "warehouse",
    "intake",
    "ledger",
)
_TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that all processes end together. Those of crash and graph are dealt one by one.

    All others stay with their module (those of the demo with each other), whose fixtures are then made once.
    """
    items.sort(key=lambda item: _place(item.path.relative_to(_TESTS).as_posix()))
    for item in items:
        folder, *rest = item.path.relative_to(_TESTS).parts
        if folder not in ("crash", "graph"):
            item.add_marker(pytest.mark.xdist_group(folder if folder == "demo" else "/".join((folder, *rest))))


def _place(path: str) -> int:
    """The place of a file in the order."""
    starts = [number for number, start in enumerate(_LONGEST_FIRST) if path.startswith(start)]
    return min(starts, default=len(_LONGEST_FIRST))
