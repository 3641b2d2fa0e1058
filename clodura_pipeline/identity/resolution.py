"""Which rows are the same person, over all rows of all days and everyone who was ever called for.

A person is their LinkedIn profile; else the one profile that one of their e-mail addresses is seen with; else the
e-mail address; else their name at a company, joined only to other rows that have nothing stronger. An address that is
seen with two profiles joins nothing and is sent with neither; rows that have only that address are one person.

All addresses and profiles of a row are evidence, not only the first, unless two people hold them. People that the
ledger knows take part with their identifiers: a person keeps their key, whatever identifiers are added later.

Names never join what an address or a profile sets apart. The outcome depends on the set of rows and on the ledger,
never on the order of rows or on the days they came in. Everything is SQL over whole tables, in DuckDB, which spills to
disk what does not fit into memory.
"""

import duckdb

IN_CONFLICT = "email: seen with more than one LinkedIn profile, sent with none of them"

# `place`: one number for the day, file and row of a landed row, in their order. Text is not compared row by row.
FILE_PLACES = """
CREATE OR REPLACE TEMP TABLE file_places AS
SELECT source_file, min(file_date) AS file_date, row_number() OVER (ORDER BY min(file_date), source_file) AS file_number
FROM validated_contacts GROUP BY source_file
"""
PLACE = "(file_number * 1_000_000_000_000 + source_row)"
FILE_NUMBER_OF_PLACE, ROW_OF_PLACE = "place // 1_000_000_000_000", "place % 1_000_000_000_000"

# Input: validated_contacts; ledger_identifiers (identifier, person_key, from_call) and ledger_people (person_key,
# survivor, added), both of surviving and former keys.
_PROFILES = """
CREATE OR REPLACE TEMP TABLE known AS
SELECT identifier, survivor AS person_key, bool_or(from_call) AS from_call
FROM ledger_identifiers JOIN ledger_people USING (person_key) GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE further AS
SELECT profile_id, email_id, unnest(further_ids) AS identifier FROM validated_contacts WHERE len(further_ids) > 0;

-- A further profile belongs to the one profile that it is seen beside; a profile of the ledger to its person.
CREATE OR REPLACE TEMP TABLE links AS
SELECT identifier AS a, 'key:' || person_key AS b FROM known WHERE identifier LIKE 'li:%'
UNION ALL
SELECT further.identifier, min(coalesce('key:' || person_key, profile_id))
FROM further LEFT JOIN known k ON k.identifier = profile_id
WHERE further.identifier LIKE 'li:%' GROUP BY further.identifier
HAVING count(DISTINCT coalesce('key:' || person_key, profile_id)) = 1
"""

# `holder`: who an address is seen with: the person of a profile in the same row, or of the ledger.
_ADDRESSES = """
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
SELECT email, min(holder) AS holder, min(holder) <> max(holder) AS in_conflict FROM holders GROUP BY email;

-- Rows with several addresses and no profile: the person of one address is the person of the others.
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

_MEMBERS = f"""
CREATE OR REPLACE TEMP TABLE row_labels AS
SELECT {PLACE} AS place, v.profile_id, v.email_id,
       coalesce(h.in_conflict, false) AS in_conflict,
       CASE WHEN v.profile_id IS NOT NULL THEN coalesce(p.label, v.profile_id)
            WHEN v.email_id IS NULL THEN name_id
            WHEN h.holder IS NOT NULL AND NOT h.in_conflict THEN h.holder
            ELSE coalesce(e.label, v.email_id) END AS label
FROM validated_contacts v JOIN file_places USING (source_file)
LEFT JOIN profile_labels p ON p.node = v.profile_id
LEFT JOIN held h ON h.email = v.email_id
LEFT JOIN email_labels e ON e.node = v.email_id;

-- Every identifier with the person it stands for; what two people hold stands only for the rows that are nothing else.
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

