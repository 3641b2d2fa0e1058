"""Maintenance of an open ledger: audit, restore markers, retention, erasure, overwriting what was removed."""

import contextlib
import sqlite3
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

from clodura_pipeline.ledger import connection, erasure, people, retention, server_time
from clodura_pipeline.ledger.audit import Audit, audit_file
from clodura_pipeline.ledger.erasure import ErasedPeople, ErasureCounts
from clodura_pipeline.ledger.retention import Removed, Retention
from clodura_pipeline.ledger.rules.clock import Clock

_OVERWRITE_SECONDS = 10.0
_MARKERS_KEPT = 100


class Maintenance(ABC):
    """The part of `Ledger` that has nothing to do with calls."""

    path: Path
    _clock: Clock
    _lock: threading.RLock
    _connection: sqlite3.Connection

    @abstractmethod
    def _transaction(self) -> contextlib.AbstractContextManager[sqlite3.Connection]: ...

    def audit(self) -> Audit:
        """Check the file by the rules that always hold in it; changes nothing and stops no run."""
        return audit_file(self.path)

    def write_restore_marker(self) -> str:
        """A mark that is in the ledger from now on: a ledger without it was restored from an older backup."""
        mark = uuid.uuid4().hex
        with self._transaction() as cursor:
            written = cursor.execute("INSERT INTO restore_markers (mark) VALUES (?) RETURNING id", (mark,)).fetchone()
            cursor.execute("DELETE FROM restore_markers WHERE id <= ?", (written[0] - _MARKERS_KEPT,))
        return mark

    def has_restore_marker(self, mark: str) -> bool:
        """Whether a mark was written to this ledger."""
        with self._transaction() as cursor:
            return cursor.execute("SELECT 1 FROM restore_markers WHERE mark = ?", (mark,)).fetchone() is not None

    def find(self, identifiers: Iterable[str]) -> dict[str, int]:
        """The surviving person key of each of these canonical identifiers that is known."""
        with self._transaction() as cursor:
            return people.owners_of(cursor, identifiers, from_calls_only=False)

    def erased_people(self) -> ErasedPeople:
        """All people who were erased at their request."""
        with self._transaction() as cursor:
            return erasure.erased_people(cursor)

    def erase(self, identifiers: Iterable[str]) -> ErasureCounts:
        """Erase the people whom these identifiers lead to; they are not called for again. Totals stay as they are."""
        with self._transaction() as cursor:
            return erasure.erase(cursor, server_time.read_clock(cursor, self._clock).server, identifiers)

    def remove_overdue(self, kept: Retention) -> Removed:
        """Remove answers that were kept long enough. What it takes never to pay twice, and all totals, stay."""
        with self._transaction() as cursor:
            return retention.remove_overdue(cursor, server_time.read_clock(cursor, self._clock).server, kept)

    def overdue(self, kept: Retention) -> tuple[Removed, float]:
        """How much is kept that should be gone, and the server's time now (epoch seconds)."""
        with self._transaction() as cursor:
            now = server_time.read_clock(cursor, self._clock).server
            return retention.overdue(cursor, now, kept), now

    def overwrite_removed(self, thoroughly: bool = False) -> bool:
        """Leave no bytes of what was removed in the ledger's files; False when other runs keep it busy.

        Args:
            thoroughly: rewrite the whole file, rather than rely on what SQLite overwrites as it deletes.
        """
        with self._lock:
            self._connection.execute(f"PRAGMA busy_timeout = {round(_OVERWRITE_SECONDS * 1000)}")
            try:
                if thoroughly:
                    self._connection.execute("VACUUM")
                return not self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise connection.ledger_error(error, self.path) from error
                return False
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(connection.BUSY_SECONDS * 1000)}")
