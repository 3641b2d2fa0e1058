"""Brings the tables of a ledger of an older version to today's."""

from clodura_pipeline.ledger.engines.schema import create_statements

_PLACES_BY_STAMP = (
    "UPDATE sends SET stamp = (SELECT max(stamp) FROM sends AS newest WHERE newest.boot_id = sends.boot_id)"
)
"""Since version 3, places in the windows are in the order of their stamps. All count as sent with the newest one."""
_FROM_VERSION_2 = (
    "DROP INDEX attempts_in_flight",
    "CREATE INDEX attempts_in_flight ON attempts (lease_until) WHERE state = 'sent'",
    "CREATE INDEX attempts_in_doubt ON attempts (id) WHERE state = 'ambiguous'",
    _PLACES_BY_STAMP,
)
# Version 1, which was SQLite's only.
_INDEXES = (
    "people_by_survivor", "people_by_sequence", "identifiers_by_person", "attempts_by_person", "attempts_under_way",
    "attempts_by_sequence", "attempts_at_risk", "sends_by_stamp", "sends_by_attempt",
)  # fmt: skip
# Each new table from the former one of the same or another name: (former table, columns, what they are taken from,
# where that is not the columns of the same names).
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
    "sends": ("sends", "id, attempt_id, boot_id, stamp, sent_at"),
    "totals": ("totals", "scope, calls, reserved_credits, charged_credits, at_risk_credits"),
    "closed_days": ("closed_days", "usage_date, detail"),
    "readings": (
        "readings",
        "id, run_id, read_at, watermark, quiet, credits, shape, charged_credits, at_risk_credits, interval, "
        "drop_credits, settled_credits, unexplained_credits",
    ),
    "restore_markers": ("witnesses", "id, mark"),
    "undated_files": ("undated_files", "path, file_date"),
}  # fmt: skip
_FORMER = tuple(dict.fromkeys(source.split()[0] for source, *_ in _COPIES.values()))
_FROM_VERSION_1 = (
    *(f"DROP INDEX {index}" for index in _INDEXES),
    *(f"ALTER TABLE {table} RENAME TO former_{table}" for table in _FORMER),
    *create_statements(),
    *(
        f"INSERT INTO {table} ({names}) SELECT {(*values, names)[0]} FROM former_{source}"
        for table, (source, names, *values) in _COPIES.items()
    ),
    *(f"DROP TABLE former_{table}" for table in _FORMER),
    _PLACES_BY_STAMP,
)
"""Credits may be fractional, and only people who were called for stay. Foreign keys must be off."""
MIGRATIONS = {1: _FROM_VERSION_1, 2: _FROM_VERSION_2}
"""The statements that bring the tables of an older version to today's. Attempts, money and answers stay."""
