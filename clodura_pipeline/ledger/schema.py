"""The ledger's file: its tables, its version, and what must hold before it is opened."""

import contextlib
import errno
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

SCHEMA_VERSION = 1
FILE_NAME = "ledger.sqlite"
BUSY_SECONDS = 30.0
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs",
     "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"}
)  # fmt: skip

_TABLES = """
CREATE TABLE control (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ledger_id TEXT NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0,      -- raised by every change that readers should see
    world TEXT,                               -- 'loopback' or 'live', fixed by the first call
    canonical_version INTEGER NOT NULL,       -- of the identifiers below
    boot_id TEXT,                             -- of the monotonic times in this row
    server_offset REAL,                       -- server time minus monotonic time, in seconds
    paused_until REAL NOT NULL DEFAULT 0,     -- monotonic; after a 429
    rate_per_second REAL,                     -- lowered by a 429, grows again
    slowed_at REAL NOT NULL DEFAULT 0,
    strikes INTEGER NOT NULL DEFAULT 0,       -- 429s in a row
    forget_secret BLOB                        -- keys the hashes in `forgotten`; NULL until somebody is
) STRICT;

CREATE TABLE people (
    person_key INTEGER PRIMARY KEY AUTOINCREMENT,
    alias_of INTEGER REFERENCES people,       -- the older key that survived; never a chain
    sequence INTEGER NOT NULL,
    forgotten_at REAL                         -- erased at their wish, and not asked again
) STRICT;
CREATE INDEX people_by_survivor ON people (alias_of) WHERE alias_of IS NOT NULL;
CREATE INDEX people_by_sequence ON people (sequence);

CREATE TABLE identifiers (
    identifier TEXT PRIMARY KEY,              -- canonical
    person_key INTEGER NOT NULL REFERENCES people
) STRICT, WITHOUT ROWID;
CREATE INDEX identifiers_by_person ON identifiers (person_key);

CREATE TABLE forgotten (                      -- what is left of the identifiers of people who were erased
    mark TEXT PRIMARY KEY,                    -- keyed hash of a canonical identifier
    forgotten_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    root_run_id TEXT NOT NULL,
    watermark INTEGER NOT NULL,               -- newest attempt when it started
    started_at REAL NOT NULL,
    ended_at REAL,
    max_credits INTEGER NOT NULL,
    stop_kind TEXT,
    stop_reason TEXT
) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_key INTEGER NOT NULL REFERENCES people,   -- as asked; never moved by a merge
    run_id TEXT NOT NULL REFERENCES runs,
    root_run_id TEXT NOT NULL,
    file_date TEXT NOT NULL,                  -- first row of the person in the partition that asked
    source_file TEXT NOT NULL,
    purpose TEXT NOT NULL,
    combination TEXT NOT NULL,
    strength INTEGER NOT NULL,
    question TEXT,                            -- JSON as sent; NULL once retention removed it
    question_hash TEXT NOT NULL,
    sent_at REAL NOT NULL,                    -- epoch seconds by the server's clock
    boot_id TEXT NOT NULL,
    stamp REAL NOT NULL,                      -- monotonic time of sending
    lease_until REAL NOT NULL,                -- monotonic
    usage_date TEXT NOT NULL,                 -- UTC day of sending by the server's clock
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    http_status INTEGER,
    reserved_credits INTEGER NOT NULL,
    charged_credits INTEGER NOT NULL DEFAULT 0,
    at_risk_credits INTEGER NOT NULL DEFAULT 0,
    cost_basis TEXT,
    doubt_settled_by INTEGER,                 -- the balance reading that proved it free
    answered_at REAL,
    raw BLOB,                                 -- the answer's bytes
    raw_truncated INTEGER NOT NULL DEFAULT 0,
    content_type TEXT,
    parser_version INTEGER,
    answer TEXT,                              -- JSON of the parsed fields
    sequence INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_by_person ON attempts (person_key);
CREATE INDEX attempts_under_way ON attempts (id) WHERE state = 'sent';
CREATE INDEX attempts_by_sequence ON attempts (sequence);
CREATE INDEX attempts_at_risk ON attempts (id) WHERE at_risk_credits > 0;

CREATE TABLE sends (                          -- every request for the sliding windows, /credits too
    id INTEGER PRIMARY KEY,
    attempt_id INTEGER,
    boot_id TEXT NOT NULL,
    stamp REAL NOT NULL,
    sent_at REAL NOT NULL
) STRICT;
CREATE INDEX sends_by_stamp ON sends (boot_id, stamp);
CREATE INDEX sends_by_attempt ON sends (attempt_id);

CREATE TABLE totals (                         -- sums over attempts, kept by the same transactions
    scope TEXT PRIMARY KEY,                   -- 'all', 'day:2026-11-22', 'run:<root run id>'
    calls INTEGER NOT NULL DEFAULT 0,
    reserved_credits INTEGER NOT NULL DEFAULT 0,
    charged_credits INTEGER NOT NULL DEFAULT 0,
    at_risk_credits INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE closed_days (usage_date TEXT PRIMARY KEY, detail TEXT NOT NULL) STRICT;

CREATE TABLE readings (                       -- of Clodura's own balance
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    read_at REAL NOT NULL,                    -- when it began, epoch seconds by the server's clock
    watermark INTEGER NOT NULL,
    quiet INTEGER NOT NULL,                   -- 1: no call was under way from before it to after it
    credits REAL,                             -- NULL: unknown
    shape TEXT NOT NULL,
    charged_credits INTEGER NOT NULL,         -- total charged by the ledger at that moment
    at_risk_credits INTEGER NOT NULL,         -- after what this reading proved free
    interval TEXT,                            -- against the reading before: see readings.Reconciled
    drop_credits REAL,
    settled_credits INTEGER,
    unexplained_credits REAL
) STRICT;

CREATE TABLE witnesses (                      -- marks left for the working database, see leave_witness
    id INTEGER PRIMARY KEY,
    mark TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE undated_files (path TEXT PRIMARY KEY, file_date TEXT NOT NULL) STRICT;
"""


