"""Opens the ledger's file, and says what is wrong when it cannot be used."""

import contextlib
import errno
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.ledger.schema import SCHEMA_VERSION, TABLES
from clodura_pipeline.ledger.schema_migration import migrate_schema

BUSY_SECONDS = 30.0
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs",
     "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"}
)  # fmt: skip


class LedgerError(UserFixableError):
    """The ledger cannot be used."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be written now: it is locked, or its disk is full. Trying again may help."""


def connect(path: Path, canonical_version: int) -> sqlite3.Connection:
    """Open the ledger file, creating it when it is not there.

    Raises:
        LedgerError: on a network file system, in a folder that cannot be written, corrupt, or of a newer version.
    """
    refuse_network_file_system(path.parent)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It holds contact data and answers. SQLite gives the files beside it the same permissions.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # what retention or an erasure removes leaves no bytes behind
        _prepare(connection, path, canonical_version)
        connection.execute("PRAGMA foreign_keys = ON")
    except (sqlite3.Error, OSError) as error:
        raise ledger_error(error, path) from error
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    # For this one switch SQLite does not wait by itself while another process opens or closes the same file.
    ends = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= ends:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare(connection: sqlite3.Connection, path: Path, canonical_version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in filter(str.strip, TABLES.split(";\n")):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO control (id, ledger_id, canonical_version) VALUES (1, ?, ?)",
                (uuid.uuid4().hex, canonical_version),
            )
            connection.execute("INSERT INTO totals (scope) VALUES ('all')")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version < SCHEMA_VERSION:
            migrate_schema(connection)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version > SCHEMA_VERSION:
            raise LedgerError(
                f"The ledger was written by a newer clodura_pipeline (version {version}, this one knows "
                f"{SCHEMA_VERSION}). Nothing was changed. Install that version or a later one. File: {path}"
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextlib.contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """One consistent, read-only state of an existing ledger; no run waits for it.

    Raises:
        LedgerError: there is none, it is none, or it is of a newer version.
    """
    if not path.is_file():
        raise LedgerError(f"There is no ledger at {path}. The first run creates it in CLODURA_STATE_DIR.")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
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
        raise ledger_error(error, path) from None


def ledger_error(error: Exception, path: Path) -> LedgerError:
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
