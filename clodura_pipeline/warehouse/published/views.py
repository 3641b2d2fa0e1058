"""Views and the macro of the published file: common questions, each answered by one of them.

Their SQL runs in the analyst's DuckDB, which may be as old as 1.0.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A view: name, what a row of it is, its query; `columns`: lines of `name meaning`.

    A column that is not among these means what it means in the published tables.
    """

    name: str
    meaning: str
    query: str
    columns: str = ""


_Z = 1.96
_WILSON = """
(r + {z2} / (2 * n) {sign} {z} * sqrt((r * (1 - r) + {z2} / (4 * n)) / n)) / (1 + {z2} / n)
"""
WILSON_LOW = _WILSON.format(z=_Z, z2=_Z**2, sign="-")
WILSON_HIGH = _WILSON.format(z=_Z, z2=_Z**2, sign="+")

VIEWS = (
    View(
        "file_results",
        "Every row of every file in its order, rejected rows included, with what was found: the way back into a CRM.",
        """
SELECT r.source_file, r.source_row, r.file_date, r.source, r.contact_id, r.person_key, e.match_status,
       e.pending_code, NULL::VARCHAR[] AS rejection_reasons, e.email, e.linkedin_url, e.matched_first_name,
       e.matched_last_name, e.matched_linkedin_url, e.job_title, e.department, e.seniority, e.city, e.state, e.country,
       e.matched_organisation_name, e.organisation_domain, e.organisation_industry, e.organisation_employee_size,
       e.organisation_revenue, e.agreement, e.answered_at
FROM contact_rows r LEFT JOIN enriched_contacts e ON e.source = r.source AND e.contact_id = r.contact_id
UNION ALL BY NAME
SELECT source_file, source_row, file_date, 'rejected' AS match_status, reasons AS rejection_reasons
FROM rejected_contacts
ORDER BY source_file, source_row
""",
        """
match_status as in enriched_contacts, or rejected
rejection_reasons why the row is rejected, in words
""",
    ),
    View(
        "match_rates",
        "Answered and matched people by file, identifiers and month, with the 95 % Wilson interval of the match rate.",
        f"""
SELECT * EXCLUDE (r, n), round({WILSON_LOW}, 4) AS match_rate_low, round({WILSON_HIGH}, 4) AS match_rate_high FROM (
    SELECT source_file, identifiers_used, date_trunc('month', usage_date)::DATE AS month,
           sum(persons + organisations + no_matches)::BIGINT AS answered, sum(persons)::BIGINT AS matched,
           sum(persons) / sum(persons + organisations + no_matches) AS match_rate
    FROM credit_usage GROUP BY ALL HAVING sum(persons + organisations + no_matches) > 0
) AS rates, LATERAL (SELECT rates.match_rate AS r, rates.answered AS n) AS figures
ORDER BY month, source_file, identifiers_used
""",
        """
month month of sending (UTC)
answered answers: persons, organisations and misses
matched answers with a person
match_rate matched / answered
match_rate_low lower end of the 95 % interval
match_rate_high upper end of the 95 % interval
""",
    ),
    View(
        "pending_contacts",
        "Contacts without an answer: why, since when, and the day of the call to expect at the daily limit.",
        """
SELECT source, contact_id, person_key, file_date, source_file, source_row, pending_code, pending_reason,
       file_date AS pending_since,
       CASE WHEN calls_per_day > 0 THEN ((published_at AT TIME ZONE 'UTC')::DATE + 1
           + ((dense_rank() OVER (ORDER BY first_place) - 1) // calls_per_day)::INTEGER)::DATE END AS expected_day
FROM (
    SELECT *, min(place) OVER (PARTITION BY person_key) AS first_place FROM (
        SELECT *, row_number() OVER (ORDER BY file_date, source_file, source_row) AS place
        FROM enriched_contacts WHERE match_status = 'pending') AS waiting
) AS ranked, publication
ORDER BY file_date, source_file, source_row
""",
        """
pending_since day of the contact's latest row
expected_day day of the call at the daily limit, oldest files first; NULL: there is no daily limit
""",
    ),
    View(
        "spend_by_month",
        "Calls and credits by month, with what a match cost.",
        """
SELECT date_trunc('month', usage_date)::DATE AS month, sum(requests)::BIGINT AS requests,
       sum(persons)::BIGINT AS matched, sum(credits_charged) AS credits_charged,
       sum(credits_at_risk) AS credits_at_risk,
       sum(credits_charged) / nullif(sum(persons), 0) AS credits_per_match
FROM credit_usage GROUP BY ALL ORDER BY month
""",
        """
month month of sending (UTC)
matched answers with a person
credits_per_match credits_charged / matched
""",
    ),
    View(
        "duplicate_contacts",
        "Contacts that are the same person as another contact, person by person.",
        """
SELECT person_key, source, contact_id, first_name, last_name, email, linkedin_url, organisation_name, source_file,
       source_row, count(*) OVER (PARTITION BY person_key) AS contacts_of_person
FROM enriched_contacts WHERE person_key IN (
    SELECT person_key FROM enriched_contacts GROUP BY person_key HAVING count(*) > 1)
ORDER BY person_key, source, contact_id
""",
        """
contacts_of_person contacts that are this person
""",
    ),
    View(
        "organisations",
        "What answers say of each company, by domain or else name, with how many people support each value.",
        """
WITH facts AS (
    SELECT coalesce(lower(organisation_domain), lower(matched_organisation_name)) AS organisation, person_key,
           unnest(['organisation_id', 'name', 'domain', 'industry', 'employee_size', 'revenue', 'founded_year', 'phone',
                   'city', 'state', 'country']) AS field,
           unnest([organisation_id, matched_organisation_name, organisation_domain, organisation_industry,
                   organisation_employee_size, organisation_revenue, organisation_founded_year::VARCHAR,
                   organisation_phone, organisation_city, organisation_state, organisation_country]) AS value
    FROM people WHERE match_status IN ('person', 'organisation')
)
SELECT organisation, field, value, count(DISTINCT person_key) AS people
FROM facts WHERE organisation IS NOT NULL AND value IS NOT NULL GROUP BY ALL
ORDER BY organisation, field, people DESC, value
""",
        """
organisation domain, else name, in lower case
field what the value is: name, domain, industry, employee_size, ...
value value by Clodura
people people whose answer has this value
""",
    ),
    View(
        "crm_updates",
        "What could be written back into a CRM: contact, field, value in the file and value found, and if they differ.",
        """
WITH facts AS (
    SELECT source, contact_id, changed_at, agreement,
           unnest(['first_name', 'last_name', 'linkedin_url', 'organisation_name', 'job_title']) AS field,
           unnest([first_name, last_name, linkedin_url, organisation_name, NULL]) AS file_value,
           unnest([matched_first_name, matched_last_name, matched_linkedin_url, matched_organisation_name,
                   job_title]) AS found_value
    FROM enriched_contacts WHERE match_status = 'person'
)
SELECT source, contact_id, field, file_value, found_value,
       CASE WHEN file_value IS NULL THEN 'fill'
            WHEN lower(trim(file_value)) = lower(trim(found_value)) OR field = 'linkedin_url' AND
                 regexp_extract(lower(file_value), '/in/([^/?#]+)', 1)
                 = regexp_extract(lower(found_value), '/in/([^/?#]+)', 1) THEN 'same'
            ELSE 'differs' END AS action,
       agreement, changed_at
FROM facts WHERE found_value IS NOT NULL ORDER BY source, contact_id, field
""",
        """
field column of enriched_contacts
file_value value in the contact's files
found_value value by Clodura
action fill (the files have none), differs or same
""",
    ),
)

NEW_SINCE = "CREATE OR REPLACE MACRO new_since(ts) AS TABLE SELECT * FROM enriched_contacts WHERE changed_at > ts"
"""Contacts in which anything changed after a time, first appearance included."""
