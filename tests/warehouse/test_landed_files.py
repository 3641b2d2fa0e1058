"""Hosts that share the contacts folder: what one has landed, the others have, also when the file is gone."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
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


def write(contacts: Path, name: str, *lines: str) -> None:
    (contacts / f"{name}-{DAY}.csv").write_text("\n".join(["id,email", *lines, ""]))


@dataclass(frozen=True)
class Scenario:
    """What came of the files of the folder, in the order of the hours.

    | hour | host | what happens |
    |---|---|---|
    | 0 | `idle` | runs, and loads no day: `idle_at_first` are its rows |
    | 1 | `slow` | lands all files, and shares nothing yet |
    | 2 | `quick` | lands all files, `raced` in its later version, and shares them; then `slow` shares its own |
    | 3 | `slow` | `raced` and `gone` are gone, `edited` was changed: it lands `rows_of_edited` |
    | 4 | `new` | has never run, and `edited` is gone too: `landed_by_new` |
    | 5 | `quick`, `idle` | run again |
    """

    contacts: Path
    idle: Host
    slow: Host
    quick: Host
    new: Host
    idle_at_first: list[tuple[object, ...]]
    rows_of_edited: int
    landed_by_new: Landed


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("hosts")
    contacts = folder / "contacts"
    contacts.mkdir()
    with Ledger(folder / "ledger.sqlite", Clock(), FORM) as ledger:
        idle, slow, quick, new = (Host(folder / name, contacts, ledger) for name in ("idle", "slow", "quick", "new"))
        write(contacts, "kept", "1,a@firm.example")
        write(contacts, "gone", "1,b@firm.example", '2,"torn', "3,info@firm.example")
        write(contacts, "edited", "1,c@firm.example", "2,d@firm.example")
        write(contacts, "raced", "1,old@firm.example")
        idle.run(0, wanted=frozenset())
        idle_at_first = idle.rows(ROWS)
        slow.run(1, shares=False)
        write(contacts, "raced", "1,new@firm.example")
        quick.run(2)
        with working_database(slow) as connection:
            share_landed_files(connection, slow.shared)  # late: its rows are older
        for name in ("gone", "raced"):
            (contacts / f"{name}-{DAY}.csv").unlink()
        write(contacts, "edited", "1,e@firm.example")
        rows_of_edited = slow.run(3).rows
        (contacts / f"edited-{DAY}.csv").unlink()
        landed_by_new = new.run(4)
        quick.run(5)
        idle.run(5, wanted=frozenset())
        yield Scenario(contacts, idle, slow, quick, new, idle_at_first, rows_of_edited, landed_by_new)


def emails(host: Host, name: str) -> list[object]:
    return [email for file, _, email, _ in host.rows(ROWS) if str(file).startswith(name)]


def test_a_new_host_has_the_rows_of_files_that_are_gone(scenario: Scenario) -> None:
    assert scenario.landed_by_new.vanished == tuple(f"{name}-{DAY}.csv" for name in ("edited", "gone", "raced"))
    assert scenario.landed_by_new.rows == 0  # the file that is there has the bytes that were landed: it is not read
    for query in (ROWS, REJECTED, FILES):
        assert scenario.new.rows(query) == scenario.slow.rows(query)
    assert emails(scenario.new, "gone") == ["b@firm.example", "info@firm.example"]
    assert len(scenario.new.rows(REJECTED)) == 2
    folder = scenario.contacts / LANDED_FOLDER
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not [left for left in find_files(scenario.contacts).left_alone if LANDED_FOLDER in left.path]


def test_files_of_a_day_that_this_host_does_not_load_are_taken_over(scenario: Scenario) -> None:
    assert scenario.idle_at_first == []
    assert scenario.idle.rows(ROWS) == scenario.slow.rows(ROWS) != []
    assert scenario.idle.rows("SELECT status FROM source_files WHERE source_file LIKE 'kept%'") == [("loaded",)]


def test_the_later_landing_of_a_path_counts_whichever_host_writes_last(scenario: Scenario) -> None:
    for host in (scenario.slow, scenario.new):
        assert emails(host, "raced") == ["new@firm.example"]
    assert len(list(scenario.slow.shared.iterdir())) == 4  # one for each path


def test_a_changed_file_replaces_its_rows_on_every_host(scenario: Scenario) -> None:
    assert scenario.rows_of_edited == 1
    for host in (scenario.quick, scenario.slow, scenario.new, scenario.idle):
        assert emails(host, "edited") == ["e@firm.example"]


@pytest.fixture
def new_host(tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    (tmp_path / "contacts").mkdir()
    with Ledger(tmp_path / "ledger.sqlite", Clock(), FORM) as ledger:
        yield lambda name: Host(tmp_path / name, tmp_path / "contacts", ledger)


def test_an_erased_person_does_not_come_back_from_another_host(new_host: Callable[[str], Host]) -> None:
    one, late = new_host("one"), new_host("late")
    contacts = one.contacts
    write(contacts, "list", "1,ann@firm.example", "2,bob@firm.example", '3,"torn ann@firm.example')
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
