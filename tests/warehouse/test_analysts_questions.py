"""An analyst's questions on lists whose truth is known: one table or view, and the right number."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from small_warehouse import DAY, answer_with, by_email, open_warehouse, person

from clodura_pipeline.ledger.rules.policy import Refresh

NEXT_DAY = DAY + timedelta(days=1)
MONTH = datetime.now(UTC).date().replace(day=1)
ENGINES = {"organisationName": "Engines", "domain": "engines.example", "organisationEmployeeSize": "1,001 - 5,000",
           "industry": "Machinery"}  # fmt: skip
PUMPS = {"organisationName": "Pumps", "domain": "pumps.example", "organisationEmployeeSize": "11-50"}
FIRST = answer_with({
    "ann@engines.example": person(personTitle="Engineer", organisation=ENGINES, hobby="chess"),
    "bob@engines.example": person(personId="p-2", firstName="Bob", organisation={**ENGINES, "industry": "Motors"}),
    "eva@engines.example": b'{"organisation": {"organisationName": "Pumps", "domain": "pumps.example"}}',
})  # fmt: skip
LATER = answer_with({
    "ann@engines.example": person(personTitle="CTO", organisation=PUMPS),
    "bob@engines.example": person(personId="p-2", firstName="Bob", organisation=ENGINES),
})  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Three lists: ann (changed jobs; in two lists, there under two ids), bob, eva (only her company comes back), dan
    (a miss), role addresses, and fay and gus, who wait. All with an answer are called for again; eva is then a miss."""
    folder: Path = tmp_path_factory.mktemp("questions")
    with open_warehouse(folder) as warehouse:
        warehouse.land("crm.csv", by_email("ann"), by_email("bob"), by_email("info"), by_email("eva"), by_email("dan"))
        warehouse.call(FIRST)
        warehouse.call(LATER, refresh=Refresh(-1, 100))
        warehouse.publish().close()
        before_event = warehouse.now
        warehouse.land("event.csv", {**by_email("ann"), "contact_id": "a1"}, {**by_email("ann"), "contact_id": "a2"},
                       by_email("fay"), by_email("sales"), day=NEXT_DAY)  # fmt: skip
        warehouse.land("wait.csv", by_email("gus"), day=NEXT_DAY)
        with warehouse.publish() as opened:
            opened.execute(f"SET VARIABLE last_export = TIMESTAMPTZ '{before_event}'")
            yield opened


