"""Asset checks: each with its figures and a sentence that says what to do."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandera.polars as pa
from dagster_duckdb import DuckDBResource
from pandera.errors import SchemaErrors
from pydantic import Field

from clodura_pipeline.graph.assets import overdue
from clodura_pipeline.graph.assets.contacts import raw_contacts
from clodura_pipeline.graph.assets.enrichment import clodura_responses
from clodura_pipeline.graph.assets.publication import credit_usage, enriched_contacts
from clodura_pipeline.graph.failures import in_words
from clodura_pipeline.graph.resources import CloduraResource, LedgerResource
from clodura_pipeline.ledger.rules.stops import explained_by_limits
from clodura_pipeline.warehouse.database import scalar, working_database
from clodura_pipeline.warehouse.frames import read
from clodura_pipeline.warehouse.schemas import ENRICHED_SCHEMA, USAGE_SCHEMA


class CheckThresholds(dg.ConfigurableResource):
    """What the checks judge by."""

    min_match_rate: float = Field(description="persons / people answered")
    min_sample: int = Field(description="below so many answers a match rate is not judged")


def _result(passed: bool, description: str, metadata: Mapping[str, Any], warn: bool = True) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(passed=passed, severity=severity, description=description, metadata=metadata)


@dg.asset_check(asset=raw_contacts, description="Every file in the contacts folder could be loaded.")
@in_words
def every_file_loaded(duckdb: DuckDBResource) -> dg.AssetCheckResult:
    """Warns of files that are unreadable, outside the partitions, or gone."""
    with working_database(duckdb, "a check") as connection:
        counts = dict(read(connection, "SELECT status, count(*) FROM source_files GROUP BY 1").iter_rows())
        bad = read(
            connection,
            "SELECT source_file, status, reason FROM source_files "
            "WHERE status IN ('unreadable', 'outside_partitions', 'vanished') "
            "OR (status = 'found' AND loaded_at IS NOT NULL) ORDER BY 1",
        )
    lines = "\n".join(f"- {path}: {reason}" for path, _, reason in bad.head(20).iter_rows())
    told = f"{len(bad)} file(s) need a look:\n{lines}" if len(bad) else "Every file was loaded or waits for its day."
    return _result(not len(bad), told, {name: int(count) for name, count in counts.items()})


_ACCOUNTS = """
SELECT
  (SELECT coalesce(sum(records), 0) FROM source_files)::BIGINT AS records_in_files,
  (SELECT count(*) FROM raw_contacts) AS landed,
  (SELECT count(*) FROM unreadable_records) AS unreadable,
  (SELECT count(*) FROM validated_contacts) AS validated,
  (SELECT count(*) FROM rejected_contacts) AS rejected,
  (SELECT count(*) FROM (SELECT DISTINCT source, contact_id FROM validated_contacts)) AS contacts,
  (SELECT count(*) FROM enriched_contacts) AS enriched,
  (SELECT count(*) FROM enriched_contacts WHERE match_status IS NULL OR person_key IS NULL) AS without_status,
  (SELECT count(*) FROM rejected_contacts WHERE len(coalesce(reasons, [])) = 0) AS rejected_without_reason
"""


@dg.asset_check(asset=enriched_contacts, blocking=True, description="No row of any file is lost on the way.")
@in_words
def every_row_accounted_for(duckdb: DuckDBResource) -> dg.AssetCheckResult:
    """Records = landed + unreadable; these = validated + rejected; every validated contact has a status."""
    with working_database(duckdb, "a check") as connection:
        figures = read(connection, _ACCOUNTS).row(0, named=True)
        waiting = scalar(connection, _NOT_VALIDATED_YET)
    landed_all = figures["records_in_files"] == figures["landed"] + figures["unreadable"]
    split_all = figures["landed"] + figures["unreadable"] == figures["validated"] + figures["rejected"] + waiting
    shown_all = figures["contacts"] == figures["enriched"] and not figures["without_status"]
    passed = landed_all and split_all and shown_all and not figures["rejected_without_reason"]
    told = (
        "Records in the files = rows landed + records that could not be read = validated + rejected, and every "
        "validated contact has a status."
        if passed
        else "The counts below do not add up: materialize raw_contacts and what follows it for all days; if they still "
        "do not, this is a defect worth reporting with these figures."
    )
    return _result(passed, told, {**figures, "landed_but_not_validated_yet": waiting}, warn=False)


# A rival run may have landed a file that it is about to validate.
_NOT_VALIDATED_YET = """
WITH waiting AS (SELECT source_file FROM landed_files WHERE NOT validated)
SELECT (SELECT count(*) FROM raw_contacts JOIN waiting USING (source_file))
     + (SELECT count(*) FROM unreadable_records JOIN waiting USING (source_file))
     - (SELECT count(*) FROM validated_contacts JOIN waiting USING (source_file))
     - (SELECT count(*) FROM rejected_contacts JOIN waiting USING (source_file))
