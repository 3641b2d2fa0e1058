"""A ledger in one SQLite file, for any number of processes on one host."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from clodura_pipeline.ledger.engines.database import (
    BUSY_SECONDS,
    Cursor,
    LedgerDatabase,
    LedgerError,
    LedgerUnavailable,
    NoLedger,
    Row,
)
from clodura_pipeline.ledger.engines.schema import SCHEMA_VERSION
from clodura_pipeline.private_files import make_private_folder

_OVERWRITE_SECONDS = 10.0
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs",
     "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"}
)  # fmt: skip


class SqliteDatabase(LedgerDatabase):
    """A file in WAL mode with `synchronous=FULL`. `BEGIN IMMEDIATE` takes the one lock there is for writing."""

    address: Path
    has_own_clock = False
    engine_query = "SELECT 'SQLite ' || sqlite_version()"
    driver_error = sqlite3.Error

    def open(self, canonical_version: int) -> None:
        refuse_network_file_system(self.address.parent)
        try:
            make_private_folder(self.address.parent)
            # It holds contact data and answers. SQLite gives the files beside it the same permissions.
            os.close(os.open(self.address, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise self._in_words(error) from None
        with self._errors_in_words():
            self._connection = self._connect("rwc")
            self._use_wal()
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")  # what is removed leaves no bytes behind
        super().open(canonical_version)
        with self._errors_in_words():
            self._connection.execute("PRAGMA foreign_keys = ON")  # after a migration, which drops tables

    def overwrite_removed(self, thoroughly: bool) -> bool:
        with self._lock, self._errors_in_words():
            self._connection.execute(f"PRAGMA busy_timeout = {round(_OVERWRITE_SECONDS * 1000)}")
            try:
                if thoroughly:
                    self._connection.execute("VACUUM")
                return not self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                return False
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def copy_to(self, target: Path) -> None:
        """Write what the file holds now into one that is not there yet, and is whole by itself."""
        with self._errors_in_words(), contextlib.closing(self._connect("rw")) as connection:
            try:
                connection.execute("VACUUM INTO ?", (str(target),))
            except sqlite3.OperationalError as error:
                raise LedgerError(f"The back-up could not be written to {target.parent}: {error}.") from None

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.address.resolve().as_uri()}?mode={mode}",
            uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        connection.row_factory = sqlite3.Row
        return connection

    def _use_wal(self) -> None:
        # For this one switch SQLite does not wait by itself while another process opens or closes the same file.
        ends = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= ends:
                    raise
                time.sleep(0.01)
            else:
                return

    def _begin(self, opening: Callable[[], str]) -> tuple[Cursor, Row]:
        if self._connection.in_transaction:  # left by an interruption between two lines of a transaction
            self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            return self._connection, self._connection.execute(opening()).fetchone()
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Cursor]:
        if not self.address.is_file():
            raise NoLedger(f"There is no ledger at {self.address}. The first run creates it in CLODURA_STATE_DIR.")
        with contextlib.closing(self._connect("rw")) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield connection

    def _read_schema_version(self, cursor: Cursor) -> int:
        return cursor.execute("PRAGMA user_version").fetchone()[0]

    def _write_schema_version(self, cursor: Cursor) -> None:
        cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _in_words(self, error: Exception) -> LedgerError:
        text = str(error)
        kind, advice = next(
            ((kind, advice) for words, kind, advice in _ADVICE if any(word in text for word in words)),
            (LedgerError, _NOT_WRITABLE if isinstance(error, OSError) else "Run `clodura-pipeline ledger check`."),
        )
        return kind(f"The ledger cannot be used: {text}. {advice} File: {self.address}")


_NOT_WRITABLE = "Make CLODURA_STATE_DIR a folder that this user can write to."
_ADVICE = (
    (("malformed", "not a database"), LedgerError,
     "The file is damaged, and no call is made while it is. Restore the state folder from your backup, and do not "
     "delete the file: it may hold answers that the backup lacks."),
    (("full", "No space"), LedgerUnavailable,
     "The disk is full. Free space in CLODURA_STATE_DIR and start the run again."),
    (("readonly", "unable to open"), LedgerError, _NOT_WRITABLE),
    (("disk I/O",), LedgerUnavailable,
     "The disk of CLODURA_STATE_DIR could not be used: it may be full, over its quota, or failing. Check it, then "
     "start the run again."),
    (("locked",), LedgerUnavailable,
     f"Another process kept it locked for {BUSY_SECONDS:.0f} s. End that process or wait for it."),
)  # fmt: skip
"""What to do, by what is in SQLite's or the system's words."""


def refuse_network_file_system(folder: Path) -> None:
    """Raises `LedgerError` when the folder lies on a network file system, where SQLite's locks do not hold."""
    kind = _file_system(folder)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise LedgerError(
            f"CLODURA_STATE_DIR lies on a network file system ({kind}), where file locks do not hold. Two runs could "
            f"pay twice. Use a folder on a local disk, or CLODURA_LEDGER_URL. Folder: {folder}"
        )


def _file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system that holds the folder; "" where the system does not tell."""
    try:
        rows = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return ""
    kinds = {Path(row[1].replace("\\040", " ")): row[2] for row in rows if len(row) > 2}
    resolved = folder.resolve()
    return next((kinds[each] for each in (resolved, *resolved.parents) if each in kinds), "")
