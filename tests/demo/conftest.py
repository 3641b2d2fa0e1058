"""Fixtures of the demo's tests."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from two_demos import TwoDemos, run_two_demos


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory, keep_page_script: Callable[[Path], None]) -> TwoDemos:
    """Shared by the test processes: the first one to come runs the demos, the others wait and read."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "two-demos"
    kept = shared.with_suffix(".pickle")
    with FileLock(shared.with_suffix(".lock")):
        if not kept.exists():
            keep_page_script(shared / "data" / "demo" / "state")
            kept.write_bytes(pickle.dumps(run_two_demos(shared)))
    return pickle.loads(kept.read_bytes())
