"""Lands contact files: which day each belongs to, what it holds, and what became of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb
import polars as pl

from clodura_pipeline.contacts.files import ContactFile, FoundFiles
from clodura_pipeline.contacts.reading import LANDED_COLUMNS, Reading, UnreadableFile, read_contacts
from clodura_pipeline.tables import RAW_CONTACTS, SOURCE_FILES
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import delete, insert, read, replace_rows

Spellings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Days:
    """The days that have a partition, and those to load now."""

    first: date
    last: date
    wanted: frozenset[date]


@dataclass(frozen=True)
class FileState:
    """What became of one file in this landing."""

    file: ContactFile
    day: date
    status: str
    reason: str | None = None
    reading: Reading | None = None


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
        return sum(len(state.reading.rows) for state in self.files if state.reading)

    @property
    def unreadable_records(self) -> int:
        """Records that could not be read now."""
        return sum(len(state.reading.unreadable) for state in self.files if state.reading)


def land(
    connection: duckdb.DuckDBPyConnection,
    found: FoundFiles,
    days: Days,
    day_of_undated: Callable[[str], date],
    spellings: Spellings,
    now: datetime,
    report: Callable[[FileState], None] = lambda _: None,
) -> Landed:
    """Read every file that belongs to a wanted day and put its rows in the place of its earlier ones.

    A file that cannot be read stops no other; what it brought before stays. Rows of vanished files stay: people
    archive files. Each file is one transaction.

    Args:
        day_of_undated: the remembered day of a path without a date.
        report: told of every file when it is done.
    """
    states: list[FileState] = []
    for file in found.files:
        state = _read_if_wanted(file, days, day_of_undated, spellings)
        with transaction(connection):
            _store(connection, state, now)
        report(state)
        states.append(FileState(state.file, state.day, state.status, state.reason, _counts_only(state.reading)))
    with transaction(connection):
        for left in found.left_alone:
            _note_left_alone(connection, left.path, left.reason, now)
        vanished = _note_vanished(connection, [f.path for f in found.files] + [x.path for x in found.left_alone])
    return Landed(tuple(states), tuple(vanished))


def _counts_only(reading: Reading | None) -> Reading | None:
    """A reading for counting: the texts of a large file are not kept in memory while others are read."""
    if reading is None:
        return None
    return replace(reading, rows=reading.rows.select("source_row"))


def _read_if_wanted(
    file: ContactFile, days: Days, day_of_undated: Callable[[str], date], spellings: Spellings
) -> FileState:
    day = file.dated or day_of_undated(file.path)
    if not days.first <= day <= days.last:
        outside = f"its day {day} is outside the partitions ({days.first} to {days.last}, see CLODURA_START_DATE)"
        return FileState(file, day, "outside_partitions", outside)
    if day not in days.wanted:
        return FileState(file, day, "found", "its day has not been loaded yet")
    try:
        reading = read_contacts(file.location, extra_spellings=spellings)
    except UnreadableFile as error:
        return FileState(file, day, "unreadable", str(error))
    return FileState(file, day, "loaded", "; ".join(reading.notes) or None, reading)


def _store(connection: duckdb.DuckDBPyConnection, state: FileState, now: datetime) -> None:
    if state.reading is not None:
        _store_rows(connection, state, state.reading)
    _note_file(connection, state, now)


def _store_rows(connection: duckdb.DuckDBPyConnection, state: FileState, reading: Reading) -> None:
    place = {"file_date": state.day, "source_file": state.file.path}
    rows = reading.rows.select("source_row", *LANDED_COLUMNS, "source_columns", "record").with_columns(
        pl.lit(state.file.source).alias("source"), *(pl.lit(value).alias(name) for name, value in place.items())
    )
    replace_rows(connection, RAW_CONTACTS, rows, "source_file", [state.file.path])
    delete(connection, "unreadable_records", "source_file", [state.file.path])
    unreadable = [
        {**place, "source_row": bad.source_row, "reason": bad.reason, "record": json.dumps({"text": bad.text})}
        for bad in reading.unreadable
    ]
    if unreadable:
        insert(connection, "unreadable_records", pl.DataFrame(unreadable))


def _note_file(connection: duckdb.DuckDBPyConnection, state: FileState, now: datetime) -> None:
    before = _known(connection, state.file.path)
    file, reading = state.file, state.reading
    status, reason = state.status, state.reason
    if status == "found" and before and before["status"] == "loaded":
        status, reason = "loaded", None  # another day's run loaded it
    row = {
        "source_file": file.path,
        "source": file.source,
        "file_date": state.day,
        "status": status,
        "reason": reason,
        "format": reading.format if reading else before.get("format"),
        "column_mapping": json.dumps(reading.mapping, ensure_ascii=False) if reading else before.get("column_mapping"),
        "records": reading.records if reading else before.get("records"),
        "rows_landed": len(reading.rows) if reading else before.get("rows_landed"),
        "records_unreadable": len(reading.unreadable) if reading else before.get("records_unreadable"),
        "size_bytes": file.size_bytes,
        "first_seen_at": before.get("first_seen_at") or now,
        "loaded_at": now if reading else before.get("loaded_at"),
    }
    _replace_note(connection, row)


def _note_left_alone(connection: duckdb.DuckDBPyConnection, path: str, reason: str, now: datetime) -> None:
    before = _known(connection, path)
    row = dict.fromkeys(SOURCE_FILES.names) | before
    row |= {"source_file": path, "status": "left_alone", "reason": reason}
    _replace_note(connection, row | {"first_seen_at": before.get("first_seen_at") or now})


def _note_vanished(connection: duckdb.DuckDBPyConnection, present: Sequence[str]) -> list[str]:
    """Mark what is no longer there; a file that never brought a row is forgotten."""
    here = pl.DataFrame({"path": present}, schema={"path": pl.String})
    connection.register("present", here.to_arrow())
    try:
        gone = "source_file NOT IN (SELECT path FROM present)"
        connection.execute(f"DELETE FROM source_files WHERE {gone} AND rows_landed IS NULL")
        connection.execute(
            "UPDATE source_files SET status = 'vanished', reason = 'no longer in the contacts folder; its rows are "
            f"kept' WHERE {gone}"
        )
    finally:
        connection.unregister("present")
    rows = connection.execute("SELECT source_file FROM source_files WHERE status = 'vanished' ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def _known(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, object]:
    rows = read(connection, "SELECT * FROM source_files WHERE source_file = ?", [path]).to_dicts()
    return rows[0] if rows else {}


def _replace_note(connection: duckdb.DuckDBPyConnection, row: Mapping[str, object]) -> None:
    connection.execute("DELETE FROM source_files WHERE source_file = ?", [row["source_file"]])
    names = ", ".join(SOURCE_FILES.names)
    marks = ", ".join("?" for _ in SOURCE_FILES.names)
    connection.execute(
        f"INSERT INTO source_files ({names}) VALUES ({marks})", [row[name] for name in SOURCE_FILES.names]
    )
