"""Reads Parquet files, all columns as text."""

import json
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from clodura_pipeline.contacts.headers import match_headers
from clodura_pipeline.contacts.layout import Spellings
from clodura_pipeline.contacts.records import ROW, Cells, Reading, UnreadableFile, landed
from clodura_pipeline.contacts.refusals import no_usable_headers

_DEEPEST = 6  # structs within structs, laid flat as "company.name"


def read_parquet(data: bytes, spellings: Spellings) -> Reading:
    """Every row of a Parquet file."""
    table = _table(data)
    match = match_headers(table.column_names, spellings)
    if not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (column of the Parquet file)", surely_headers=True))
    columns = [pl.int_range(1, table.num_rows + 1, dtype=pl.Int64, eager=True).alias(ROW)]
    for position, column in enumerate(table.columns):
        columns.append(_text(column).alias(str(position)))
    return landed(match, Cells(pl.DataFrame(columns)), "Parquet")


def _table(data: bytes) -> pa.Table:
    try:
        return _flat(pyarrow.parquet.ParquetFile(pa.BufferReader(data)).read())
    except (pa.ArrowException, OSError, ValueError) as problem:
        trouble = type(problem).__name__
    # Outside of the handler, since Arrow's message may quote what cells hold and would travel along.
    raise UnreadableFile(f"is a damaged or unfinished Parquet file ({trouble}); write it again, or send CSV")


def _flat(table: pa.Table) -> pa.Table:
    for _ in range(_DEEPEST):
        if not any(pa.types.is_struct(field.type) for field in table.schema):
            break
        table = table.flatten()
    table.validate(full=True)  # text in it may be no UTF-8, which polars would take on trust
    return table


def _text(column: pa.ChunkedArray) -> pl.Series:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return pl.Series([None] * len(column), dtype=pl.String)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pl.Series("", column.cast(pa.large_string()), dtype=pl.String)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return pl.Series("", column).cast(pl.String)
    if pa.types.is_floating(kind):
        number = pl.Series("", column.cast(pa.float64()))
        whole = number.cast(pl.Int64, strict=False)
        return pl.select(
            pl.when(number.is_nan())
            .then(None)
            .when(whole == number)
            .then(whole.cast(pl.String))
            .otherwise(number.cast(pl.String))
        ).to_series()
    if pa.types.is_decimal(kind):
        return pl.Series("", column.cast(pa.string())).str.replace(r"\.0+$", "")
    if pa.types.is_date(kind):
        return pl.Series("", column.cast(pa.date32())).dt.to_string("iso")
    if pa.types.is_timestamp(kind):
        return pl.Series("", column).dt.to_string("iso:strict").str.replace(r"\.0+($|[+-])", "$1")
    return pl.Series([_one(value) for value in column.to_pylist()], dtype=pl.String)


def _one(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
