"""Decides what one call came to: pure functions from what arrived to state, money, balance and what to do next.

The status table is Clodura's documentation; where it is silent the verdict is the one that cannot lose money.
"""

import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

from clodura_pipeline.clodura.answers.reader import AnswerReader, Enrichment
from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS, Identifiers
from clodura_pipeline.errors import CallFailed, NotSent, UnreadableAnswer

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
"""What asks to wait for longer is taken to mean a day: no mistake of a server locks a key out for years."""


class State(StrEnum):
    """What an attempt came to. Stored in the ledger."""

    SENT = "sent"
    PERSON = "person"
    ORGANISATION = "organisation"
    NO_MATCH = "no_match"
    REFUSED = "refused"
    NOT_PROCESSED = "not_processed"
    AMBIGUOUS = "ambiguous"
    UNRECOGNISED = "unrecognised"

    @property
    def is_readable_answer(self) -> bool:
        """Whether it answers the question: a person, an organisation or a miss."""
        return self in (State.PERSON, State.ORGANISATION, State.NO_MATCH)


class Next(StrEnum):
    """What the asking loop is to do after a call."""

    GO_ON = "go_on"
    TRY_AGAIN_LATER = "try_again_later"
    SLOW_DOWN = "slow_down"
    SET_ASIDE = "set_aside"
    STOP_NO_CREDITS = "stop_no_credits"
    STOP_DAY_CLOSED = "stop_day_closed"
    STOP_KEY_REFUSED = "stop_key_refused"
    STOP_PLAN_REFUSED = "stop_plan_refused"
    STOP_WRONG_ADDRESS = "stop_wrong_address"
    STOP_COST_ABOVE_WORST = "stop_cost_above_worst"


