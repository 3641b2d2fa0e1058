"""Splits landed rows into those Clodura can be called for and those it cannot, each with its reasons."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from clodura_pipeline.identity.canonical import CANONICAL_VERSION
from clodura_pipeline.identity.cleaning import clean
from clodura_pipeline.identity.mentions import find_mentions
from clodura_pipeline.ledger import ErasedPeople, Ledger
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.erasure.erased_rows import (
    ERASED,
    PLACE,
    FilteredRows,
    empty_rows,
    filter_erased,
    is_about_erased,
)
from clodura_pipeline.warehouse.frames import delete, insert, read
from clodura_pipeline.warehouse.state import get_state, raise_version, set_state
from clodura_pipeline.warehouse.tables.columns import REJECTED_CONTACTS, VALIDATED_CONTACTS

ROWS_AT_A_TIME = 61_440
"""Rows of one portion, half a row group of DuckDB; `_PORTIONS_AT_A_TIME` of them are in memory at once.

Whole row groups took 0.3 GiB more for a list of 20 columns, and as long.
"""
_PORTIONS_AT_A_TIME = 3
_FORM = "canonical_version"
# Rejected rows, first those that were emptied before; what was landed is added to them at the end.
_REJECTED_NOW = """
CREATE OR REPLACE TEMP TABLE rejected_now AS
SELECT file_date, source_file, source_row, [$erased::VARCHAR] AS reasons FROM raw_contacts
WHERE record IS NULL AND source_file IN (SELECT unnest($files))
"""
_STORE_REJECTED = """
INSERT INTO rejected_contacts BY NAME
SELECT n.*, record FROM rejected_now n JOIN raw_contacts USING (source_file, source_row);
DROP TABLE rejected_now
"""


@dataclass(frozen=True)
class Validated:
    """What one validation did: files validated, and rows of erased people whose text was removed now."""

    files: int = 0
    emptied: int = 0


def validate(connection: duckdb.DuckDBPyConnection, erased_people: ErasedPeople) -> Validated:
    """Clean and validate the rows of files landed since they were validated, and store both halves, in one transaction.

    So are all files that were validated under another canonical form, so that all rows agree on who is who.

    Args:
        erased_people: their rows are rejected, and their text is removed where it landed.
    """
    form = str(CANONICAL_VERSION)
    emptied = 0
    with transaction(connection):
        if get_state(connection, _FORM) != form:
            connection.execute("UPDATE landed_files SET validated = false")
            set_state(connection, _FORM, form)
        rows = connection.execute("SELECT source_file FROM landed_files WHERE NOT validated ORDER BY 1").fetchall()
        files = [file for (file,) in rows]
        if not files:
            return Validated()
        for table in (VALIDATED_CONTACTS, REJECTED_CONTACTS):
            delete(connection, table.name, "source_file", files)
        connection.execute(_REJECTED_NOW, {"files": files, "erased": ERASED})
        portions = _portions(connection, files, has_text=bool(erased_people))
        # To look for the smallest form of each column takes a third of storing it, and these rows are read often.
        connection.execute("SET force_compression = 'dictionary'")
        for split in _in_background(lambda landed: _split(landed, erased_people), portions):
            insert(connection, VALIDATED_CONTACTS.name, split.contacts)
            insert(connection, "rejected_now", split.rejected)
            emptied += empty_rows(connection, split.filtered, split.filtered.erased.clear())
        connection.execute(f"RESET force_compression; {_STORE_REJECTED}")
        emptied += _reject_unreadable(connection, files, erased_people)
        connection.execute("UPDATE landed_files SET validated = true WHERE source_file IN (SELECT unnest(?))", [files])
        raise_version(connection, "rows_version")
    return Validated(len(files), emptied)


def validate_again_if_form_changed(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Validate all rows again that were validated under another canonical form."""
    if get_state(connection, _FORM) != str(CANONICAL_VERSION):
        validate(connection, ledger.erased_people())


