"""Back-ups and exports of a ledger: private under any umask, durable, whole or not there, and never over a file."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from clocks import FakeClock
from requests_of_tests import FORM

from clodura_pipeline.ledger import FILE_NAME, Ledger, LedgerError
from clodura_pipeline.ledger.engines.sqlite import SqliteDatabase
from clodura_pipeline.ledger.maintenance.copies import backup, export

TABLES = {"attempts", "people", "identifiers", "readings", "runs"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "state" / FILE_NAME
    Ledger(path, FakeClock(), FORM).close()
    return path


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask that hides nothing: commands have a private one, callers of the package may not."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_copies_are_private_under_any_umask(source: Path, tmp_path: Path) -> None:
    backup(source, tmp_path / "copy")
    export(source, tmp_path / "tables", raw=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tables").iterdir()}
    assert modes == {f"{table}.parquet": 0o600 for table in TABLES}
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600


def test_a_file_that_appears_while_a_backup_is_written_is_not_overwritten(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy"
    copy_to = SqliteDatabase.copy_to

    def copy_while_another_process_writes_the_target(database: SqliteDatabase, partial: Path) -> None:
        copy_to(database, partial)
        target.write_bytes(b"precious")

    monkeypatch.setattr(SqliteDatabase, "copy_to", copy_while_another_process_writes_the_target)
    with pytest.raises(LedgerError, match="exists already and is not overwritten"):
        backup(source, target)
    assert target.read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "state"}


def test_a_backup_is_on_disk_before_it_has_its_name_and_its_name_is_too(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[bool, bool]] = []
    fsync, target = os.fsync, tmp_path / "copy"

    def recorded(number: int) -> None:
        fsync(number)
        flushed.append((stat.S_ISDIR(os.fstat(number).st_mode), target.exists()))

    monkeypatch.setattr(os, "fsync", recorded)
    backup(source, target)
    assert flushed == [(False, False), (True, True)]


def test_a_table_whose_export_fails_leaves_no_file(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = pq.ParquetWriter.close

    def close_on_a_full_disk(writer: pq.ParquetWriter) -> None:
        close(writer)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq.ParquetWriter, "close", close_on_a_full_disk)
    with pytest.raises(LedgerError, match="No space left on device"):
        export(source, tmp_path / "tables", raw=False)
    assert list((tmp_path / "tables").iterdir()) == []
