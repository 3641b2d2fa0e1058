"""Checks that no row is lost on the way and that the tables keep their promises."""

import dagster as dg
import pandera.polars as pa
from pandera.errors import SchemaErrors

from clodura_pipeline.graph.checks import error_unless, warning_unless
from clodura_pipeline.graph.instance import GraphInstance, Step
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.schemas import ENRICHED_SCHEMA, USAGE_SCHEMA

_BAD_FILES = """
SELECT source_file, status, reason FROM source_files WHERE status IN ('unreadable', 'outside_partitions', 'vanished')
OR (status = 'found' AND loaded_at IS NOT NULL) ORDER BY 1
"""
_ACCOUNTS = """
SELECT
  (SELECT coalesce(sum(records), 0) FROM source_files)::BIGINT AS records_in_files,
  (SELECT count(*) FROM raw_contacts) AS landed,
  (SELECT count(*) FROM unreadable_records) AS unreadable,
  (SELECT count(*) FROM validated_contacts) AS validated,
  (SELECT count(*) FROM rejected_contacts) AS rejected,
  (SELECT count(*) FROM (SELECT DISTINCT source, contact_id FROM contact_rows)) AS contacts,
  (SELECT count(*) FROM enriched_contacts) AS enriched,
  (SELECT count(*) FROM validated_contacts) - (SELECT count(*) FROM contact_rows) AS validated_without_contact,
  (SELECT count(DISTINCT a.person_key) FROM answers a SEMI JOIN contact_rows USING (person_key)
       ANTI JOIN enriched_contacts USING (person_key)) AS answered_without_contact,
  (SELECT count(*) FROM enriched_contacts WHERE match_status IS NULL OR person_key IS NULL) AS without_status,
  (SELECT count(*) FROM rejected_contacts WHERE len(coalesce(reasons, [])) = 0) AS rejected_without_reason
"""
# A concurrent run may have landed a file that it is about to validate.
_NOT_VALIDATED_YET = """
WITH waiting AS (SELECT source_file FROM landed_files WHERE NOT validated)
SELECT (SELECT count(*) FROM raw_contacts JOIN waiting USING (source_file))
     + (SELECT count(*) FROM unreadable_records JOIN waiting USING (source_file))
     - (SELECT count(*) FROM validated_contacts JOIN waiting USING (source_file))
     - (SELECT count(*) FROM rejected_contacts JOIN waiting USING (source_file))
"""
_SCHEMA = "The table keeps its columns, types and rules."
_TWICE = "SELECT count(*) FROM (SELECT 1 FROM enriched_contacts GROUP BY source, contact_id HAVING count(*) > 1)"


def build_table_checks(instance: GraphInstance) -> list[dg.AssetChecksDefinition]:
    """The checks of files, row counts, keys and schemas."""
    return [
        instance.checks(
            "raw_contacts", ("every_file_loaded", every_file_loaded, "Every contact file could be loaded.")
        ),
        instance.checks(
            "enriched_contacts",
            ("every_row_accounted_for", every_row_accounted_for, "No row of any file is lost."),
            ("one_row_per_contact", one_row_per_contact, "source and contact_id name one row."),
            ("schema_holds", contacts_schema_holds, _SCHEMA),
            blocking=True,
        ),
        instance.checks("credit_usage", ("schema_holds", usage_schema_holds, _SCHEMA), blocking=True),
    ]


def every_file_loaded(step: Step) -> dg.AssetCheckResult:
    """Warns of files that could not be read, belong to no partition, or have vanished."""
    with step.database("a check") as connection:
        counts = dict(read(connection, "SELECT status, count(*) FROM source_files GROUP BY 1").iter_rows())
        bad = read(connection, _BAD_FILES)
    lines = "\n".join(f"- {path}: {reason}" for path, _, reason in bad.head(20).iter_rows())
    message = (
        f"{len(bad)} file(s) need your attention:\n{lines}"
        if len(bad)
        else "Every file was loaded or waits for its day."
    )
    return warning_unless(not len(bad), message, {name: int(count) for name, count in counts.items()})


def every_row_accounted_for(step: Step) -> dg.AssetCheckResult:
    """Counts rows from the files to `enriched_contacts`."""
    with step.database("a check") as connection:
        figures = read(connection, _ACCOUNTS).row(0, named=True)
        waiting = scalar(connection, _NOT_VALIDATED_YET)
    is_landed = figures["records_in_files"] == figures["landed"] + figures["unreadable"]
    is_split = figures["landed"] + figures["unreadable"] == figures["validated"] + figures["rejected"] + waiting
    is_shown = figures["contacts"] == figures["enriched"] and not figures["without_status"]
    is_shown &= not figures["answered_without_contact"]
    # A concurrent run may have validated rows since the tables were built.
    is_complete = not figures["rejected_without_reason"] and figures["validated_without_contact"] >= 0
    passed = is_landed and is_split and is_shown and is_complete
    message = (
        "Records in the files = landed + unreadable records = validated + rejected; every contact has a status "
        "and every person with an answer is shown."
        if passed
        else "The counts below do not add up. Materialize raw_contacts and everything after it for all days. If "
        "they still differ, please report it with these figures."
    )
    return error_unless(passed, message, {**figures, "landed_but_not_validated_yet": waiting})


def one_row_per_contact(step: Step) -> dg.AssetCheckResult:
    """Looks for contacts with several rows."""
    with step.database("a check") as connection:
        twice = scalar(connection, _TWICE)
    message = f"{twice} contacts have several rows; please report it." if twice else "Every contact has one row."
    return error_unless(not twice, message, {"contacts_with_several_rows": twice})


def contacts_schema_holds(step: Step) -> dg.AssetCheckResult:
    """Validates `enriched_contacts` with pandera."""
    return _schema_holds(step, ENRICHED_SCHEMA)


def usage_schema_holds(step: Step) -> dg.AssetCheckResult:
    """Validates `credit_usage` with pandera."""
    return _schema_holds(step, USAGE_SCHEMA)


def _schema_holds(step: Step, schema: pa.DataFrameSchema) -> dg.AssetCheckResult:
    # Columns and types are the table's, rules those of its rows: only columns with a rule are read as a whole.
    ruled = [name for name, column in schema.columns.items() if column.checks or not column.nullable]
    with step.database("a check") as connection:
        shape = read(connection, f"SELECT * FROM {schema.name} LIMIT 0")
        frame = read(connection, f"SELECT {', '.join(ruled)} FROM {schema.name}")
    try:
        schema.validate(shape, lazy=True)
        schema.select_columns(ruled).validate(frame, lazy=True)
    except SchemaErrors as errors:
        # Column and check only: failure cases hold people's data.
        failed = errors.failure_cases.group_by("column", "check").len().sort("column")
        message = "; ".join(f"{column}: {check} ({count} rows)" for column, check, count in failed.iter_rows())
        return error_unless(False, f"Fails: {message}", {"rows": len(frame), "failures": len(failed)})
    return error_unless(True, "Columns, types and rules hold.", {"rows": len(frame)})
