"""Every table: what a row of it is, and each column's type and meaning.

One place for the working database, the comments in the published file, the data dictionary, Dagster's column metadata
and the README, so that they cannot disagree.
"""

from clodura_pipeline.warehouse.tables.table import ANSWER, CLEANED, CONTACT, PLACE, table

RAW_CONTACTS = table(
    "raw_contacts",
    "One row per record that could be read from a contact file, as text.",
    PLACE,
    CONTACT,
    """
first_name VARCHAR as in the file
last_name VARCHAR as in the file
full_name VARCHAR as in the file
email VARCHAR as in the file
linkedin_url VARCHAR as in the file
organisation_name VARCHAR as in the file
organisation_linkedin_url VARCHAR as in the file
organisation_domain VARCHAR as in the file
source_columns VARCHAR the file's other columns, as JSON
record VARCHAR the whole record, as JSON
""",
)

VALIDATED_CONTACTS = table(
    "validated_contacts",
    "One row per landed row that Clodura can be called for, cleaned and with canonical identifiers.",
    PLACE,
    CONTACT,
    CLEANED,
    """
organisation_domain VARCHAR domain of the company's website
source_columns VARCHAR the file's other columns, as JSON
profile_id VARCHAR canonical identifier of the LinkedIn profile
email_id VARCHAR canonical identifier of the e-mail address
name_id VARCHAR canonical identifier of name and company
further_ids VARCHAR[] further canonical identifiers of the row: evidence of who it is, not sent
set_aside VARCHAR[] values that are not used as identifiers, and why
""",
)

REJECTED_CONTACTS = table(
    "rejected_contacts",
    "One row per record that could not be read or cannot be used, with the reasons.",
    PLACE,
    """
reasons VARCHAR[] why it is not used, in words
record JSON the record as landed
""",
)

CONTACT_ROWS = table(
    "contact_rows",
    "One row per validated row of a file: the way from any row of a file to its contact and its person.",
    PLACE,
    CONTACT,
    "person_key BIGINT the person this row is about",
)

ENRICHED_CONTACTS = table(
    "enriched_contacts",
    "One row per contact (source and contact_id) with all that is known about it.",
    CONTACT,
    """
file_date DATE day of the contact's latest row
source_file VARCHAR file of the contact's latest row
source_row BIGINT position of the latest row in its file, counted from 1 below the header
""",
    CLEANED,
    """
person_key BIGINT who this is: contacts with the same key are the same person
match_status VARCHAR person, organisation, no_match, pending, refused, ambiguous, unrecognised or suppressed
pending_code VARCHAR why there is no answer yet, as a short stable word
pending_reason VARCHAR why there is no answer yet, and the remedy
match_confidence VARCHAR Clodura's word for the combination sent: highest, medium or low
identifiers_used VARCHAR the strongest combination of identifiers among what was sent
identifiers_label VARCHAR the same in words
""",
    ANSWER,
    """
credits_charged DOUBLE all settled credits of the person, on their first row by day, file and row; may be fractional
answered_at TIMESTAMPTZ when the answer shown came (UTC)
agreement VARCHAR agrees, differs or unknown: whether the answer is about the person who was called for
agreement_reasons VARCHAR[] why, by profile, name, company or domain
set_aside VARCHAR[] values of the latest row that were not used as identifiers, and why
source_columns JSON the file's other columns
answer JSON the contact as Clodura sent it
changed_at TIMESTAMPTZ when anything in this row last changed, its first appearance included
""",
)

CREDIT_USAGE = table(
    "credit_usage",
    "Spend and outcomes by day, run, file and identifier combination. The authority on what was spent.",
    """
usage_date DATE UTC day of sending
run_id VARCHAR Dagster run that called
file_date DATE partition that called
source_file VARCHAR file of the first row of the person in that partition
identifiers_used VARCHAR the strongest combination of identifiers among what was sent
requests BIGINT calls made
persons BIGINT answers with a person
organisations BIGINT answers with an organisation only
no_matches BIGINT answers without a match
refused BIGINT requests that Clodura refused (400, 422)
ambiguous BIGINT requests whose answer was lost
unrecognised BIGINT answers that could not be read
credits_charged DOUBLE credits that were charged; stated costs may be fractional
credits_at_risk DOUBLE credits that may have been charged on top
""",
)

ENRICHMENT_PLAN = table(
    "enrichment_plan",
    "Who the latest plan of each day would call for, in this order; enriched_contacts shows what became of it.",
    """
file_date DATE partition that calls
position BIGINT order within the plan, from 1
person_key BIGINT who is called for
source_file VARCHAR file of the first row of the person in that partition
source_row BIGINT that row's position in the file
identifiers_used VARCHAR the strongest combination of identifiers among what is sent
purpose VARCHAR new, stronger (a miss with better identifiers), changed (refused before), doubt (answer lost) or refresh
worst_credits BIGINT what the call costs at most
expected_credits DOUBLE what such calls cost on average so far; the worst cost below 30 answers
""",
)

SOURCE_FILES = table(
    "source_files",
    "One row per file found in the contacts folder, now or before.",
    """
source_file VARCHAR path of the file below the contacts folder
source VARCHAR name of the list: the file name without date and ending
file_date DATE day the file belongs to
status VARCHAR loaded, found (not loaded yet), unreadable, outside_partitions, left_alone or vanished
reason VARCHAR what is wrong or why it is not loaded, in words
format VARCHAR what was detected
column_mapping JSON header in the file to column here
records BIGINT records in the file when it was last loaded
rows_landed BIGINT of these, landed
records_unreadable BIGINT of these, not readable (see rejected_contacts)
size_bytes BIGINT size when last seen
content_hash VARCHAR hash of the content that was loaded last
first_seen_at TIMESTAMPTZ when the file was first seen (UTC)
loaded_at TIMESTAMPTZ when the file was last loaded (UTC)
""",
)

