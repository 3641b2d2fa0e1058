"""Settings of all tests, and their order."""

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# An example may take long on a busy machine; what must be fast is measured by tests of its own.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Each process imports and collects all tests. Nothing of that becomes garbage, and to look for some took 1.6 of 3.7 s.
gc.disable()

# Temporary files lie in memory where there is plenty: ledgers and tables wait 2 ms for a disk at every commit.
_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Files with the longest tests, then folders. Tests that wait stand beside tests that work, so that both cores are used.
# Each file is run by one process, for its fixtures.
_LONGEST_FIRST = (
    "crash/test_crashes.py",
    "graph/test_recovery.py",
    "graph/test_launch.py",
    "graph/test_enrich_contacts.py",
    "graph/test_termination.py",
    "demo/test_demo.py",
    "enrichment/test_faults.py",
    "graph/test_secrets_of_a_run.py",
    "crash",
    "graph/test_nothing_done.py",
    "graph/test_forget.py",
    "enrichment/test_concurrent_runs.py",
    "graph/test_component.py",
    "graph/test_disk_of_a_run.py",
    "enrichment/test_several_hosts.py",
    "graph/test_hosts.py",
    "ledger/test_limits.py",
    "graph",
    "enrichment",
    "warehouse",
    "identity",
    "intake",
    "ledger",
)
_TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """What was imported is left out of later searches for garbage, also in the process that only hands out tests."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """A process alone ends as usual; those of several end a second sooner, and DuckDB complains of objects anyway."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, so that all processes end together."""
    items.sort(key=lambda item: _place(item.path.relative_to(_TESTS).as_posix()))


@pytest.fixture(scope="session")
def keep_page_script(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Puts the script of the page into a state folder, as an earlier run does.

    To bundle it takes 2 s: all test processes do it once. A run in a folder without it bundles it for itself.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "page-script"

    def keep(state: Path) -> None:
        from clodura_pipeline.report.report import vega_script

        with FileLock(shared.with_suffix(".lock")):
            vega_script(shared)
        shutil.copytree(shared, state, dirs_exist_ok=True)

    return keep


def _place(path: str) -> int:
    """The place of a file in the order."""
    starts = [number for number, start in enumerate(_LONGEST_FIRST) if path.startswith(start)]
    return min(starts, default=len(_LONGEST_FIRST))