-- People of the ledger that share one label are one person: the key that was called for first survives.
CREATE OR REPLACE TEMP TABLE links AS
WITH several AS (SELECT label FROM claims GROUP BY label HAVING count(*) > 1)
SELECT label AS a, 'key:' || person_key AS b FROM claims
WHERE person_key IN (SELECT person_key FROM claims SEMI JOIN several USING (label))
"""

_PEOPLE = """
CREATE OR REPLACE TEMP TABLE joined AS
SELECT node[5:]::BIGINT AS person_key,
       first_value(node[5:]::BIGINT) OVER (PARTITION BY label ORDER BY added, node) AS survivor
FROM claim_labels JOIN ledger_people ON person_key = node[5:]::BIGINT WHERE node LIKE 'key:%';

CREATE OR REPLACE TEMP TABLE label_keys AS
WITH claimed AS (
    SELECT label, min(coalesce(j.survivor, c.person_key)) AS person_key
    FROM claims c LEFT JOIN joined j USING (person_key) GROUP BY label
)
SELECT label, coalesce(person_key, {hashed}) AS person_key
FROM (SELECT label FROM members UNION SELECT label FROM claimed) LEFT JOIN claimed USING (label);

DELETE FROM person_aliases;
INSERT INTO person_aliases
SELECT p.person_key, coalesce(j.survivor, p.survivor) AS survivor
FROM ledger_people p LEFT JOIN joined j ON j.person_key = p.survivor
WHERE coalesce(j.survivor, p.survivor) <> p.person_key;

-- `is_withheld`: an address in conflict is sent only for a person who has no profile.
CREATE OR REPLACE TEMP TABLE keyed AS
SELECT place, profile_id IS NOT NULL AS has_profile, in_conflict, person_key
FROM row_labels JOIN label_keys USING (label);

CREATE OR REPLACE TEMP TABLE row_people AS
WITH withheld AS (SELECT person_key FROM keyed GROUP BY person_key HAVING bool_or(in_conflict) AND bool_or(has_profile))
SELECT k.*, in_conflict AND w.person_key IS NOT NULL AS is_withheld
FROM keyed k LEFT JOIN withheld w USING (person_key);

DELETE FROM contact_people;
INSERT INTO contact_people
SELECT source_file, {row}, person_key FROM row_people JOIN file_places ON file_number = {file_number};
"""

_NAME = """arg_max_null({0}, place + (first_name IS NOT NULL AND last_name IS NOT NULL)::BIGINT * (1::BIGINT << 62))
       FILTER (first_name IS NOT NULL OR last_name IS NOT NULL) AS {0}"""

_BARE = "regexp_replace(lower({}.organisation_name), '[^\\pL\\pM\\pN]+', '', 'g')"
# What is sent for a person: per column the latest value of their rows. First and last name belong together: half a
# name counts only where no row has both.
_REQUESTS = f"""
CREATE OR REPLACE TEMP VIEW person_rows AS
SELECT v.*, person_key, is_withheld, has_profile AND in_conflict AS is_noted
FROM (SELECT *, {PLACE} AS place FROM validated_contacts JOIN file_places USING (source_file)) v
JOIN row_people USING (place);

CREATE OR REPLACE TEMP TABLE united AS
SELECT person_key, bool_or(is_noted) AS is_noted,
       arg_max(linkedin_url, place) AS linkedin_url, arg_max(profile_id, place) AS profile_id,
       arg_max(organisation_name, place) AS organisation_name, arg_max(name_id, place) AS name_id,
       arg_max(email, place) FILTER (NOT is_withheld) AS email,
       arg_max(email_id, place) FILTER (NOT is_withheld) AS email_id,
       {_NAME.format("first_name")}, {_NAME.format("last_name")}
FROM person_rows GROUP BY person_key;

