"""What becomes of the ledger's content apart from asking: audited, removed in time, erased at somebody's wish."""

import contextlib
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

from clodura_pipeline.ledger import erasure as forgetting
from clodura_pipeline.ledger import retention, schema
from clodura_pipeline.ledger import server_time as moments
from clodura_pipeline.ledger.audit import Audit, audit_file
from clodura_pipeline.ledger.erasure import Erased, Forgotten
from clodura_pipeline.ledger.retention import Removed, Retention
from clodura_pipeline.ledger.rules.clock import Clock

_WIPE_SECONDS = 10.0


class Custody(ABC):
    """The part of `Ledger` that asks nobody."""

    path: Path
    _clock: Clock
    _lock: threading.RLock
    _connection: sqlite3.Connection

    @abstractmethod
    def _transaction(self) -> contextlib.AbstractContextManager[sqlite3.Connection]: ...

    def audit(self) -> Audit:
        """Hold the file up to the rules that always hold in it; changes nothing and stops no run."""
        return audit_file(self.path)

    def leave_witness(self) -> str:
        """A mark that is in the ledger from now on: a ledger without it was restored from an older back-up."""
        with self._transaction() as cursor:
            return schema.leave_witness(cursor)

    def knows_witness(self, mark: str) -> bool:
        """Whether a mark was left in this ledger."""
        with self._transaction() as cursor:
            return cursor.execute("SELECT 1 FROM witnesses WHERE mark = ?", (mark,)).fetchone() is not None

    def find(self, identifiers: Iterable[str]) -> dict[str, int]:
        """The surviving person key of each of these canonical identifiers that is known."""
        with self._transaction() as cursor:
            return forgetting.find(cursor, identifiers)

    def forgotten(self) -> Forgotten:
        """Everybody who was erased at their wish."""
        with self._transaction() as cursor:
            return forgetting.forgotten(cursor)

    def forget(self, identifiers: Iterable[str]) -> Erased:
        """Erase whoever these canonical identifiers lead to; they are not asked again. The books stay as they are."""
        with self._transaction() as cursor:
            return forgetting.forget(cursor, moments.now(cursor, self._clock).server, identifiers)

    def remove_overdue(self, kept: Retention) -> Removed:
        """Remove answers that are kept long enough. What it takes never to buy twice, and the books, stay."""
        with self._transaction() as cursor:
            return retention.remove_overdue(cursor, moments.now(cursor, self._clock).server, kept)

    def overdue(self, kept: Retention) -> tuple[Removed, float]:
        """How much is kept that should be gone, and the server's time now (epoch seconds)."""
        with self._transaction() as cursor:
            now = moments.now(cursor, self._clock).server
            return retention.overdue(cursor, now, kept), now

    def wipe(self, thoroughly: bool = False) -> bool:
        """See that no bytes of what was removed are left in the ledger's files; False when other runs keep it busy.

        Args:
            thoroughly: write the whole file anew, rather than rely on what SQLite overwrites as it deletes.
        """
        with self._lock:
            self._connection.execute(f"PRAGMA busy_timeout = {round(_WIPE_SECONDS * 1000)}")
            try:
                if thoroughly:
                    self._connection.execute("VACUUM")
                return not self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise schema.problem(error, self.path) from error
                return False
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(schema.BUSY_SECONDS * 1000)}")
