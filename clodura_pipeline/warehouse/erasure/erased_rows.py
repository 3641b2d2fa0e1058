"""Keeps erased people out of the rows that files bring: a row keeps its place and loses its text."""

from dataclasses import dataclass

import duckdb
import polars as pl

from clodura_pipeline.identity.cleaning import clean
from clodura_pipeline.identity.mentions import find_mentions, take_out
from clodura_pipeline.ledger import ErasedPeople
from clodura_pipeline.warehouse.erasure.compaction import want_compaction
from clodura_pipeline.warehouse.frames import registered
from clodura_pipeline.warehouse.tables.columns import RAW_CONTACTS

ERASED = "erased at this person's request"
PLACE = ("file_date", "source_file", "source_row")
_TEXTS = tuple(name for name in RAW_CONTACTS.names if name not in (*PLACE, "source"))


@dataclass(frozen=True, repr=False)
class FilteredRows:
    """Landed rows without erased people.

    `landed`: rows to go on with. `erased`: places of rows of erased people. `changed`: rows of others that mentioned an
    erased person, in a note or as a second address, without the mention.
    """

    landed: pl.DataFrame
    erased: pl.DataFrame
    changed: pl.DataFrame


def filter_erased(landed: pl.DataFrame, erased_people: ErasedPeople) -> FilteredRows:
    """Sort landed rows by the addresses and profiles written anywhere in them."""
    if not erased_people:
        return FilteredRows(landed, landed.clear().select(PLACE), landed.clear())
    rest = landed.with_row_index("row")
    mentions = find_mentions(rest["record"], erased_people.__contains__)
    hit = rest.filter(pl.col("row").is_in(mentions["row"].to_list()))
    rows: set[int] = set()  # of those that are about an erased person, rather than mention one
    for cell in ("email", "linkedin_url"):
        found = find_mentions(hit[cell], erased_people.__contains__)["row"]
        rows.update(hit["row"].gather(found.cast(pl.UInt32)).to_list())
    contacts = clean(hit.drop("row")).contacts
    places = contacts.filter(is_about_erased(contacts, erased_people)).select(PLACE)
    rows.update(hit.join(places, on=PLACE, how="semi")["row"].to_list())
    is_own = pl.col("row").is_in(list(rows))
    own, others = hit.filter(is_own), hit.filter(~is_own)
    tokens = dict(mentions.group_by("row").agg(pl.col("token").unique()).iter_rows())
    cleared = [
        {**row, **{name: take_out(row[name], tokens[row["row"]]) for name in _TEXTS}}
        for row in others.iter_rows(named=True)
    ]
    changed = pl.DataFrame(cleared, schema=others.schema)
    untouched = rest.join(hit, on="row", how="anti")
    return FilteredRows(
        pl.concat([untouched, changed]).drop("row").sort(PLACE),
        own.select(PLACE),
        changed.drop("row"),
    )


def is_about_erased(contacts: pl.DataFrame, erased_people: ErasedPeople) -> pl.Series:
    """Which cleaned rows are about erased people. A name counts only where a row has nothing stronger."""
    if not erased_people:
        return pl.repeat(False, len(contacts), dtype=pl.Boolean, eager=True)
    weak = pl.col("profile_id").is_null() & pl.col("email_id").is_null()
    ids = contacts.select("profile_id", "email_id", pl.when(weak).then("name_id"))
    known = {each for column in ids.iter_columns() for each in column.drop_nulls().unique()}
    erased = [each for each in known if each in erased_people]
    return ids.select(pl.any_horizontal(pl.all().is_in(erased).fill_null(False))).to_series()


def empty_rows(connection: duckdb.DuckDBPyConnection, filtered: FilteredRows, unreadable: pl.DataFrame) -> int:
    """Remove the text of erased people from the landed rows, in the caller's transaction; returns rows emptied now.

    Args:
        unreadable: places of unreadable records that mention an erased person.
    """
    nothing = ", ".join(f'"{name}" = NULL' for name in _TEXTS)
    emptied = _update(connection, f"raw_contacts SET {nothing}", filtered.erased, "raw_contacts.record IS NOT NULL")
    texts = ", ".join(f'"{name}" = places."{name}"' for name in _TEXTS)
    changed = _update(connection, f"raw_contacts SET {texts}", filtered.changed)
    reason = ERASED.replace("'", "''")
    lost = _update(connection, f"unreadable_records SET record = NULL, reason = '{reason}'", unreadable)
    if emptied or changed or lost:
        want_compaction(connection)
    return emptied + lost


def _update(connection: duckdb.DuckDBPyConnection, change: str, rows: pl.DataFrame, also: str = "true") -> int:
    """Change the rows of a table at these places; returns how many."""
    if rows.is_empty():
        return 0
    table = change.split()[0]
    with registered(connection, "places", rows):
        return connection.execute(
            f"UPDATE {change} FROM places WHERE {table}.source_file = places.source_file "
            f"AND {table}.source_row = places.source_row AND {also}"
        ).fetchall()[0][0]
