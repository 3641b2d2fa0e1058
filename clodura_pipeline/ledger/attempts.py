"""The two transactions of a call: the one that permits it, and the one that settles it."""

import json
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from hashlib import blake2b

from clodura_pipeline.clodura.answers.enrichment import Enrichment
from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import budget, erasure, limits, people, server_time
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.database import Cursor, Row
from clodura_pipeline.ledger.people import next_sequence
from clodura_pipeline.ledger.rules.eligibility import (
    Answered,
    Eligible,
    Ineligible,
    InFlight,
    Purpose,
    eligibility,
)
from clodura_pipeline.ledger.rules.policy import Policy
from clodura_pipeline.ledger.rules.requests import EnrichmentRequest, Run
from clodura_pipeline.ledger.rules.stops import Stop
from clodura_pipeline.ledger.server_time import ClockReading

ProfileOf = Callable[[str], str | None]
"""Canonical identifier of a LinkedIn profile address, or None when it is none."""


@dataclass(frozen=True)
class Permit:
    """The call may be made. `send_at`: when, on this process's monotonic clock, at most `SEND_SLACK_SECONDS` later."""

    attempt_id: int
    send_at: float


Decision = Permit | Answered | InFlight | Ineligible | Wait | Stop


@dataclass(frozen=True)
class Settled:
    """What became of an attempt. `consecutive_429s`: 429s in a row, each after a pause of its own."""

    state: State
    consecutive_429s: int = 0


def permit(
    cursor: Cursor, now: ClockReading, request: EnrichmentRequest, run: Run, policy: Policy, ahead_seconds: float
) -> Decision:
    """Decide whether a call may be made and, if so, write it as sent with its reservation and its lease.

    Args:
        ahead_seconds: how far from now it is to leave: as long as committing this takes, where that takes long.
    """
    expire_leases(cursor, now)
    keys = people.known_keys(cursor, request)
    if erasure.is_erased(cursor, keys, (*request.sent_ids, *request.other_ids)):
        return Ineligible(State.NOT_PROCESSED, erasure.NOT_CALLED)
    past = people.past_attempts(cursor, people.keys_of(cursor, keys), request, run.watermark, policy.refresh, now)
    decision = eligibility(past, policy.retry_ambiguous)
    if not isinstance(decision, Eligible):
        return decision
    then = now.later(ahead_seconds)
    obstacle = (
        limits.day_allows(cursor, policy.limits, then)
        or budget.budget_allows(cursor, run, policy.budget, then)
        or limits.windows_allow(cursor, policy.limits, then)
    )
    return obstacle or _write_sent(cursor, then, request, run, policy, decision.purpose)


