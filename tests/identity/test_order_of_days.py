"""Files that arrive over several days, with calls in between: their order does not decide who is who."""

import functools
import random
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from labelled import labelled_contacts
from small_warehouse import Warehouse, open_warehouse, person

from clodura_pipeline.ledger.people import EnrichmentRequest
from clodura_pipeline.warehouse.ledger_projection import PEOPLE_VERSION
from clodura_pipeline.warehouse.rows.people import update_people
from clodura_pipeline.warehouse.state import get_state
from clodura_pipeline.warehouse.tables.columns import PUBLISHED

FIRST_DAY = date(2026, 11, 1)
_PLACES = ("file_date", "source_file", "source_row", "source", "truth", "trap", "source_columns", "record")
_TABLES = ("contact_people", "people_requests", "person_aliases", "identity_conflicts")


@functools.cache
def _labelled() -> pl.DataFrame:
    """Made once: as long as to land a file of it."""
    return labelled_contacts(groups=12).drop(_PLACES, strict=False)


def _land(warehouse: Warehouse, days: range, number: int) -> None:
    rows = _labelled().gather_every(len(days), number)
    cells = [{name: cell for name, cell in row.items() if cell is not None} for row in rows.iter_rows(named=True)]
    warehouse.land(f"list-{number}.csv", *cells, day=FIRST_DAY + timedelta(days=number))


def _people(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Who every row is about, and what is known of every person, with their keys."""
    update_people(warehouse.connection, warehouse.ledger)
    return {name: warehouse.connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in _TABLES}


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)], ids=str)
def test_files_of_several_days_give_what_a_fresh_run_over_all_of_them_gives(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    days, ids = range(5), count()
    (tmp_path / "over_days").mkdir()
    (tmp_path / "fresh").mkdir()
    with open_warehouse(tmp_path / "over_days") as over_days, open_warehouse(tmp_path / "fresh") as fresh:
        calls = 0
        for number in order:
            _land(over_days, days, number)
            day = FIRST_DAY + timedelta(days=number)
            calls += over_days.call(lambda _: person(personId=f"p-{next(ids)}"), (day,))
        for number in days:
            _land(fresh, days, number)
        rebuilt = Warehouse(fresh.connection, over_days.ledger, tmp_path)
        assert calls
        assert _people(rebuilt) == _people(over_days)


def _published(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """The analysts' tables without what tells when and by which run they were made."""
    with warehouse.publish() as file:
        found = {}
        for table in PUBLISHED:
            if table.name not in ("publication", "source_files", "enrichment_plan"):
                names = ", ".join(name for name in table.names if name != "changed_at")
                found[table.name] = file.sql(f"SELECT {names} FROM {table.name} ORDER BY ALL").fetchall()
    return found


def test_every_night_gives_what_a_fresh_run_over_rows_and_ledger_gives(tmp_path: Path) -> None:
    rng, days, ids = random.Random(5), range(2), count()
    profiles = _labelled()["linkedin_url"].drop_nulls().to_list()
    versions = []

    def answer(request: EnrichmentRequest) -> bytes:
        """A miss, or a person with the profile that was sent; every other night also with another one."""
        others = [rng.choice(profiles), "/in/new"] if len(versions) % 2 else []
        named = rng.choice([request.identifiers.linkedin_url] * 4 + others)
        fields = {"linkedinUrl": f"{named}{next(ids)}" if named == "/in/new" else named} if named else {}
        return person(personId=f"p-{next(ids)}", **fields) if rng.random() < 0.7 else b"{}"

    (tmp_path / "nights").mkdir()
    with open_warehouse(tmp_path / "nights") as nights:
        for number in days:
            _land(nights, days, number)
        for night in range(5):
            every_day = tuple(FIRST_DAY + timedelta(days=number) for number in days)
            assert nights.call(answer, every_day, at_most=3 + 8 * night)
            tables, people = _published(nights), _people(nights)
            versions.append(get_state(nights.connection, PEOPLE_VERSION))
            (tmp_path / f"fresh {night}").mkdir()
            with open_warehouse(tmp_path / f"fresh {night}") as fresh:
                for number in days:
                    _land(fresh, days, number)
                rebuilt = Warehouse(fresh.connection, nights.ledger, fresh.folder)
                assert _people(rebuilt) == people
                assert _published(rebuilt) == tables
    assert 1 < len(set(versions)) < len(versions)  # some nights told something new about who is who, and some did not
