"""What needs attention: each finding with what to do about it, money first."""

import duckdb

from clodura_pipeline.report.forecast import Forecast
from clodura_pipeline.settings import Settings
from clodura_pipeline.warehouse.frames import read

# A query, each row of which is a finding; the finding; the remedy. Braces in queries are settings.
_FINDINGS = (
    (
        "SELECT arg_max_null(stop_reason, started_at) AS stop_reason FROM runs HAVING stop_reason IS NOT NULL",
        "The latest run stopped early.",
        "{stop_reason}.",
    ),
    (
        "SELECT sum(credits_at_risk) AS credits FROM credit_usage HAVING credits > 0",
        "Calls whose answer was lost put {credits:,.12g} credits at risk.",
        "A later run settles them.",
    ),
    (
        "SELECT count(*) AS people FROM people WHERE match_status = 'unrecognised' HAVING people > 0",
        "Answers that could not be read: {people:,}.",
        "Run clodura-pipeline answers, then map the names in CLODURA_ANSWER_FIELDS.",
    ),
    (
        """
        SELECT 100 * count(*) FILTER (agreement = 'differs') / count(*) AS percent FROM people
        WHERE agreement IS NOT NULL HAVING count(*) >= {min_sample} AND percent > 100 * {max_disagreement}
        """,
        "{percent:.1f} % of the matches contradict the row that was called for.",
        "Look at agreement_reasons in enriched_contacts.",
    ),
    (
        """
        SELECT count(*) AS files, array_to_string(list(source_file ORDER BY source_file)[:3], ', ') AS names
        FROM source_files WHERE status IN ('unreadable', 'outside_partitions') HAVING files > 0
        """,
        "Files not loaded: {files:,}, among them {names}.",
        "See source_files.",
    ),
    (
        """
        SELECT source_file, 100 * match_rate AS percent, matched + organisations + no_matches AS answered
        FROM list_report
        WHERE match_rate < {min_match_rate} AND answered >= {min_sample} ORDER BY file_date DESC, source_file LIMIT 5
        """,
        "{source_file}: {percent:.1f} % of {answered:,} answered people matched.",
        "Look at which identifiers the file has.",
    ),
    (
        """
        SELECT source_file, rejected, records FROM list_report
        WHERE rejected >= 0.2 * records AND records >= {min_sample} ORDER BY file_date DESC, source_file LIMIT 5
        """,
        "{source_file}: {rejected:,} of {records:,} records are rejected.",
        "The reasons are in rejected_contacts.",
    ),
    (
        "SELECT count(*) AS names FROM answer_fields WHERE column_name IS NULL AND filled > 0 HAVING names > 0",
        "Names in Clodura's answers without a column: {names:,}.",
        "See answer_fields; the values are in enriched_contacts.answer.",
    ),
    (
        "SELECT count(*) AS addresses FROM identity_conflicts HAVING addresses > 0",
        "E-mail addresses seen with several profiles: {addresses:,}.",
        "They join nothing and are not sent with a profile; see identity_conflicts.",
    ),
)


def find_problems(
    connection: duckdb.DuckDBPyConnection, settings: Settings, forecast: Forecast
) -> list[tuple[str, str]]:
    """What is so, and what to do, for everything that needs attention now."""
    found: list[tuple[str, str]] = []
    if forecast.shortfall(forecast.people):
        found.append((
            f"The pending people are expected to cost {forecast.credits:,.0f} credits, and {forecast.balance:,.12g} "
            "can be spent.",
            "Buy credits, or call for the most valuable lists first.",
        ))  # fmt: skip
    for query, what, remedy in _FINDINGS:
        rows = read(connection, query.format(**settings.model_dump())).to_dicts()
        found += [(what.format(**row), remedy.format(**row)) for row in rows]
    return found
