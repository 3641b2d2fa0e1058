"""Checks that no row is lost on the way, that the tables keep their promises, and that nothing is kept too long."""

import polars as pl

from clodura_pipeline.graph.checks import Finding, check
from clodura_pipeline.graph.step import CheckStep
from clodura_pipeline.ledger import Ledger, Retention
from clodura_pipeline.ledger.rules.eligibility import DAY_SECONDS
from clodura_pipeline.warehouse.database import scalar
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.published.answer_tables import ANSWER_COLUMNS
from clodura_pipeline.warehouse.published.publication import query_published
from clodura_pipeline.warehouse.tables.columns import CREDIT_USAGE, ENRICHED_CONTACTS
from clodura_pipeline.warehouse.tables.table import Table

_BAD_FILES = """
SELECT source_file, reason FROM source_files WHERE status IN ('unreadable', 'outside_partitions', 'vanished')
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
_ACCOUNTED = (
    "No row of any file is lost: records in the files = landed + unreadable records = validated + rejected, and every "
    "contact has a status."
)
_SHOWS_FIELDS = " OR ".join(f"{name} IS NOT NULL" for name in ANSWER_COLUMNS)
_KEPT = "Nothing is kept longer than CLODURA_RAW_ and _FIELD_RETENTION_DAYS."
_SCHEMA = "The table keeps its columns, types and rules."
_TWICE = "SELECT count(*) FROM (SELECT 1 FROM enriched_contacts GROUP BY source, contact_id HAVING count(*) > 1)"


@check("raw_contacts", "Every contact file was loaded or waits for its day.")
def every_file_loaded(step: CheckStep) -> Finding:
    counts = dict(read(step.connection, "SELECT status, count(*) FROM source_files GROUP BY 1").iter_rows())
    bad = read(step.connection, _BAD_FILES).rows()
    lines = "\n".join(f"- {path}: {reason}" for path, reason in bad[:20])
    return Finding(f"{len(bad)} file(s) need your attention:\n{lines}" if bad else "", counts)


@check("enriched_contacts", _ACCOUNTED, blocks=True)
def every_row_accounted_for(step: CheckStep) -> Finding:
    """Counts rows from the files to `enriched_contacts`."""
    figures = read(step.connection, _ACCOUNTS).row(0, named=True)
    waiting = scalar(step.connection, _NOT_VALIDATED_YET)
    is_landed = figures["records_in_files"] == figures["landed"] + figures["unreadable"]
    is_split = figures["landed"] + figures["unreadable"] == figures["validated"] + figures["rejected"] + waiting
    is_shown = figures["contacts"] == figures["enriched"] and not figures["without_status"]
    is_shown &= not figures["answered_without_contact"]
    # A concurrent run may have validated rows since the tables were built.
    is_complete = not figures["rejected_without_reason"] and figures["validated_without_contact"] >= 0
    problem = (
        "The counts below do not add up. Materialize raw_contacts and everything after it for all days. If they "
        "still differ, please report it with these figures."
    )
    passed = is_landed and is_split and is_shown and is_complete
    return Finding("" if passed else problem, {**figures, "landed_but_not_validated_yet": waiting})


@check("enriched_contacts", "source and contact_id name one row.", blocks=True)
def one_row_per_contact(step: CheckStep) -> Finding:
    twice = scalar(step.connection, _TWICE)
    problem = f"{twice} contacts have several rows; please report it." if twice else ""
    return Finding(problem, {"contacts_with_several_rows": twice})


@check("enriched_contacts", _SCHEMA, blocks=True, name="schema_holds")
def contacts_schema_holds(step: CheckStep) -> Finding:
    return _schema_holds(step, ENRICHED_CONTACTS)


@check("credit_usage", _SCHEMA, blocks=True, name="schema_holds")
def usage_schema_holds(step: CheckStep) -> Finding:
    return _schema_holds(step, CREDIT_USAGE)


def _schema_holds(step: CheckStep, table: Table) -> Finding:
    from clodura_pipeline.warehouse.tables.pandera_schemas import SCHEMAS, failures_of

    schema = SCHEMAS[table]
    # Columns and types are the table's, rules those of its rows: only columns with a rule are read as a whole.
    ruled = [name for name, column in schema.columns.items() if column.checks or not column.nullable]
    shape = read(step.connection, f"SELECT * FROM {schema.name} LIMIT 0")
    frame = read(step.connection, f"SELECT {', '.join(ruled)} FROM {schema.name}")
    found = [failures_of(shape, schema), failures_of(frame, schema.select_columns(ruled))]
    if any(map(len, found)):
        failed = pl.concat(found, how="vertical_relaxed").group_by("column", "check").len().sort("column")
        problem = "; ".join(f"{column}: {check} ({count} rows)" for column, check, count in failed.iter_rows())
        return Finding(f"Fails: {problem}", {"rows": len(frame), "failures": len(failed)})
    return Finding("", {"rows": len(frame)})


@check("retained_answers", _KEPT, is_error=True)
def nothing_overdue(step: CheckStep) -> Finding:
    retention = step.settings.retention
    with step.ledger() as ledger:
        left, query = ledger.overdue(retention), _overdue_contacts(ledger, retention)
    contacts = scalar(step.connection, query) if retention.field_days else 0
    return _overdue({"raw_answers": left.raw, "answers": left.fields, "contacts": contacts})


@check("published_database", _KEPT, is_error=True, name="nothing_overdue")
def nothing_overdue_in_published(step: CheckStep) -> Finding:
    retention = step.settings.retention
    with step.ledger() as ledger:
        query = _overdue_contacts(ledger, retention)
    rows = query_published(step.settings.database, query) if retention.field_days else []
    return _overdue({"contacts": rows[0][0] if rows else 0})


def _overdue_contacts(ledger: Ledger, retention: Retention) -> str:
    """SQL that counts contacts which show enriched fields for longer than these may be kept, by the server's clock."""
    latest = round((ledger.read_clock().server - retention.field_days * DAY_SECONDS) * 1_000_000)
    return f"SELECT count(*) FROM enriched_contacts WHERE answered_at <= make_timestamp({latest}) AND ({_SHOWS_FIELDS})"


def _overdue(found: dict[str, int]) -> Finding:
    listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items() if count)
    remedy = "Materialize retained_answers and everything after it, and switch on the schedule hourly_retention."
    return Finding(f"Overdue: {listed}. {remedy}" if listed else "", found)
