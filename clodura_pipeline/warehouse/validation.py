"""Splits landed rows into those Clodura can be asked about and those it cannot, each with its reasons."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from clodura_pipeline.identity.cleaning import clean
from clodura_pipeline.identity.contact_ids import with_ids_apart
from clodura_pipeline.identity.mentions import find_mentions
from clodura_pipeline.ledger import Forgotten
from clodura_pipeline.warehouse.database import get_state, set_state, transaction
from clodura_pipeline.warehouse.erasure.filter import FORGOTTEN, PLACE, are_theirs, wipe, withhold
from clodura_pipeline.warehouse.frames import read, replace_rows
from clodura_pipeline.warehouse.schemas import RAW_SCHEMA, VALIDATED_SCHEMA
from clodura_pipeline.warehouse.tables import REJECTED_CONTACTS, VALIDATED_CONTACTS

ROWS_AT_A_TIME = 250_000


@dataclass(frozen=True)
class Validated:
    """Counts of one validation: rows landed, kept, rejected; records that could not be read; reasons with counts.

    `wiped`: rows of people who were erased at their wish, whose text was removed now.
    """

    landed: int
    kept: int
    rejected: int
    unreadable: int
    reasons: tuple[tuple[str, int], ...]
    wiped: int = 0


def validate(connection: duckdb.DuckDBPyConnection, days: Sequence[date], forgotten: Forgotten) -> Validated:
    """Clean and validate all landed rows of these days and store both halves, in one transaction.

    Files of other days that were landed and not validated yet are taken along.

    Args:
        forgotten: who was erased at their wish: their rows are rejected, and their text is removed where it landed.
    """
    files = _files_to_validate(connection, days)
    landed = read(
        connection,
        "SELECT * FROM raw_contacts WHERE source_file IN (SELECT unnest(?)) "
        "ORDER BY file_date, source_file, source_row",
        [files],
    )
    withheld = withhold(landed, forgotten)
    kept, rejected = _split(withheld.landed)
    theirs = are_theirs(kept, forgotten)
    withheld = replace(withheld, places=pl.concat([withheld.places, kept.filter(theirs).select(PLACE)]))
    kept = kept.filter(~theirs)
    rejected = pl.concat([rejected, _nameless(withheld.places)], how="vertical_relaxed")
    unreadable, unnamed = _unreadable(connection, files, forgotten)
    columns = REJECTED_CONTACTS.names
    all_rejected = pl.concat([rejected.select(columns), unreadable.select(columns)], how="vertical_relaxed")
    with transaction(connection):
        wiped = wipe(connection, withheld, unnamed)
        replace_rows(connection, VALIDATED_CONTACTS, kept, "source_file", files)
        replace_rows(connection, REJECTED_CONTACTS, all_rejected, "source_file", files)
        connection.execute("UPDATE landed_files SET validated = true WHERE source_file IN (SELECT unnest(?))", [files])
        set_state(connection, "rows_version", str(int(get_state(connection, "rows_version") or 0) + 1))
    return Validated(len(landed), len(kept), len(rejected), len(unreadable), _reasons(all_rejected), wiped)


def _files_to_validate(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> list[str]:
    """The files of these days, and any other that was landed and not validated since: its run was killed between."""
    rows = connection.execute(
        "SELECT source_file FROM raw_contacts WHERE file_date IN (SELECT unnest($days)) "
        "UNION SELECT source_file FROM unreadable_records WHERE file_date IN (SELECT unnest($days)) "
        "UNION SELECT source_file FROM landed_files WHERE NOT validated ORDER BY 1",
        {"days": list(days)},
    ).fetchall()
    return [row[0] for row in rows]


def _unreadable(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], forgotten: Forgotten
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records that could not be read, as rejected rows, and the places of those that mention somebody erased."""
    found = read(
        connection,
        "SELECT file_date, source_file, source_row, [reason] AS reasons, record FROM unreadable_records "
        "WHERE source_file IN (SELECT unnest(?))",
        [list(files)],
    )
    if not forgotten:
        return found, found.clear().select(PLACE)
    texts = [json.dumps(json.loads(record or "null"), ensure_ascii=False) for record in found["record"]]
    readable = pl.Series([text.encode("utf-8", "replace").decode() for text in texts], dtype=pl.String)
    mentioned = find_mentions(readable, forgotten.__contains__)["row"].unique().to_list()
    found = found.with_row_index("row")
    theirs = found.filter(pl.col("row").is_in(mentioned)).select(PLACE)
    others = found.filter(~pl.col("row").is_in(mentioned)).drop("row")
    return pl.concat([others, _nameless(theirs)], how="vertical_relaxed"), theirs


def _nameless(places: pl.DataFrame) -> pl.DataFrame:
    """Rejected rows of people who were erased: where they stood, and that is all."""
    reasons = pl.lit([FORGOTTEN], dtype=pl.List(pl.String)).alias("reasons")
    return places.with_columns(reasons, pl.lit(None, dtype=pl.String).alias("record"))


def _split(landed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    RAW_SCHEMA.validate(landed, lazy=True)
    kept, rejected = [], []
    for part in landed.iter_slices(ROWS_AT_A_TIME) if len(landed) else [landed]:
        cleaned = clean(part)
        good, bad = _hold_to_schema(cleaned.contacts.select(VALIDATED_CONTACTS.names), part)
        kept.append(good)
        rejected += [cleaned.rejected.select(REJECTED_CONTACTS.names), bad.select(REJECTED_CONTACTS.names)]
    return with_ids_apart(pl.concat(kept)), pl.concat(rejected, how="vertical_relaxed")


def _hold_to_schema(contacts: pl.DataFrame, landed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that pass the pandera schema, and those that do not with what failed (the check's name, no value).

    Not `drop_invalid_rows`: it was seen to return the wrong rows. A failure that names no row is a defect of the
    cleaning and is raised.
    """
    try:
        VALIDATED_SCHEMA.validate(contacts, lazy=True)
    except SchemaErrors as errors:
        failures = errors.failure_cases
    else:
        return contacts, _none_rejected(landed)
    if failures["index"].null_count():
        raise pa.errors.SchemaDefinitionError(f"the cleaned rows do not fit the schema: {failures['check'].to_list()}")
    by_row = (
        failures.with_columns(pl.format("{}: fails {}", "column", "check").alias("reason"))
        .group_by(pl.col("index").cast(pl.UInt32))
        .agg(pl.col("reason").alias("reasons"))
    )
    numbered = contacts.with_row_index()
    bad = numbered.join(by_row, on="index").select("file_date", "source_file", "source_row", "reasons")
    bad = bad.join(landed.select("source_file", "source_row", "record"), on=["source_file", "source_row"])
    return numbered.join(by_row, on="index", how="anti").drop("index"), bad


def _none_rejected(landed: pl.DataFrame) -> pl.DataFrame:
    none = pl.lit(None, dtype=pl.List(pl.String)).alias("reasons")
    return landed.clear().select("file_date", "source_file", "source_row", none, "record")


def _reasons(rejected: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    counted = rejected.explode("reasons")["reasons"].value_counts(sort=True)
    return tuple((reason, count) for reason, count in counted.iter_rows() if reason is not None)