-- A page of an earlier company is not sent with the name of the present one.
DELETE FROM people_requests;
INSERT INTO people_requests BY NAME
WITH pages AS (
    SELECT person_key, arg_max(r.organisation_linkedin_url, place) AS organisation_linkedin_url
    FROM person_rows r JOIN united u USING (person_key)
    WHERE r.organisation_linkedin_url IS NOT NULL
    AND (r.organisation_name IS NULL OR r.organisation_name = u.organisation_name
         OR {_BARE.format("r")} = {_BARE.format("u")})
    GROUP BY person_key
), others AS (
    SELECT person_key, list(DISTINCT identifier ORDER BY identifier) AS other_ids FROM (
        SELECT person_key, identifier FROM members JOIN label_keys USING (label) WHERE label NOT LIKE 'nc:%')
    JOIN united USING (person_key)
    WHERE identifier IS DISTINCT FROM profile_id AND identifier IS DISTINCT FROM email_id
    GROUP BY person_key
)
SELECT u.* EXCLUDE (profile_id, email_id, name_id, is_noted), organisation_linkedin_url,
       CASE WHEN is_noted THEN ['{IN_CONFLICT}'] ELSE [] END AS set_aside,
       list_filter([profile_id, email_id, CASE WHEN profile_id IS NULL AND email_id IS NULL THEN name_id END],
                   lambda x: x IS NOT NULL) AS sent_ids,
       coalesce(other_ids, []) AS other_ids
FROM united u LEFT JOIN pages USING (person_key) LEFT JOIN others USING (person_key);

DELETE FROM identity_conflicts;
INSERT INTO identity_conflicts BY NAME
SELECT 'email' AS identifier, arg_max(v.email, struct_pack(d := file_date, f := source_file, r := source_row)) AS email,
       list_sort(list(DISTINCT linkedin_url) FILTER (linkedin_url IS NOT NULL)) AS profiles, count(*) AS row_count
FROM validated_contacts v JOIN held h ON h.email = v.email_id AND h.in_conflict
GROUP BY v.email_id ORDER BY 2;
"""


def resolve_people(connection: duckdb.DuckDBPyConnection, person_key_sql: str) -> None:
    """Work out who every validated row is about, and fill what follows from it.

    Reads `validated_contacts`, `ledger_people` and `ledger_identifiers`; fills `contact_people`, `person_aliases`,
    `people_requests` and `identity_conflicts`, in the caller's transaction.

    Args:
        person_key_sql: the key of a person that the ledger does not know, from the identifier in the braces.
    """
    connection.execute(FILE_PLACES)
    for statements, labels in ((_PROFILES, "profile_labels"), (_ADDRESSES, "email_labels"), (_MEMBERS, "claim_labels")):
        connection.execute(statements)
        _connect_labels(connection, labels)
    key = person_key_sql.format("label")
    connection.execute(_PEOPLE.format(hashed=key, row=ROW_OF_PLACE, file_number=FILE_NUMBER_OF_PLACE))
    connection.execute(_REQUESTS + "DROP VIEW temp.person_rows")
    for table in ("file_places", "known", "further", "links", "held", "several", "row_holders", "row_labels", "members",
                  "claims", "joined", "label_keys", "keyed", "row_people", "united", "profile_labels", "email_labels",
                  "claim_labels", "next_labels"):  # fmt: skip
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _connect_labels(connection: duckdb.DuckDBPyConnection, labels: str) -> None:
    """Fill a table `labels` (node, label): what the table `links` (a, b) connects has its smallest node as label."""
    nodes = connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {labels} AS SELECT node, min(label) AS label FROM ("
        "SELECT a AS node, least(a, b) AS label FROM links UNION ALL SELECT b, least(a, b) FROM links) GROUP BY node"
    )
    changed = nodes.fetchall()[0][0]
    while changed:
        # Each round hands the smallest label seen one link further, and jumps to the label of the label.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE next_labels AS "
            f"SELECT n.node, min(least(n.label, m.label, coalesce(j.label, n.label))) AS label FROM {labels} n "
            f"JOIN (SELECT a, b FROM links UNION ALL SELECT b, a FROM links) l ON l.a = n.node "
            f"JOIN {labels} m ON m.node = l.b LEFT JOIN {labels} j ON j.node = n.label GROUP BY n.node"
        )
        compared = f"SELECT count(*) FROM next_labels n JOIN {labels} o USING (node) WHERE n.label <> o.label"
        changed = connection.execute(compared).fetchall()[0][0]
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {labels} AS SELECT * FROM next_labels")