class LedgerProblem(Exception):
    """The ledger cannot be used. The message says what is wrong and what to do."""


class LedgerUnavailable(LedgerProblem):
    """Nobody can write to the ledger at present: it is locked, or its disk is full. Who waits may write yet."""


def connect(path: Path, canonical_version: int) -> sqlite3.Connection:
    """Open the ledger file, creating it when it is not there.

    Raises:
        LedgerProblem: on a network file system, in a folder that cannot be written, corrupt, or of a newer version.
    """
    refuse_network_file_system(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what retention or a wish removes leaves no bytes behind
        _prepare(connection, path, canonical_version)
    except (sqlite3.Error, OSError) as error:
        raise problem(error, path) from error
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
            for statement in filter(str.strip, _TABLES.split(";\n")):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO control (id, ledger_id, canonical_version) VALUES (1, ?, ?)",
                (uuid.uuid4().hex, canonical_version),
            )
            connection.execute("INSERT INTO totals (scope) VALUES ('all')")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version > SCHEMA_VERSION:
            raise LedgerProblem(
                f"{path.name} was written by a newer clodura_pipeline (ledger version {version}, this one knows "
                f"{SCHEMA_VERSION}). Install that version or a later one; nothing was changed."
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def leave_witness(cursor: sqlite3.Connection) -> str:
    """Leave a mark that only this ledger and later states of it hold; the last hundred are kept."""
    mark = uuid.uuid4().hex
    written = cursor.execute("INSERT INTO witnesses (mark) VALUES (?)", (mark,))
    cursor.execute("DELETE FROM witnesses WHERE id <= ?", ((written.lastrowid or 0) - 100,))
    return mark


@contextlib.contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """One consistent state of a ledger that is there, to look at: nothing in it changes, and no run waits for it.

    Raises:
        LedgerProblem: there is none, it is none, or it is of a newer version.
    """
    if not path.is_file():
        raise LedgerProblem(f"There is no ledger at {path}. The first run that asks makes one in CLODURA_STATE_DIR.")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 or version > SCHEMA_VERSION:
                what = f"a ledger of version {version}, which is newer than this program" if version else "no ledger"
                raise LedgerProblem(f"{path} is {what}.")
            yield connection
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise LedgerProblem(
                f"{path} is damaged ({error}). Nothing is asked while it is. Restore it from a back-up, and keep this "
                "file: it may hold what the back-up lacks."
            ) from None
        raise problem(error, path) from None


def problem(error: Exception, path: Path) -> LedgerProblem:
    """The error in words that say what to do."""
    text = str(error)
    kind = LedgerProblem
    if "malformed" in text or "not a database" in text:
        advice = (
            "The file is damaged. Nothing is asked while it is. Restore the state folder from your back-up, or look "
            "at it with `clodura-pipeline ledger check`; do not delete it: it holds what was bought."
        )
    elif "full" in text or getattr(error, "errno", None) == errno.ENOSPC:
        kind, advice = LedgerUnavailable, "The disk is full. Make room in CLODURA_STATE_DIR and start the run again."
    elif "readonly" in text or "unable to open" in text or isinstance(error, OSError):
        advice = "Make CLODURA_STATE_DIR a folder that this user can write to."
    elif "disk I/O" in text:
        kind, advice = (
            LedgerUnavailable,
            "The disk of CLODURA_STATE_DIR could not be used: it may be full, over its quota, or failing. See to it, "
            "then start the run again.",
        )
    elif "locked" in text:
        kind, advice = (
            LedgerUnavailable,
            f"Another process kept it locked for {BUSY_SECONDS:.0f} s. End that process or wait for it.",
        )
    else:
        advice = "See the error above."
    return kind(f"The ledger {path} cannot be used: {text}. {advice}")


def refuse_network_file_system(folder: Path) -> None:
    """Raises `LedgerProblem` when the folder lies on a network file system, where SQLite's locks do not hold."""
    kind = _file_system(folder)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise LedgerProblem(
            f"CLODURA_STATE_DIR ({folder}) lies on a network file system ({kind}), where the ledger's locks do not "
            "hold and money could be spent twice. Use a folder on a local disk."
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
