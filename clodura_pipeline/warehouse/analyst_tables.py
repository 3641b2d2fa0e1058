"""Builds the analysts' tables from landed rows, people and projected answers, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import duckdb
import polars as pl

from clodura_pipeline.clodura.identifiers import Combination
from clodura_pipeline.identity.matching import IN_CONFLICT
from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.rules.stops import PendingReason, Stop
from clodura_pipeline.warehouse import answer_tables, tables
from clodura_pipeline.warehouse.answer_tables import ANSWER_COLUMNS
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.erasure.compaction import want_compaction_once_built
from clodura_pipeline.warehouse.frames import insert
from clodura_pipeline.warehouse.people import update_people
from clodura_pipeline.warehouse.state import get_state, raise_version, set_state
from clodura_pipeline.warehouse.suppression import update_suppressed_people

SHARED_ID = "contact_id: stands on rows of several people in this list, so each has an id of its own"
IN_FLIGHT = PendingReason("in_flight", "is being called for right now")
COMBINATION_LABELS = {
    Combination.LINKEDIN: "LinkedIn profile",
    Combination.NAME_EMAIL: "name and e-mail",
    Combination.EMAIL: "e-mail",
    Combination.NAME_ORG_LINKEDIN: "name and company page",
    Combination.NAME_ORG_NAME: "name and company",
}
NOT_CALLED_YET = PendingReason("not_called_yet", "not called for yet; a run over its day does")

# A contact_id that stands on rows of several people (rounded by a spreadsheet, or reused) identifies none of them.
_ROWS = """
CREATE OR REPLACE TEMP TABLE rows_now AS
WITH rows_of_people AS (
    SELECT v.*, p.person_key, row_number() OVER (ORDER BY v.file_date, v.source_file, v.source_row) AS place
    FROM validated_contacts v LEFT JOIN contact_people p USING (source_file, source_row)
), shared AS (
    -- A name alone says of nobody else that the id is theirs, until it has an answer of its own to show.
    SELECT source, contact_id FROM rows_of_people r LEFT JOIN people_now n ON n.person = r.person_key
    WHERE profile_id IS NOT NULL OR email_id IS NOT NULL OR n.answered_at IS NOT NULL
    GROUP BY ALL HAVING min(person_key) <> max(person_key)
)
SELECT r.* REPLACE (
    CASE WHEN s.source IS NULL THEN r.contact_id
         ELSE 'row-' || md5(concat_ws('|', profile_id, email_id, name_id))[1:16] END AS contact_id,
    CASE WHEN s.source IS NULL THEN set_aside ELSE list_append(set_aside, $shared_id) END AS set_aside)
FROM rows_of_people r LEFT JOIN shared s USING (source, contact_id)
"""


_FROM_FILES = (
    "first_name", "last_name", "email", "linkedin_url", "organisation_name", "organisation_linkedin_url",
    "source_columns",
)  # fmt: skip


def _latest(name: str) -> str:
    return f"arg_max({name}, place) FILTER ({name} IS NOT NULL) AS {name}"


# Values of several rows of one contact are combined, but never of two people: an id that passes from one person to
# another, or that a list uses for its event, would show one person's address beside another's name.
_CONTACTS = f"""
CREATE OR REPLACE TEMP TABLE contacts_now AS
WITH latest AS (
    SELECT source, contact_id, max(place) AS latest_place FROM rows_now GROUP BY ALL
), of_one AS (
    SELECT r.*, latest_place FROM rows_now r JOIN latest USING (source, contact_id)
    JOIN rows_now l ON l.place = latest_place
    WHERE r.person_key = l.person_key OR coalesce(
        lower(r.first_name) = lower(l.first_name) AND lower(r.last_name) = lower(l.last_name),
        lower(r.last_name) = lower(l.last_name), lower(r.first_name) = lower(l.first_name), true)
)
SELECT source, contact_id, latest_place AS place, {", ".join(_latest(name) for name in _FROM_FILES)}
FROM of_one GROUP BY source, contact_id, latest_place
"""

_CREDITS = """
CREATE OR REPLACE TEMP TABLE credits_now AS
SELECT r.source, r.contact_id, sum(credits) AS credits_charged
FROM (SELECT person_key, min(place) AS place FROM rows_now GROUP BY person_key) first_row
JOIN rows_now r USING (place)
JOIN people_now n ON n.person = r.person_key
GROUP BY r.source, r.contact_id
"""

_STATUS = """
CASE WHEN x.person_key IS NOT NULL THEN 'suppressed'
     WHEN n.called_state IS NULL OR n.called_state = 'sent' THEN 'pending' ELSE n.called_state END
