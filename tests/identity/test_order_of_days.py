"""Files that arrive over several days, with calls in between: their order does not decide who is who."""

import functools
import random
import shutil
from contextlib import AbstractContextManager
from datetime import date
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from small_warehouse import Warehouse, open_warehouse, person

from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.warehouse.ledger_projection import PEOPLE_VERSION
from clodura_pipeline.warehouse.rows.people import update_people
from clodura_pipeline.warehouse.state import get_state
from clodura_pipeline.warehouse.tables.columns import PUBLISHED
from tests.identity.labelled import labelled_contacts

DAYS = tuple(date(2026, 11, 1 + number) for number in range(3))
_PLACES = ("file_date", "source_file", "source_row", "source", "truth", "trap", "source_columns", "record")
_TABLES = ("contact_people", "people_requests", "person_aliases", "identity_conflicts")


@functools.cache
def _labelled() -> pl.DataFrame:
    """Made once: as long as to land a file of it."""
    return labelled_contacts(groups=4).drop(_PLACES, strict=False)


def _land(warehouse: Warehouse, number: int) -> None:
    rows = _labelled().gather_every(len(DAYS), number)
    cells = [{name: cell for name, cell in row.items() if cell is not None} for row in rows.iter_rows(named=True)]
    warehouse.land(f"list-{number}.csv", *cells, day=DAYS[number])


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a working database in which the files of all days were landed one after the other."""
    folder = tmp_path_factory.mktemp("landed")
    with open_warehouse(folder) as warehouse:
        for number in range(len(DAYS)):
            _land(warehouse, number)
    return folder


def _fresh(landed: Path, folder: Path) -> AbstractContextManager[Warehouse]:
    """Rows alone, as landed: nobody was called for, nor resolved."""
    folder.mkdir()
    for name in ("working.duckdb", "analysts.duckdb"):
        shutil.copyfile(landed / name, folder / name)
    return open_warehouse(folder)


def _people(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Who every row is about, and what is known of every person, with their keys."""
    update_people(warehouse.connection, warehouse.ledger)
    return {name: warehouse.connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in _TABLES}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
def test_files_of_several_days_give_what_a_fresh_run_over_all_of_them_gives(
    tmp_path: Path, landed: Path, order: tuple[int, ...]
) -> None:
    ids, calls = count(), 0
    (tmp_path / "over_days").mkdir()
    with open_warehouse(tmp_path / "over_days") as over_days, _fresh(landed, tmp_path / "fresh") as fresh:
        for number in order:
            _land(over_days, number)
            calls += over_days.call(lambda _: person(personId=f"p-{next(ids)}"), (DAYS[number],))
        assert calls
        assert _people(Warehouse(fresh.connection, over_days.ledger, tmp_path)) == _people(over_days)


def _tables(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """The analysts' tables without what tells when and by which run they were made."""
    warehouse.build()
    found = {}
    for table in PUBLISHED:
        if table.name not in ("publication", "source_files", "enrichment_plan"):
            names = ", ".join(name for name in table.names if name != "changed_at")
            rows = warehouse.connection.execute(f"SELECT {names} FROM {table.name} ORDER BY ALL")
            found[table.name] = rows.fetchall()
    return found


def test_every_night_gives_what_a_fresh_run_over_rows_and_ledger_gives(tmp_path: Path, landed: Path) -> None:
    rng, ids = random.Random(5), count()
    profiles = _labelled()["linkedin_url"].drop_nulls().to_list()
    versions = []

    def answer(request: EnrichmentRequest) -> bytes:
        """A miss, or a person with the profile that was sent; every other night also with another one."""
        others = [rng.choice(profiles), "/in/new"] if len(versions) % 2 else []
        named = rng.choice([request.identifiers.linkedin_url] * 4 + others)
        fields = {"linkedinUrl": f"{named}{next(ids)}" if named == "/in/new" else named} if named else {}
        return person(personId=f"p-{next(ids)}", **fields) if rng.random() < 0.7 else b"{}"

    with _fresh(landed, tmp_path / "nights") as nights:
        for night in range(5):
            assert nights.call(answer, DAYS, at_most=3 + 8 * night)
            tables, people = _tables(nights), _people(nights)
            versions.append(get_state(nights.connection, PEOPLE_VERSION))
            with _fresh(landed, tmp_path / f"fresh {night}") as fresh:
                rebuilt = Warehouse(fresh.connection, nights.ledger, fresh.folder)
                assert _people(rebuilt) == people
                assert _tables(rebuilt) == tables
    assert 1 < len(set(versions)) < len(versions)  # some nights told something new about who is who, and some did not