def reschedule(
    cursor: Cursor, now: ClockReading, attempt_id: int, policy: Policy, ahead_seconds: float
) -> Permit | Wait | None:
    """Move a permit that was not used at once to `ahead_seconds` from now, if the windows allow a call then.

    None: the call must not be sent any more. Its lease has ended and other runs take it for lost, or its UTC day is
    over, or the key is paused for long.
    """
    then = now.later(ahead_seconds)
    attempt = cursor.execute("SELECT state, usage_date FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    if attempt["state"] != State.SENT or not limits.is_surely_on(attempt["usage_date"], policy.limits, then):
        return None
    limits.free_send(cursor, attempt_id)
    obstacle = limits.windows_allow(cursor, policy.limits, then)
    if isinstance(obstacle, Wait):
        limits.count_send(cursor, now, attempt_id)
        return obstacle
    if obstacle is not None:
        return None
    limits.count_send(cursor, then, attempt_id)
    cursor.execute(
        "UPDATE attempts SET stamp = ?, sent_at = ?, lease_until = ? WHERE id = ?",
        (then.sent_stamp, then.server, then.sent_stamp + policy.lease_seconds, attempt_id),
    )
    return Permit(attempt_id, then.local)


def settle(
    cursor: Cursor,
    now: ClockReading,
    attempt_id: int,
    verdict: Verdict,
    raw: RawAnswer | None,
    policy: Policy,
    reader_version: str,
    profile_of: ProfileOf,
) -> Settled:
    """Write what a call came to: raw bytes, state, money, parsed fields; all or nothing.

    Also right for a call whose lease has ended meanwhile: what was in doubt is then known after all.
    """
    attempt = _attempt(cursor, attempt_id)
    now = server_time.learn_server_time(cursor, now, raw, attempt["stamp"])
    stated_time = server_time.stated_time(raw)
    if raw is not None and stated_time is not None:
        attempt = _move_to_server_day(cursor, attempt, stated_time, server_time.arrival_stamp(raw, now))
    consecutive_429s = _apply_to_limits(cursor, attempt, verdict, policy, now)
    cursor.execute(
        "UPDATE attempts SET http_status = ?, answered_at = ?, raw = ?, raw_truncated = ?, content_type = ? "
        "WHERE id = ?",
        (
            raw.status if raw else None,
            now.server,
            raw.body if raw else None,
            int(raw.truncated) if raw else 0,
            raw.content_type if raw else None,
            attempt_id,
        ),
    )
    write_verdict(cursor, attempt, verdict, now, reader_version, profile_of)
    return Settled(verdict.state, consecutive_429s)


def write_verdict(
    cursor: Cursor,
    attempt: Row,
    verdict: Verdict,
    now: ClockReading,
    reader_version: str,
    profile_of: ProfileOf,
) -> None:
    """Write what an answer says: state, money, parsed fields and the profile it names."""
    is_answer = verdict.state.is_readable_answer or verdict.state is State.UNRECOGNISED  # read again by `reread`
    budget.set_credits(cursor, attempt, verdict.charged_credits, verdict.at_risk_credits)
    cursor.execute(
        "UPDATE attempts SET state = ?, detail = ?, cost_basis = ?, reader_version = ?, answer = ?, shape_id = ?, "
        "sequence = ? WHERE id = ?",
        (
            verdict.state,
            verdict.detail,
            verdict.cost_basis,
            reader_version if is_answer else None,
            answer_json(verdict.enrichment),
            _store_shape(cursor, verdict.enrichment),
            next_sequence(cursor),
            attempt["id"],
        ),
    )
    is_person = verdict.enrichment is not None and verdict.enrichment.found == State.PERSON
    url = verdict.enrichment.person.linkedin_url if verdict.enrichment and is_person else None
    erasure.learn_profile(cursor, now, attempt["person_key"], profile_of(url) if url else None)


def release(cursor: Cursor, attempt_id: int, detail: str) -> None:
    """A permitted call never left this machine: free its reservation and its place in every limit."""
    attempt = _attempt(cursor, attempt_id)
    if attempt["state"] == State.NOT_PROCESSED:
        return  # a lost connection let this transaction be repeated
    budget.set_credits(cursor, attempt, 0, 0)
    budget.add(cursor, budget.scopes_of(attempt["usage_date"], attempt["cap_scope"]), Totals(calls=-1))
    limits.free_send(cursor, attempt_id)
    cursor.execute(
        "UPDATE attempts SET state = ?, detail = ?, cost_basis = 'status', sequence = ? WHERE id = ?",
        (State.NOT_PROCESSED, detail, next_sequence(cursor), attempt_id),
    )


def expire_leases(cursor: Cursor, now: ClockReading) -> None:
    """Calls whose lease has ended without an outcome (their process died or hangs) are in doubt from now on."""
    ended = cursor.execute("SELECT * FROM attempts WHERE state = 'sent' AND lease_until <= ?", (now.stamp,)).fetchall()
    for attempt in ended:
        budget.set_credits(cursor, attempt, 0, WORST_COST_CREDITS)
        cursor.execute(
            "UPDATE attempts SET state = ?, detail = 'process_died', cost_basis = 'doubt', sequence = ? WHERE id = ?",
            (State.AMBIGUOUS, next_sequence(cursor), attempt["id"]),
        )


def newest_attempt(cursor: Cursor) -> int:
    """Id of the newest attempt; 0 when there is none."""
    return cursor.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]


def _attempt(cursor: Cursor, attempt_id: int) -> Row:
    return cursor.execute("SELECT * FROM attempts WHERE id = ?", (attempt_id,)).fetchone()


