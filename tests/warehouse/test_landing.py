"""Landing contact files: what becomes of each, and when one is read again."""

import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from clodura_pipeline.intake.files import find_files
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.rows.landing import Days, Landed, land

DAY = date(2026, 11, 22)


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


Rows = list[tuple[object, ...]]
EMAILS = "SELECT email FROM raw_contacts WHERE source = '{}' ORDER BY source_row"
STATES = "SELECT status, reason, rows_landed, records_unreadable FROM source_files WHERE source = '{}'"


@dataclass(frozen=True)
class Scenario:
    """A folder with a file for each thing that may become of one, and what its landings found.

    | landing | before it |
    |---|---|
    | 1 | all files are written |
    | 2 | nothing changed but the time of `touched` |
    | 3 | `swapped` is another file of the same size and time, `broken` is a PDF document, `gone` is gone |
    | 4 | of no day: `same` and `other` hold other bytes |
    | 5 | of no day: both were written again, `same` with the bytes that were landed, `other` with others |
    """

    folder: Folder
    landings: list[Landed]

    def rows(self, query: str, name: str) -> Rows:
        return self.folder.rows(query.format(name))


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = Folder(tmp_path_factory.mktemp("landing"))

    def location(name: str) -> Path:
        return folder.contacts / f"{name}-{DAY}.csv"

    for name in ("touched", "swapped", "broken", "gone", "same", "other"):
        location(name).write_text("email\na@x.example\n")
    location("web").write_text("email,name\nb@x.example,B,too many\nc@x.example,C\n")
    landings = [folder.land()]

    os.utime(location("touched"))
    landings.append(folder.land())

    status = location("swapped").stat()
    location("swapped").write_bytes(b"email\nb@x.example\n")  # as `cp -p` does
    os.utime(location("swapped"), ns=(status.st_atime_ns, status.st_mtime_ns))
    location("broken").write_bytes(b"%PDF-1.7")
    location("gone").unlink()
    landings.append(folder.land())

    for emails in ({"same": "c", "other": "c"}, {"same": "a", "other": "b"}):
        for name, email in emails.items():
            location(name).unlink()
            location(name).write_text(f"email\n{email}@x.example\n")
        landings.append(folder.land(wanted=frozenset()))
    return Scenario(folder, landings)


def test_an_unchanged_file_is_not_read_again(scenario: Scenario) -> None:
    assert [landed.rows for landed in scenario.landings[:2]] == [7, 0]
    assert scenario.rows(EMAILS, "touched") == [("a@x.example",)]


def test_another_file_of_the_same_size_and_time_is_read(scenario: Scenario) -> None:
    assert (scenario.landings[2].rows, scenario.rows(EMAILS, "swapped")) == (1, [("b@x.example",)])


def test_bytes_decide_whether_a_file_of_a_day_that_is_not_loaded_now_has_changed(scenario: Scenario) -> None:
    changed = "changed since it was loaded; its day has not been loaded again"
    assert [state[:2] for state in scenario.rows(STATES, "same")] == [("loaded", None)]
    assert [state[:2] for state in scenario.rows(STATES, "other")] == [("found", changed)]
    assert scenario.rows(EMAILS, "other") == [("a@x.example",)]


def test_a_file_that_cannot_be_read_stops_no_other_and_keeps_its_earlier_rows(scenario: Scenario) -> None:
    assert scenario.landings[2].count("unreadable") == 1
    assert scenario.rows(EMAILS, "broken") == [("a@x.example",)]
    assert scenario.rows(STATES, "broken") == [("unreadable", "is a PDF document; export the list as CSV", 1, 0)]
    assert scenario.rows(EMAILS, "web") == [("c@x.example",)]
    assert scenario.rows(STATES, "web") == [("loaded", None, 1, 1)]


def test_rows_of_a_file_that_is_gone_stay(scenario: Scenario) -> None:
    assert scenario.landings[2].vanished == (f"gone-{DAY}.csv",)
    assert scenario.rows(EMAILS, "gone") == [("a@x.example",)]
