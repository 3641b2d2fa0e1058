"""SQL of contacts and people as analysts see them.

Temporary tables of rows and contacts come from landed rows and `people_now` (see `answer_tables`), in this order.
"""

from clodura_pipeline.clodura.identifiers import Combination
from clodura_pipeline.identity.cleaning import DERIVED_ID_SQL
from clodura_pipeline.identity.resolution import FILE_PLACES, IN_CONFLICT, PLACE
from clodura_pipeline.warehouse.published.answer_tables import ANSWER_COLUMNS
from clodura_pipeline.warehouse.published.pending import IN_FLIGHT, NOT_CALLED_YET
from clodura_pipeline.warehouse.state import version_of
from clodura_pipeline.warehouse.tables.columns import CONTACT_ROWS

COMBINATION_LABELS = {
    Combination.LINKEDIN: "LinkedIn profile",
    Combination.NAME_EMAIL: "name and e-mail",
    Combination.EMAIL: "e-mail",
    Combination.NAME_ORG_LINKEDIN: "name and company page",
    Combination.NAME_ORG_NAME: "name and company",
}
_COMBINATIONS = [f"('{one.label}', '{one.confidence}', '{label}')" for one, label in COMBINATION_LABELS.items()]
COMBINATIONS = f"(VALUES {', '.join(_COMBINATIONS)}) AS known(combination, confidence, label)"
"""SQL of a table of the combinations of identifiers, with Clodura's confidence and a label for people."""
SHARED_ID = "contact_id: stands on rows of several people in this list, so each has an id of its own"

# Rows by their place in time, narrow: a wide copy of a million rows costs more than all joins on it. A contact_id that
# stands on rows of several people (rounded by a spreadsheet, or reused) identifies none of them.
_ROWS = f"""
{FILE_PLACES};
CREATE OR REPLACE TEMP TABLE rows_now AS
WITH rows_of_people AS (
    SELECT {PLACE} AS place, v.rowid AS row_id, v.file_date, v.source_file, v.source_row, v.source, v.contact_id,
           v.profile_id, v.email_id, v.name_id, p.person_key, hash(v) AS row_hash
    FROM validated_contacts v JOIN file_places USING (source_file)
    LEFT JOIN contact_people p USING (source_file, source_row)
), shared AS (
    -- A name alone is no evidence that the id is another person's, until it has an answer of its own to show.
    SELECT source, contact_id FROM rows_of_people r LEFT JOIN people_now n ON n.person = r.person_key
    WHERE profile_id IS NOT NULL OR email_id IS NOT NULL OR n.answered_at IS NOT NULL
    GROUP BY ALL HAVING min(person_key) <> max(person_key)
)
SELECT place, row_id, row_hash, r.file_date, source_file, source_row, r.source, person_key,
       s.source IS NOT NULL AS is_shared,
       CASE WHEN s.source IS NULL THEN r.contact_id
            ELSE {DERIVED_ID_SQL} END AS contact_id
FROM rows_of_people r LEFT JOIN shared s USING (source, contact_id)
"""
_CONTACTS = """
CREATE OR REPLACE TEMP TABLE contacts_now AS
SELECT source, contact_id, max(place) AS place, count(*) AS row_count, bit_xor(hash(row_hash, person_key)) AS rows_hash
FROM rows_now GROUP BY ALL
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
_OF_FILES = f"""
c.source, c.contact_id, v.file_date, v.source_file, v.source_row,
{", ".join(f"coalesce(m.{name}, v.{name}) AS {name}" for name in _FROM_FILES)},
c.person_key, match_status, pending_code, pending_reason,
coalesce(v.set_aside, []) || CASE WHEN is_shared THEN ['{SHARED_ID}'] ELSE [] END
    || CASE WHEN is_in_conflict AND v.email_id IS NOT NULL THEN ['{IN_CONFLICT}'] ELSE [] END AS set_aside
"""


def enriched(shown: str) -> str:
    """The rows of `enriched_contacts` for the contacts of a table like `shown_now`.

    Most people of a large list are not called for yet: to carry an answer's columns for them took twice the time.
    """
    rows = f"{shown} c JOIN validated_contacts v ON v.rowid = c.row_id LEFT JOIN combined_now m ON m.place = c.place"
    return f"""
