"""Reads Parquet files, all columns as text; nested columns are laid flat as JSON is."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from clodura_pipeline.intake.headers.header_row import MAX_COLUMNS, no_usable_headers, too_many_columns
from clodura_pipeline.intake.headers.matching import Spellings, match_headers
from clodura_pipeline.intake.json.contacts import read_objects
from clodura_pipeline.intake.json.parsing import ParsedValue
from clodura_pipeline.intake.rows.landed_rows import ROW, ContactRows, LandedRows
from clodura_pipeline.intake.unreadable import UnreadableFile

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BATCH_ROWS = 10_000


def read_parquet(data: bytes, spellings: Spellings, rows: LandedRows) -> ContactRows:
    """Every row of a Parquet file."""
    table = _table(data)
    if table.num_columns > MAX_COLUMNS:
        raise UnreadableFile(too_many_columns(table.num_columns))
    if any(pa.types.is_nested(field.type) for field in table.schema):
        return read_objects(lambda: _objects(table), spellings, rows, "Parquet")
    match = match_headers(table.column_names, spellings)
    if not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (column of the Parquet file)", surely_headers=True))
    at = 1
    with rows.table(match) as landed:
        for batch in table.to_batches(_BATCH_ROWS):
            row = pl.int_range(at, at + batch.num_rows, dtype=pl.Int64, eager=True).alias(ROW)
            cells = [_text(pa.chunked_array([column])).alias(str(place)) for place, column in enumerate(batch.columns)]
            landed.add_frame(pl.DataFrame([row, *cells]))
            at += batch.num_rows
    return rows.contacts("Parquet")


def _table(data: bytes) -> pa.Table:
    try:
        table = pyarrow.parquet.ParquetFile(pa.BufferReader(data)).read()
        table.validate(full=True)  # text in it may be no UTF-8, which polars would take on trust
    except (pa.ArrowException, OSError, ValueError) as error:
        kind = type(error).__name__
    else:
        return table
    # Outside of the handler, since Arrow's message may quote what cells hold and would travel along.
    raise UnreadableFile(f"is a damaged or unfinished Parquet file ({kind}); write it again, or send CSV")


def _objects(table: pa.Table) -> Iterator[ParsedValue]:
    for batch in table.to_batches(_BATCH_ROWS):
        columns = [
            map(_plain, column.to_pylist()) if pa.types.is_nested(column.type) else _text(pa.chunked_array([column]))
            for column in batch.columns
        ]
        for row in zip(*columns, strict=True):
            value = dict(zip(table.column_names, row, strict=True))
            yield ParsedValue(value, None, "")


def _plain(value: Any) -> Any:
    """A nested value with all within it as text."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else _text_of(value)


def _text(column: pa.ChunkedArray) -> pl.Series:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pl.Series("", column.cast(pa.large_string()), dtype=pl.String)
    if pa.types.is_timestamp(kind):  # Python's have no nanoseconds
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    values = column.to_pylist()
    if pa.types.is_fixed_size_binary(kind):  # always so, for a few of many UUIDs could pass for text
        return pl.Series([value and value.hex() for value in values], dtype=pl.String)
    return pl.Series(map(_text_of, values), dtype=pl.String)


def _text_of(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):  # hexadecimal digits where they are no text, such as those of a UUID
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return value.hex()
        return value.hex() if _CONTROL.search(text) else text
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return re.sub(r"\.0+$", "", f"{value:f}")
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1 << 63
        return None if value != value else str(int(value) if whole else value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
