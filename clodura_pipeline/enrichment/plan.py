"""Plans who is called for in some days: in which order, with what, at what cost. Opens no socket.

Everything is SQL over whole tables. The decision itself is `eligibility`, made once for each past that occurs: people
with the same past are decided on together. Only people who are called for become Python objects, batch by batch.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import duckdb
import polars as pl

from clodura_pipeline.clodura.identifiers import IDENTIFIER_FIELDS, WORST_COST_CREDITS, Combination, Identifiers
from clodura_pipeline.clodura.verdicts import State
from clodura_pipeline.enrichment.plan_summary import PlanSummary, summarise
from clodura_pipeline.identity.resolution import FILE_NUMBER_OF_PLACE, FILE_PLACES, PLACE, ROW_OF_PLACE
from clodura_pipeline.identity.suppression_file import Suppression
from clodura_pipeline.ledger import Ledger
from clodura_pipeline.ledger.people import EnrichmentRequest, request_hash
from clodura_pipeline.ledger.rules.eligibility import (
    DAY_SECONDS,
    RULES_VERSION,
    Answered,
    Eligibility,
    Eligible,
    Ineligible,
    InFlight,
    PastAttempt,
    Purpose,
    eligibility,
)
from clodura_pipeline.ledger.rules.policy import Refresh
from clodura_pipeline.ledger.rules.stops import PendingReason
from clodura_pipeline.warehouse.database import scalar, transaction
from clodura_pipeline.warehouse.frames import read, registered
from clodura_pipeline.warehouse.rows.people import update_people
from clodura_pipeline.warehouse.rows.suppressed_people import update_suppressed_people
from clodura_pipeline.warehouse.state import get_state, raise_version, set_state, version_of

ENOUGH_ANSWERS = 30
"""Below this many answers an average cost says little, and the worst cost is planned with."""

PEOPLE_READ_AT_A_TIME = 10_000
_NAMED = "first_name IS NOT NULL AND last_name IS NOT NULL"
# As `Identifiers.combination`, of the columns of people_requests; a test holds the two against each other.
COMBINATION_SQL = f"""
CASE WHEN linkedin_url IS NOT NULL THEN '{Combination.LINKEDIN.label}'
     WHEN email IS NOT NULL AND {_NAMED} THEN '{Combination.NAME_EMAIL.label}'
     WHEN email IS NOT NULL THEN '{Combination.EMAIL.label}'
     WHEN {_NAMED} AND organisation_linkedin_url IS NOT NULL THEN '{Combination.NAME_ORG_LINKEDIN.label}'
     WHEN {_NAMED} AND organisation_name IS NOT NULL THEN '{Combination.NAME_ORG_NAME.label}' END
"""
_STRENGTHS = ", ".join(f"('{one.label}', {one.strength})" for one in Combination)

_CANDIDATES = f"""
CREATE OR REPLACE TEMP TABLE candidates AS
WITH first_rows AS (
    SELECT person_key, min({PLACE}) AS place FROM contact_people JOIN file_places USING (source_file)
    WHERE file_date IN (SELECT unnest($days)) AND person_key NOT IN (SELECT person_key FROM suppressed_people)
    GROUP BY person_key
)
SELECT person_key, place, file_date, source_file, {ROW_OF_PLACE} AS source_row, combination, strength
FROM first_rows JOIN file_places ON file_number = {FILE_NUMBER_OF_PLACE}
JOIN (SELECT person_key, {COMBINATION_SQL} AS combination FROM people_requests) USING (person_key)
JOIN (VALUES {_STRENGTHS}) AS known(combination, strength) USING (combination)
"""

# Each attempt of a candidate as `PastAttempt` has it: see `ledger.people.past_attempts`.
_PASTS = """
CREATE OR REPLACE TEMP TABLE pasts AS
SELECT c.person_key, list(struct_pack(
        state := a.state, is_weaker := a.strength < c.strength,
        is_same_request := a.request_hash = coalesce(h.request_hash, '-'), in_lease := a.lease_until > $monotonic,
        since_start := a.id > $watermark, is_repeat := a.detail = 'already_enriched',
        is_overdue := coalesce($now - a.answered_at >
            CASE a.state WHEN 'no_match' THEN $no_match_max_age ELSE $answer_max_age END, false)
    ) ORDER BY a.id) AS past