"""
_PENDING = """
CASE WHEN x.person_key IS NOT NULL THEN NULL
     WHEN n.called_state IS NULL THEN coalesce(w.{column}, '{not_called}')
     WHEN n.called_state = 'sent' THEN '{in_flight}'
     WHEN n.called_state IN ('ambiguous', 'refused') THEN w.{column} END AS {column}
"""
_COMBINATIONS = ", ".join(
    f"('{one.label}', '{one.confidence}', '{label}')" for one, label in COMBINATION_LABELS.items()
)
_ENRICHED = f"""
CREATE OR REPLACE TEMP TABLE enriched_now AS
SELECT c.source, c.contact_id, r.file_date, r.source_file, r.source_row,
       c.first_name, c.last_name, c.email, c.linkedin_url, c.organisation_name, c.organisation_linkedin_url,
       r.person_key, {_STATUS} AS match_status,
       {_PENDING.format(column="pending_code", not_called=NOT_CALLED_YET.code, in_flight=IN_FLIGHT.code)},
       {_PENDING.format(column="pending_reason", not_called=NOT_CALLED_YET.text, in_flight=IN_FLIGHT.text)},
       known.confidence AS match_confidence, n.combination AS identifiers_used, known.label AS identifiers_label,
       {", ".join(f"n.{name}" for name in ANSWER_COLUMNS)},
       coalesce(k.credits_charged, 0) AS credits_charged, n.answered_at, n.agreement, n.agreement_reasons,
       list_concat(coalesce(r.set_aside, []), CASE WHEN r.email_id IS NULL THEN [] ELSE
           list_intersect(coalesce(q.set_aside, []), ['{IN_CONFLICT}']) END) AS set_aside,
       c.source_columns, n.answer, r.place
FROM contacts_now c
JOIN rows_now r USING (place)
LEFT JOIN people_now n ON n.person = r.person_key
LEFT JOIN suppressed_people x ON x.person_key = r.person_key
LEFT JOIN people_requests q ON q.person_key = r.person_key
LEFT JOIN pending_reasons w ON w.person_key = r.person_key
LEFT JOIN credits_now k ON k.source = c.source AND k.contact_id = c.contact_id
LEFT JOIN (VALUES {_COMBINATIONS}) AS known(combination, confidence, label) ON known.combination = n.combination;

CREATE OR REPLACE TEMP TABLE states_now AS
SELECT source, contact_id, md5(CAST(struct_pack(*COLUMNS(* EXCLUDE (place))) AS VARCHAR)) AS state FROM enriched_now;
"""
# A contact changes when anything that an analyst sees of it does; what has not changed keeps its time.
_CHANGED = """
CREATE OR REPLACE TEMP TABLE changed_now AS
SELECT n.source, n.contact_id, n.state, CASE WHEN n.state = o.state THEN o.changed_at ELSE $now END AS changed_at
FROM states_now n LEFT JOIN contact_states o USING (source, contact_id)
"""
_PEOPLE = f"""
SELECT q.person_key, q.linkedin_url, q.email, q.first_name, q.last_name, q.organisation_name,
       q.organisation_linkedin_url, {_STATUS} AS match_status, {", ".join(f"n.{name}" for name in ANSWER_COLUMNS)},
       coalesce(n.credits, 0) AS credits_charged, n.first_called_at, n.answered_at, n.agreement, c.contacts
