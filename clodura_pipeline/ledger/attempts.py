"""The two transactions of a call: the one that permits it, and the one that settles it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from hashlib import blake2b

from clodura_pipeline.clodura.answers.reader import Enrichment
from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import budget, erased_people, limits, people
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.engines.database import Row, Transaction
from clodura_pipeline.ledger.people import EnrichmentRequest, require_version
from clodura_pipeline.ledger.rules.clock import ClockReading, stated_time, utc_day
from clodura_pipeline.ledger.rules.eligibility import (
    Answered,
    Eligible,
    Ineligible,
    InFlight,
    Purpose,
    eligibility,
)
from clodura_pipeline.ledger.rules.policy import Policy, Run
from clodura_pipeline.ledger.rules.stops import Stop


@dataclass(frozen=True)
class Permit:
    """The call may be made. `send_at`: when, on this process's monotonic clock, at most `SEND_SLACK_SECONDS` later."""

    attempt_id: int
    send_at: float


Decision = Permit | Answered | InFlight | Ineligible | Wait | Stop


def permit(
    tx: Transaction, request: EnrichmentRequest, run: Run, policy: Policy, ahead_seconds: float = 0.0
) -> Decision:
    """Decide whether a call may be made and, if so, write it as sent with its reservation and its lease.

    Args:
        ahead_seconds: how far from now it is to leave: as long as committing this takes, where that takes long.
    """
    require_version(tx)
    expire_leases(tx)
    known = people.recall(tx, request)
    if any(row["erased_at"] is not None for row in known) or erased_people.is_erased(
        tx, (*request.sent_ids, *request.other_ids)
    ):
        return Ineligible(State.NOT_PROCESSED, erased_people.NOT_CALLED)
    past = people.past_attempts(known, request, run.watermark, policy.refresh, tx.now)
    decision = eligibility(past, policy.retry_ambiguous)
    if not isinstance(decision, Eligible):
        return decision
    then = tx.leaving(ahead_seconds)
    sums = budget.sums_of(tx, then.day, run.cap_scope)
    obstacle = (
        limits.day_allows(policy.limits, then, sums)
        or budget.budget_allows(tx, run, policy.budget, sums)
        or limits.windows_allow(tx, policy.limits, then)
    )
    if obstacle is not None:
        return obstacle
    person_key = people.register(tx, request, known)
    return _write_sent(tx, then, person_key, request, run, policy, decision.purpose)


def reschedule(tx: Transaction, attempt_id: int, policy: Policy, ahead_seconds: float) -> Permit | Wait | None:
    """Move a permit that was not used at once to `ahead_seconds` from now, if the windows allow a call then.

    None: the call must not be sent any more. Its lease has ended and other runs take it for lost, or its UTC day is
    over, or the key is paused for long.
    """
    then = tx.leaving(ahead_seconds)
    attempt = load_attempt(tx, attempt_id)
    if attempt["state"] != State.SENT or not limits.is_surely_on(attempt["usage_date"], policy.limits, then):
        return None
    limits.free_send(tx, attempt_id)
    obstacle = limits.windows_allow(tx, policy.limits, then)
    if isinstance(obstacle, Wait):
        limits.count_send(tx, tx.leaving(0.0), attempt_id)
        return obstacle
    if obstacle is not None:
        return None
    limits.count_send(tx, then, attempt_id)
    tx.execute(
        "UPDATE attempts SET stamp = ?, sent_at = ?, lease_until = ? WHERE id = ?",
        (then.sent_stamp, then.server, then.sent_stamp + policy.lease_seconds, attempt_id),
    )
    return Permit(attempt_id, then.local)


def settle(
    tx: Transaction, attempt_id: int, verdict: Verdict, raw: RawAnswer | None, policy: Policy, reader_version: str
) -> int:
    """Write what a call came to: raw bytes, state, money, parsed fields; all or nothing.

    Also right for a call whose lease has ended meanwhile: what was in doubt is then known after all.

    Returns:
        How many 429s in a row this call is the last of, each after a pause of its own.
    """
    attempt = load_attempt(tx, attempt_id)
    if raw is not None:
        tx.learn_server_time(raw, attempt["stamp"])
        attempt = _move_to_server_day(tx, attempt, raw)
    consecutive_429s = 0
    if verdict.next is Next.SLOW_DOWN:
        consecutive_429s = limits.slow_down(tx, policy.limits, attempt["stamp"], verdict.retry_after_seconds)
    elif verdict.next is Next.STOP_DAY_CLOSED:
        tx.execute(
            "INSERT INTO closed_days VALUES (?, ?) ON CONFLICT (usage_date) DO UPDATE SET detail = excluded.detail",
            (attempt["usage_date"], verdict.detail),
        )
    elif verdict.state is not State.AMBIGUOUS:
        limits.accepted(tx, attempt["stamp"])
    received = {
        "http_status": raw.status if raw else None,
        "answered_at": tx.now.server,
        "raw": raw.body if raw else None,
        "raw_truncated": int(raw.truncated) if raw else 0,
        "content_type": raw.content_type if raw else None,
    }
    write_verdict(tx, attempt, verdict, reader_version, received)
    return consecutive_429s


