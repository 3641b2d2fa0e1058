"""Hosts that share the contacts folder: what one has landed, the others have, also when the file is gone."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from requests_of_tests import FORM

from clodura_pipeline.intake.files import LANDED_FOLDER, find_files
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.erasure.people import erase_person
from clodura_pipeline.warehouse.rows.landed_files import share_landed_files, take_over_landed_files
from clodura_pipeline.warehouse.rows.landing import Days, Landed, land
from clodura_pipeline.warehouse.rows.people import update_people
from clodura_pipeline.warehouse.rows.validation import validate

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROWS = "SELECT source_file, source_row, email, record FROM raw_contacts ORDER BY ALL"
REJECTED = "SELECT source_file, source_row, reasons FROM rejected_contacts ORDER BY ALL"
FILES = "SELECT * EXCLUDE (status, reason, size_bytes) FROM source_files ORDER BY source_file"


class Host:
    """A host with a working database of its own, and contacts and a ledger that others use too."""

    def __init__(self, state: Path, contacts: Path, ledger: Ledger) -> None:
        self.contacts, self.ledger = contacts, ledger
        self.shared = contacts / LANDED_FOLDER
        self.database = str(state / "working.duckdb")

    def get_connection(self) -> "closing[duckdb.DuckDBPyConnection]":
        return closing(duckdb.connect(self.database))

    def run(self, hours: int, wanted: frozenset[date] | None = None, shares: bool = True) -> Landed:
        """Take over, land, validate and share, as a run does that begins so many hours after noon."""
        with working_database(self) as connection:
            take_over_landed_files(connection, self.shared)
        now, days = NOON + timedelta(hours=hours), Days(DAY, DAY, wanted)
        landed = land(lambda: working_database(self), find_files(self.contacts), days, lambda _: DAY, {}, now)
        with working_database(self) as connection:
            validate(connection, self.ledger.erased_people())
            update_people(connection, self.ledger)
            if shares:
                share_landed_files(connection, self.shared)
        return landed

    def erase(self, identifier: str) -> None:
        with working_database(self) as connection:
            erase_person(connection, self.ledger, identifier)
            share_landed_files(connection, self.shared)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with working_database(self) as connection:
            return connection.execute(sql).fetchall()


NewHost = Callable[[str], Host]


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    folder = tmp_path / "contacts"
    folder.mkdir()
    return folder


@pytest.fixture
def new_host(tmp_path: Path, contacts: Path) -> Iterator[NewHost]:
    with Ledger(tmp_path / "ledger.sqlite", Clock(), FORM) as ledger:
        yield lambda name: Host(tmp_path / name, contacts, ledger)


def write(contacts: Path, name: str, *lines: str) -> None:
    (contacts / f"{name}-{DAY}.csv").write_text("\n".join(["id,email", *lines, ""]))


def test_a_new_host_has_the_rows_of_a_file_that_is_gone(contacts: Path, new_host: NewHost) -> None:
    write(contacts, "kept", "1,a@firm.example")
    write(contacts, "gone", "1,b@firm.example", '2,"torn', "3,info@firm.example")
    one, other = new_host("one"), new_host("other")
    one.run(0)
    (contacts / f"gone-{DAY}.csv").unlink()
    landed = other.run(1)
    assert landed.vanished == (f"gone-{DAY}.csv",)
    assert landed.rows == 0  # the file that is there has the bytes that were landed: it is not read again
    for query in (ROWS, REJECTED, FILES):
        assert other.rows(query) == one.rows(query)
    assert (len(other.rows(ROWS)), len(other.rows(REJECTED))) == (3, 2)
    assert {path.stat().st_mode & 0o777 for path in (contacts / LANDED_FOLDER).iterdir()} == {0o600}
    assert (contacts / LANDED_FOLDER).stat().st_mode & 0o777 == 0o700
    assert not [left for left in find_files(contacts).left_alone if LANDED_FOLDER in left.path]


def test_a_file_of_a_day_that_this_host_does_not_load_is_taken_over(contacts: Path, new_host: NewHost) -> None:
    write(contacts, "list", "1,a@firm.example")
    one, other = new_host("one"), new_host("other")
    other.run(0, wanted=frozenset())
    assert other.rows(ROWS) == []
    one.run(1)
    other.run(2, wanted=frozenset())
    assert other.rows(ROWS) == one.rows(ROWS) != []
    assert other.rows("SELECT status FROM source_files") == [("loaded",)]


def test_the_later_landing_of_a_path_counts_whichever_host_writes_last(contacts: Path, new_host: NewHost) -> None:
    one, other, third = new_host("one"), new_host("other"), new_host("third")
    write(contacts, "list", "1,old@firm.example")
    one.run(0, shares=False)
    write(contacts, "list", "1,new@firm.example")
    other.run(1)
    with working_database(one) as connection:
        share_landed_files(connection, one.shared)  # late: its rows are older
    (contacts / f"list-{DAY}.csv").unlink()
    third.run(2)
    one.run(3)
    for host in (one, third):
        assert [row[2] for row in host.rows(ROWS)] == ["new@firm.example"]
    assert len(list(one.shared.iterdir())) == 1


def test_a_changed_file_replaces_its_rows_on_every_host(contacts: Path, new_host: NewHost) -> None:
    one, other = new_host("one"), new_host("other")
    write(contacts, "list", "1,a@firm.example", "2,b@firm.example")
    for hours, host in enumerate((one, other)):
        host.run(hours)
    write(contacts, "list", "1,c@firm.example")
    assert one.run(2).rows == 1
    (contacts / f"list-{DAY}.csv").unlink()
    other.run(3)
    assert [row[2] for row in other.rows(ROWS)] == ["c@firm.example"]


def test_an_erased_person_does_not_come_back_from_another_host(contacts: Path, new_host: NewHost) -> None:
    write(contacts, "list", "1,ann@firm.example", "2,bob@firm.example", '3,"torn ann@firm.example')
    one, late = new_host("one"), new_host("late")
    one.run(0)
    late.run(1)
    (contacts / f"list-{DAY}.csv").unlink()
    before = {path: path.read_bytes() for path in one.shared.iterdir()}
    one.erase("em:ann@firm.example")
    after = list(one.shared.iterdir())
    assert not before.keys() & {*after}
    assert len(after) == 1
    with duckdb.connect() as connection:
        stored = str(connection.execute(f"SELECT * FROM read_parquet('{after[0]}')").fetchall())
        noted = str(connection.execute(f"SELECT value FROM parquet_kv_metadata('{after[0]}')").fetchall())
    assert "bob@firm.example" in stored
    assert "ann@" not in stored + noted
    for path, content in before.items():  # a host that was slow writes the earlier state
        path.write_bytes(content)
    late.run(2)
    fresh = new_host("fresh")
    fresh.run(3)
    for host in (one, late, fresh):
        assert "ann@" not in str(host.rows(ROWS) + host.rows(REJECTED))
        assert host.rows("SELECT email FROM validated_contacts") == [("bob@firm.example",)]
    assert list(one.shared.iterdir()) == after