def _write_sent(
    cursor: Cursor, now: ClockReading, request: EnrichmentRequest, run: Run, policy: Policy, why: Purpose
) -> Permit:
    attempt_id = cursor.execute(
        "INSERT INTO attempts (person_key, run_id, cap_scope, file_date, source_file, purpose, combination, "
        "strength, request, request_hash, sent_at, boot_id, stamp, lease_until, usage_date, state, detail, "
        "reserved_credits, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sent', '', ?, ?) "
        "RETURNING id",
        (
            people.register(cursor, request),
            run.run_id,
            run.cap_scope,
            request.file_date.isoformat(),
            request.source_file,
            why,
            request.combination.label,
            request.combination.strength,
            request.identifiers.as_json(),
            request.hash,
            now.server,
            now.boot_id,
            now.sent_stamp,
            now.sent_stamp + policy.lease_seconds,
            now.day,
            WORST_COST_CREDITS,
            next_sequence(cursor),
        ),
    ).fetchone()[0]
    budget.add(cursor, budget.scopes_of(now.day, run.cap_scope), Totals(calls=1, reserved=WORST_COST_CREDITS))
    limits.count_send(cursor, now, attempt_id)
    return Permit(attempt_id, now.local)


def answer_json(enrichment: Enrichment | None) -> str | None:
    """What was read, as JSON: `{"person": {...}, "organisation": {...}, "contact": ...}`, without empty fields.

    `contact`: the contact as Clodura sent it.
    """
    if enrichment is None:
        return None
    parts = {"person": asdict(enrichment.person), "organisation": asdict(enrichment.organisation)}
    answer = {part: {k: v for k, v in values.items() if v is not None} for part, values in parts.items()}
    text = json.dumps(answer | {"contact": enrichment.contact}, ensure_ascii=False, separators=(",", ":"))
    # Halves of characters and NULs can be in JSON, but not in a database's text; the raw answer keeps them.
    return text.encode("utf-8", "replace").decode().replace("\\u0000", "")


def _store_shape(cursor: Cursor, enrichment: Enrichment | None) -> str | None:
    """Store which names and types an answer has; returns the shape's id, None where there is no answer."""
    if enrichment is None:
        return None
    shape = json.dumps([astuple(path) for path in enrichment.paths], separators=(",", ":"))
    shape_id = blake2b(shape.encode(), digest_size=12).hexdigest()
    cursor.execute("INSERT INTO answer_shapes VALUES (?, ?) ON CONFLICT (shape_id) DO NOTHING", (shape_id, shape))
    return shape_id


def _move_to_server_day(cursor: Cursor, attempt: Row, stated_time: float, arrived_at: float) -> Row:
    """Move an attempt to the day the server counts it on, where this machine's clock had it wrong.

    The request came to the server after it was sent and before its answer began: where midnight lies in between, the
    day it was permitted on stands. `Date` has whole seconds.
    """
    day = server_time.utc_day(stated_time - max(0.0, arrived_at - attempt["stamp"]))
    possible = {day, server_time.utc_day(stated_time - 1.0), server_time.utc_day(stated_time + 1.0)}
    if attempt["usage_date"] in possible:
        return attempt
    moved = Totals(1, attempt["reserved_credits"], attempt["charged_credits"], attempt["at_risk_credits"])
    back = Totals(-1, -moved.reserved, -moved.charged, -moved.at_risk)
    budget.add(cursor, (f"day:{attempt['usage_date']}",), back)
    budget.add(cursor, (f"day:{day}",), moved)
    cursor.execute("UPDATE attempts SET usage_date = ? WHERE id = ?", (day, attempt["id"]))
    return _attempt(cursor, attempt["id"])


def _apply_to_limits(cursor: Cursor, attempt: Row, verdict: Verdict, policy: Policy, now: ClockReading) -> int:
    if verdict.next is Next.SLOW_DOWN:
        return limits.slow_down(cursor, policy.limits, now, attempt["stamp"], verdict.retry_after_seconds)
    if verdict.next is Next.STOP_DAY_CLOSED:
        cursor.execute(
            "INSERT INTO closed_days VALUES (?, ?) ON CONFLICT (usage_date) DO UPDATE SET detail = excluded.detail",
            (attempt["usage_date"], verdict.detail),
        )
    elif verdict.state is not State.AMBIGUOUS:
        limits.accepted(cursor, attempt["stamp"])
    return 0
