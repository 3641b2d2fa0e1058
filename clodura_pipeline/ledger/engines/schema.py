"""The ledger's tables, in one place for all engines."""

import re
import uuid
from typing import Any

SCHEMA_VERSION = 3
FILE_NAME = "ledger.sqlite"

TABLES = """
CREATE TABLE control (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ledger_id TEXT NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0,      -- raised by every change that readers should see
    environment TEXT,                         -- 'loopback' or 'live', fixed by the first run that calls
    canonical_version INTEGER NOT NULL,       -- of the identifiers below
    boot_id TEXT,                             -- of the monotonic times in this row
    server_offset REAL,                       -- server time minus monotonic time, in seconds
    paused_until REAL NOT NULL DEFAULT 0,     -- monotonic; after a 429
    rate_per_second REAL,                     -- lowered by a 429, grows again
    slowed_at REAL NOT NULL DEFAULT 0,
    consecutive_429s INTEGER NOT NULL DEFAULT 0,
    erasure_secret BLOB                       -- keys the hashes in `erasures`; NULL before the first erasure
) STRICT;

CREATE TABLE people (                         -- only people who were called for
    person_key INTEGER PRIMARY KEY,           -- 63 bits of a hash, see person_key.py
    added INTEGER NOT NULL,                   -- sequence of the first call; of two people, the older key survives
    alias_of INTEGER REFERENCES people,       -- the older key that survived; never a chain
    sequence INTEGER NOT NULL,
    erased_at REAL                            -- at the person's request; not called for again
) STRICT;
CREATE INDEX people_by_survivor ON people (alias_of) WHERE alias_of IS NOT NULL;
CREATE INDEX people_by_sequence ON people (sequence);

CREATE TABLE identifiers (
    identifier TEXT PRIMARY KEY,              -- canonical
    person_key INTEGER NOT NULL REFERENCES people,
    from_call INTEGER NOT NULL                -- 1: a call sent it, or its answer named it; 0: only files say so
) STRICT, WITHOUT ROWID;
CREATE INDEX identifiers_by_person ON identifiers (person_key);

CREATE TABLE erasures (                       -- what is left of the identifiers of people who were erased
    mark TEXT PRIMARY KEY,                    -- keyed hash of a canonical identifier
    erased_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE answer_shapes (                  -- each shape once; no values
    shape_id TEXT PRIMARY KEY,                -- hash of the shape
    shape TEXT NOT NULL                       -- JSON: [[path, value type, filled, column], ...]
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    cap_scope TEXT NOT NULL,                  -- the backfill or root run that the cap counts over
    watermark INTEGER NOT NULL,               -- newest attempt when it started
    range_start TEXT NOT NULL,
    range_end TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    max_credits INTEGER NOT NULL,
    stop_kind TEXT,
    stop_reason TEXT,
    sequence INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    person_key INTEGER NOT NULL REFERENCES people,   -- as called for; never moved by a merge
    run_id TEXT NOT NULL REFERENCES runs,
    cap_scope TEXT NOT NULL,
    file_date TEXT NOT NULL,                  -- first row of the person in the partition that called
    source_file TEXT NOT NULL,
    purpose TEXT NOT NULL,
    combination TEXT NOT NULL,
    strength INTEGER NOT NULL,
    request TEXT,                             -- JSON as sent; NULL once it was erased
    request_hash TEXT NOT NULL,
    sent_at REAL NOT NULL,                    -- epoch seconds by the server's clock
    boot_id TEXT NOT NULL,
    stamp REAL NOT NULL,                      -- monotonic time of sending
    lease_until REAL NOT NULL,                -- monotonic
    usage_date TEXT NOT NULL,                 -- UTC day of sending by the server's clock
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    http_status INTEGER,
    reserved_credits REAL NOT NULL,
    charged_credits REAL NOT NULL DEFAULT 0,
    at_risk_credits REAL NOT NULL DEFAULT 0,
    cost_basis TEXT,
    doubt_settled_by INTEGER,                 -- the balance reading that proved it free
    answered_at REAL,
    raw BLOB,                                 -- the answer's bytes
    raw_truncated INTEGER NOT NULL DEFAULT 0,
    content_type TEXT,
    reader_version TEXT,                      -- what read the answer: parser version and field names
    answer TEXT,                              -- JSON of the parsed fields, and the contact as Clodura sent it
    shape_id TEXT REFERENCES answer_shapes,   -- names and types in the answer
    sequence INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_by_person ON attempts (person_key);
CREATE INDEX attempts_in_flight ON attempts (lease_until) WHERE state = 'sent';
CREATE INDEX attempts_in_doubt ON attempts (id) WHERE state = 'ambiguous';
CREATE INDEX attempts_by_sequence ON attempts (sequence);
CREATE INDEX attempts_at_risk ON attempts (id) WHERE at_risk_credits > 0;
CREATE INDEX attempts_by_reader ON attempts (reader_version, id) WHERE raw IS NOT NULL;

CREATE TABLE sends (                          -- every request for the sliding windows, /credits too
    id INTEGER PRIMARY KEY,                   -- place: consecutive, in the order of the stamps of a boot
    attempt_id INTEGER,
    boot_id TEXT NOT NULL,
    stamp REAL NOT NULL,                      -- latest time at which it may leave, not before the place below it
    sent_at REAL NOT NULL
) STRICT;
CREATE INDEX sends_by_stamp ON sends (boot_id, stamp);
CREATE INDEX sends_by_attempt ON sends (attempt_id);

CREATE TABLE totals (                         -- sums over attempts, kept by the same transactions
    scope TEXT PRIMARY KEY,                   -- 'all', 'day:2026-11-22', 'run:<cap scope>'
    calls INTEGER NOT NULL DEFAULT 0,
    reserved_credits REAL NOT NULL DEFAULT 0,
    charged_credits REAL NOT NULL DEFAULT 0,
    at_risk_credits REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE closed_days (usage_date TEXT PRIMARY KEY, detail TEXT NOT NULL) STRICT;

CREATE TABLE readings (                       -- of Clodura's own balance
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    read_at REAL NOT NULL,                    -- when it began, epoch seconds by the server's clock
    watermark INTEGER NOT NULL,
    quiet INTEGER NOT NULL,                   -- 1: no call was in flight from before it to after it
    credits REAL,                             -- NULL: unknown
    shape TEXT NOT NULL,
    charged_credits REAL NOT NULL,            -- total charged by the ledger at that time
    at_risk_credits REAL NOT NULL,            -- after what this reading proved free
    interval TEXT,                            -- against the reading before: see balance_readings
    drop_credits REAL,
    settled_credits REAL,
    unexplained_credits REAL
) STRICT;

CREATE TABLE restore_markers (                -- left for the working database, see changes.write_restore_marker
    id INTEGER PRIMARY KEY,
    mark TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE undated_files (path TEXT PRIMARY KEY, file_date TEXT NOT NULL) STRICT;
"""


