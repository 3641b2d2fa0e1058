"""Fixtures of the tests of ledger and dispatcher: real sockets, both engines, a clock under the test's control."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from clocks import FakeClock
from manual_run import ManualRun
from postgres_server import PostgresServer, running_server
from requests_of_tests import FORM

from clodura_pipeline.ledger import Address, Ledger


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a disk that others use too would only add noise."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def ledger_path(memory: Path) -> Path:
    """Where this test's ledger lies, on SQLite."""
    return memory / "state" / "ledger.sqlite"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The test run's PostgreSQL server."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> Address:
    """Where this test's ledger lies, on either engine in turn."""
    if request.param == "sqlite":
        return request.getfixturevalue("ledger_path")
    return request.getfixturevalue("postgres").new_ledger()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands until the test lets time pass."""
    return FakeClock()


@pytest.fixture
def ledger(address: Address, clock: FakeClock) -> Iterator[Ledger]:
    """A ledger on the clock above, opened a second ago."""
    with Ledger(address, clock, FORM) as opened:
        clock.go_on(1.0)
        yield opened


@pytest.fixture
def manual(ledger: Ledger, clock: FakeClock) -> ManualRun:
    """A run on the ledger above, whose calls are permitted and settled by hand."""
    return ManualRun(ledger, clock)
