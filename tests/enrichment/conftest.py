"""Fixtures for the tests of the ledger and the asking loop: real sockets, real SQLite files, a clock that obeys."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from asking_process import profile_of
from ledger_helpers import Desk, FakeClock

from clodura_pipeline.ledger import Ledger
from clodura_pipeline.sandbox import Sandbox, SandboxOptions


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Starts a sandbox with the given options, and stops it after the test."""
    with ExitStack() as stack:

        def start_one(**options: Any) -> Sandbox:
            return stack.enter_context(Sandbox(SandboxOptions(**options)))

        yield start_one


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a disk that others use too would only add noise."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def ledger_path(memory: Path) -> Path:
    """Where this test's ledger lies."""
    return memory / "state" / "ledger.sqlite"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands until it is told to go on."""
    return FakeClock()


@pytest.fixture
def ledger(ledger_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    """A ledger on the clock above, opened a moment ago."""
    with Ledger(ledger_path, clock, profile_of) as opened:
        clock.go_on(1.0)
        yield opened


@pytest.fixture
def desk(ledger: Ledger, clock: FakeClock) -> Desk:
    """Asks through the ledger by hand, call by call."""
    return Desk(ledger, clock)
