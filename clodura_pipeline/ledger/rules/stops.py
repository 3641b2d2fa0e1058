"""Why a run stops early, and why people have no answer: stable codes, and sentences that name the remedy."""

from dataclasses import dataclass
from enum import StrEnum


class StopKind(StrEnum):
    """Kinds of stop. Stored in the ledger, and shown as `pending_code`."""

    DAILY_LIMIT = "daily_limit"
    DAY_CLOSED = "day_closed"
    RUN_BUDGET = "run_budget"
    DAY_BUDGET = "day_budget"
    MIN_BALANCE = "min_balance"
    NO_CREDITS = "no_credits"
    UNREADABLE = "unreadable"
    COST_ABOVE_WORST = "cost_above_worst"
    CANARY = "canary"
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


LIMITS_AND_BUDGETS = (
    StopKind.DAILY_LIMIT,
    StopKind.DAY_CLOSED,
    StopKind.RUN_BUDGET,
    StopKind.DAY_BUDGET,
    StopKind.MIN_BALANCE,
    StopKind.NO_CREDITS,
)
"""Stops that a limit or a budget explains: people wait, and nothing is wrong."""


@dataclass(frozen=True)
class PendingReason:
    """Why a person has no answer: a short stable word, shown as `pending_code`, and a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Stop:
    """Why a run makes no further call; `reason` names the setting or the remedy."""

    kind: StopKind
    reason: str

    @property
    def pending(self) -> PendingReason:
        """The reason for people who were not called for because of it.

        Without the figures of a limit or budget: else every night changed the rows of all who wait.
        """
        text = _REASONS[self.kind] if self.kind in LIMITS_AND_BUDGETS else self.reason
        return PendingReason(self.kind.value, text)


_REASONS = {
    StopKind.DAILY_LIMIT: "CLODURA_REQUESTS_PER_DAY is reached for this UTC day; the next run continues tomorrow (UTC)",
    StopKind.DAY_CLOSED: "Clodura's daily limit is reached (409); the next run continues tomorrow (UTC)",
    StopKind.RUN_BUDGET: "the run's cap is reached (CLODURA_MAX_CREDITS_PER_RUN, or max_credits in its config); "
    "start another run or raise it",
    StopKind.DAY_BUDGET: "CLODURA_MAX_CREDITS_PER_DAY is reached; the next run continues tomorrow (UTC), or raise it",
    StopKind.MIN_BALANCE: "Clodura's balance would fall below CLODURA_MIN_BALANCE; buy credits or lower it",
    StopKind.NO_CREDITS: "Clodura's credits are used up (402, or a balance below 1); buy credits, then start "
    "another run",
    StopKind.UNREADABLE: "five answers could not be read, so Clodura's format may have changed; they are kept in the "
    "ledger and read again, without a call, once CLODURA_ANSWER_FIELDS or a new version can (see "
    "`clodura-pipeline answers`)",
    StopKind.COST_ABOVE_WORST: "an answer cost more than the 2 credits that budgets rest on; check Clodura's prices "
    "for your plan before the next run",
    StopKind.CANARY: "answers differ from earlier ones by more than chance explains; check a few in the published "
    "file, then start a run with ignore_canary: true",
    StopKind.UNAVAILABLE: "Clodura did not answer several times in a row; the next run continues from there",
    StopKind.RATE_LIMITED: "Clodura asks for a longer pause than a run waits (429); start another run later, "
    "and lower CLODURA_REQUESTS_PER_SECOND or _PER_MINUTE if it happens again",
    StopKind.WRONG_ADDRESS: "the server at CLODURA_BASE_URL is not Clodura's API (a redirect, or a 404 that is not "
    "JSON); check CLODURA_BASE_URL",
    StopKind.KEY_REFUSED: "Clodura rejected the API key (401); check CLODURA_API_KEY, then start the run again",
    StopKind.PLAN_REFUSED: "Clodura refused access (403): the plan may not include the Enrich API, or a network in "
    "between refused this machine; check the plan, then CLODURA_BASE_URL and proxies",
    StopKind.INTERRUPTED: "the run was stopped from outside; the next run continues where it stopped",
    StopKind.LEDGER: "the ledger could not be written; see the error, free space in or fix CLODURA_STATE_DIR, then "
    "start the run again",
}


def stop(kind: StopKind, detail: str = "") -> Stop:
    """The stop of this kind, with its standard words and a detail."""
    return Stop(kind, f"{_REASONS[kind]} ({detail})" if detail else _REASONS[kind])
