"""Keeps people who were erased at their wish out of the rows that files bring: the place stays, the text goes."""

from dataclasses import dataclass

import duckdb
import polars as pl

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.identity import rereading
from clodura_pipeline.identity.cleaning import clean
from clodura_pipeline.identity.mentions import find_mentions, take_out
from clodura_pipeline.ledger import Forgotten
from clodura_pipeline.warehouse.database import want_compaction
from clodura_pipeline.warehouse.tables import RAW_CONTACTS

FORGOTTEN = "forgotten at this person's wish"
PLACE = ("file_date", "source_file", "source_row")
_KEPT = (*PLACE, "source")
_TEXTS = tuple(name for name in RAW_CONTACTS.names if name not in _KEPT)
_IDENTIFYING_CELLS = ("email", "linkedin_url")
_NAMES = ("first_name", "last_name", "organisation_name", "organisation_linkedin_url")


@dataclass(frozen=True, repr=False)
class Withheld:
    """Landed rows, sorted out: `landed` to go on with, the `places` of rows of the erased, and others' rows `changed`.

    Others' rows are changed where they mention somebody who was erased, as a note or a second address may.
    """

    landed: pl.DataFrame
    places: pl.DataFrame
    changed: pl.DataFrame


def withhold(landed: pl.DataFrame, forgotten: Forgotten) -> Withheld:
    """Sort out landed rows by the addresses and profiles written anywhere in them; rows wiped before have no text."""
    rest = landed.filter(pl.col("record").is_not_null())
    places = landed.filter(pl.col("record").is_null()).select(PLACE)
    if not forgotten:
        return Withheld(rest, places, rest.clear())
    rest = rest.with_row_index("row")
    mentions = find_mentions(rest["record"], forgotten.__contains__)
    hit = rest.filter(pl.col("row").is_in(mentions["row"].to_list()))
    theirs = hit.join(_theirs(hit, forgotten), on="row", how="semi")
    others = hit.join(theirs, on="row", how="anti")
    tokens = mentions.group_by("row").agg(pl.col("token").unique())
    changed = _without_mentions(others, dict(tokens.iter_rows()))
    untouched = rest.join(hit, on="row", how="anti")
    return Withheld(
        pl.concat([untouched, changed]).drop("row").sort(PLACE),
        pl.concat([places, theirs.select(PLACE)]),
        changed.drop("row"),
    )


def are_theirs(contacts: pl.DataFrame, forgotten: Forgotten) -> pl.Series:
    """Which cleaned rows are of people who were erased. A name counts only where a row has nothing stronger."""
    if not forgotten:
        return pl.repeat(False, len(contacts), dtype=pl.Boolean, eager=True)
    weak = pl.col("profile_id").is_null() & pl.col("email_id").is_null()
    names = contacts.select(pl.when(weak).then("name_id"))[:, 0]
    columns = [contacts["profile_id"], contacts["email_id"], names]
    marked = [[each for each in column.unique() if each is not None and each in forgotten] for column in columns]
    found = [column.is_in(some).fill_null(False) for column, some in zip(columns, marked, strict=True)]
    return found[0] | found[1] | found[2] | _named_formerly(contacts, names.is_not_null(), forgotten)


def _named_formerly(contacts: pl.DataFrame, by_name: pl.Series, forgotten: Forgotten) -> pl.Series:
    """Which of the rows known `by_name` alone have that of somebody erased under a former canonical form.

    Former profiles and addresses are found in the text of the row, see `find_mentions`.
    """
    if not rereading.FORMER_FORMS:
        return pl.repeat(False, len(contacts), dtype=pl.Boolean, eager=True)
    spelt = zip(by_name, contacts.select(_NAMES).iter_rows(named=True), strict=True)
    return pl.Series(
        [weak and any(name in forgotten for name in rereading.former_names(Identifiers(**row))) for weak, row in spelt],
        dtype=pl.Boolean,
    )


def _theirs(hit: pl.DataFrame, forgotten: Forgotten) -> pl.DataFrame:
    """The `row` of rows that are about somebody erased, rather than mention them."""
    rows: set[int] = set()
    for cell in _IDENTIFYING_CELLS:
        found = find_mentions(hit[cell], forgotten.__contains__)["row"]
        rows.update(hit["row"].gather(found.cast(pl.UInt32)).to_list())
    contacts = clean(hit.drop("row")).contacts
    places = contacts.filter(are_theirs(contacts, forgotten)).select(PLACE)
    rows.update(hit.join(places, on=PLACE, how="semi")["row"].to_list())
    return pl.DataFrame({"row": sorted(rows)}, schema={"row": pl.UInt32})


def _without_mentions(rows: pl.DataFrame, tokens: dict[int, list[str]]) -> pl.DataFrame:
    cleared = [
        {**row, **{name: take_out(row[name], tokens[row["row"]]) for name in _TEXTS}}
        for row in rows.iter_rows(named=True)
    ]
    return pl.DataFrame(cleared, schema=rows.schema)


def wipe(connection: duckdb.DuckDBPyConnection, withheld: Withheld, unreadable: pl.DataFrame) -> int:
    """Take out of the landed rows what is withheld, in the caller's transaction; returns the rows wiped only now.

    Args:
        unreadable: places of unreadable records that mention somebody erased.
    """
    nothing = ", ".join(f'"{name}" = NULL' for name in _TEXTS)
    wiped = _update(connection, f"raw_contacts SET {nothing}", withheld.places, "raw_contacts.record IS NOT NULL")
    texts = ", ".join(f'"{name}" = incoming."{name}"' for name in _TEXTS)
    changed = _update(connection, f"raw_contacts SET {texts}", withheld.changed)
    reason = FORGOTTEN.replace("'", "''")
    lost = _update(connection, f"unreadable_records SET record = NULL, reason = '{reason}'", unreadable)
    if wiped or changed or lost:
        want_compaction(connection)
    return wiped + lost


def _update(connection: duckdb.DuckDBPyConnection, change: str, rows: pl.DataFrame, also: str = "true") -> int:
    """Change the rows of a table at these places; returns how many."""
    if rows.is_empty():
        return 0
    table = change.split()[0]
    connection.register("incoming", rows.to_arrow())
    try:
        counted = connection.execute(
            f"UPDATE {change} FROM incoming WHERE {table}.source_file = incoming.source_file "
            f"AND {table}.source_row = incoming.source_row AND {also}"
        ).fetchall()
    finally:
        connection.unregister("incoming")
    return counted[0][0]
