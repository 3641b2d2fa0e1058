"""Builds the analysts' tables from landed rows, people and projected answers, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import duckdb
import polars as pl

from clodura_pipeline.identity.matching import IN_CONFLICT
from clodura_pipeline.identity.suppression import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.warehouse.database import get_state, scalar, set_state, tables_are_built, transaction
from clodura_pipeline.warehouse.frames import insert
from clodura_pipeline.warehouse.ledger_projection import project
from clodura_pipeline.warehouse.people import PARTED, identify_people
from clodura_pipeline.warehouse.suppression import apply_suppression
from clodura_pipeline.warehouse.tables import CONTACT_ROWS, CREDIT_USAGE, ENRICHED_CONTACTS, LIST_REPORT

NOT_ASKED_YET = "not asked yet; a run over its day asks"

# One row per person: the answer to show, else the state to show, and what they cost.
# The newest readable answer is shown, but a later miss never erases what was bought.
_PEOPLE = """
CREATE OR REPLACE TEMP VIEW attempts_by_person AS
SELECT coalesce(survivor, a.person_key) AS person, a.* EXCLUDE (person_key)
FROM ledger_attempts a LEFT JOIN person_aliases USING (person_key);

CREATE OR REPLACE TEMP TABLE people_now AS
WITH shown AS (
    SELECT person, id, state, combination, answered_at, answer
    FROM attempts_by_person
    WHERE state IN ('person', 'organisation', 'no_match', 'ambiguous', 'sent', 'unrecognised', 'refused')
    QUALIFY row_number() OVER (PARTITION BY person ORDER BY CASE state
        WHEN 'person' THEN 1 WHEN 'organisation' THEN 1 WHEN 'no_match' THEN 3
        WHEN 'ambiguous' THEN 4 WHEN 'unrecognised' THEN 5 WHEN 'refused' THEN 6 ELSE 7 END, id DESC) = 1
), spent AS (
    SELECT person, sum(charged_credits)::BIGINT AS credits FROM attempts_by_person GROUP BY person
)
SELECT person, credits, state, combination, answered_at, answer
FROM spent LEFT JOIN (FROM shown ANTI JOIN suppressed_people ON person = person_key) USING (person);
"""

_ROWS = """
CREATE OR REPLACE TEMP TABLE rows_now AS
SELECT v.*, coalesce(a.survivor, p.person_key) AS person_key,
       row_number() OVER (ORDER BY v.file_date, v.source_file, v.source_row) AS place
FROM validated_contacts v LEFT JOIN contact_people p USING (source_file, source_row)
LEFT JOIN person_aliases a USING (person_key)
"""


_SAID = (
    "first_name", "last_name", "email", "linkedin_url", "organisation_name", "organisation_linkedin_url",
    "source_columns",
)  # fmt: skip


def _latest(name: str) -> str:
    return f"arg_max({name}, place) FILTER ({name} IS NOT NULL) AS {name}"


# What rows of one contact say is put together, but never what they say of two people: an id that passes from one
# person to another, or that a list uses for its event, would show the one's address beside the other's name.
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
SELECT source, contact_id, latest_place AS place, {", ".join(_latest(name) for name in _SAID)}
FROM of_one GROUP BY source, contact_id, latest_place
"""

_CREDITS = """
CREATE OR REPLACE TEMP TABLE credits_now AS
SELECT r.source, r.contact_id, sum(credits)::BIGINT AS credits_charged
FROM (SELECT person_key, min(place) AS place FROM rows_now GROUP BY person_key) first_row
JOIN rows_now r USING (place)
JOIN people_now n ON n.person = r.person_key
GROUP BY r.source, r.contact_id
"""