FROM ledger_attempts a LEFT JOIN person_aliases s USING (person_key)
JOIN candidates c ON c.person_key = coalesce(s.survivor, a.person_key)
LEFT JOIN refused_requests h ON h.person_key = c.person_key
GROUP BY c.person_key
"""
# Only people with a refused request are compared by what was sent.
_REFUSED = """
SELECT DISTINCT q.* FROM ledger_attempts a LEFT JOIN person_aliases s USING (person_key)
JOIN people_requests q ON q.person_key = coalesce(s.survivor, a.person_key) WHERE a.state = 'refused'
"""
_DECIDED = """
INSERT INTO eligibility
SELECT file_date, person_key, source_file, source_row, coalesce(d.decision, 'eligible'), coalesce(d.purpose, 'new'),
       d.pending_code, d.pending_reason
FROM candidates c LEFT JOIN pasts p USING (person_key) LEFT JOIN decisions d ON d.past = p.past
WHERE p.past IS NULL OR d.past IS NOT NULL
"""
# People whose rows may all be garbled are not called for until a file says their names in a sure encoding.
_HOLD_BACK = """
UPDATE eligibility SET decision = 'ineligible', purpose = NULL, pending_code = $code, pending_reason = $text
WHERE decision = 'eligible' AND file_date IN (SELECT unnest($days)) AND person_key NOT IN (
    SELECT person_key FROM contact_people JOIN landed_files USING (source_file) WHERE NOT encoding_is_doubtful)
"""
DOUBTFUL_ENCODING = PendingReason(
    "doubtful_encoding", "the file's encoding is doubtful, so names may be garbled; save the file as UTF-8"
)
_STORED = f"""
INSERT INTO enrichment_plan BY NAME
SELECT e.file_date, row_number() OVER (ORDER BY e.decision = 'in_flight', c.strength DESC, c.place) AS position,
       e.person_key, e.source_file, e.source_row, c.combination AS identifiers_used, e.purpose,
       {WORST_COST_CREDITS} AS worst_credits,
       CASE WHEN m.answers >= {ENOUGH_ANSWERS} THEN m.credits ELSE {WORST_COST_CREDITS} END AS expected_credits
FROM eligibility e JOIN candidates c USING (person_key, file_date)
LEFT JOIN (SELECT combination, count(*) AS answers, avg(charged_credits) AS credits FROM ledger_attempts
           WHERE state IN ('person', 'organisation', 'no_match') GROUP BY combination) m USING (combination)
