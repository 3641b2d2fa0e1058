"""Why people have no answer: remembered by each run, and shown as `pending_code` and `pending_reason`."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import polars as pl

from clodura_pipeline.ledger.rules.stops import PendingReason, Stop
from clodura_pipeline.warehouse.database import transaction
from clodura_pipeline.warehouse.frames import insert
from clodura_pipeline.warehouse.state import raise_version

IN_FLIGHT = PendingReason("in_flight", "is being called for right now")
NOT_CALLED_YET = PendingReason("not_called_yet", "not called for yet; a run over its day does")


def store_pending_reasons(
    connection: duckdb.DuckDBPyConnection,
    days: Sequence[date],
    reasons: Mapping[int, PendingReason],
    stopped: Stop | None,
) -> None:
    """Remember why people with rows in these days have no answer.

    Args:
        reasons: by person key, of people who were called for or whose call the ledger did not permit.
        stopped: why the others of the plan were not reached.
    """
    of_days = "(SELECT person_key FROM eligibility WHERE file_date IN (SELECT unnest($days)))"
    frame = pl.DataFrame(
        [(key, reason.code, reason.text) for key, reason in reasons.items()],
        schema={"person_key": pl.Int64, "pending_code": pl.String, "pending_reason": pl.String},
        orient="row",
    )
    with transaction(connection):
        connection.execute(f"DELETE FROM pending_reasons WHERE person_key IN {of_days}", {"days": list(days)})
        insert(connection, "pending_reasons", frame)
        connection.execute(
            "INSERT INTO pending_reasons SELECT person_key, coalesce(pending_code, $code), "
            "coalesce(pending_reason, $text) FROM eligibility WHERE file_date IN (SELECT unnest($days)) AND "
            "(decision = 'ineligible' OR ($code IS NOT NULL AND decision IN ('eligible', 'in_flight'))) "
            "AND person_key NOT IN (SELECT person_key FROM pending_reasons)",
            {
                "days": list(days),
                "code": stopped.pending.code if stopped else None,
                "text": stopped.pending.text if stopped else None,
            },
        )
        raise_version(connection, "reasons_version")
