"""Which rows are the same person, over all rows of all days and everyone who was ever called for.

A person is their LinkedIn profile; else the one profile that one of their e-mail addresses is seen with; else the
e-mail address; else their name at a company, joined only to other rows that have nothing stronger. An address that is
seen with two profiles joins nothing and is sent with neither; rows that have only that address are one person.

All addresses and profiles of a row are evidence, not only the first, unless two people hold them. People whom the
ledger knows take part with their identifiers: a person keeps their key, whatever identifiers are added later.

Names never join what an address or a profile sets apart. The outcome depends on the set of rows and on the ledger,
never on the order of rows or on the days they came in. Everything is SQL over whole tables, in DuckDB, which spills to
disk what does not fit into memory.
"""

import duckdb

from clodura_pipeline.identity.connected_labels import connect_labels

IN_CONFLICT = "email: seen with more than one LinkedIn profile, sent with none of them"

# Input: validated_contacts; ledger_identifiers (identifier, person_key, from_call) and ledger_people (person_key,
# survivor, added), both of surviving and former keys.
_EVIDENCE = """
CREATE OR REPLACE TEMP TABLE known AS
SELECT identifier, survivor AS person_key, bool_or(from_call) AS from_call
FROM ledger_identifiers JOIN ledger_people USING (person_key) GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE further AS
SELECT profile_id, email_id, unnest(further_ids) AS identifier FROM validated_contacts WHERE len(further_ids) > 0;
"""

# A further profile belongs to the one profile that it is seen beside; a profile of the ledger to its person.
_PROFILE_LINKS = """
CREATE OR REPLACE TEMP TABLE links AS
SELECT identifier AS a, 'key:' || person_key AS b FROM known WHERE identifier LIKE 'li:%'
UNION ALL
SELECT further.identifier, min(coalesce('key:' || person_key, profile_id))
FROM further LEFT JOIN known k ON k.identifier = profile_id
WHERE further.identifier LIKE 'li:%' GROUP BY further.identifier
HAVING count(DISTINCT coalesce('key:' || person_key, profile_id)) = 1
"""

# `holder`: who an address is seen with: the person of a profile in the same row, or of the ledger.
_HELD_BY_PROFILES = """
CREATE OR REPLACE TEMP TABLE held AS
WITH seen AS (
    SELECT email_id AS email, profile_id FROM validated_contacts WHERE profile_id IS NOT NULL AND email_id IS NOT NULL
    UNION ALL SELECT identifier, profile_id FROM further WHERE profile_id IS NOT NULL AND identifier LIKE 'em:%'
), holders AS (
    SELECT email, coalesce(label, profile_id) AS holder FROM seen LEFT JOIN profile_labels ON node = profile_id
    UNION ALL
    SELECT e.identifier, coalesce(label, 'key:' || e.person_key) FROM known e
    SEMI JOIN (SELECT person_key FROM known WHERE identifier LIKE 'li:%') p ON p.person_key = e.person_key
    LEFT JOIN profile_labels ON node = 'key:' || e.person_key WHERE e.identifier LIKE 'em:%' AND e.from_call
)
SELECT email, min(holder) AS holder, min(holder) <> max(holder) AS in_conflict FROM holders GROUP BY email
"""

# Rows with several addresses and no profile: the person of one address is the person of the others.
_HELD_BY_ADDRESSES = """
CREATE OR REPLACE TEMP TABLE several AS
WITH addresses AS (
    SELECT DISTINCT email_id AS row_email, unnest([email_id, identifier]) AS email
    FROM further WHERE profile_id IS NULL AND email_id IS NOT NULL AND identifier LIKE 'em:%'
)
SELECT row_email, email, holder, coalesce(in_conflict, false) AS in_conflict
FROM addresses LEFT JOIN held USING (email);

CREATE OR REPLACE TEMP TABLE row_holders AS
SELECT row_email, min(holder) AS holder FROM several WHERE NOT in_conflict
GROUP BY row_email HAVING count(DISTINCT holder) = 1;

INSERT INTO held
SELECT email, min(r.holder), min(r.holder) <> max(r.holder) FROM several s JOIN row_holders r USING (row_email)
WHERE s.holder IS NULL GROUP BY email;

CREATE OR REPLACE TEMP TABLE links AS
SELECT email AS a, min(row_email) AS b FROM several s ANTI JOIN held USING (email)
WHERE email <> row_email AND row_email NOT IN (SELECT email FROM held)
GROUP BY email HAVING count(DISTINCT row_email) = 1
"""

_LABELS = """
CREATE OR REPLACE TEMP TABLE row_labels AS
SELECT source_file, source_row, v.profile_id, v.email_id,
       coalesce(h.in_conflict, false) AS in_conflict,
       CASE WHEN v.profile_id IS NOT NULL THEN coalesce(p.label, v.profile_id)
            WHEN v.email_id IS NULL THEN name_id
            WHEN h.holder IS NOT NULL AND NOT h.in_conflict THEN h.holder
            ELSE coalesce(e.label, v.email_id) END AS label
FROM validated_contacts v
LEFT JOIN profile_labels p ON p.node = v.profile_id
LEFT JOIN held h ON h.email = v.email_id
LEFT JOIN email_labels e ON e.node = v.email_id
"""

