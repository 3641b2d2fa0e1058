"""Lands contact files: the rows of each file of a wanted day replace its earlier ones."""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa

from clodura_pipeline.intake.files import ContactFile, FoundFiles
from clodura_pipeline.intake.reader_process import ContactFileReader, Spellings
from clodura_pipeline.intake.unreadable import UnreadableFile
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import delete, insert, read
from clodura_pipeline.warehouse.rows.source_files import FileState, Note, note_files, note_left_alone, note_vanished
from clodura_pipeline.warehouse.state import set_state, version_of
from clodura_pipeline.warehouse.tables.columns import RAW_CONTACTS

if TYPE_CHECKING:  # what reads files is imported where files are read
    from clodura_pipeline.intake.rows.landed_rows import ContactRows

_KNOWN = """
SELECT source_file, file_date, status, reason, content_hash, signature, version
FROM source_files JOIN landed_files USING (source_file)
"""
OpenDatabase = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
RULES_VERSION = 2
"""Raised when files are read differently: unchanged files are then landed again."""


@dataclass(frozen=True)
class Days:
    """The days that have a partition, and those to load now (None: all of them)."""

    first: date
    last: date
    wanted: frozenset[date] | None


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
            note_files(connection, [state], now, version)

    with ContactFileReader() as reader:
        for file in found.files:
            before = known.get(file.path, {})
            state = _land_if_wanted(
                file, days, day_of_undated, lambda path: reader.read(path, spellings), before, version, store
            )
            report(state)
            states.append(state)
    with open_database() as connection, transaction(connection):
        note_files(connection, [state for state in states if state.reading is None], now, version)
        note_left_alone(connection, found.left_alone, now)
        vanished = note_vanished(connection, [f.path for f in found.files] + [x.path for x in found.left_alone])
        noted = connection.execute("SELECT bit_xor(hash(f)) FROM source_files f").fetchall()[0][0]
        set_state(connection, "files_version", str(noted))
    return Landed(tuple(states), tuple(vanished))


def _version(spellings: Spellings) -> str:
    """Equal while files are read by the same rules and the same spellings of the user."""
    return f"{RULES_VERSION}/{version_of(repr(sorted(spellings.items())))}"


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


def signature_of(status: os.stat_result) -> str:
    """Changes whenever the file is written: also by `cp -p`, which keeps size and modification time."""
    return f"{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_ino}"


def _signature(path: Path) -> str:
    """The signature of a file; "" where it cannot be looked at."""
    try:
        return signature_of(path.stat())
    except OSError:
        return ""


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
