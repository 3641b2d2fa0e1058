"""Reads Parquet files, all columns as text."""

import json
import re
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from clodura_pipeline.intake.header_row import Spellings
from clodura_pipeline.intake.headers.matching import match_headers
from clodura_pipeline.intake.json.flat import match_names, whole_list
from clodura_pipeline.intake.json.nesting import is_people_list
from clodura_pipeline.intake.landed_rows import ROW, Cells, Reading, UnreadableFile, landed
from clodura_pipeline.intake.refusals import no_usable_headers

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DEEPEST = 6  # structs within structs, laid flat as "company.name"


def read_parquet(data: bytes, spellings: Spellings) -> Reading:
    """Every row of a Parquet file."""
    table = _table(data, spellings)
    match = match_names(table.column_names, spellings)
    if not match.usable:
        raise UnreadableFile(no_usable_headers(match.headers, " (column of the Parquet file)", surely_headers=True))
    columns = [pl.int_range(1, table.num_rows + 1, dtype=pl.Int64, eager=True).alias(ROW)]
    for position, column in enumerate(table.columns):
        columns.append(_text(column).alias(str(position)))
    return landed(match, Cells(pl.DataFrame(columns)), "Parquet")


def _table(data: bytes, spellings: Spellings) -> pa.Table:
    try:
        return _flat(pyarrow.parquet.ParquetFile(pa.BufferReader(data)).read(), spellings)
    except (pa.ArrowException, OSError, ValueError) as problem:
        trouble = type(problem).__name__
    # Outside of the handler, since Arrow's message may quote what cells hold and would travel along.
    raise UnreadableFile(f"is a damaged or unfinished Parquet file ({trouble}); write it again, or send CSV")


def _flat(table: pa.Table, spellings: Spellings) -> pa.Table:
    """One level of columns, as JSON is laid flat: of a list, the first element, beside it the whole as "name[]"."""
    for _ in range(_DEEPEST):
        for position, field in enumerate(table.schema):
            if _is_list(field.type) and _first_counts(field, spellings):
                table = _with_first_elements(table, position, spellings)
        if not any(pa.types.is_struct(field.type) for field in table.schema):
            break
        table = table.flatten()
    table.validate(full=True)  # text in it may be no UTF-8, which polars would take on trust
    return table


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _first_counts(field: pa.Field, spellings: Spellings) -> bool:
    """Whether a list's first element may be one of our columns; any other list is kept as it is."""
    return pa.types.is_struct(field.type.value_type) or bool(match_headers([field.name], spellings).columns)


def _with_first_elements(table: pa.Table, position: int, spellings: Spellings) -> pa.Table:
    name, column = table.field(position).name, table.column(position)
    kind = column.type.value_type
    lists = pa.chunked_array(column.cast(pa.large_list(kind)).chunks, pa.large_list(kind)).combine_chunks()
    lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    lengths = pl.Series(lists.value_lengths()).fill_null(0)
    several = lengths > 1
    if several.any():
        names = [field.name for field in kind] if pa.types.is_struct(kind) else []
        if is_people_list(name) and match_headers(names, spellings).usable:
            raise UnreadableFile(f"holds lists of contacts ({name!r}) within its rows; write a row for each contact")
        whole = [_one(one) if more else None for one, more in zip(lists.to_pylist(), several, strict=True)]
        table = table.append_column(whole_list(name), pa.array(whole, pa.large_string()))
    offsets = pl.Series(lists.offsets).head(len(lists))
    starts = pl.select(pl.when(lengths > 0).then(offsets)).to_series().to_arrow()
    return table.set_column(position, name, lists.values.take(starts))


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
    if pa.types.is_fixed_size_binary(kind):  # always so, for a few of many UUIDs could pass for text
        return pl.Series([value and value.hex() for value in column.to_pylist()], dtype=pl.String)
    if pa.types.is_date(kind):
        return pl.Series("", column.cast(pa.date32())).dt.to_string("iso")
    if pa.types.is_timestamp(kind):
        return pl.Series("", column).dt.to_string("iso:strict").str.replace(r"\.0+($|[+-])", "$1")
    return pl.Series([_one(value) for value in column.to_pylist()], dtype=pl.String)


def _one(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _of_bytes(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _of_bytes(value: bytes) -> str:
    """Bytes as the text they are; where they are none, such as the bytes of a UUID, as hexadecimal digits."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return value.hex() if _CONTROL.search(text) else text
