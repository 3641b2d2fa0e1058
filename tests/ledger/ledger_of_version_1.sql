BEGIN TRANSACTION;
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
INSERT INTO "attempts" VALUES(1,1,'r','r','2026-11-20','a.csv','new','email',3,'{"email": "ann@x.example"}','h',1700000000.0,'b',1.0,1.0,'2026-11-20','unrecognised','x',200,0,0,2,'doubt',NULL,1700000000.0,X'7B22636F6E74616374223A207B22706572736F6E4964223A202270222C202266697273744E616D65223A2022416E6E222C20226C6173744E616D65223A20224C6565222C2022706572736F6E5469746C65223A202243544F227D7D',0,'application/json',1,NULL,5);
CREATE TABLE closed_days (usage_date TEXT PRIMARY KEY, detail TEXT NOT NULL) STRICT;
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
INSERT INTO "control" VALUES(1,'x',9,NULL,1,NULL,NULL,0.0,NULL,0.0,0,NULL);
CREATE TABLE forgotten (                      -- what is left of the identifiers of people who were erased
    mark TEXT PRIMARY KEY,                    -- keyed hash of a canonical identifier
    forgotten_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE identifiers (
    identifier TEXT PRIMARY KEY,              -- canonical
    person_key INTEGER NOT NULL REFERENCES people
) STRICT, WITHOUT ROWID;
INSERT INTO "identifiers" VALUES('em:ann@x.example',1);
INSERT INTO "identifiers" VALUES('em:b@x.example',2);
CREATE TABLE people (
    person_key INTEGER PRIMARY KEY AUTOINCREMENT,
    alias_of INTEGER REFERENCES people,       -- the older key that survived; never a chain
    sequence INTEGER NOT NULL,
    forgotten_at REAL                         -- erased at their wish, and not asked again
) STRICT;
INSERT INTO "people" VALUES(1,NULL,1,NULL);
INSERT INTO "people" VALUES(2,NULL,1,NULL);
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
INSERT INTO "runs" VALUES('r','r',0,1.0,2.0,0,NULL,NULL);
CREATE TABLE sends (                          -- every request for the sliding windows, /credits too
    id INTEGER PRIMARY KEY,
    attempt_id INTEGER,
    boot_id TEXT NOT NULL,
    stamp REAL NOT NULL,
    sent_at REAL NOT NULL
) STRICT;
CREATE TABLE totals (                         -- sums over attempts, kept by the same transactions
    scope TEXT PRIMARY KEY,                   -- 'all', 'day:2026-11-22', 'run:<root run id>'
    calls INTEGER NOT NULL DEFAULT 0,
    reserved_credits INTEGER NOT NULL DEFAULT 0,
    charged_credits INTEGER NOT NULL DEFAULT 0,
    at_risk_credits INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO "totals" VALUES('all',1,0,0,2);
INSERT INTO "totals" VALUES('day:2026-11-20',1,0,0,2);
INSERT INTO "totals" VALUES('run:r',1,0,0,2);
CREATE TABLE undated_files (path TEXT PRIMARY KEY, file_date TEXT NOT NULL) STRICT;
CREATE TABLE witnesses (                      -- marks left for the working database, see leave_witness
    id INTEGER PRIMARY KEY,
    mark TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX people_by_survivor ON people (alias_of) WHERE alias_of IS NOT NULL;
CREATE INDEX people_by_sequence ON people (sequence);
CREATE INDEX identifiers_by_person ON identifiers (person_key);
CREATE INDEX attempts_by_person ON attempts (person_key);
CREATE INDEX attempts_under_way ON attempts (id) WHERE state = 'sent';
CREATE INDEX attempts_by_sequence ON attempts (sequence);
CREATE INDEX attempts_at_risk ON attempts (id) WHERE at_risk_credits > 0;
CREATE INDEX sends_by_stamp ON sends (boot_id, stamp);
CREATE INDEX sends_by_attempt ON sends (attempt_id);
COMMIT;
