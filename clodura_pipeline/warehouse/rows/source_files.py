"""The list of contact files, `source_files`: what is there, and what became of each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from clodura_pipeline.intake.files import ContactFile, LeftAlone
from clodura_pipeline.warehouse.frames import read, registered, replace_rows, typed
from clodura_pipeline.warehouse.tables.columns import SOURCE_FILES

if TYPE_CHECKING:  # what reads files is imported where files are read
    from clodura_pipeline.intake.rows.landed_rows import ContactRows

Note = dict[str, Any]
CHANGED = "changed since it was loaded; its day has not been loaded again"


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


def note_files(connection: duckdb.DuckDBPyConnection, states: Sequence[FileState], now: datetime, version: str) -> None:
    """Write what became of these files.

    Args:
        version: of the rules that they were read by.
    """
    known = _listed(connection)
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


def note_left_alone(connection: duckdb.DuckDBPyConnection, left: Sequence[LeftAlone], now: datetime) -> None:
    """Write which files are not looked into, and why."""
    known = _listed(connection)
    rows: list[Note] = []
    for item in left:
        before = known.get(item.path, dict.fromkeys(SOURCE_FILES.names))
        noted = {"source_file": item.path, "status": "left_alone", "reason": item.reason}
        rows.append({**before, **noted, "first_seen_at": before.get("first_seen_at") or now})
    replace_rows(connection, SOURCE_FILES, typed(SOURCE_FILES, rows), "source_file", [item.path for item in left])


def note_vanished(connection: duckdb.DuckDBPyConnection, present: Sequence[str]) -> list[str]:
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


def _listed(connection: duckdb.DuckDBPyConnection) -> dict[str, Note]:
    return {row["source_file"]: row for row in read(connection, "SELECT * FROM source_files").to_dicts()}