# What differs in PostgreSQL; everything has the same meaning in both.
_POSTGRESQL = (
    (r"--.*", ""),
    (r"\) STRICT(, WITHOUT ROWID)?", ")"),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bREAL\b", "DOUBLE PRECISION"),
    (r"\bBLOB\b", "BYTEA"),
)


def create_statements(is_postgresql: bool = False) -> tuple[str, ...]:
    """The statements that create today's tables, without rows."""
    text = TABLES
    for pattern, replacement in _POSTGRESQL if is_postgresql else ():
        text = re.sub(pattern, replacement, text)
    return tuple(filter(str.strip, text.split(";\n")))


def create_tables(cursor: Any, canonical_version: int, is_postgresql: bool) -> None:
    """Create the tables of a new ledger, in the caller's transaction (`database.Cursor`)."""
    for statement in create_statements(is_postgresql):
        cursor.execute(statement)
    new = (uuid.uuid4().hex, canonical_version)
    cursor.execute("INSERT INTO control (id, ledger_id, canonical_version) VALUES (1, ?, ?)", new)
    cursor.execute("INSERT INTO totals (scope) VALUES ('all')")


def columns() -> dict[str, dict[str, str]]:
    """For each table, in an order in which rows can be inserted: its columns and their types."""
    tables = re.findall(r"CREATE TABLE (\w+) \((.*?)\n?\) STRICT", TABLES, re.DOTALL)
    return {
        table: dict(re.findall(r"(?:^|, )\s*(\w+) (INTEGER|REAL|TEXT|BLOB)\b", body, re.MULTILINE))
        for table, body in tables
    }