FROM people_requests q
JOIN (SELECT person_key, count(DISTINCT (source, contact_id)) AS contacts FROM rows_now GROUP BY 1) c USING (person_key)
LEFT JOIN people_now n ON n.person = q.person_key
LEFT JOIN suppressed_people x ON x.person_key = q.person_key ORDER BY q.person_key
"""
_RUNS = """
SELECT r.run_id, try_cast(r.range_start AS DATE) AS range_start, try_cast(r.range_end AS DATE) AS range_end,
       make_timestamptz((r.started_at * 1000000)::BIGINT) AS started_at,
       make_timestamptz((r.ended_at * 1000000)::BIGINT) AS ended_at,
       coalesce(a.calls, 0) AS calls, coalesce(a.credits, 0) AS credits_charged, coalesce(a.matched, 0) AS matched,
       r.stop_reason
FROM ledger_runs r LEFT JOIN (
    SELECT run_id, count(*) AS calls, sum(charged_credits) AS credits, count(*) FILTER (state = 'person') AS matched
    FROM ledger_attempts WHERE state <> 'not_processed' OR http_status IS NOT NULL GROUP BY run_id
) a USING (run_id) ORDER BY r.started_at
"""

_USAGE = """
SELECT usage_date::DATE AS usage_date, run_id, file_date::DATE AS file_date, source_file,
       combination AS identifiers_used,
       count(*) AS requests,
       count(*) FILTER (state = 'person') AS persons,
       count(*) FILTER (state = 'organisation') AS organisations,
       count(*) FILTER (state = 'no_match') AS no_matches,
       count(*) FILTER (state = 'refused') AS refused,
       count(*) FILTER (state IN ('ambiguous', 'sent')) AS ambiguous,
       count(*) FILTER (state = 'unrecognised') AS unrecognised,
       sum(charged_credits) AS credits_charged,
       sum(at_risk_credits + reserved_credits) AS credits_at_risk
FROM ledger_attempts
WHERE state <> 'not_processed' OR http_status IS NOT NULL  -- without those that never left this machine
GROUP BY ALL ORDER BY ALL
"""

_LISTS = """
WITH people AS (
    SELECT DISTINCT source_file, person_key FROM rows_now
), by_people AS (
    SELECT p.source_file, count(*) AS people,
           count(*) FILTER (n.called_state = 'person') AS matched,
           count(*) FILTER (n.called_state = 'organisation') AS organisations,
           count(*) FILTER (n.called_state = 'no_match') AS no_matches,
           count(x.person_key) AS suppressed
    FROM people p LEFT JOIN people_now n ON n.person = p.person_key
    LEFT JOIN suppressed_people x ON x.person_key = p.person_key GROUP BY p.source_file
), calls AS (
    SELECT source_file, count(DISTINCT person) AS asked, sum(charged_credits) AS credits,
           count(DISTINCT person) FILTER (state = 'person') AS matched
    FROM (SELECT coalesce(survivor, a.person_key) AS person, a.source_file, a.state, a.charged_credits
          FROM ledger_attempts a LEFT JOIN person_aliases USING (person_key)) GROUP BY source_file
), reasons AS (
    SELECT source_file, count(*) AS rejected, mode(reasons[1]) AS top_rejection
    FROM rejected_contacts GROUP BY source_file
)
SELECT f.source_file, f.source, f.file_date, f.records, coalesce(r.rejected, 0) AS rejected, r.top_rejection,
       coalesce(b.people, 0) AS people,
       greatest(0, coalesce(b.matched + b.organisations + b.no_matches, 0) - coalesce(c.asked, 0)) AS already_known,
       coalesce(c.asked, 0) AS asked, coalesce(b.matched, 0) AS matched,
       coalesce(b.organisations, 0) AS organisations, coalesce(b.no_matches, 0) AS no_matches,
       coalesce(b.people - b.matched - b.organisations - b.no_matches - b.suppressed, 0) AS unanswered,
       coalesce(b.suppressed, 0) AS suppressed,
       b.matched / nullif(b.matched + b.organisations + b.no_matches, 0) AS match_rate,
       coalesce(c.credits, 0) AS credits_charged, c.credits / nullif(c.matched, 0) AS credits_per_match
