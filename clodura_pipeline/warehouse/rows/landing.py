"""Lands contact files: which day each belongs to, what it holds, and what became of it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa

from clodura_pipeline.intake.files import ContactFile, FoundFiles, LeftAlone
from clodura_pipeline.intake.reader_process import ContactFileReader, Spellings
from clodura_pipeline.intake.unreadable import UnreadableFile
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import delete, insert, read, registered, replace_rows, typed
from clodura_pipeline.warehouse.state import set_state
from clodura_pipeline.warehouse.tables.definitions import RAW_CONTACTS, SOURCE_FILES

if TYPE_CHECKING:  # what reads files is imported where files are read
    from clodura_pipeline.intake.rows.landed_rows import ContactRows

OpenDatabase = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
Note = dict[str, Any]

RULES_VERSION = 2
"""Raised when files are read differently: unchanged files are then landed again."""
CHANGED = "changed since it was loaded; its day has not been loaded again"


@dataclass(frozen=True)
class Days:
    """The days that have a partition, and those to load now (None: all of them)."""

    first: date
    last: date
    wanted: frozenset[date] | None


@dataclass(frozen=True)
class FileState:
    """What became of one file in this landing."""

    file: ContactFile
    day: date
    status: str
    reason: str | None = None
    reading: "ContactRows | None" = None
    signature: str = ""
    content_hash: str | None = None


@dataclass(frozen=True)
class Landed:
    """One landing: the state of every file found, and paths seen before that have vanished."""

    files: tuple[FileState, ...]
    vanished: tuple[str, ...]

    def count(self, status: str) -> int:
        """How many files ended with a status."""
        return sum(1 for state in self.files if state.status == status)

    @property
    def rows(self) -> int:
        """Rows landed now."""
        return sum(state.reading.rows_read for state in self.files if state.reading)

    @property
    def unreadable_records(self) -> int:
        """Records that could not be read now."""
        return sum(len(state.reading.unreadable) for state in self.files if state.reading)


def land(
    open_database: OpenDatabase,
    found: FoundFiles,
    days: Days,
    day_of_undated: Callable[[str], date],
    spellings: Spellings,
    now: datetime,
    report: Callable[[FileState], None] = lambda _: None,
) -> Landed:
    """Read every file that belongs to a wanted day and replace its earlier rows by those of now.

    A file whose content has not changed since it was landed is not read again. A file that cannot be read stops no
    other; what it brought before stays. Rows of vanished files stay: people archive files. Each file is one
    transaction, and the database is not held while a file is read.

    Args:
        day_of_undated: the remembered day of a path without a date.
        report: called for every file when it is done.
    """
    states: list[FileState] = []
    version = _version(spellings)
    with open_database() as connection:
        known = {row["source_file"]: row for row in read(connection, _KNOWN).to_dicts()}

    def store(state: FileState, rows: pa.RecordBatchReader) -> None:
        with open_database() as connection, transaction(connection):
            _store_rows(connection, state, rows)
            _note_files(connection, [state], now, version)

    with ContactFileReader() as reader:
        for file in found.files:
            before = known.get(file.path, {})
            state = _land_if_wanted(
                file, days, day_of_undated, lambda path: reader.read(path, spellings), before, version, store
            )
            report(state)
            states.append(state)
    with open_database() as connection, transaction(connection):
        _note_files(connection, [state for state in states if state.reading is None], now, version)
        _note_left_alone(connection, found.left_alone, now)
        vanished = _note_vanished(connection, [f.path for f in found.files] + [x.path for x in found.left_alone])
        noted = connection.execute("SELECT bit_xor(hash(f)) FROM source_files f").fetchall()[0][0]
        set_state(connection, "files_version", str(noted))
    return Landed(tuple(states), tuple(vanished))


def _version(spellings: Spellings) -> str:
    """Equal while files are read by the same rules and the same spellings of the user."""
    return f"{RULES_VERSION}/{blake2b(repr(sorted(spellings.items())).encode(), digest_size=8).hexdigest()}"


def content_hash(path: Path) -> str:
    """A hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _has_content(path: Path, known_hash: str | None) -> bool:
    """Whether a file that was written again holds the same bytes as before."""
    try:
        return known_hash is not None and content_hash(path) == known_hash
    except OSError:
        return False


