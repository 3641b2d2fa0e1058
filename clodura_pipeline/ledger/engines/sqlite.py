"""A ledger in one SQLite file, for any number of processes on one host."""

import contextlib
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from clodura_pipeline.ledger.engines.database import (
    BUSY_SECONDS,
    Cursor,
    LedgerDatabase,
    LedgerError,
    LedgerUnavailable,
    Row,
    newer_version,
)
from clodura_pipeline.ledger.engines.schema import SCHEMA_VERSION, create_tables
from clodura_pipeline.ledger.engines.schema_migration import migrate_schema
from clodura_pipeline.private_files import make_private_folder

_OVERWRITE_SECONDS = 10.0
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs",
     "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"}
)  # fmt: skip


class SqliteDatabase(LedgerDatabase):
    """A file in WAL mode with `synchronous=FULL`. `BEGIN IMMEDIATE` takes the one lock there is for writing."""

    has_own_clock = False

    def __init__(self, path: Path, canonical_version: int) -> None:
        """
        Raises:
            LedgerError: on a network file system, in a folder that cannot be written, damaged, or of a newer version.
        """
        self._path = path
        self._lock = threading.RLock()
        refuse_network_file_system(path.parent)
        try:
            make_private_folder(path.parent)
            # It holds contact data and answers. SQLite gives the files beside it the same permissions.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._use_wal()
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")  # what is removed leaves no bytes behind
            self._prepare(canonical_version)
            self._connection.execute("PRAGMA foreign_keys = ON")
        except (sqlite3.Error, OSError) as error:
            raise _ledger_error(error, path) from error

    @contextlib.contextmanager
    def transaction(self, opening: Callable[[], str] = lambda: "SELECT 1") -> Iterator[tuple[sqlite3.Connection, Row]]:
        with self._lock:
            try:
                if self._connection.in_transaction:  # left by an interruption between two lines of this method
                    self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection, self._connection.execute(opening()).fetchone()
                    self._connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _ledger_error(error, self._path) from error

    def overwrite_removed(self, thoroughly: bool) -> bool:
        with self._lock:
            self._connection.execute(f"PRAGMA busy_timeout = {round(_OVERWRITE_SECONDS * 1000)}")
            try:
                if thoroughly:
                    self._connection.execute("VACUUM")
                return not self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise _ledger_error(error, self._path) from error
                return False
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")

    def after_copy(self) -> None:
        """AUTOINCREMENT follows on the largest id by itself."""

    def close(self) -> None:
        with self._lock:
            self._connection.close()

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

    def _prepare(self, canonical_version: int) -> None:
        with self.transaction() as (connection, _):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise newer_version(version, self._path)
            if version == 0:
                create_tables(connection, canonical_version)
            elif version < SCHEMA_VERSION:
                migrate_schema(connection, version)
            if version != SCHEMA_VERSION:
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextlib.contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """See `opening.open_to_read`."""
    if not path.is_file():
        raise LedgerError(f"There is no ledger at {path}. The first run creates it in CLODURA_STATE_DIR.")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 or version > SCHEMA_VERSION:
                what = f"a ledger of version {version}, which is newer than this program" if version else "no ledger"
                raise LedgerError(f"{path} is {what}.")
            yield connection
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise LedgerError(
                f"The ledger is damaged ({error}). No call is made while it is. Restore it from a backup, and keep "
                f"this file: it may hold answers that the backup lacks. File: {path}"
            ) from None
        raise _ledger_error(error, path) from None


def copy_file(path: Path, target: Path) -> None:
    """Copy a ledger's file as it is now, page by page, into one file that is whole by itself."""
    with open_to_read(path) as source:
        source.execute("COMMIT")  # the copy is one transaction of its own
        try:
            with contextlib.closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=-1)
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise LedgerError(f"The back-up could not be written to {target.parent}: {error}.") from None


def damage_of(cursor: Cursor) -> tuple[str, str] | None:
    """What is wrong with a file that can be opened, as (rule, where); None when it is whole."""
    try:
        lines = [row[0] for row in cursor.execute("PRAGMA integrity_check(20)")]
        # "row 7 missing from index": pages and rows by number, nothing of what they hold
        return None if lines == ["ok"] else ("SQLite's integrity check", "; ".join(lines)[:500])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise
        return "the file can be read", str(error)


def _ledger_error(error: Exception, path: Path) -> LedgerError:
    """The error as one that says what to do."""
    text = str(error)
    kind = LedgerError
    if "malformed" in text or "not a database" in text:
        advice = (
            "The file is damaged, and no call is made while it is. Restore the state folder from your backup, or run "
            "`clodura-pipeline ledger check`; do not delete the file: it holds the answers that were paid for."
        )
    elif "full" in text or getattr(error, "errno", None) == errno.ENOSPC:
        kind, advice = LedgerUnavailable, "The disk is full. Free space in CLODURA_STATE_DIR and start the run again."
    elif "readonly" in text or "unable to open" in text or isinstance(error, OSError):
        advice = "Make CLODURA_STATE_DIR a folder that this user can write to."
    elif "disk I/O" in text:
        kind = LedgerUnavailable
        advice = (
            "The disk of CLODURA_STATE_DIR could not be used: it may be full, over its quota, or failing. Check it, "
            "then start the run again."
        )
    elif "locked" in text:
        kind = LedgerUnavailable
        advice = f"Another process kept it locked for {BUSY_SECONDS:.0f} s. End that process or wait for it."
    else:
        advice = "See the error above."
    return kind(f"The ledger cannot be used: {text}. {advice} File: {path}")


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
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    resolved = str(folder.resolve())
    best = ("", "")
    for line in lines:
        parts = line.split()
        if len(parts) < 3:
            continue
        mount = parts[1].replace("\\040", " ")
        inside = resolved == mount or resolved.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best[0]):
            best = (mount, parts[2])
    return best[1]