def apply_erasures(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Validate all rows again when a person was erased since; returns how many rows lost their text.

    What the ledger holds is compared with what was applied, so that a process killed between the two leaves nothing
    undone: the next one does it before it resolves people.
    """
    erased = ledger.erased_people()
    state = f"{ledger.ledger_id}/{len(erased.marks)}"
    if not erased or get_state(connection, "erasures_applied") == state:
        return 0
    connection.execute("UPDATE landed_files SET validated = false")
    emptied = validate(connection, erased).emptied
    set_state(connection, "erasures_applied", state)
    return emptied


def _portions(connection: duckdb.DuckDBPyConnection, files: Sequence[str], has_text: bool) -> Iterator[pl.DataFrame]:
    """The landed rows of these files, a limited number at a time; with `has_text`, also the record of each."""
    of_files = "FROM raw_contacts WHERE source_file IN (SELECT unnest(?)) AND record IS NOT NULL"
    columns = "*" if has_text else "* EXCLUDE (record)"  # to hand over whole records takes as long as all other columns
    first, last = connection.execute(f"SELECT min(rowid), max(rowid) {of_files}", [list(files)]).fetchall()[0]
    for start in range(first, last + 1, ROWS_AT_A_TIME) if first is not None else ():
        yield read(
            connection,
            f"SELECT {columns} {of_files} AND rowid BETWEEN ? AND ?",
            [list(files), start, start + ROWS_AT_A_TIME - 1],
        )


def _in_background(split: Callable[[pl.DataFrame], "_Split"], portions: Iterator[pl.DataFrame]) -> Iterator["_Split"]:
    """What each portion is split into, in order: some are cleaned on threads while others are read and stored."""
    with ThreadPoolExecutor(_PORTIONS_AT_A_TIME - 1) as threads:
        begun: deque[Future[_Split]] = deque()
        for landed in portions:
            begun.append(threads.submit(split, landed))
            if len(begun) == _PORTIONS_AT_A_TIME:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


@dataclass(frozen=True, repr=False)
class _Split:
    contacts: pl.DataFrame
    rejected: pl.DataFrame
    filtered: FilteredRows


def _split(landed: pl.DataFrame, erased_people: ErasedPeople) -> _Split:
    """Landed rows as validated and rejected ones."""
    filtered = filter_erased(landed, erased_people)
    cleaned = clean(filtered.landed)
    kept, failed = _hold_to_schema(cleaned.contacts.select(VALIDATED_CONTACTS.names))
    about_erased = is_about_erased(kept, erased_people)
    filtered = replace(filtered, erased=pl.concat([filtered.erased, kept.filter(about_erased).select(PLACE)]))
    rejected = (cleaned.rejected, failed, _with_reason(filtered.erased))
    return _Split(kept.filter(~about_erased), pl.concat(rows.select(*PLACE, "reasons") for rows in rejected), filtered)


def _reject_unreadable(connection: duckdb.DuckDBPyConnection, files: Sequence[str], erased_people: ErasedPeople) -> int:
    """Store records that could not be read as rejected rows; returns how many lost their text."""
    found = read(
        connection,
        "SELECT file_date, source_file, source_row, [reason] AS reasons, record FROM unreadable_records "
        "WHERE source_file IN (SELECT unnest(?))",
        [list(files)],
    )
    own = found.clear().select(PLACE)
    if erased_people:
        texts = [json.dumps(json.loads(record or "null"), ensure_ascii=False) for record in found["record"]]
        readable = pl.Series([text.encode("utf-8", "replace").decode() for text in texts], dtype=pl.String)
        mentioned = find_mentions(readable, erased_people.__contains__)["row"].unique().to_list()
        numbered = found.with_row_index("row")
        own = numbered.filter(pl.col("row").is_in(mentioned)).select(PLACE)
        found = numbered.filter(~pl.col("row").is_in(mentioned)).drop("row")
    insert(connection, REJECTED_CONTACTS.name, found)
    insert(connection, REJECTED_CONTACTS.name, _with_reason(own))
    nothing = filter_erased(read(connection, "SELECT * FROM raw_contacts LIMIT 0"), ErasedPeople())
    return empty_rows(connection, nothing, own)


def _with_reason(places: pl.DataFrame) -> pl.DataFrame:
    """Rejected rows of erased people: only where they stood."""
    return places.with_columns(pl.lit([ERASED], dtype=pl.List(pl.String)).alias("reasons"))


def _hold_to_schema(contacts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that pass the pandera schema, and those that do not with what failed (the check's name, no value).

    Not `drop_invalid_rows`, which returned the wrong rows (measured with pandera 0.35). A failure that names no row
    is a defect of the cleaning and is raised.
    """
    from clodura_pipeline.warehouse.tables.pandera_schemas import SCHEMAS, failures_of

    failures = failures_of(contacts, SCHEMAS[VALIDATED_CONTACTS])
    if failures["index"].null_count():
        raise TypeError(f"the cleaned rows do not fit the schema: {failures['check'].to_list()}")
    by_row = (
        failures.with_columns(pl.format("{}: fails {}", "column", "check").alias("reason"))
        .group_by(pl.col("index").cast(pl.UInt32))
        .agg(pl.col("reason").alias("reasons"))
    )
    numbered = contacts.with_row_index()
    failed = numbered.join(by_row, on="index").select(*PLACE, "reasons")
    kept = contacts if failed.is_empty() else numbered.join(by_row, on="index", how="anti").drop("index")
    return kept, failed
