"""SQL over projected answers: the columns that come from an answer, people as they stand now, and what changed.

Temporary tables that `build` makes the published ones from.
"""

from dataclasses import fields

from clodura_pipeline.clodura.answers.fields import ORGANISATION, PERSON, Meaning
from clodura_pipeline.clodura.answers.reader import Organisation, Person
from clodura_pipeline.warehouse.tables.table import ANSWER

ANSWER_COLUMNS = tuple(line.split()[0] for line in ANSWER.strip().splitlines())
_FOUNDED = "organisation_founded_year"
_PATHS = {
    Meaning(part, field.name).column: f"$.{part}.{field.name}"
    for part, kind in ((PERSON, Person), (ORGANISATION, Organisation))
    for field in fields(kind)
}
_VALUES = ", ".join(f"v[{place}] AS {name}" for place, name in enumerate(_PATHS, start=1))
TEXT_COLUMNS = tuple(name for name in _PATHS if name != _FOUNDED)

# Numbers in words such as `10001+`, `11 - 50`, `$1B - $5B`, `51-200`, `10K`: a single number is both ends.
_MACROS = r"""
CREATE OR REPLACE TEMP MACRO amounts(words) AS list_transform(
    regexp_extract_all(replace(upper(words), ',', ''), '[0-9]+(?:\.[0-9]+)?\s*(?:K|M|B|T)?'),
    lambda x: (try_cast(regexp_extract(x, '[0-9.]+') AS DOUBLE) *
        CASE right(x, 1) WHEN 'K' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'B' THEN 1e9 WHEN 'T' THEN 1e12 ELSE 1 END)::BIGINT);
CREATE OR REPLACE TEMP MACRO least_amount(words) AS
    CASE WHEN contains(words, '<') THEN NULL ELSE amounts(words)[1] END;
CREATE OR REPLACE TEMP MACRO greatest_amount(words) AS
    CASE WHEN regexp_matches(words, '[+>]') THEN NULL ELSE amounts(words)[-1] END;
"""

# Every readable answer, with its fields as columns.
_ANSWERS = rf"""
CREATE OR REPLACE TEMP TABLE answers_now AS
WITH read AS (
    SELECT coalesce(survivor, a.person_key) AS person, a.id, a.state AS match_status, combination, run_id,
           charged_credits, make_timestamptz((answered_at * 1000000)::BIGINT) AS answered_at,
           json_extract(answer, '$.contact') AS answer, g.agreement, g.reasons AS agreement_reasons,
           json_extract_string(answer, {[*_PATHS.values()]}) AS v
    FROM ledger_attempts a LEFT JOIN person_aliases USING (person_key) LEFT JOIN agreements g USING (id)
    WHERE a.state IN ('person', 'organisation', 'no_match')
), named AS (SELECT * EXCLUDE (v), {_VALUES} FROM read)
SELECT * REPLACE (try_cast(regexp_extract({_FOUNDED}, '^(1[0-9]|20)[0-9][0-9]$') AS INTEGER) AS {_FOUNDED}),
       least_amount(organisation_employee_size) AS organisation_employees_min,
       greatest_amount(organisation_employee_size) AS organisation_employees_max,
       least_amount(organisation_revenue) AS organisation_revenue_min,
       greatest_amount(organisation_revenue) AS organisation_revenue_max
FROM named
"""

# One row per person who was called for: the answer to show, else the state to show, and what they cost. The newest
# readable answer is shown, but a later miss never hides an earlier match.
_PEOPLE = f"""
CREATE OR REPLACE TEMP TABLE people_now AS
WITH attempts AS (
    SELECT coalesce(survivor, a.person_key) AS person, a.id, a.state, combination, charged_credits, sent_at
    FROM ledger_attempts a LEFT JOIN person_aliases USING (person_key)
), shown AS (
    SELECT person, id, state, combination FROM attempts ANTI JOIN suppressed_people ON person = person_key
    WHERE state <> 'not_processed'
    QUALIFY row_number() OVER (PARTITION BY person ORDER BY CASE state
        WHEN 'person' THEN 1 WHEN 'organisation' THEN 1 WHEN 'no_match' THEN 3
        WHEN 'ambiguous' THEN 4 WHEN 'unrecognised' THEN 5 WHEN 'refused' THEN 6 ELSE 7 END, id DESC) = 1
), spent AS (
    SELECT person, sum(charged_credits) AS credits,
           make_timestamptz((min(sent_at) FILTER (state <> 'not_processed') * 1000000)::BIGINT) AS first_called_at
    FROM attempts GROUP BY person
)
SELECT p.person, credits, first_called_at, s.state AS called_state, s.combination, w.answered_at, w.answer, w.agreement,
       w.agreement_reasons, {", ".join(f"w.{name}" for name in ANSWER_COLUMNS)}
FROM spent p LEFT JOIN shown s USING (person) LEFT JOIN answers_now w USING (id)
"""

ANSWERS = f"""
SELECT person AS person_key, answered_at, match_status, combination AS identifiers_used, run_id,
       {", ".join(ANSWER_COLUMNS)}, charged_credits AS credits_charged
FROM answers_now ANTI JOIN suppressed_people ON person = person_key ORDER BY person, id DESC
"""

CHANGES = f"""
WITH fields AS (
    UNPIVOT (SELECT person, id, answered_at, {", ".join(f"coalesce({name}, '') AS {name}" for name in TEXT_COLUMNS)}
             FROM answers_now ANTI JOIN suppressed_people ON person = person_key
             WHERE match_status <> 'no_match'
             QUALIFY count(*) OVER (PARTITION BY person) > 1)
    ON {", ".join(TEXT_COLUMNS)} INTO NAME field VALUE value
), pairs AS (
    SELECT person AS person_key, field, lag(value) OVER before AS old_value, value AS new_value,
           lag(answered_at) OVER before AS old_answered_at, answered_at AS changed_at
    FROM fields WINDOW before AS (PARTITION BY person, field ORDER BY id)
)
SELECT person_key, field, nullif(old_value, '') AS old_value, nullif(new_value, '') AS new_value, old_answered_at,
       changed_at
FROM pairs WHERE old_answered_at IS NOT NULL AND old_value <> new_value ORDER BY changed_at, person_key, field
"""

FIELDS = """
WITH shapes AS (
    SELECT shape_id, count(*) AS answers, min(answered_at) AS first_seen, max(answered_at) AS last_seen
    FROM ledger_attempts WHERE shape_id IS NOT NULL GROUP BY shape_id
), paths AS (
    SELECT shape_id, unnest(from_json(shape, '["JSON"]')) AS path FROM ledger_shapes
)
SELECT path->>0 AS path, path->>1 AS value_type, sum(answers)::BIGINT AS answers,
       coalesce(sum(answers) FILTER ((path->>2)::BOOLEAN), 0)::BIGINT AS filled, max(path->>3) AS column_name,
       make_timestamptz((min(first_seen) * 1000000)::BIGINT) AS first_seen_at,
       make_timestamptz((max(last_seen) * 1000000)::BIGINT) AS last_seen_at
FROM paths JOIN shapes USING (shape_id) WHERE path->>0 <> '' GROUP BY ALL ORDER BY answers DESC, 1, 2
"""

PREPARE = (_MACROS, _ANSWERS, _PEOPLE)