WHERE e.decision IN ('eligible', 'in_flight') AND e.file_date IN (SELECT unnest($days))
"""
_PLAN_OF_RUN, _PLAN_OF = "plan_of_run", "plan_of"
_MADE_BY = version_of("".join((FILE_PLACES, _CANDIDATES, _REFUSED, _PASTS, _DECIDED, _HOLD_BACK, _STORED)))
_UNSETTLED = "SELECT count(*) FROM ledger_attempts WHERE state IN ('sent', 'ambiguous')"


def make_plan(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    suppression: Suppression,
    days: Sequence[date],
    run_id: str,
    refresh: Refresh | None = None,
    retry_ambiguous: bool = False,
) -> PlanSummary:
    """Decide who of the people with rows in these days a run that starts now would call for, and store it.

    The strongest combinations come first (they match most), then the order of days, files and rows. People on the
    suppression list are not among them, nor in `people`. Within one run the plan is made once: a second call only
    reads it, and so does another run where nothing has changed.
    """
    sequence = update_people(connection, ledger)
    of_people = update_suppressed_people(connection, suppression)
    of_run = f"{run_id}/{of_people}"
    # Time changes who may be called for only with refreshing, or where an answer is awaited or was lost.
    asked = f"{RULES_VERSION}/{_MADE_BY}/{[str(day) for day in days]}/{sequence}/{retry_ambiguous}/{of_people}"
    is_current = get_state(connection, _PLAN_OF) == asked and not refresh and not scalar(connection, _UNSETTLED)
    if is_current:
        set_state(connection, _PLAN_OF_RUN, of_run)
    elif get_state(connection, _PLAN_OF_RUN) != of_run:
        with transaction(connection):
            connection.execute(FILE_PLACES)
            connection.execute(_CANDIDATES, {"days": list(days)})
            _decide(connection, ledger, days, refresh, retry_ambiguous)
            connection.execute("DELETE FROM enrichment_plan WHERE file_date IN (SELECT unnest(?))", [list(days)])
            connection.execute(_STORED, {"days": list(days)})
            raise_version(connection, "plan_version")
            set_state(connection, _PLAN_OF_RUN, of_run)
            set_state(connection, _PLAN_OF, "" if refresh else asked)
    return summarise(connection, days)


def planned_people(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> pl.Series:
    """The keys of the people in the stored plan, in its order."""
    sql = "SELECT person_key FROM enrichment_plan WHERE file_date IN (SELECT unnest(?)) ORDER BY position"
    return read(connection, sql, [list(days)])["person_key"]


def planned_batches(
    open_database: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
    days: Sequence[date],
    people: pl.Series,
    batch_size: int,
) -> Iterator[list[EnrichmentRequest]]:
    """The requests of these people of the plan, in order.

    The database is opened for some thousand people at a time and not held: the limits rarely reach all of them.
    """
    for keys in people.to_frame("person_key").with_row_index("place").iter_slices(PEOPLE_READ_AT_A_TIME):
        with open_database() as connection, registered(connection, "chosen", keys):
            chunk = read(
                connection,
                "SELECT p.person_key, p.file_date, p.source_file, q.* EXCLUDE (person_key, set_aside) "
                "FROM chosen c JOIN enrichment_plan p USING (person_key) JOIN people_requests q USING (person_key) "
                "WHERE p.file_date IN (SELECT unnest(?)) ORDER BY c.place",
                [list(days)],
            )
        for part in chunk.iter_slices(batch_size):
            yield [
                EnrichmentRequest(
                    row["person_key"],
                    _identifiers(row),
                    tuple(row["sent_ids"]),
                    tuple(row["other_ids"]),
                    row["file_date"],
                    row["source_file"],
                )
                for row in part.iter_rows(named=True)
            ]


def doubtful_people(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> frozenset[int]:
    """People of the plan who are called for because an answer was lost before."""
    rows = connection.execute(
        "SELECT person_key FROM enrichment_plan WHERE purpose = 'doubt' AND file_date IN (SELECT unnest(?))",
        [list(days)],
    ).fetchall()
    return frozenset(key for (key,) in rows)


def _decide(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    days: Sequence[date],
    refresh: Refresh | None,
    retry_ambiguous: bool,
) -> None:
    now = ledger.read_clock()
    refused = read(connection, _REFUSED)
    hashes = [request_hash(_identifiers(row).as_json()) for row in refused.iter_rows(named=True)]
    hashed = pl.DataFrame(
        {"person_key": refused["person_key"], "request_hash": hashes}, schema_overrides={"request_hash": pl.String}
    )
    never = math.inf
    with registered(connection, "refused_requests", hashed):
        connection.execute(
            _PASTS,
            {
                "monotonic": now.stamp,
                "now": now.server,
                "watermark": ledger.newest_attempt(),
                "answer_max_age": refresh.answer_max_age_days * DAY_SECONDS if refresh else never,
                "no_match_max_age": refresh.no_match_max_age_days * DAY_SECONDS if refresh else never,
            },
        )
    pasts = connection.execute("SELECT DISTINCT past FROM pasts").fetchall()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE decisions AS SELECT past, '' AS decision, '' AS purpose, '' AS pending_code, "
        "'' AS pending_reason FROM pasts LIMIT 0"
    )
    for (past,) in pasts:
        decision = eligibility([PastAttempt(**{**one, "state": State(one["state"])}) for one in past], retry_ambiguous)
        connection.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?)", [past, *_decision_columns(decision)])
    connection.execute("DELETE FROM eligibility WHERE file_date IN (SELECT unnest(?))", [list(days)])
    connection.execute(_DECIDED)
    if scalar(connection, "SELECT count(*) FROM landed_files WHERE encoding_is_doubtful"):
        reason = {"code": DOUBTFUL_ENCODING.code, "text": DOUBTFUL_ENCODING.text}
        connection.execute(_HOLD_BACK, {"days": list(days), **reason})


def _decision_columns(decision: Eligibility) -> tuple[str, str | None, str | None, str | None]:
    """`decision`, `purpose`, `pending_code` and `pending_reason` as the table `eligibility` holds them."""
    match decision:
        case Eligible(purpose):
            return "eligible", str(purpose), None, None
        case InFlight():
            return "in_flight", str(Purpose.DOUBT), None, None
        case Ineligible(_, reason):
            return "ineligible", None, reason.code, reason.text
        case Answered():
            return "answered", None, None, None


def _identifiers(row: dict[str, Any]) -> Identifiers:
    return Identifiers(**{name: row[name] for name in IDENTIFIER_FIELDS})