_PERSON = {
    "clodura_person_id": "person.clodura_person_id",
    "matched_first_name": "person.first_name",
    "matched_last_name": "person.last_name",
    "matched_linkedin_url": "person.linkedin_url",
    "job_title": "person.job_title",
    "department": "person.department",
    "seniority": "person.seniority",
    "city": "person.city",
    "state": "person.state",
    "country": "person.country",
    "organisation_id": "organisation.organisation_id",
    "matched_organisation_name": "organisation.name",
    "organisation_domain": "organisation.domain",
    "organisation_industry": "organisation.industry",
    "organisation_employee_size": "organisation.employee_size",
    "organisation_revenue": "organisation.revenue",
    "organisation_phone": "organisation.phone",
    "organisation_city": "organisation.city",
    "organisation_state": "organisation.state",
    "organisation_country": "organisation.country",
}

_ENRICHED = f"""
SELECT c.source, c.contact_id, r.file_date, r.source_file, r.source_row,
       c.first_name, c.last_name, c.email, c.linkedin_url, c.organisation_name, c.organisation_linkedin_url,
       r.person_key,
       CASE WHEN x.person_key IS NOT NULL THEN 'suppressed'
            WHEN n.state IS NULL OR n.state = 'sent' THEN 'pending' ELSE n.state END AS match_status,
       CASE WHEN x.person_key IS NOT NULL THEN NULL
            WHEN n.state IS NULL THEN coalesce(w.reason, '{NOT_ASKED_YET}')
            WHEN n.state = 'sent' THEN 'being asked right now'
            WHEN n.state IN ('ambiguous', 'refused') THEN w.reason END AS pending_reason,
       confidence.word AS match_confidence,
       n.combination AS identifiers_used,
       {", ".join(f"n.answer->>'$.{path}' AS {name}" for name, path in _PERSON.items())},
       try_cast(regexp_extract(n.answer->>'$.organisation.founded_year', '^(1[0-9]|20)[0-9][0-9]$') AS INTEGER)
           AS organisation_founded_year,
       coalesce(k.credits_charged, 0) AS credits_charged,
       CASE WHEN n.state IN ('person', 'organisation', 'no_match')
            THEN make_timestamp((n.answered_at * 1000000)::BIGINT) END AS answered_at,
       list_concat(coalesce(r.set_aside, []), CASE WHEN r.email_id IS NULL THEN [] ELSE
           list_intersect(coalesce(q.set_aside, []), ['{IN_CONFLICT}', '{PARTED}']) END) AS set_aside,
       c.source_columns
FROM contacts_now c
JOIN rows_now r USING (place)
LEFT JOIN people_now n ON n.person = r.person_key
LEFT JOIN suppressed_people x ON x.person_key = r.person_key
LEFT JOIN people_questions q ON q.person_key = r.person_key
LEFT JOIN pending_reasons w ON w.person_key = r.person_key
LEFT JOIN credits_now k ON k.source = c.source AND k.contact_id = c.contact_id
LEFT JOIN (VALUES ('linkedinUrl', 'highest'), ('firstName+lastName+email', 'medium'), ('email', 'medium'),
                  ('firstName+lastName+orgLinkedinUrl', 'medium'), ('firstName+lastName+organisationName', 'low'))
          AS confidence(combination, word) ON confidence.combination = n.combination
ORDER BY r.place
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
       sum(charged_credits)::BIGINT AS credits_charged,
       sum(at_risk_credits + reserved_credits)::BIGINT AS credits_at_risk
FROM ledger_attempts
WHERE state <> 'not_processed' OR http_status IS NOT NULL  -- what never left this machine is no request
GROUP BY ALL ORDER BY ALL
"""

