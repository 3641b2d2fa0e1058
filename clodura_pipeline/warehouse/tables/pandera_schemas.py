"""The pandera schemas that hold the tables to what they promise.

Imported where a table is held to its schema: it takes longer than all other modules of the warehouse (0.05 s).
"""

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from clodura_pipeline.warehouse.frames import POLARS_TYPES
from clodura_pipeline.warehouse.tables.columns import CREDIT_USAGE, ENRICHED_CONTACTS, VALIDATED_CONTACTS
from clodura_pipeline.warehouse.tables.table import Table

MATCH_STATUSES = ("person", "organisation", "no_match", "pending", "refused", "ambiguous", "unrecognised", "suppressed")
CONFIDENCES = ("highest", "medium", "low")
COMBINATIONS = (
    "linkedinUrl",
    "firstName+lastName+email",
    "email",
    "firstName+lastName+orgLinkedinUrl",
    "firstName+lastName+organisationName",
)
_COUNT = (pa.Check.ge(0),)
_CHECKS: dict[str, tuple[pa.Check, ...]] = {
    "source_row": (pa.Check.ge(1),),
    "match_status": (pa.Check.isin(MATCH_STATUSES),),
    "match_confidence": (pa.Check.isin(CONFIDENCES),),
    "identifiers_used": (pa.Check.isin(COMBINATIONS),),
    "organisation_founded_year": (pa.Check.in_range(1000, 2100),),
    "profile_id": (pa.Check.str_startswith("li:"),),
    "email_id": (pa.Check.str_startswith("em:"),),
    "name_id": (pa.Check.str_startswith("nc:"),),
    "linkedin_url": (pa.Check.str_startswith("https://www.linkedin.com/"),),
    "organisation_linkedin_url": (pa.Check.str_startswith("https://www.linkedin.com/"),),
    "email": (pa.Check.str_matches(r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),),
    **dict.fromkeys(
        ("requests", "persons", "organisations", "no_matches", "refused", "ambiguous", "unrecognised"), _COUNT
    ),
    **dict.fromkeys(("credits_charged", "credits_at_risk"), _COUNT),
}


def _schema(table: Table, required: set[str]) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(
                POLARS_TYPES[column.type],
                checks=list(_CHECKS.get(column.name, ())),
                nullable=column.name not in required,
                description=column.meaning,
            )
            for column in table.columns
        },
        name=table.name,
        strict=True,
    )


_PLACE = {"file_date", "source_file", "source_row", "source"}
SCHEMAS = {
    VALIDATED_CONTACTS: _schema(VALIDATED_CONTACTS, _PLACE | {"contact_id"}),
    ENRICHED_CONTACTS: _schema(
        ENRICHED_CONTACTS, _PLACE | {"contact_id", "person_key", "match_status", "credits_charged"}
    ),
    CREDIT_USAGE: _schema(CREDIT_USAGE, set(CREDIT_USAGE.names)),
}


def failures_of(frame: pl.DataFrame, schema: pa.DataFrameSchema) -> pl.DataFrame:
    """`index`, `column` and `check` of everything in a frame that fails its schema."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return errors.failure_cases.select("index", "column", "check")
    return pl.DataFrame(schema={"index": pl.Int32, "column": pl.String, "check": pl.String})