@dataclass(frozen=True, repr=False)
class RawAnswer:
    """An HTTP answer as it arrived.

    `truncated`: the body was larger than what is read and kept. `arrived_at`: when its headers were here, monotonic.
    """

    status: int
    body: bytes
    truncated: bool = False
    content_type: str = ""
    retry_after: str | None = None
    date: str | None = None
    arrived_at: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What a call came to.

    `charged_credits` is certain or stated by Clodura; `at_risk_credits` may have been charged on top: that is unknown.
    `cost_basis`: "stated" in the answer, "content" (worked out), "status" (free by Clodura's table), "doubt".
    """

    state: State
    detail: str
    next: Next
    charged_credits: float = 0
    at_risk_credits: int = 0
    cost_basis: str = "status"
    retry_after_seconds: float | None = None
    enrichment: Enrichment | None = None


def judge_failure(failure: CallFailed) -> Verdict:
    """The verdict on a call that brought no whole answer."""
    if isinstance(failure, NotSent):
        return Verdict(State.NOT_PROCESSED, failure.reason.value, Next.TRY_AGAIN_LATER)
    return _doubt(failure.reason.value)


def unparsed_verdict(why: str) -> Verdict:
    """The verdict on an answer that our own code failed on: kept raw, and never worth less than an unreadable one."""
    return replace(_doubt(why), state=State.UNRECOGNISED)


_BY_STATUS = {
    HTTPStatus.BAD_REQUEST: Verdict(State.REFUSED, "malformed_input", Next.GO_ON),
    HTTPStatus.UNPROCESSABLE_ENTITY: Verdict(State.REFUSED, "invalid_combination", Next.GO_ON),
    HTTPStatus.UNAUTHORIZED: Verdict(State.NOT_PROCESSED, "key_refused", Next.STOP_KEY_REFUSED),
    HTTPStatus.PAYMENT_REQUIRED: Verdict(State.NOT_PROCESSED, "no_credits", Next.STOP_NO_CREDITS),
    HTTPStatus.FORBIDDEN: Verdict(State.NOT_PROCESSED, "plan_refused", Next.STOP_PLAN_REFUSED),
    HTTPStatus.TOO_MANY_REQUESTS: Verdict(State.NOT_PROCESSED, "rate_limited", Next.SLOW_DOWN),
    HTTPStatus.SERVICE_UNAVAILABLE: Verdict(State.NOT_PROCESSED, "unavailable", Next.TRY_AGAIN_LATER),
}


def judge(
    answer: RawAnswer,
    identifiers: Identifiers,
    now: datetime,
    reader: AnswerReader = AnswerReader(),  # noqa: B008
) -> Verdict:
    """The verdict on an answer. `now` (aware, UTC) turns a `Retry-After` date into seconds."""
    status = answer.status
    # A date to wait for is by the server's clock: only its own `Date` tells how far off that is.
    now = http_date(answer.date) or now
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return _judge_success(answer, identifiers, reader)
    if status in _BY_STATUS:
        return replace(_BY_STATUS[HTTPStatus(status)], retry_after_seconds=retry_after_seconds(answer.retry_after, now))
    if status == HTTPStatus.CONFLICT:
        return _judge_conflict(answer)
    if status == HTTPStatus.NOT_FOUND and _is_json(answer.body):
        return Verdict(State.NO_MATCH, "not_found", Next.GO_ON)
    if status == HTTPStatus.NOT_FOUND or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # A redirect is not followed (the key must not travel); a 404 that is not JSON comes from another server.
        return Verdict(State.NOT_PROCESSED, f"http_{status}", Next.STOP_WRONG_ADDRESS)
    return _doubt(f"http_{status}")


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds or an HTTP date, RFC 9110); None when absent or junk."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(LONGEST_RETRY_AFTER_SECONDS, float(text))
    moment = http_date(text)
    if moment is None:
        return None
    return min(LONGEST_RETRY_AFTER_SECONDS, max(0.0, (moment - now).total_seconds()))


def http_date(value: str | None) -> datetime | None:
    """The moment that an HTTP date names, aware; None when it is none."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _judge_success(answer: RawAnswer, identifiers: Identifiers, reader: AnswerReader) -> Verdict:
    detail = "larger than what is read" if answer.truncated else f"http_{answer.status}"
    if answer.status == HTTPStatus.OK and not answer.truncated:
        try:
            found = reader.read(answer.body, identifiers.as_request())
        except UnreadableAnswer as unreadable:
            detail = str(unreadable)
        else:
            basis = "content" if found.stated_credits is None else "stated"
            state, following = State(found.found.value), _next_after(found.credits)
            return Verdict(state, "ok", following, found.credits, cost_basis=basis, enrichment=found)
    stated = None if answer.truncated else reader.stated_credits(answer.body)
    if stated is None:
        return unparsed_verdict(detail)
    return Verdict(State.UNRECOGNISED, detail, _next_after(stated), charged_credits=stated, cost_basis="stated")


def _next_after(charged_credits: float) -> Next:
    """Budgets rest on 2 credits being the most that a call can cost; a dearer one stops the run."""
    return Next.STOP_COST_ABOVE_WORST if charged_credits > WORST_COST_CREDITS else Next.GO_ON


def _judge_conflict(answer: RawAnswer) -> Verdict:
    """409 is documented as "daily limit reached"; one user met it as "already enriched a few minutes ago"."""
    text = answer.body[:2000].decode("utf-8", "replace").lower()
    if re.search(r"already|duplicate|recently", text) and "limit" not in text:
        return Verdict(State.NOT_PROCESSED, "already_enriched", Next.SET_ASIDE)
    return Verdict(State.NOT_PROCESSED, "daily_limit", Next.STOP_DAY_CLOSED)


def _doubt(detail: str) -> Verdict:
    return Verdict(State.AMBIGUOUS, detail, Next.GO_ON, at_risk_credits=WORST_COST_CREDITS, cost_basis="doubt")


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


@dataclass(frozen=True)
class Balance:
    """What `GET /api/v1/credits` said.

    `credits`: None when unknown, which is never zero; `shape` says why. `access_refused`: 401 or 403.
    """

    credits: float | None
    shape: str
    access_refused: int | None = None


def read_balance(answer: RawAnswer) -> Balance:
    """The balance in an answer. Plans with view counters (`contactsView`, ...) have no pool to read (documented)."""
    if answer.status in (401, 403):
        return Balance(None, f"http_{answer.status}", access_refused=answer.status)
    if answer.status != 200:
        return Balance(None, f"http_{answer.status}")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return Balance(None, "not_json")
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        document = document["data"]
    if not isinstance(document, dict):
        return Balance(None, "unknown_shape")
    pool = _number(document.get("remainingCredits"))
    if pool is not None:
        return Balance(pool, "pool")
    return Balance(None, "view_counters" if "contactsView" in document else "unknown_shape")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
