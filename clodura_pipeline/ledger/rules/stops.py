"""Why a run stops asking, in words that name the setting or the remedy."""

from dataclasses import dataclass
from enum import StrEnum


class StopKind(StrEnum):
    """Kinds of stop. Stored in the ledger."""

    DAILY_LIMIT = "daily_limit"
    DAY_CLOSED = "day_closed"
    RUN_BUDGET = "run_budget"
    DAY_BUDGET = "day_budget"
    MIN_BALANCE = "min_balance"
    NO_CREDITS = "no_credits"
    UNREADABLE = "unreadable"
    COST_ABOVE_WORST = "cost_above_worst"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    WRONG_ADDRESS = "wrong_address"
    KEY_REFUSED = "key_refused"
    PLAN_REFUSED = "plan_refused"
    INTERRUPTED = "interrupted"
    LEDGER = "ledger"

    @property
    def fails_the_run(self) -> bool:
        """Whether a person must act before any later run can get further."""
        return self in (StopKind.KEY_REFUSED, StopKind.PLAN_REFUSED, StopKind.LEDGER)


@dataclass(frozen=True)
class Stop:
    """Why no further call is made; `reason` is for people."""

    kind: StopKind
    reason: str


_REASONS = {
    StopKind.DAILY_LIMIT: "CLODURA_REQUESTS_PER_DAY is reached for this UTC day; the next run goes on tomorrow (UTC)",
    StopKind.DAY_CLOSED: "Clodura says its daily limit is reached (409); the next run goes on tomorrow (UTC)",
    StopKind.RUN_BUDGET: "the run's cap is reached (CLODURA_MAX_CREDITS_PER_RUN, or max_credits in its config); "
    "start another run or raise it",
    StopKind.DAY_BUDGET: "CLODURA_MAX_CREDITS_PER_DAY is reached; the next run goes on tomorrow (UTC), or raise it",
    StopKind.MIN_BALANCE: "Clodura's balance would fall below CLODURA_MIN_BALANCE; buy credits or lower it",
    StopKind.NO_CREDITS: "Clodura's credits are exhausted (402, or a balance below 1); buy credits, then start "
    "another run",
    StopKind.UNREADABLE: "five answers could not be read, so Clodura's format may have changed; they are kept raw in "
    "the ledger, and a version that can read them will do so without asking again",
    StopKind.COST_ABOVE_WORST: "an answer cost more than the 2 credits that budgets rest on; look at Clodura's prices "
    "for your plan before going on",
    StopKind.UNAVAILABLE: "Clodura did not answer several times in a row; the next run goes on where this one stopped",
    StopKind.RATE_LIMITED: "Clodura asks to slow down for longer than a run waits (429); start another run later, "
    "and lower CLODURA_REQUESTS_PER_SECOND or _PER_MINUTE if it happens again",
    StopKind.WRONG_ADDRESS: "what answered is not Clodura's API (a redirect, or a 404 that is not JSON); "
    "check CLODURA_BASE_URL",
    StopKind.KEY_REFUSED: "Clodura refused the API key (401); check CLODURA_API_KEY",
    StopKind.PLAN_REFUSED: "Clodura refused access (403): the plan may not include the Enrich API, or the network in "
    "front of it refused this machine; check the plan, then CLODURA_BASE_URL and proxies",
    StopKind.INTERRUPTED: "the run was stopped from outside; the next run goes on where it stopped",
    StopKind.LEDGER: "the ledger could not be written; see the error, make room or mend CLODURA_STATE_DIR, run again",
}


def stop(kind: StopKind, detail: str = "") -> Stop:
    """The stop of this kind, with its standard words and a detail."""
    return Stop(kind, f"{_REASONS[kind]} ({detail})" if detail else _REASONS[kind])


_EXPLAIN_PENDING = (
    StopKind.DAILY_LIMIT,
    StopKind.DAY_CLOSED,
    StopKind.RUN_BUDGET,
    StopKind.DAY_BUDGET,
    StopKind.MIN_BALANCE,
    StopKind.NO_CREDITS,
)


def explained_by_limits() -> tuple[str, ...]:
    """How pending reasons begin that a limit or a budget explains."""
    return tuple(_REASONS[kind] for kind in _EXPLAIN_PENDING)