def write_verdict(
    tx: Transaction,
    attempt: Row,
    verdict: Verdict,
    reader_version: str,
    received: Mapping[str, int | float | str | bytes | None] | None = None,
) -> None:
    """Write what an answer says: state, money, parsed fields, its names and types, and the profile it names.

    Args:
        received: the answer itself, as columns, where it was not written yet.
    """
    found, shape_id = verdict.enrichment, None
    if found is not None:
        shape = json.dumps([astuple(path) for path in found.paths], separators=(",", ":"))
        shape_id = blake2b(shape.encode(), digest_size=12).hexdigest()
        tx.execute("INSERT INTO answer_shapes VALUES (?, ?) ON CONFLICT (shape_id) DO NOTHING", (shape_id, shape))
    is_answer = verdict.state.is_readable_answer or verdict.state is State.UNRECOGNISED  # read again by `reread`
    values = {
        **(received or {}),
        "state": verdict.state,
        "detail": verdict.detail,
        "cost_basis": verdict.cost_basis,
        "reader_version": reader_version if is_answer else None,
        "answer": answer_json(found),
        "shape_id": shape_id,
        "sequence": tx.sequence,
    }
    budget.set_credits(tx, attempt, verdict.charged_credits, verdict.at_risk_credits, values)
    url = found.person.linkedin_url if found is not None and found.found == State.PERSON else None
    erased_people.learn_profile(tx, attempt, tx.form.profile_of(url) if url else None)


def release(tx: Transaction, attempt_id: int, detail: str) -> None:
    """A permitted call never left this machine: free its reservation and its place in every limit."""
    attempt = load_attempt(tx, attempt_id)
    if attempt["state"] == State.NOT_PROCESSED:
        return  # a lost connection let this transaction be repeated
    budget.add(tx, budget.scopes_of(attempt["usage_date"], attempt["cap_scope"]), Totals(calls=-1))
    limits.free_send(tx, attempt_id)
    released = {"state": State.NOT_PROCESSED, "detail": detail, "cost_basis": "status", "sequence": tx.sequence}
    budget.set_credits(tx, attempt, 0, 0, released)


def expire_leases(tx: Transaction) -> None:
    """Calls whose lease has ended without an outcome (their process died or hangs) are in doubt from now on."""
    if tx.control["next_lease_end"] is None or tx.control["next_lease_end"] > tx.now.stamp:
        return
    ended = tx.execute("SELECT * FROM attempts WHERE state = 'sent' AND lease_until <= ?", (tx.now.stamp,)).fetchall()
    lost = {"state": State.AMBIGUOUS, "detail": "process_died", "cost_basis": "doubt", "sequence": tx.sequence}
    for attempt in ended:
        budget.set_credits(tx, attempt, 0, WORST_COST_CREDITS, lost)


def newest_attempt(tx: Transaction) -> int:
    """Id of the newest attempt; 0 when there is none."""
    return tx.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]


def load_attempt(tx: Transaction, attempt_id: int) -> Row:
    """An attempt, and when its person was erased."""
    query = "SELECT a.*, p.erased_at FROM attempts a JOIN people p ON p.person_key = a.person_key WHERE a.id = ?"
    return tx.execute(query, (attempt_id,)).fetchone()


def _write_sent(
    tx: Transaction,
    now: ClockReading,
    person_key: int,
    request: EnrichmentRequest,
    run: Run,
    policy: Policy,
    purpose: Purpose,
) -> Permit:
    values = {
        "person_key": person_key,
        "run_id": run.run_id,
        "cap_scope": run.cap_scope,
        "file_date": request.file_date.isoformat(),
        "source_file": request.source_file,
        "purpose": purpose,
        "combination": request.combination.label,
        "strength": request.combination.strength,
        "request": request.identifiers.as_json(),
        "request_hash": request.hash,
        "sent_at": now.server,
        "boot_id": now.boot_id,
        "stamp": now.sent_stamp,
        "lease_until": now.sent_stamp + policy.lease_seconds,
        "usage_date": now.day,
        "state": State.SENT,
        "detail": "",
        "reserved_credits": WORST_COST_CREDITS,
        "sequence": tx.sequence,
    }
    attempt_id = tx.insert("attempts", values)
    budget.add(tx, budget.scopes_of(now.day, run.cap_scope), Totals(calls=1, reserved=WORST_COST_CREDITS))
    limits.count_send(tx, now, attempt_id)
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


def _move_to_server_day(tx: Transaction, attempt: Row, raw: RawAnswer) -> Row:
    """Move an attempt to the day the server counts it on, where this machine's clock had it wrong.

    The request came to the server after it was sent and before its answer began: where midnight lies in between, the
    day it was permitted on stands. `Date` has whole seconds.
    """
    stated = stated_time(raw)
    if stated is None:
        return attempt
    day = utc_day(stated - max(0.0, tx.now.stamp_of_arrival(raw) - attempt["stamp"]))
    possible = {day, utc_day(stated - 1.0), utc_day(stated + 1.0)}
    if attempt["usage_date"] in possible:
        return attempt
    moved = Totals(1, attempt["reserved_credits"], attempt["charged_credits"], attempt["at_risk_credits"])
    back = Totals(-1, -moved.reserved, -moved.charged, -moved.at_risk)
    budget.add(tx, (f"day:{attempt['usage_date']}",), back)
    budget.add(tx, (f"day:{day}",), moved)
    tx.execute("UPDATE attempts SET usage_date = ? WHERE id = ?", (day, attempt["id"]))
    return load_attempt(tx, attempt["id"])