# Every identifier with the person it stands for; what two people hold stands only for the rows that are nothing else.
_MEMBERS = """
CREATE OR REPLACE TEMP TABLE members AS
SELECT DISTINCT label, identifier FROM (
    SELECT label, label AS identifier FROM row_labels WHERE label NOT LIKE 'key:%'
    UNION ALL SELECT label, profile_id FROM row_labels WHERE profile_id IS NOT NULL
    UNION ALL SELECT label, email_id FROM row_labels WHERE email_id IS NOT NULL AND NOT in_conflict
    UNION ALL SELECT holder, email FROM held WHERE NOT in_conflict
    UNION ALL SELECT label, node FROM profile_labels WHERE node NOT LIKE 'key:%'
    UNION ALL SELECT label, node FROM email_labels
);
CREATE OR REPLACE TEMP TABLE claims AS
SELECT DISTINCT label, person_key FROM (
    SELECT label, person_key FROM members JOIN known USING (identifier)
    WHERE from_call OR identifier NOT IN (SELECT email FROM held WHERE in_conflict)
    UNION ALL SELECT DISTINCT label, label[5:]::BIGINT FROM row_labels WHERE label LIKE 'key:%'
);
"""

# People of the ledger whom one label claims are one person: the key that was called for first survives.
_JOINED = """
CREATE OR REPLACE TEMP TABLE links AS
WITH several AS (SELECT label FROM claims GROUP BY label HAVING count(*) > 1)
SELECT label AS a, 'key:' || person_key AS b FROM claims
WHERE person_key IN (SELECT person_key FROM claims SEMI JOIN several USING (label))
"""

_KEYS = """
CREATE OR REPLACE TEMP TABLE joined AS
SELECT node[5:]::BIGINT AS person_key,
       first_value(node[5:]::BIGINT) OVER (PARTITION BY label ORDER BY added, node) AS survivor
FROM claim_labels JOIN ledger_people ON person_key = node[5:]::BIGINT WHERE node LIKE 'key:%';

CREATE OR REPLACE TEMP TABLE label_keys AS
SELECT label, min(coalesce(j.survivor, c.person_key)) AS person_key
FROM claims c LEFT JOIN joined j USING (person_key) GROUP BY label;

DELETE FROM person_aliases;
INSERT INTO person_aliases
SELECT p.person_key, coalesce(j.survivor, p.survivor) AS survivor
FROM ledger_people p LEFT JOIN joined j ON j.person_key = p.survivor
WHERE coalesce(j.survivor, p.survivor) <> p.person_key;
"""

_ROWS = """
CREATE OR REPLACE TEMP TABLE row_people AS
SELECT source_file, source_row, in_conflict, coalesce(person_key, {hashed}) AS person_key
FROM row_labels LEFT JOIN label_keys USING (label);

DELETE FROM contact_people;
INSERT INTO contact_people SELECT source_file, source_row, person_key FROM row_people;
"""

