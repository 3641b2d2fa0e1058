"""The runs that a ledger knows: when each called, over which days, why it stopped, and against which environment."""

from dataclasses import replace
from typing import NamedTuple

from clodura_pipeline.ledger import attempts, limits
from clodura_pipeline.ledger.engines.database import LedgerError, Transaction
from clodura_pipeline.ledger.rules.policy import Run
from clodura_pipeline.ledger.rules.stops import Stop

_ENVIRONMENTS = {"live": "the live API", "loopback": "a sandbox"}


class RecordedRun(NamedTuple):
    """A run of the past or present. Days are ISO dates, times epoch seconds; `ended_at` None: it runs, or died."""

    run_id: str
    range_start: str
    range_end: str
    started_at: float
    ended_at: float | None
    max_credits: int
    stop_reason: str | None


def start_run(tx: Transaction, run: Run) -> Run:
    """Start a run, or resume it; returns it with its watermark."""
    attempts.expire_leases(tx)
    limits.drop_old_sends(tx)
    watermark = tx.execute(
        "INSERT INTO runs (run_id, cap_scope, watermark, range_start, range_end, started_at, max_credits, sequence) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE SET max_credits = excluded.max_credits, "
        "ended_at = NULL, sequence = excluded.sequence RETURNING watermark",
        (run.run_id, run.cap_scope, attempts.newest_attempt(tx), run.first_day, run.last_day, tx.now.server,
         run.max_credits, tx.sequence),
    ).fetchone()[0]  # fmt: skip
    return replace(run, watermark=watermark)


def end_run(tx: Transaction, run: Run, stop: Stop | None) -> None:
    """Note that a run has ended, and why it stopped early if it did."""
    reason = (stop.kind, stop.reason) if stop else (None, None)
    tx.execute(
        "UPDATE runs SET ended_at = ?, stop_kind = ?, stop_reason = ?, sequence = ? WHERE run_id = ?",
        (tx.now.server, *reason, tx.sequence, run.run_id),
    )


def all_runs(tx: Transaction) -> list[RecordedRun]:
    """All runs, in the order they started."""
    rows = tx.execute(f"SELECT {', '.join(RecordedRun._fields)} FROM runs ORDER BY started_at")
    return [RecordedRun(*row) for row in rows]


def bind_environment(tx: Transaction, loopback: bool) -> None:
    """Fix, by the first run that calls, whether this ledger is of the live API or of a sandbox on this machine.

    Raises:
        LedgerError: it is of the other one.
    """
    environment = "loopback" if loopback else "live"
    known = tx.control["environment"]
    if known is None:
        tx.execute("UPDATE control SET environment = ?", (environment,))
    elif known != environment:
        raise LedgerError(
            f"This ledger holds answers of {_ENVIRONMENTS[known]}, but CLODURA_BASE_URL points to "
            f"{_ENVIRONMENTS[environment]}. The two are never mixed, and no call was made. Set CLODURA_BASE_URL back, "
            "or use another ledger (CLODURA_STATE_DIR or CLODURA_LEDGER_URL) and another CLODURA_DATABASE."
        )