IDENTITY_CONFLICTS = table(
    "identity_conflicts",
    "E-mail addresses seen with more than one LinkedIn profile: they join nothing and are not sent with a profile.",
    """
identifier VARCHAR kind of identifier
email VARCHAR the address
profiles VARCHAR[] the profiles it was seen with
row_count BIGINT rows that hold it
""",
)

LIST_REPORT = table(
    "list_report",
    "What each file yielded.",
    """
source_file VARCHAR path of the file below the contacts folder
source VARCHAR name of the list
file_date DATE day the file belongs to
records BIGINT records in the file
rejected BIGINT of these, not used
top_rejection VARCHAR the most frequent reason
people BIGINT distinct people in the validated rows
already_known BIGINT people whose answer was called for by another file or partition
asked BIGINT people called for by this file
matched BIGINT people of this file with a person
organisations BIGINT people of this file with an organisation only
no_matches BIGINT people of this file without a match
unanswered BIGINT people of this file without an answer yet
suppressed BIGINT people of this file who are never called for (CLODURA_SUPPRESSION_FILE)
match_rate DOUBLE matched / (matched + organisations + no_matches)
credits_charged DOUBLE credits charged for calls of this file
credits_per_match DOUBLE credits_charged / people matched by these calls
""",
)

PEOPLE = table(
    "people",
    "One row per person in the contact files, however many contacts they are.",
    "person_key BIGINT who this is",
    """
linkedin_url VARCHAR LinkedIn profile that is sent
email VARCHAR e-mail address that is sent
first_name VARCHAR first name that is sent
last_name VARCHAR last name that is sent
organisation_name VARCHAR name of the company that is sent
organisation_linkedin_url VARCHAR LinkedIn page of the company that is sent
match_status VARCHAR as in enriched_contacts
""",
    ANSWER,
    """
credits_charged DOUBLE all settled credits of the person; stated costs may be fractional
first_called_at TIMESTAMPTZ when they were first called for
answered_at TIMESTAMPTZ when the answer shown came
agreement VARCHAR as in enriched_contacts
contacts BIGINT contacts that are this person
""",
)

ANSWERS = table(
    "answers",
    "Every readable answer of a person, newest first.",
    """
person_key BIGINT who the answer is about
answered_at TIMESTAMPTZ when it came
match_status VARCHAR person, organisation or no_match
identifiers_used VARCHAR the strongest combination of identifiers among what was sent
run_id VARCHAR Dagster run that called
""",
    ANSWER,
    "credits_charged DOUBLE what it cost",
)

CONTACT_CHANGES = table(
    "contact_changes",
    "What differs between two consecutive answers of a person, for people answered more than once.",
    """
person_key BIGINT who the answers are about
field VARCHAR column of enriched_contacts
old_value VARCHAR value in the earlier answer
new_value VARCHAR value in the later answer
old_answered_at TIMESTAMPTZ when the earlier answer came
changed_at TIMESTAMPTZ when the later answer came
""",
)

RUNS = table(
    "runs",
    "One row per Dagster run that called, or could have.",
    """
run_id VARCHAR Dagster run
range_start DATE first day of its range
range_end DATE last day of its range
started_at TIMESTAMPTZ when it started to call
ended_at TIMESTAMPTZ when it ended; NULL: it runs, or died
calls BIGINT calls made
credits_charged DOUBLE credits that were charged
matched BIGINT answers with a person
stop_reason VARCHAR why it stopped early; NULL: it did not
""",
)

ANSWER_FIELDS = table(
    "answer_fields",
    "The names in Clodura's answers, and which column shows each. No values.",
    """
path VARCHAR where it stands in the answer; [] for lists
value_type VARCHAR type of the value
answers BIGINT answers that have it
filled BIGINT of these, with a value
column_name VARCHAR column that shows it; NULL: not mapped
first_seen_at TIMESTAMPTZ in the oldest answer kept
last_seen_at TIMESTAMPTZ in the newest answer kept
""",
)

PUBLICATION = table(
    "publication",
    "One row: the state that this file shows.",
    """
published_at TIMESTAMPTZ when it was published (UTC)
run_id VARCHAR Dagster run that published it
ledger_sequence BIGINT state of the ledger it shows
pending BIGINT contacts without an answer
ledger_id VARCHAR the ledger it shows
calls_per_day BIGINT daily limit of calls, for pending_contacts; NULL: none
""",
)

PUBLISHED = (
    ENRICHED_CONTACTS,
    PEOPLE,
    CONTACT_ROWS,
    REJECTED_CONTACTS,
    CREDIT_USAGE,
    ANSWERS,
    CONTACT_CHANGES,
    RUNS,
    ANSWER_FIELDS,
    LIST_REPORT,
    ENRICHMENT_PLAN,
    SOURCE_FILES,
    IDENTITY_CONFLICTS,
    PUBLICATION,
)

COPIED = (REJECTED_CONTACTS, ENRICHMENT_PLAN, SOURCE_FILES, IDENTITY_CONFLICTS)
"""Published tables that the working database has too: what landing, validation, people and plan write."""
