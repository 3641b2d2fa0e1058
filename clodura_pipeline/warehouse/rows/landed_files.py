"""Keeps what was landed in a folder that hosts share: a host that has never seen a file lands its rows from there.

One Parquet file holds the rows of one contact file, and in its metadata what landing noted. Its name says which path,
when it was landed by the clock that all hosts share, and how many erasures were applied: of two files for one path the
later counts, whichever host writes last. The folder lies in the contacts folder, the one that hosts share when they
share files. A single host needs none: its working database keeps these rows.
"""

import contextlib
import json
import uuid
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from clodura_pipeline.private_files import make_private_folder, replace_file
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import delete, insert
from clodura_pipeline.warehouse.state import get_state
from clodura_pipeline.warehouse.tables.columns import RAW_CONTACTS, SOURCE_FILES
from clodura_pipeline.warehouse.tables.table import quoted

_PLACE = ("file_date", "source_file", "source")
_ROW = ", ".join(f'"{name}"' for name in RAW_CONTACTS.names if name not in _PLACE)
_NOTE = "landed"
Version = tuple[int, int]
"""When a file was landed, in microseconds since 1970, and the number of erasures applied to its rows."""
_NEVER: Version = (0, 0)
_LOOKS = 3


def take_over_landed_files(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Land every file that another host has landed later than this one; returns their paths.

    Raises:
        OSError: the folder cannot be read.
    """
    taken: list[str] = []
    for _ in range(_LOOKS):  # another host may replace a file between the look at the folder and reading it
        missed = False
        own = {_key(path): version for path, version in _own_versions(connection).items()}
        for key, version in _shared_versions(folder).items():
            if version[0] > own.get(key, _NEVER)[0]:
                try:
                    taken.append(_take_over(connection, folder / _name(key, version)))
                except FileNotFoundError:
                    missed = True
        if not missed:
            break
    return taken


def share_landed_files(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what this host has landed, or freed of erased people, and the folder does not hold yet.

    Raises:
        OSError: the folder cannot be written.
    """
    make_private_folder(folder)
    newest = _shared_versions(folder)
    for path, version in _own_versions(connection).items():
        key = _key(path)
        if version > newest.get(key, _NEVER):
            _write(connection, path, folder / _name(key, version))
            newest[key] = version
    for file in folder.glob("*-*-*.parquet"):  # earlier ones of this or another host, which may hold erased people
        if _version(file) < newest.get(file.name.partition("-")[0], _NEVER):
            file.unlink(missing_ok=True)


def _own_versions(connection: duckdb.DuckDBPyConnection) -> dict[str, Version]:
    """The version of each file that this host has landed; the erasures are those applied to all its rows."""
    applied = int((get_state(connection, "erasures_applied") or "/0").rpartition("/")[2])
    rows = connection.execute("SELECT source_file, epoch_us(loaded_at) FROM source_files WHERE loaded_at IS NOT NULL")
    return {path: (landed, applied) for path, landed in rows.fetchall()}


def _shared_versions(folder: Path) -> dict[str, Version]:
    """The newest version of each path in the folder."""
    newest: dict[str, Version] = {}
    for file in folder.glob("*-*-*.parquet"):
        key = file.name.partition("-")[0]
        newest[key] = max(newest.get(key, _NEVER), _version(file))
    return newest


def _key(path: str) -> str:
    return blake2b(path.encode(), digest_size=16).hexdigest()


def _name(key: str, version: Version) -> str:
    return f"{key}-{version[0]}-{version[1]}.parquet"


def _version(file: Path) -> Version:
    _, landed, erasures = file.stem.split("-")
    return int(landed), int(erasures)


def _write(connection: duckdb.DuckDBPyConnection, path: str, target: Path) -> None:
    columns = ", ".join(f"{name}::VARCHAR" for name in SOURCE_FILES.names)
    noted = connection.execute(f"SELECT {columns} FROM source_files WHERE source_file = ?", [path]).fetchall()[0]
    version, doubtful = connection.execute(
        "SELECT version, encoding_is_doubtful FROM landed_files WHERE source_file = ?", [path]
    ).fetchall()[0]
    unreadable = connection.execute(
        "SELECT source_row, reason, record::VARCHAR FROM unreadable_records WHERE source_file = ?", [path]
    ).fetchall()
    note = {
        "source_file": dict(zip(SOURCE_FILES.names, noted, strict=True)),
        "version": version,
        "encoding_is_doubtful": doubtful,
        "unreadable": unreadable,
    }
    fresh = target.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        connection.execute(
            f"COPY (SELECT {_ROW} FROM raw_contacts WHERE source_file = {quoted(path)}) TO {quoted(fresh)} "
            f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{_NOTE}: {quoted(json.dumps(note))}}})"
        )
        replace_file(fresh, target, 0o600)
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()


def _take_over(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    note: dict[str, Any] = json.loads((pq.read_metadata(file).metadata or {})[_NOTE.encode()])
    noted = note["source_file"]
    path = noted["source_file"]
    place = {name: noted[name] for name in _PLACE}
    with transaction(connection):
        for table in (RAW_CONTACTS.name, "unreadable_records", SOURCE_FILES.name, "landed_files"):
            delete(connection, table, "source_file", [path])
        connection.execute(
            f"INSERT INTO {RAW_CONTACTS.name} BY NAME SELECT *, $file_date AS file_date, $source_file AS source_file, "
            f"$source AS source FROM read_parquet({quoted(file)})",
            place,
        )
        insert(connection, SOURCE_FILES.name, pl.DataFrame([noted], schema=dict.fromkeys(noted, pl.String)))
        # Its signature is of another host: the file, if it is here, is compared by its content.
        connection.execute(
            "INSERT INTO landed_files VALUES (?, false, '', ?, ?)",
            [path, note["version"], note["encoding_is_doubtful"]],
        )
        for source_row, reason, record in note["unreadable"]:
            connection.execute(
                "INSERT INTO unreadable_records VALUES (?, ?, ?, ?, ?)",
                [noted["file_date"], path, source_row, reason, record],
            )
    return path
