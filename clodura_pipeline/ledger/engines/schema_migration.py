"""Brings a ledger of an older schema version to today's. Version 1 was SQLite's only."""

from clodura_pipeline.ledger.engines.database import Cursor
from clodura_pipeline.ledger.engines.schema import create_statements

# Each new table from the former one of the same or another name: (former table, columns, what they are taken from).
_COPIES = {
    "control": (
        "control",
        "id, ledger_id, sequence, environment, canonical_version, boot_id, server_offset, paused_until, "
        "rate_per_second, slowed_at, consecutive_429s, erasure_secret",
        "id, ledger_id, sequence + 1, world, canonical_version, boot_id, server_offset, paused_until, "
        "rate_per_second, slowed_at, strikes, forget_secret",
    ),
    "people": (
        "people WHERE coalesce(alias_of, person_key) IN (SELECT coalesce(p.alias_of, p.person_key) FROM "
        "former_people p JOIN former_attempts USING (person_key)) OR forgotten_at IS NOT NULL",
        "person_key, added, alias_of, sequence, erased_at",
        "person_key, person_key, alias_of, sequence, forgotten_at",
    ),
    # All count as sent: what version 1 joined is not to be paid for again.
    "identifiers": (
        "identifiers WHERE person_key IN (SELECT person_key FROM people)",
        "identifier, person_key, from_call",
        "identifier, person_key, 1",
    ),
    "erasures": ("forgotten", "mark, erased_at", "mark, forgotten_at"),
    "runs": (
        "runs",
        "run_id, cap_scope, watermark, range_start, range_end, started_at, ended_at, max_credits, stop_kind, "
        "stop_reason, sequence",
        "run_id, root_run_id, watermark, '', '', started_at, ended_at, max_credits, stop_kind, stop_reason, 0",
    ),
    "attempts": (
        "attempts",
        "id, person_key, run_id, cap_scope, file_date, source_file, purpose, combination, strength, request, "
        "request_hash, sent_at, boot_id, stamp, lease_until, usage_date, state, detail, http_status, "
        "reserved_credits, charged_credits, at_risk_credits, cost_basis, doubt_settled_by, answered_at, raw, "
        "raw_truncated, content_type, reader_version, answer, sequence",
        "id, person_key, run_id, root_run_id, file_date, source_file, purpose, combination, strength, question, "
        "question_hash, sent_at, boot_id, stamp, lease_until, usage_date, state, detail, http_status, "
        "reserved_credits, charged_credits, at_risk_credits, cost_basis, doubt_settled_by, answered_at, raw, "
        "raw_truncated, content_type, CASE WHEN state IN ('person', 'organisation', 'no_match', 'unrecognised') "
        "THEN CAST(parser_version AS TEXT) END, answer, sequence",
    ),
    "sends": ("sends", "id, attempt_id, boot_id, stamp, sent_at", "id, attempt_id, boot_id, stamp, sent_at"),
    "totals": ("totals", "scope, calls, reserved_credits, charged_credits, at_risk_credits",
               "scope, calls, reserved_credits, charged_credits, at_risk_credits"),
    "closed_days": ("closed_days", "usage_date, detail", "usage_date, detail"),
    "readings": (
        "readings",
        "id, run_id, read_at, watermark, quiet, credits, shape, charged_credits, at_risk_credits, interval, "
        "drop_credits, settled_credits, unexplained_credits",
        "id, run_id, read_at, watermark, quiet, credits, shape, charged_credits, at_risk_credits, interval, "
        "drop_credits, settled_credits, unexplained_credits",
    ),
    "restore_markers": ("witnesses", "id, mark", "id, mark"),
    "undated_files": ("undated_files", "path, file_date", "path, file_date"),
}  # fmt: skip


def migrate_schema(cursor: Cursor, version: int) -> None:
    """Bring the tables from a version to today's, in the caller's transaction. Attempts, money and answers stay."""
    if version == 1:
        _rebuild_tables(cursor)
    else:
        cursor.execute("DROP INDEX attempts_in_flight")
        cursor.execute("CREATE INDEX attempts_in_flight ON attempts (lease_until) WHERE state = 'sent'")
        cursor.execute("CREATE INDEX attempts_in_doubt ON attempts (id) WHERE state = 'ambiguous'")
    # Since version 3, places in the windows are in the order of their stamps. All count as sent with the newest one.
    newest = "SELECT max(stamp) FROM sends AS newest WHERE newest.boot_id = sends.boot_id"
    cursor.execute(f"UPDATE sends SET stamp = ({newest})")


def _rebuild_tables(connection: Cursor) -> None:
    """From version 1: credits may be fractional, and only people who were called for stay. Foreign keys are off."""
    for (index,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall():
        connection.execute(f"DROP INDEX {index}")
    former = {source.split()[0] for source, _, _ in _COPIES.values()}
    for table in former:
        connection.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    for statement in create_statements():
        connection.execute(statement)
    for table, (source, columns, values) in _COPIES.items():
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM former_{source}")
    for table in former:
        connection.execute(f"DROP TABLE former_{table}")