def _signature(path: Path) -> str:
    """Changes whenever the file is written: also by `cp -p`, which keeps size and modification time."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size}/{stat.st_mtime_ns}/{stat.st_ctime_ns}/{stat.st_ino}"


def _land_if_wanted(
    file: ContactFile,
    days: Days,
    day_of_undated: Callable[[str], date],
    read_contacts: Callable[[Path], AbstractContextManager[tuple["ContactRows", pa.RecordBatchReader]]],
    noted: Note,
    version: str,
    store: Callable[[FileState, pa.RecordBatchReader], None],
) -> FileState:
    day = file.dated or day_of_undated(file.path)
    if not days.first <= day <= days.last:
        outside = f"its day {day} is outside the partitions ({days.first} to {days.last}, see CLODURA_START_DATE)"
        return FileState(file, day, "outside_partitions", outside)
    signature = _signature(file.location)  # before it is read: a change while it is being read shows the next time
    if days.wanted is not None and day not in days.wanted:
        if signature != noted.get("signature") and _has_content(file.location, noted.get("content_hash")):
            signature = noted["signature"]  # written again with the same bytes: not a change
        return FileState(file, day, "found", "its day has not been loaded yet", signature=signature)
    is_current = noted.get("version") == version and noted.get("status") in ("loaded", "unreadable")
    before = noted if is_current else {}
    hashed: str | None = None
    with ExitStack() as stack:
        try:
            if signature and signature == before.get("signature"):
                hashed = before["content_hash"]
            else:
                hashed = content_hash(file.location)
            if hashed is not None and hashed == before.get("content_hash") and before.get("file_date") == day:
                return FileState(file, day, before["status"], before["reason"], None, signature, hashed)
            reading, rows = stack.enter_context(read_contacts(file.location))
        except OSError as error:
            return FileState(file, day, "unreadable", f"cannot be opened: {error.strerror}", signature=signature)
        except UnreadableFile as error:
            return FileState(file, day, "unreadable", str(error), None, signature, hashed)
        state = FileState(file, day, "loaded", "; ".join(reading.notes) or None, reading, signature, hashed)
        store(state, rows)
        return state


def _store_rows(connection: duckdb.DuckDBPyConnection, state: FileState, rows: pa.RecordBatchReader) -> None:
    """Replace the rows of a file; they go into the table batch by batch, so that no more are held in memory."""
    assert state.reading is not None
    place = {"file_date": state.day, "source_file": state.file.path}
    delete(connection, RAW_CONTACTS.name, "source_file", [state.file.path])
    connection.register("incoming", rows)
    # Whole records as text: zstd takes a third less time than what DuckDB would choose, and no more space (measured).
    # Rows have their number in the file, so that several threads may store them in any order.
    connection.execute("SET force_compression = 'zstd'; SET preserve_insertion_order = false")
    connection.execute(
        f"INSERT INTO {RAW_CONTACTS.name} BY NAME "
        "SELECT *, $file_date AS file_date, $source_file AS source_file, $source AS source FROM incoming",
        {**place, "source": state.file.source},
    )
    connection.execute("RESET force_compression; RESET preserve_insertion_order")
    connection.unregister("incoming")
    delete(connection, "unreadable_records", "source_file", [state.file.path])
    unreadable = [
        {**place, "source_row": bad.source_row, "reason": bad.reason, "record": json.dumps({"text": bad.text})}
        for bad in state.reading.unreadable
    ]
    if unreadable:
        insert(connection, "unreadable_records", pl.DataFrame(unreadable))


def _note_files(
    connection: duckdb.DuckDBPyConnection, states: Sequence[FileState], now: datetime, version: str
) -> None:
    known = {row["source_file"]: row for row in read(connection, "SELECT * FROM source_files").to_dicts()}
    signatures = dict(connection.execute("SELECT source_file, signature FROM landed_files").fetchall())
    rows = [_note(state, known.get(state.file.path, {}), signatures.get(state.file.path), now) for state in states]
    replace_rows(
        connection, SOURCE_FILES, typed(SOURCE_FILES, rows), "source_file", [row["source_file"] for row in rows]
    )
    for state in states:
        if state.status in ("loaded", "unreadable"):
            connection.execute(
                "INSERT INTO landed_files VALUES ($1, $2, $3, $4, coalesce($5, false)) ON CONFLICT (source_file) "
                "DO UPDATE SET validated = landed_files.validated AND excluded.validated, "
                "signature = excluded.signature, version = excluded.version, "
                "encoding_is_doubtful = coalesce($5, landed_files.encoding_is_doubtful)",
                [
                    state.file.path,
                    state.reading is None,
                    state.signature,
                    version,
                    state.reading.encoding_is_doubtful if state.reading else None,
                ],
            )


_KNOWN = """
SELECT source_file, file_date, status, reason, content_hash, signature, version
FROM source_files JOIN landed_files USING (source_file)
"""


def _note(state: FileState, before: Note, signature: str | None, now: datetime) -> Note:
    file, reading = state.file, state.reading
    status, reason = state.status, state.reason
    if status == "found" and signature is not None:
        status, reason = _not_wanted_now(before, signature == state.signature)
    return {
        "source_file": file.path,
        "source": file.source,
        "file_date": state.day,
        "status": status,
        "reason": reason,
        "format": reading.format if reading else before.get("format"),
        "column_mapping": json.dumps(reading.mapping, ensure_ascii=False) if reading else before.get("column_mapping"),
        "records": reading.records if reading else before.get("records"),
        "rows_landed": reading.rows_read if reading else before.get("rows_landed"),
        "records_unreadable": len(reading.unreadable) if reading else before.get("records_unreadable"),
        "size_bytes": file.size_bytes,
        "content_hash": state.content_hash or before.get("content_hash"),
        "first_seen_at": before.get("first_seen_at") or now,
        "loaded_at": now if reading else before.get("loaded_at"),
    }


def _not_wanted_now(before: Note, unchanged: bool) -> tuple[str, str | None]:
    """Status and reason of a file that an earlier run tried to load and that this one has not looked into."""
    if not unchanged:
        return "found", CHANGED
    if before.get("status") == "unreadable":
        return "unreadable", str(before["reason"])
    return "loaded", None


def _note_left_alone(connection: duckdb.DuckDBPyConnection, left: Sequence[LeftAlone], now: datetime) -> None:
    known = {row["source_file"]: row for row in read(connection, "SELECT * FROM source_files").to_dicts()}
    rows: list[Note] = []
    for item in left:
        before = known.get(item.path, dict.fromkeys(SOURCE_FILES.names))
        noted = {"source_file": item.path, "status": "left_alone", "reason": item.reason}
        rows.append({**before, **noted, "first_seen_at": before.get("first_seen_at") or now})
    replace_rows(connection, SOURCE_FILES, typed(SOURCE_FILES, rows), "source_file", [item.path for item in left])


def _note_vanished(connection: duckdb.DuckDBPyConnection, present: Sequence[str]) -> list[str]:
    """Mark what is no longer there; a file that never brought a row leaves the list."""
    here = pl.DataFrame({"path": present}, schema={"path": pl.String})
    with registered(connection, "present", here):
        gone = "source_file NOT IN (SELECT path FROM present)"
        connection.execute(f"DELETE FROM source_files WHERE {gone} AND rows_landed IS NULL")
        connection.execute(
            "UPDATE source_files SET status = 'vanished', reason = 'no longer in the contacts folder; its rows are "
            f"kept' WHERE {gone}"
        )
    rows = connection.execute("SELECT source_file FROM source_files WHERE status = 'vanished' ORDER BY 1").fetchall()
    return [row[0] for row in rows]