# What is sent for a person: per column the latest value of their rows. First and last name belong together: half a
# name counts only where no row has both. A page of an earlier company is not sent with the name of the present one.
_REQUESTS = """
CREATE OR REPLACE TEMP TABLE person_rows AS
SELECT r.person_key, struct_pack(d := v.file_date, f := v.source_file, r := v.source_row) AS place,
       linkedin_url, profile_id, first_name, last_name, organisation_name, organisation_linkedin_url, name_id,
       first_name IS NOT NULL AND last_name IS NOT NULL AS is_named,
       v.email, v.email_id, in_conflict,
       CASE WHEN in_conflict AND v.profile_id IS NOT NULL THEN list_append(set_aside, $in_conflict) ELSE set_aside END
           AS set_aside
FROM validated_contacts v JOIN row_people r USING (source_file, source_row);

CREATE OR REPLACE TEMP TABLE united AS
SELECT person_key, {latest}, {email},
       CASE WHEN bool_or(is_named) THEN arg_max(first_name, place) FILTER (is_named)
            ELSE arg_max_null(first_name, place) FILTER (first_name IS NOT NULL OR last_name IS NOT NULL)
            END AS first_name,
       CASE WHEN bool_or(is_named) THEN arg_max(last_name, place) FILTER (is_named)
            ELSE arg_max_null(last_name, place) FILTER (first_name IS NOT NULL OR last_name IS NOT NULL)
            END AS last_name,
       list_sort(list_distinct(flatten(list(set_aside)))) AS set_aside
FROM person_rows JOIN (
    SELECT person_key, bool_or(profile_id IS NOT NULL) AS has_profile FROM person_rows GROUP BY 1 HAVING count(*) > 1
) USING (person_key)
GROUP BY person_key;

UPDATE united SET organisation_linkedin_url = (
    SELECT arg_max(r.organisation_linkedin_url, r.place) FROM person_rows r WHERE r.person_key = united.person_key
    AND r.organisation_linkedin_url IS NOT NULL AND (r.organisation_name IS NULL OR {bare_row} = {bare_united}))
WHERE organisation_name IS NOT NULL AND organisation_linkedin_url IS NOT NULL;

DELETE FROM people_requests;
INSERT INTO people_requests BY NAME
WITH everyone AS (
    SELECT {columns}, set_aside FROM united
    UNION ALL
    SELECT {columns}, set_aside FROM (SELECT * REPLACE (
        CASE WHEN in_conflict AND profile_id IS NOT NULL THEN NULL ELSE email END AS email,
        CASE WHEN in_conflict AND profile_id IS NOT NULL THEN NULL ELSE email_id END AS email_id) FROM person_rows)
    ANTI JOIN united USING (person_key)
), own AS (
    SELECT person_key, list(DISTINCT identifier ORDER BY identifier) AS identifiers FROM (
        SELECT coalesce(person_key, {hashed}) AS person_key, identifier
        FROM members LEFT JOIN label_keys USING (label) WHERE label NOT LIKE 'nc:%')
    GROUP BY person_key HAVING count(DISTINCT identifier) > 1
)
SELECT e.* EXCLUDE (profile_id, email_id, name_id),
       list_filter([profile_id, email_id, CASE WHEN profile_id IS NULL AND email_id IS NULL THEN name_id END],
                   lambda x: x IS NOT NULL) AS sent_ids,
       list_filter(coalesce(identifiers, []), lambda x: x IS DISTINCT FROM profile_id AND x IS DISTINCT FROM email_id)
           AS other_ids
FROM everyone e LEFT JOIN own USING (person_key);
"""

_CONFLICTS = """
DELETE FROM identity_conflicts;
INSERT INTO identity_conflicts BY NAME
SELECT 'email' AS identifier, arg_max(v.email, struct_pack(d := file_date, f := source_file, r := source_row)) AS email,
       list_sort(list(DISTINCT linkedin_url) FILTER (linkedin_url IS NOT NULL)) AS profiles, count(*) AS row_count
FROM validated_contacts v JOIN held h ON h.email = v.email_id AND h.in_conflict
GROUP BY v.email_id ORDER BY 2;
"""

_LATEST = ("linkedin_url", "profile_id", "organisation_name", "organisation_linkedin_url", "name_id")
_COLUMNS = ("person_key", *_LATEST, "email", "email_id", "first_name", "last_name")


def resolve_people(connection: duckdb.DuckDBPyConnection, person_key_sql: str) -> None:
    """Work out who every validated row is about, and fill what follows from it.

    Reads `validated_contacts`, `ledger_people` and `ledger_identifiers`; fills `contact_people`, `person_aliases`,
    `people_requests` and `identity_conflicts`, in the caller's transaction.

    Args:
        person_key_sql: the key of a person whom the ledger does not know, from the identifier in the braces.
    """
    hashed = person_key_sql.format("label")
    bare = "regexp_replace(lower({}.organisation_name), '[^\\pL\\pM\\pN]+', '', 'g')"
    connection.execute(_EVIDENCE)
    connection.execute(_PROFILE_LINKS)
    connect_labels(connection, "links", "profile_labels")
    connection.execute(_HELD_BY_PROFILES)
    connection.execute(_HELD_BY_ADDRESSES)
    connect_labels(connection, "links", "email_labels")
    connection.execute(_LABELS)
    connection.execute(_MEMBERS)
    connection.execute(_JOINED)
    connect_labels(connection, "links", "claim_labels")
    connection.execute(_KEYS)
    connection.execute(_ROWS.format(hashed=hashed))
    latest = ", ".join(f"arg_max({name}, place) FILTER ({name} IS NOT NULL) AS {name}" for name in _LATEST)
    # An address in conflict is sent only for a person who has no profile.
    email = ", ".join(
        f"arg_max({name}, place) FILTER (NOT in_conflict OR NOT has_profile) AS {name}"
        for name in ("email", "email_id")
    )
    requests = _REQUESTS.format(
        latest=latest,
        email=email,
        columns=", ".join(_COLUMNS),
        hashed=hashed,
        bare_row=bare.format("r"),
        bare_united=bare.format("united"),
    )
    for statement in filter(str.strip, requests.split(";\n")):
        connection.execute(statement, {"in_conflict": IN_CONFLICT} if "$in_conflict" in statement else None)
    connection.execute(_CONFLICTS)
    for table in ("known", "further", "links", "held", "several", "row_holders", "row_labels", "members", "claims",
                  "joined", "label_keys", "row_people", "person_rows", "united", "profile_labels", "email_labels",
                  "claim_labels"):  # fmt: skip
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