"""


@dg.asset_check(asset=enriched_contacts, blocking=True, description="source and contact_id name one row.")
@in_words
def one_row_per_contact(duckdb: DuckDBResource) -> dg.AssetCheckResult:
    """Fails when a contact stands in more than one row."""
    with working_database(duckdb, "a check") as connection:
        twice = scalar(
            connection,
            "SELECT count(*) FROM (SELECT 1 FROM enriched_contacts GROUP BY source, contact_id HAVING count(*) > 1)",
        )
    told = "Every contact has one row." if not twice else f"{twice} contacts have several rows: a defect to report."
    return _result(not twice, told, {"contacts_with_several_rows": twice}, warn=False)


def _schema_check(asset: dg.AssetsDefinition, schema: pa.DataFrameSchema) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset, name="schema_holds", blocking=True, description="The table keeps its columns, types and rules."
    )
    @in_words
    def schema_holds(duckdb: DuckDBResource) -> dg.AssetCheckResult:
        with working_database(duckdb, "a check") as connection:
            frame = read(connection, f"SELECT * FROM {schema.name}")
        try:
            schema.validate(frame, lazy=True)
        except SchemaErrors as errors:
            # Column and check only: failure cases hold people's data.
            failed = errors.failure_cases.group_by("column", "check").len().sort("column")
            told = "; ".join(f"{column}: {check} ({count} rows)" for column, check, count in failed.iter_rows())
            return _result(False, f"Fails: {told}", {"rows": len(frame), "failures": len(failed)}, warn=False)
        return _result(True, "Columns, types and rules hold.", {"rows": len(frame)}, warn=False)

    return schema_holds


enriched_schema_holds = _schema_check(enriched_contacts, ENRICHED_SCHEMA)
usage_schema_holds = _schema_check(credit_usage, USAGE_SCHEMA)


@dg.asset_check(asset=clodura_responses, description="Every answer could be read.")
@in_words
def no_unrecognised_answers(duckdb: DuckDBResource) -> dg.AssetCheckResult:
    """Fails, without blocking, while answers are kept that no version could read yet."""
    with working_database(duckdb, "a check") as connection:
        shapes = read(
            connection,
            "SELECT detail AS shape, count(*) AS answers FROM ledger_attempts WHERE state = 'unrecognised' "
            "GROUP BY 1 ORDER BY 2 DESC",
        )
    count = int(shapes["answers"].sum() or 0)
    told = (
        "Every answer could be read."
        if not count
        else f"{count} answers could not be read and are kept raw in the ledger. Clodura's format may have changed: "
        "report the shapes below; a version that can read them will do so without asking again."
    )
    listed = "; ".join(f"{shape} ({answers})" for shape, answers in shapes.head(10).iter_rows())
    return _result(not count, told, {"unrecognised": count, "shapes": listed}, warn=False)


_RATE = """
SELECT count(*) FILTER (match_status = 'person') AS persons,
       count(*) FILTER (match_status = 'organisation') AS organisations,
       count(*) FILTER (match_status = 'no_match') AS no_matches
FROM (SELECT DISTINCT person_key, match_status FROM enriched_contacts)
"""
_RUN_RATE = """
SELECT coalesce(sum(persons), 0)::BIGINT AS persons, coalesce(sum(organisations), 0)::BIGINT AS organisations,
       coalesce(sum(no_matches), 0)::BIGINT AS no_matches