QUESTIONS = {
    "How many people are there, and what became of them?": (
        "SELECT match_status, count(*) FROM people GROUP BY ALL ORDER BY ALL",
        [("no_match", 1), ("organisation", 1), ("pending", 2), ("person", 2)],
    ),
    "What did each list yield?": (
        "SELECT source_file, records, rejected, people, matched, organisations, no_matches, unanswered "
        "FROM list_report",
        [("crm.csv", 5, 1, 4, 2, 1, 1, 0), ("event.csv", 4, 1, 2, 1, 0, 0, 1), ("wait.csv", 1, 0, 1, 0, 0, 0, 1)],
    ),
    "What did a match of each list cost?": (
        "SELECT source_file, credits_charged, credits_per_match FROM list_report WHERE credits_charged > 0",
        [("crm.csv", 9.0, 4.5)],
    ),
    "How many people of the event did we know already?": (
        "SELECT already_known, asked FROM list_report WHERE source_file = 'event.csv'", [(1, 0)],
    ),
    "How often do name and e-mail find a person, and how sure is that?": (
        "SELECT answered, matched, round(match_rate, 3), round(match_rate_low, 2), round(match_rate_high, 2) "
        "FROM match_rates WHERE identifiers_used = 'firstName+lastName+email'",
        [(7, 4, 0.571, 0.25, 0.84)],
    ),
    "What did we spend this month, and on what?": (
        "SELECT month, requests, matched, credits_charged, credits_at_risk, credits_per_match FROM spend_by_month",
        [(MONTH, 7, 4, 9.0, 0.0, 2.25)],
    ),
    "Who waits, why, and until when?": (
        "SELECT source, contact_id, pending_code, pending_since, expected_day FROM pending_contacts",
        [("event", "fay", "not_called_yet", NEXT_DAY, NEXT_DAY), ("wait", "gus", "not_called_yet", NEXT_DAY, NEXT_DAY)],
    ),
    "What goes back into the CRM, row by row?": (
        "SELECT source_row, contact_id, match_status, job_title, rejection_reasons IS NULL FROM file_results "
        "WHERE source_file = 'crm.csv'",
        [(1, "ann", "person", "CTO", True), (2, "bob", "person", None, True), (3, None, "rejected", None, False),
         (4, "eva", "organisation", None, True), (5, "dan", "no_match", None, True)],
    ),
    "What is new since my last export?": (
        "SELECT source, contact_id FROM new_since(getvariable('last_export')) ORDER BY ALL",
        [("event", "a1"), ("event", "a2"), ("event", "fay"), ("wait", "gus")],
    ),
    "Who changed jobs?": (
        "SELECT old_value, new_value FROM contact_changes WHERE field IN ('job_title', 'matched_organisation_name') "
        "ORDER BY field",
        [("Engineer", "CTO"), ("Engines", "Pumps")],
    ),
    "What did Clodura say of Ann over time?": (
        "SELECT job_title, matched_organisation_name, credits_charged FROM answers WHERE clodura_person_id = 'p-1'",
        [("CTO", "Pumps", 2.0), ("Engineer", "Engines", 2.0)],
    ),
    "Which contacts are the same person?": (
        "SELECT source, contact_id, contacts_of_person FROM duplicate_contacts",
        [("crm", "ann", 3), ("event", "a1", 3), ("event", "a2", 3)],
    ),
    "What can be filled in the CRM, and what differs?": (
        "SELECT contact_id, field, file_value, found_value, action FROM crm_updates "
        "WHERE source = 'crm' AND action <> 'same'",
        [("ann", "job_title", None, "CTO", "fill"), ("ann", "organisation_name", None, "Pumps", "fill"),
         ("bob", "organisation_name", None, "Engines", "fill")],
    ),
    "Which of our people work at companies of 1,000 employees or more?": (
        "SELECT matched_first_name, matched_organisation_name FROM people WHERE organisation_employees_min >= 1000",
        [("Bob", "Engines")],
    ),
    "What do answers say of a company, and how many people support it?": (
        "SELECT field, value, people FROM organisations WHERE organisation = 'pumps.example' ORDER BY ALL",
        [("domain", "pumps.example", 2), ("employee_size", "11-50", 1), ("name", "Pumps", 2)],
    ),
    "Why were rows not used?": (
        "SELECT source_file, source_row, len(reasons) > 0 FROM rejected_contacts ORDER BY ALL",
        [("crm.csv", 3, True), ("event.csv", 4, True)],
    ),
    "What did each run do?": (
        "SELECT run_id, calls, matched, credits_charged, stop_reason FROM runs ORDER BY run_id",
        [("run-1", 4, 2, 5.0, None), ("run-2", 3, 2, 4.0, None)],
    ),
    "Do credits agree everywhere?": (
        "SELECT sum(credits_charged) = 9, (SELECT sum(credits_charged) FROM credit_usage) = 9, "
        "(SELECT sum(credits_charged) FROM people) = 9, (SELECT sum(credits_charged) FROM answers) = 9 "
        "FROM enriched_contacts",
        [(True, True, True, True)],
    ),
    "Which names in answers have no column?": (
        "SELECT path, answers, filled FROM answer_fields WHERE column_name IS NULL AND path = 'hobby'",
        [("hobby", 1, 1)],
    ),
    "Which identifiers were sent?": (
        "SELECT identifiers_label, match_confidence, count(*) FROM enriched_contacts "
        "WHERE identifiers_used IS NOT NULL GROUP BY ALL",
        [("name and e-mail", "medium", 6)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), QUESTIONS.values(), ids=list(QUESTIONS))
def test_question_has_the_right_answer(
    file: duckdb.DuckDBPyConnection, query: str, expected: list[tuple[object, ...]]
) -> None:
    assert file.execute(query).fetchall() == expected


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_times_mean_the_same_in_every_zone(file: duckdb.DuckDBPyConnection, zone: str) -> None:
    with file.cursor() as session:
        session.execute(f"SET TimeZone = '{zone}'")
        recent = session.execute("SELECT count(*) FROM answers WHERE answered_at > now() - INTERVAL 2 HOUR").fetchall()
        days = session.execute("SELECT DISTINCT expected_day FROM pending_contacts").fetchall()
    assert (recent, days) == ([(7,)], [(NEXT_DAY,)])


def test_sums_and_counts_stay_integers(file: duckdb.DuckDBPyConnection) -> None:
    """A HUGEINT becomes a float in pandas."""
    wide = "SELECT table_name, column_name FROM duckdb_columns() WHERE data_type IN ('HUGEINT', 'UBIGINT', 'DECIMAL')"
    assert file.execute(f"{wide} AND NOT internal").fetchall() == []
    kinds = file.execute("DESCRIBE SELECT * FROM match_rates").fetchall() + file.execute(
        "DESCRIBE SELECT * FROM spend_by_month").fetchall()  # fmt: skip
    assert {row[1] for row in kinds if row[0] in ("answered", "matched", "requests")} == {"BIGINT"}