SELECT {_OF_FILES}, 0 AS credits_charged FROM {rows} WHERE NOT is_called
UNION ALL BY NAME
SELECT {_OF_FILES}, known.confidence AS match_confidence, n.combination AS identifiers_used,
       known.label AS identifiers_label, {", ".join(f"n.{name}" for name in ANSWER_COLUMNS)},
       coalesce(c.credits_charged, 0) AS credits_charged, n.answered_at, n.agreement, n.agreement_reasons, n.answer
FROM {rows} JOIN people_now n ON n.person = c.person_key
LEFT JOIN {COMBINATIONS} ON known.combination = n.combination
WHERE is_called
"""


_CONTACTS_MADE_BY = version_of(_COMBINED + enriched(""))
# What is shown of each contact beside the values of its files and of its person's answer: narrow too. `content` is a
# hash of all that a row of enriched_contacts is made of, its pending reason excepted, and of the SQL that makes it.
_SHOWN = f"""
CREATE OR REPLACE TEMP TABLE shown_now AS
SELECT c.source, c.contact_id, c.place, r.row_id, r.is_shared, r.person_key, n.person IS NOT NULL AS is_called,
       q.person_key IS NOT NULL AS is_in_conflict, k.credits_charged, {_STATUS} AS match_status,
       {_PENDING.format(column="pending_code", not_called=NOT_CALLED_YET.code, in_flight=IN_FLIGHT.code)},
       {_PENDING.format(column="pending_reason", not_called=NOT_CALLED_YET.text, in_flight=IN_FLIGHT.text)},
       hash(c.source, c.contact_id) AS contact,
       hash('{_CONTACTS_MADE_BY}', rows_hash, is_shared, is_in_conflict, match_status, k.credits_charged,
            person_hash) AS content
FROM contacts_now c
JOIN rows_now r USING (place)
LEFT JOIN (SELECT person, called_state, hash(people_now) AS person_hash FROM people_now) n ON n.person = r.person_key
LEFT JOIN suppressed_people x ON x.person_key = r.person_key
LEFT JOIN (SELECT person_key FROM people_requests WHERE list_contains(set_aside, '{IN_CONFLICT}')) q
    ON q.person_key = r.person_key
LEFT JOIN pending_reasons w ON w.person_key = r.person_key
LEFT JOIN credits_now k ON k.source = c.source AND k.contact_id = c.contact_id
"""


ALL_ROWS = f"SELECT {', '.join(CONTACT_ROWS.names)} FROM rows_now"
"""The rows of `contact_rows` for all contacts."""


def rows(shown: str) -> str:
    """The rows of `contact_rows` for the contacts of a table like `shown_now`."""
    return f"{ALL_ROWS} SEMI JOIN {shown} USING (source, contact_id)"


def people(outdated: str) -> str:
    """The rows of `people` for those of them that a condition on `person_key` holds for."""
    return f"""
WITH everyone AS (
    SELECT q.* EXCLUDE (set_aside, sent_ids, other_ids), {_STATUS} AS match_status, c.contacts
    FROM people_requests q
    JOIN (SELECT person_key, count(*) AS contacts
          FROM (SELECT DISTINCT person_key, source, contact_id FROM rows_now WHERE {outdated})
          GROUP BY 1) c USING (person_key)
    LEFT JOIN (SELECT person, called_state FROM people_now) n ON n.person = q.person_key
    LEFT JOIN suppressed_people x ON x.person_key = q.person_key
)
SELECT *, 0 AS credits_charged FROM everyone WHERE person_key NOT IN (SELECT person FROM people_now)
UNION ALL BY NAME
SELECT e.*, {", ".join(f"n.{name}" for name in ANSWER_COLUMNS)}, coalesce(n.credits, 0) AS credits_charged,
       n.first_called_at, n.answered_at, n.agreement
FROM everyone e JOIN people_now n ON n.person = e.person_key
"""


PEOPLE_MADE_BY = version_of(_ROWS + people(""))
"""Changes with the SQL that makes `people`."""

PREPARE = (_ROWS, _CONTACTS, _COMBINED, _CREDITS, _SHOWN)
