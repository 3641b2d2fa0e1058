"""Tables of the working database that copy the ledger: attempts, people and their identifiers."""

import polars as pl

from clodura_pipeline.ledger.changes import ATTEMPT_COLUMNS, PERSON_COLUMNS

_TEXT = ("run_id", "cap_scope", "file_date", "source_file", "purpose", "combination", "request", "request_hash",
         "usage_date", "state", "detail", "cost_basis", "answer", "shape_id")  # fmt: skip
_REAL = ("sent_at", "reserved_credits", "charged_credits", "at_risk_credits", "answered_at", "lease_until")
ATTEMPTS = {
    name: pl.String() if name in _TEXT else pl.Float64() if name in _REAL else pl.Int64() for name in ATTEMPT_COLUMNS
}
PEOPLE = dict.fromkeys(PERSON_COLUMNS, pl.Int64()) | {"is_erased": pl.Boolean()}
SHAPES = {"shape_id": pl.String(), "shape": pl.String()}
IDENTIFIERS = {"identifier": pl.String(), "person_key": pl.Int64(), "from_call": pl.Boolean()}
_SQL_TYPES = {pl.String(): "VARCHAR", pl.Float64(): "DOUBLE", pl.Int64(): "BIGINT", pl.Boolean(): "BOOLEAN"}
LEDGER_TABLES = {
    "ledger_attempts": ATTEMPTS,
    "ledger_people": PEOPLE,
    "ledger_identifiers": IDENTIFIERS,
    "ledger_shapes": SHAPES,
}
LEDGER_TABLES_DDL = "".join(
    f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(f'{name} {_SQL_TYPES[kind]}' for name, kind in columns.items())});"
    for table, columns in LEDGER_TABLES.items()
)