_LISTS = """
WITH people AS (
    SELECT DISTINCT source_file, person_key FROM rows_now
), by_people AS (
    SELECT p.source_file, count(*) AS people,
           count(*) FILTER (n.state = 'person') AS matched,
           count(*) FILTER (n.state = 'organisation') AS organisations,
           count(*) FILTER (n.state = 'no_match') AS no_matches,
           count(x.person_key) AS suppressed
    FROM people p LEFT JOIN people_now n ON n.person = p.person_key
    LEFT JOIN suppressed_people x ON x.person_key = p.person_key GROUP BY p.source_file
), calls AS (
    SELECT source_file, count(DISTINCT person) AS asked, sum(charged_credits)::BIGINT AS credits,
           count(DISTINCT person) FILTER (state = 'person') AS bought
    FROM attempts_by_person GROUP BY source_file
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
       coalesce(c.credits, 0) AS credits_charged, c.credits / nullif(c.bought, 0) AS credits_per_match
FROM source_files f
LEFT JOIN by_people b USING (source_file) LEFT JOIN calls c USING (source_file) LEFT JOIN reasons r USING (source_file)
WHERE f.rows_landed IS NOT NULL ORDER BY f.file_date, f.source_file
"""


_INPUTS = ("people_of", "suppressed_of", "files_version", "reasons_version")


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, suppression: Suppression, run_id: str, now: datetime
) -> int:
    """Project the ledger and rebuild the analysts' tables where anything changed; returns the ledger's sequence.

    The caller holds the working database's lock, so all tables show one state.
    """
    identify_people(connection, ledger)
    sequence = project(connection, ledger)
    apply_suppression(connection, ledger, suppression)
    inputs = "/".join(str(get_state(connection, name)) for name in _INPUTS)
    state = f"{ledger.ledger_id}/{sequence}/{inputs}"
    if get_state(connection, "built_from") == state:
        return sequence
    with transaction(connection):
        for statement in (_PEOPLE, _ROWS, _CONTACTS, _CREDITS):
            connection.execute(statement)
        _fill(connection, ENRICHED_CONTACTS.name, _ENRICHED)
        rows = ", ".join("person_key" if name == "person_key" else name for name in CONTACT_ROWS.names)
        _fill(connection, CONTACT_ROWS.name, f"SELECT {rows} FROM rows_now ORDER BY place")
        _fill(connection, CREDIT_USAGE.name, _USAGE)
        _fill(connection, LIST_REPORT.name, _LISTS)
        connection.execute("DELETE FROM publication")
        connection.execute(
            "INSERT INTO publication SELECT ?, ?, ?, count(*), ? FROM enriched_contacts WHERE match_status = 'pending'",
            [now, run_id, sequence, ledger.ledger_id],
        )
        set_state(connection, "built_from", state)
        tables_are_built(connection)
    return sequence


def people_pending(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> int:
    """People with rows in these days who have no answer, though they may be asked."""
    return scalar(
        connection,
        "SELECT count(DISTINCT e.person_key) FROM contact_rows r JOIN enriched_contacts e USING (source, contact_id) "
        "WHERE e.match_status = 'pending' AND r.file_date IN (SELECT unnest(?))",
        [list(days)],
    )


def set_pending_reasons(
    connection: duckdb.DuckDBPyConnection, reasons: Mapping[int, str], asked: frozenset[int]
) -> None:
    """Remember why these people have no answer; `asked` are those a run had in its plan, answered or not."""
    with transaction(connection):
        touched = pl.DataFrame({"person_key": list(asked | reasons.keys())}, schema={"person_key": pl.Int64})
        connection.register("touched", touched.to_arrow())
        connection.execute("DELETE FROM pending_reasons WHERE person_key IN (SELECT person_key FROM touched)")
        connection.unregister("touched")
        frame = pl.DataFrame(
            {"person_key": list(reasons), "reason": list(reasons.values())},
            schema={"person_key": pl.Int64, "reason": pl.String},
        )
        insert(connection, "pending_reasons", frame)
        bump(connection, "reasons_version")


def bump(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Raise a version that `bring_up_to_date` looks at."""
    set_state(connection, name, str(int(get_state(connection, name) or 0) + 1))


def _fill(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    connection.execute(f"DELETE FROM {table}")
    connection.execute(f"INSERT INTO {table} BY NAME {query}")