FROM credit_usage WHERE run_id = ?
"""


@dg.asset_check(asset=enriched_contacts, description="Enough of the people answered are found as a person.")
@in_words
def match_rate_at_least_minimum(
    context: dg.AssetCheckExecutionContext, duckdb: DuckDBResource, thresholds: CheckThresholds
) -> dg.AssetCheckResult:
    """Match rate = person / (person + organisation + no_match), over people answered, in total and for this run."""
    with working_database(duckdb, "a check") as connection:
        counts = {
            "total": read(connection, _RATE).row(0, named=True),
            "run": read(connection, _RUN_RATE, [context.run.run_id]).row(0, named=True),
        }
    metadata: dict[str, Any] = {"minimum": thresholds.min_match_rate}
    low: list[str] = []
    judged = 0
    for scope, found in counts.items():
        answered = sum(found.values())
        metadata[f"answered_{scope}"] = answered
        if not answered:
            continue
        rate = found["persons"] / answered
        metadata |= {f"match_rate_{scope}": rate, f"organisation_share_{scope}": found["organisations"] / answered}
        if answered >= thresholds.min_sample:
            judged += 1
            if rate < thresholds.min_match_rate:
                low.append(f"{rate:.0%} of {answered} people ({'in all' if scope == 'total' else 'this run'})")
    if low:
        told = (
            f"Only {' and '.join(low)} were found as a person; at least {thresholds.min_match_rate:.0%} is expected "
            "(CLODURA_MIN_MATCH_RATE). See list_report for the file it comes from, and its identifiers."
        )
        return _result(False, told, metadata)
    if not judged:
        return _result(True, f"Too few to judge: below {thresholds.min_sample} answers.", metadata)
    return _result(True, "The match rate is at least the minimum.", metadata)


@dg.asset_check(asset=enriched_contacts, description="Whoever has no answer waits for a limit or a budget.")
@in_words
def pending_shrinks(duckdb: DuckDBResource) -> dg.AssetCheckResult:
    """Warns when contacts are left without an answer and no limit or budget explains it."""
    with working_database(duckdb, "a check") as connection:
        reasons = read(
            connection,
            "SELECT pending_reason, count(*) AS contacts FROM enriched_contacts WHERE match_status = 'pending' "
            "GROUP BY 1 ORDER BY 2 DESC",
        )
    explained = explained_by_limits()
    odd = [(reason, n) for reason, n in reasons.iter_rows() if not (reason or "").startswith(explained)]
    pending = int(reasons["contacts"].sum() or 0)
    left = sum(count for _, count in odd)
    told = (
        "; ".join(f"{count} contacts: {reason}" for reason, count in odd[:5])
        if odd
        else f"{pending} contacts wait for a limit or a budget."
        if pending
        else "Nobody is pending."
    )
    return _result(not odd, told, {"pending": pending, "pending_without_limit_or_budget": left})


@dg.asset_check(asset=credit_usage, description="No cap on credits was passed.")
@in_words
def credits_within_budget(ledger: LedgerResource, clodura: CloduraResource) -> dg.AssetCheckResult:
    """Charged and at-risk credits of every run and day against their caps."""
    with ledger.open() as journal:
        runs = journal.runs_over_cap()
        cap, today = clodura.max_credits_per_day, journal.today()
        # Other days may have had other caps.
        days = [over for over in journal.days_over(cap) if over[0] == today] if cap else []
        spent = journal.totals()
    over = [f"run {run_id}: {credits} of {cap}" for run_id, credits, cap in runs]
    over += [f"{day}: {credits} of {clodura.max_credits_per_day}" for day, credits in days]
    told = f"Over the cap: {'; '.join(over)}. Look at these calls in credit_usage." if over else "Every cap was kept."
    return _result(not over, told, {"credits_charged": spent.charged, "credits_at_risk": spent.at_risk})


_AGREEMENT = {
    "agrees": (True, "Clodura's balance fell by exactly what the ledger charged."),
    "topped_up": (True, "Clodura's balance rose since the reading before (a top-up): nothing can be said about it."),
    "unexplained": (
        False,
        "Clodura's balance fell by more than the ledger charged: somebody else uses the key, or calls in doubt were "
        "charged. Compare with Clodura's own usage page.",
    ),
    "less_than_charged": (
        False,
        "Clodura's balance fell by less than the ledger charged: prices may differ from 2 / 1 / 0 for this plan, or "
        "credits were added. Compare with Clodura's own usage page.",
    ),
}


@dg.asset_check(asset=credit_usage, description="The ledger agrees with Clodura's own balance.")
@in_words
def ledger_agrees_with_balance(ledger: LedgerResource) -> dg.AssetCheckResult:
    """What the newest two balance readings say about the calls between them."""
    with ledger.open() as journal:
        reading = journal.last_reading()
    if reading is None or reading.interval is None:
        shape = reading.shape if reading else "not read yet"
        told = f"No two balances to compare ({shape}); not every plan tells one."
        return _result(True, told, {"balance": reading.credits} if reading and reading.credits is not None else {})
    passed, told = _AGREEMENT[reading.interval]
    figures = {
        "balance": reading.credits,
        "drop_credits": reading.drop_credits,
        "settled_credits": reading.settled_credits,
        "unexplained_credits": reading.unexplained_credits,
    }
    return _result(passed, told, {name: value for name, value in figures.items() if value is not None})


CHECKS = (
    every_file_loaded,
    every_row_accounted_for,
    one_row_per_contact,
    enriched_schema_holds,
    usage_schema_holds,
    no_unrecognised_answers,
    match_rate_at_least_minimum,
    pending_shrinks,
    credits_within_budget,
    ledger_agrees_with_balance,
    *overdue.CHECKS,
)