FROM source_files f
LEFT JOIN by_people b USING (source_file) LEFT JOIN calls c USING (source_file) LEFT JOIN reasons r USING (source_file)
WHERE f.rows_landed IS NOT NULL ORDER BY f.file_date, f.source_file
"""


_QUERIES = {
    tables.PEOPLE: _PEOPLE,
    tables.CREDIT_USAGE: _USAGE,
    tables.LIST_REPORT: _LISTS,
    tables.ANSWERS: answer_tables.ANSWERS,
    tables.CONTACT_CHANGES: answer_tables.CHANGES,
    tables.RUNS: _RUNS,
    tables.ANSWER_FIELDS: answer_tables.FIELDS,
}
_INPUTS = ("people_of", "suppressed_of", "plan_version", "files_version", "reasons_version")


def build_analyst_tables(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    suppression: Suppression,
    run_id: str,
    now: datetime,
    calls_per_day: int | None = None,
) -> int:
    """Bring people and the analysts' tables up to date where anything changed; returns the ledger's sequence.

    The caller holds the working database's lock, so all tables show one state.
    """
    sequence = update_people(connection, ledger)
    update_suppressed_people(connection, suppression)
    inputs = "/".join(str(get_state(connection, name)) for name in _INPUTS)
    state = f"{ledger.ledger_id}/{sequence}/{inputs}"
    if get_state(connection, "built_from") == state:
        return sequence
    with transaction(connection):
        for statement in answer_tables.PREPARE:
            connection.execute(statement)
        connection.execute(_ROWS, {"shared_id": SHARED_ID})
        for statement in (_CONTACTS, _CREDITS, _ENRICHED):
            connection.execute(statement)
        connection.execute(_CHANGED, {"now": now})
        _replace_all(connection, "contact_states", "SELECT * FROM changed_now")
        _replace_all(
            connection,
            tables.ENRICHED_CONTACTS.name,
            "SELECT e.* EXCLUDE (place), c.changed_at FROM enriched_now e "
            "JOIN changed_now c USING (source, contact_id) ORDER BY place",
        )
        columns = ", ".join(tables.CONTACT_ROWS.names)
        _replace_all(connection, tables.CONTACT_ROWS.name, f"SELECT {columns} FROM rows_now ORDER BY place")
        for table, query in _QUERIES.items():
            _replace_all(connection, table.name, query)
        connection.execute("DELETE FROM publication")
        connection.execute(
            "INSERT INTO publication SELECT ?, ?, ?, count(*), ?, ? FROM enriched_contacts "
            "WHERE match_status = 'pending'",
            [now, run_id, sequence, ledger.ledger_id, calls_per_day],
        )
        set_state(connection, "built_from", state)
        want_compaction_once_built(connection)
    return sequence


def store_pending_reasons(
    connection: duckdb.DuckDBPyConnection,
    days: Sequence[date],
    reasons: Mapping[int, PendingReason],
    stopped: Stop | None,
) -> None:
    """Remember why people with rows in these days have no answer.

    Args:
        reasons: by person key, of people who were called for, or whom the ledger did not permit a call for.
        stopped: why the others of the plan were not reached.
    """
    of_days = "(SELECT person_key FROM eligibility WHERE file_date IN (SELECT unnest($days)))"
    frame = pl.DataFrame(
        [(key, reason.code, reason.text) for key, reason in reasons.items()],
        schema={"person_key": pl.Int64, "pending_code": pl.String, "pending_reason": pl.String},
        orient="row",
    )
    with transaction(connection):
        connection.execute(f"DELETE FROM pending_reasons WHERE person_key IN {of_days}", {"days": list(days)})
        insert(connection, "pending_reasons", frame)
        connection.execute(
            "INSERT INTO pending_reasons SELECT person_key, coalesce(pending_code, $code), "
            "coalesce(pending_reason, $text) FROM eligibility WHERE file_date IN (SELECT unnest($days)) AND "
            "(decision = 'ineligible' OR ($code IS NOT NULL AND decision IN ('eligible', 'in_flight'))) "
            "AND person_key NOT IN (SELECT person_key FROM pending_reasons)",
            {
                "days": list(days),
                "code": stopped.pending.code if stopped else None,
                "text": stopped.pending.text if stopped else None,
            },
        )
        raise_version(connection, "reasons_version")


def _replace_all(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    connection.execute(f"DELETE FROM {table}")
    connection.execute(f"INSERT INTO {table} BY NAME {query}")
