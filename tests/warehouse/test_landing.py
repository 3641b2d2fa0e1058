"""Landing contact files: what becomes of each, and when one is read again."""

import os
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from clodura_pipeline.intake.files import find_files
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.rows.landing import Days, Landed, land

DAY = date(2026, 11, 22)
NAME = f"crm-{DAY}.csv"


class Folder:
    """A contacts folder beside a working database."""

    def __init__(self, folder: Path) -> None:
        self.contacts = folder / "contacts"
        self.contacts.mkdir()
        self.database = str(folder / "state" / "working.duckdb")

    def get_connection(self) -> "closing[duckdb.DuckDBPyConnection]":
        return closing(duckdb.connect(self.database))

    def land(self, wanted: frozenset[date] | None = None) -> Landed:
        now, days = datetime(2026, 11, 22, 12, tzinfo=UTC), Days(DAY, DAY, wanted)
        return land(lambda: working_database(self), find_files(self.contacts), days, lambda _: DAY, {}, now)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with working_database(self) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


EMAILS = "SELECT email FROM raw_contacts ORDER BY source_file, source_row"


def test_an_unchanged_file_is_not_read_again(folder: Folder) -> None:
    (folder.contacts / NAME).write_text("email\na@x.example\n")
    assert [folder.land().rows, folder.land().rows] == [1, 0]
    os.utime(folder.contacts / NAME)
    assert (folder.land().rows, folder.rows(EMAILS)) == (0, [("a@x.example",)])


def test_another_file_of_the_same_size_and_time_is_read(folder: Folder) -> None:
    location, other = folder.contacts / NAME, folder.contacts.parent / "other"
    location.write_text("email\na@x.example\n")
    folder.land()
    other.write_text("email\nb@x.example\n")
    status = location.stat()
    location.write_bytes(other.read_bytes())  # as `cp -p` does
    os.utime(location, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (folder.land().rows, folder.rows(EMAILS)) == (1, [("b@x.example",)])


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        ("email\na@x.example\n", "loaded", None),
        ("email\nb@x.example\n", "found", "changed since it was loaded; its day has not been loaded again"),
    ],
    ids=["same bytes", "other bytes"],
)
def test_bytes_decide_whether_a_file_of_a_day_that_is_not_loaded_now_has_changed(
    folder: Folder, content: str, status: str, reason: str | None
) -> None:
    location = folder.contacts / NAME
    location.write_text("email\na@x.example\n")
    folder.land()
    location.write_text("email\nc@x.example\n")
    folder.land(wanted=frozenset())
    location.unlink()
    location.write_text(content)
    folder.land(wanted=frozenset())
    assert folder.rows("SELECT status, reason FROM source_files") == [(status, reason)]


def test_a_file_that_cannot_be_read_stops_no_other_and_keeps_its_earlier_rows(folder: Folder) -> None:
    (folder.contacts / NAME).write_text("email\na@x.example\n")
    (folder.contacts / f"web-{DAY}.csv").write_text("email,name\nb@x.example,B,too many\nc@x.example,C\n")
    folder.land()
    (folder.contacts / NAME).write_bytes(b"%PDF-1.7")
    assert folder.land().count("unreadable") == 1
    assert folder.rows(EMAILS) == [("a@x.example",), ("c@x.example",)]
    status = folder.rows(
        "SELECT status, reason, rows_landed, records_unreadable FROM source_files ORDER BY source_file"
    )
    assert status == [("unreadable", "is a PDF document; export the list as CSV", 1, 0), ("loaded", None, 1, 1)]


def test_rows_of_a_file_that_is_gone_stay(folder: Folder) -> None:
    (folder.contacts / NAME).write_text("email\na@x.example\n")
    folder.land()
    (folder.contacts / NAME).unlink()
    assert (folder.land().vanished, folder.rows(EMAILS)) == ((NAME,), [("a@x.example",)])
