"""SQL of contacts and people as analysts see them.

Temporary tables of rows and contacts come from landed rows and `people_now` (see `answers`), in this order.
"""

from clodura_pipeline.clodura.identifiers import Combination
from clodura_pipeline.identity.contact_ids import DERIVED_ID_SQL
from clodura_pipeline.identity.matching import IN_CONFLICT
from clodura_pipeline.warehouse.published.answers import ANSWER_COLUMNS
from clodura_pipeline.warehouse.published.pending import IN_FLIGHT, NOT_CALLED_YET

COMBINATION_LABELS = {
    Combination.LINKEDIN: "LinkedIn profile",
    Combination.NAME_EMAIL: "name and e-mail",
    Combination.EMAIL: "e-mail",
    Combination.NAME_ORG_LINKEDIN: "name and company page",
    Combination.NAME_ORG_NAME: "name and company",
}
SHARED_ID = "contact_id: stands on rows of several people in this list, so each has an id of its own"

# Rows by their place in time, narrow: a wide copy of a million rows costs more than all joins on it. A contact_id that
# stands on rows of several people (rounded by a spreadsheet, or reused) identifies none of them.
_ROWS = f"""
CREATE OR REPLACE TEMP TABLE rows_now AS
WITH rows_of_people AS (
    SELECT v.rowid AS row_id, v.file_date, v.source_file, v.source_row, v.source, v.contact_id, v.profile_id,
           v.email_id, v.name_id, p.person_key,
           row_number() OVER (ORDER BY v.file_date, v.source_file, v.source_row) AS place
    FROM validated_contacts v LEFT JOIN contact_people p USING (source_file, source_row)
), shared AS (
    -- A name alone is no evidence that the id is another person's, until it has an answer of its own to show.
    SELECT source, contact_id FROM rows_of_people r LEFT JOIN people_now n ON n.person = r.person_key
    WHERE profile_id IS NOT NULL OR email_id IS NOT NULL OR n.answered_at IS NOT NULL
    GROUP BY ALL HAVING min(person_key) <> max(person_key)
)
SELECT place, row_id, file_date, source_file, source_row, r.source, s.source IS NOT NULL AS is_shared, person_key,
       CASE WHEN s.source IS NULL THEN r.contact_id
            ELSE {DERIVED_ID_SQL} END AS contact_id
FROM rows_of_people r LEFT JOIN shared s USING (source, contact_id)
"""
_CONTACTS = """
CREATE OR REPLACE TEMP TABLE contacts_now AS
SELECT source, contact_id, max(place) AS place, count(*) AS row_count FROM rows_now GROUP BY ALL
"""

_FROM_FILES = (
    "first_name", "last_name", "email", "linkedin_url", "organisation_name", "organisation_linkedin_url",
    "source_columns",
)  # fmt: skip


def _latest(name: str) -> str:
    return f"arg_max({name}, place) FILTER ({name} IS NOT NULL) AS {name}"


# Values of several rows of one contact are combined, but never of two people: an id that passes from one person to
# another, or that a list uses for its event, would show one person's address beside another's name.
_COMBINED = f"""
CREATE OR REPLACE TEMP TABLE combined_now AS
WITH of_several AS (
    SELECT c.place AS latest_place, r.place, r.person_key, {", ".join(f"v.{name}" for name in _FROM_FILES)}
    FROM contacts_now c JOIN rows_now r USING (source, contact_id) JOIN validated_contacts v ON v.rowid = r.row_id
    WHERE c.row_count > 1
), of_one AS (
    SELECT r.* FROM of_several r JOIN of_several l ON l.place = r.latest_place
    WHERE r.person_key = l.person_key OR coalesce(
        lower(r.first_name) = lower(l.first_name) AND lower(r.last_name) = lower(l.last_name),
        lower(r.last_name) = lower(l.last_name), lower(r.first_name) = lower(l.first_name), true)
)
SELECT latest_place AS place, {", ".join(_latest(name) for name in _FROM_FILES)} FROM of_one GROUP BY latest_place
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
ENRICHED = f"""
SELECT c.source, c.contact_id, r.file_date, r.source_file, r.source_row,
       {", ".join(f"coalesce(m.{name}, v.{name}) AS {name}" for name in _FROM_FILES)},
       r.person_key, {_STATUS} AS match_status,
       {_PENDING.format(column="pending_code", not_called=NOT_CALLED_YET.code, in_flight=IN_FLIGHT.code)},
       {_PENDING.format(column="pending_reason", not_called=NOT_CALLED_YET.text, in_flight=IN_FLIGHT.text)},
       known.confidence AS match_confidence, n.combination AS identifiers_used, known.label AS identifiers_label,
       {", ".join(f"n.{name}" for name in ANSWER_COLUMNS)},
       coalesce(k.credits_charged, 0) AS credits_charged, n.answered_at, n.agreement, n.agreement_reasons,
       CASE WHEN r.is_shared OR q.person_key IS NOT NULL THEN coalesce(v.set_aside, [])
                || CASE WHEN r.is_shared THEN ['{SHARED_ID}'] ELSE [] END
                || CASE WHEN q.person_key IS NOT NULL AND v.email_id IS NOT NULL THEN ['{IN_CONFLICT}'] ELSE [] END
            ELSE coalesce(v.set_aside, []) END AS set_aside, n.answer
FROM contacts_now c
JOIN rows_now r USING (place)
JOIN validated_contacts v ON v.rowid = r.row_id
LEFT JOIN combined_now m USING (place)
LEFT JOIN people_now n ON n.person = r.person_key
LEFT JOIN suppressed_people x ON x.person_key = r.person_key
LEFT JOIN (SELECT person_key FROM people_requests WHERE list_contains(set_aside, '{IN_CONFLICT}')) q
    ON q.person_key = r.person_key
LEFT JOIN pending_reasons w ON w.person_key = r.person_key
LEFT JOIN credits_now k ON k.source = c.source AND k.contact_id = c.contact_id
LEFT JOIN (VALUES {_COMBINATIONS}) AS known(combination, confidence, label) ON known.combination = n.combination
"""
PEOPLE = f"""
SELECT q.person_key, q.linkedin_url, q.email, q.first_name, q.last_name, q.organisation_name,
       q.organisation_linkedin_url, {_STATUS} AS match_status, {", ".join(f"n.{name}" for name in ANSWER_COLUMNS)},
       coalesce(n.credits, 0) AS credits_charged, n.first_called_at, n.answered_at, n.agreement, c.contacts
FROM people_requests q
JOIN (SELECT person_key, count(*) AS contacts FROM (SELECT DISTINCT person_key, source, contact_id FROM rows_now)
      GROUP BY 1) c USING (person_key)
LEFT JOIN people_now n ON n.person = q.person_key
LEFT JOIN suppressed_people x ON x.person_key = q.person_key
"""

PREPARE = (_ROWS, _CONTACTS, _COMBINED, _CREDITS)
