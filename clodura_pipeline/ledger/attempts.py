"""The two transactions of a call: the one that permits it, and the one that settles it."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace

from clodura_pipeline.clodura.answers import PARSER_VERSION, Enrichment, Organisation, Person
from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.clodura.verdicts import Next, RawAnswer, State, Verdict
from clodura_pipeline.ledger import budget as money
from clodura_pipeline.ledger import erasure as forgetting
from clodura_pipeline.ledger import limits as rates
from clodura_pipeline.ledger import past, people
from clodura_pipeline.ledger import server_time as moments
from clodura_pipeline.ledger.balance import ReadingBegun
from clodura_pipeline.ledger.budget import Totals, Wait
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.rules.eligibility import Ask, Held, Known, Purpose, Rules, UnderWay, standing
from clodura_pipeline.ledger.rules.policy import Policy
from clodura_pipeline.ledger.rules.requests import Question, Run
from clodura_pipeline.ledger.rules.stops import Stop
from clodura_pipeline.ledger.sequence import next_sequence
from clodura_pipeline.ledger.server_time import Moment

Identify = Callable[[str], str | None]
"""Canonical identifier of a LinkedIn profile address, or None when it is none."""


@dataclass(frozen=True)
class Granted:
    """The call may be made now. `stamp`: the monotonic time that the windows count it at."""

    attempt_id: int
    stamp: float


Decision = Granted | Known | UnderWay | Held | Wait | Stop


@dataclass(frozen=True)
class Settled:
    """What became of an attempt. `strikes`: 429s in a row, each after a pause of its own."""

    state: State
    strikes: int = 0


def permit(cursor: sqlite3.Connection, clock: Clock, question: Question, run: Run, policy: Policy) -> Decision:
    """Decide whether a call may be made and, if so, write it as sent with its reservation and its lease."""
    moment = moments.now(cursor, clock)
    expire_leases(cursor, moment)
    if forgetting.is_forgotten(cursor, question.person_key):
        return Held(State.NOT_PROCESSED, forgetting.NOT_ASKED)
    rules = Rules(run.watermark, moment.server, policy.refresh, policy.settle_doubts)
    earlier = past.of_person(cursor, question.person_key, moment)
    decision = standing(earlier, question.combination.strength, question.hash, rules)
    if not isinstance(decision, Ask):
        return decision
    obstacle = (
        rates.day_allows(cursor, policy.limits, moment)
        or money.budget_allows(cursor, run, policy.budget, moment)
        or rates.windows_allow(cursor, policy.limits, moment)
    )
    return obstacle or _write_sent(cursor, moment, question, run, policy, decision.purpose)


def stamp_again(
    cursor: sqlite3.Connection, clock: Clock, attempt_id: int, policy: Policy, ahead_seconds: float
) -> Granted | Wait | None:
    """Move a permit that was not used at once to `ahead_seconds` from now, if the windows allow a call then.

    None: the call must not leave any more. Its lease has ended and others take it for dead, or its UTC day is over,
    or the key is paused for long.
    """
    moment = moments.now(cursor, clock)
    then = moment.later(ahead_seconds)
    attempt = cursor.execute("SELECT state, usage_date FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    if attempt["state"] != State.SENT or not rates.is_surely_on(attempt["usage_date"], policy.limits, then):
        return None
    cursor.execute("DELETE FROM sends WHERE attempt_id = ?", (attempt_id,))
    obstacle = rates.windows_allow(cursor, policy.limits, then)
    if isinstance(obstacle, Wait):
        _count_send(cursor, moment, attempt_id)
        return obstacle
    if obstacle is not None:
        return None
    _count_send(cursor, then, attempt_id)
    cursor.execute(
        "UPDATE attempts SET stamp = ?, sent_at = ?, lease_until = ? WHERE id = ?",
        (then.monotonic, then.server, then.monotonic + policy.lease_seconds, attempt_id),
    )
    return Granted(attempt_id, then.monotonic)


def settle(
    cursor: sqlite3.Connection,
    clock: Clock,
    attempt_id: int,
    verdict: Verdict,
    raw: RawAnswer | None,
    policy: Policy,
    identify: Identify,
    former_profiles: Callable[[str], Iterable[str]],
) -> Settled:
    """Write what a call came to: raw bytes, state, money, parsed fields; all or nothing.

    Also right for a call whose lease has ended meanwhile: what was in doubt is then known after all.
    """
    attempt = cursor.execute("SELECT * FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    server_time = moments.learn_server_time(cursor, clock, raw, attempt["stamp"])
    moment = moments.now(cursor, clock)
    if raw is not None and server_time is not None:
        attempt = _to_the_servers_day(cursor, attempt, server_time, raw.arrived_at or moment.monotonic)
    strikes = _heed_limits(cursor, attempt, verdict, policy, moment)
    money.rebook(cursor, attempt, verdict.charged_credits, verdict.at_risk_credits)
    cursor.execute(
        "UPDATE attempts SET state = ?, detail = ?, http_status = ?, cost_basis = ?, answered_at = ?, raw = ?, "
        "raw_truncated = ?, content_type = ?, parser_version = ?, answer = ?, sequence = ? WHERE id = ?",
        (
            verdict.state,
            verdict.detail,
            raw.status if raw else None,
            verdict.cost_basis,
            moment.server,
            raw.body if raw else None,
            int(raw.truncated) if raw else 0,
            raw.content_type if raw else None,
            PARSER_VERSION if raw else None,
            answer_json(verdict.enrichment),
            next_sequence(cursor),
            attempt_id,
        ),
    )
    address = _profile_address(verdict.enrichment)
    profile, former = (identify(address), former_profiles(address)) if address else (None, ())
    forgetting.learn_profile(cursor, moment.server, attempt["person_key"], profile, former)
    return Settled(verdict.state, strikes)


def withdraw(cursor: sqlite3.Connection, attempt_id: int, detail: str) -> None:
    """A permitted call never left this machine: free its reservation and its place in every limit."""
    attempt = cursor.execute("SELECT * FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    money.rebook(cursor, attempt, 0, 0)
    money.add(cursor, money.scopes_of(attempt["usage_date"], attempt["root_run_id"]), Totals(calls=-1))
    cursor.execute("DELETE FROM sends WHERE attempt_id = ?", (attempt_id,))
    cursor.execute(
        "UPDATE attempts SET state = ?, detail = ?, cost_basis = 'status', sequence = ? WHERE id = ?",
        (State.NOT_PROCESSED, detail, next_sequence(cursor), attempt_id),
    )


def expire_leases(cursor: sqlite3.Connection, moment: Moment) -> int:
    """Calls whose lease has ended without an outcome (their process died or hangs) are in doubt from now on."""
    ended = cursor.execute(
        "SELECT * FROM attempts WHERE state = 'sent' AND lease_until <= ?", (moment.monotonic,)
    ).fetchall()
    for attempt in ended:
        money.rebook(cursor, attempt, 0, WORST_COST_CREDITS)
        cursor.execute(
            "UPDATE attempts SET state = ?, detail = 'process_died', cost_basis = 'doubt', sequence = ? WHERE id = ?",
            (State.AMBIGUOUS, next_sequence(cursor), attempt["id"]),
        )
    return len(ended)


def answer_json(enrichment: Enrichment | None) -> str | None:
    """The parsed fields as JSON: `{"person": {...}, "organisation": {...}}`, empty ones left out."""
    if enrichment is None:
        return None
    parts = {"person": asdict(enrichment.person), "organisation": asdict(enrichment.organisation)}
    return json.dumps(
        {part: {k: v for k, v in values.items() if v is not None} for part, values in parts.items()},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def answer_columns() -> tuple[tuple[str, str], ...]:
    """(part, field) of everything that `answer_json` may hold."""
    parts = (("person", Person), ("organisation", Organisation))
    return tuple((part, field.name) for part, kind in parts for field in fields(kind))


def count_reading(
    cursor: sqlite3.Connection, moment: Moment, policy: Policy, begun: ReadingBegun, instead_of: ReadingBegun | None
) -> ReadingBegun | Wait | Stop:
    """Give a balance reading its place in the windows, instead of an earlier one; or what stands against it."""
    if instead_of is not None:
        cursor.execute("DELETE FROM sends WHERE id = ?", (instead_of.send_id,))
    obstacle = rates.windows_allow(cursor, policy.limits, moment)
    if obstacle is not None:
        return obstacle
    return replace(begun, stamp=moment.monotonic, send_id=_count_send(cursor, moment, None))


def _write_sent(
    cursor: sqlite3.Connection, moment: Moment, question: Question, run: Run, policy: Policy, purpose: Purpose
) -> Granted:
    day = moment.day
    written = cursor.execute(
        "INSERT INTO attempts (person_key, run_id, root_run_id, file_date, source_file, purpose, combination, "
        "strength, question, question_hash, sent_at, boot_id, stamp, lease_until, usage_date, state, detail, "
        "reserved_credits, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sent', '', ?, ?)",
        (
            people.survivor_of(cursor, question.person_key),
            run.run_id,
            run.root_run_id,
            question.file_date.isoformat(),
            question.source_file,
            purpose,
            question.combination.label,
            question.combination.strength,
            question.identifiers.as_json(),
            question.hash,
            moment.server,
            moment.boot_id,
            moment.monotonic,
            moment.monotonic + policy.lease_seconds,
            day,
            WORST_COST_CREDITS,
            next_sequence(cursor),
        ),
    )
    attempt_id = written.lastrowid
    assert attempt_id is not None
    money.add(cursor, money.scopes_of(day, run.root_run_id), Totals(calls=1, reserved=WORST_COST_CREDITS))
    _count_send(cursor, moment, attempt_id)
    return Granted(attempt_id, moment.monotonic)


def _count_send(cursor: sqlite3.Connection, moment: Moment, attempt_id: int | None) -> int:
    written = cursor.execute(
        "INSERT INTO sends (attempt_id, boot_id, stamp, sent_at) VALUES (?, ?, ?, ?)",
        (attempt_id, moment.boot_id, moment.monotonic, moment.server),
    )
    assert written.lastrowid is not None
    return written.lastrowid


def _to_the_servers_day(
    cursor: sqlite3.Connection, attempt: sqlite3.Row, server_time: float, arrived_at: float
) -> sqlite3.Row:
    """Move an attempt to the day the server counts it on, where this machine's clock had it wrong.

    The request came to the server after it was sent and before its answer began: where midnight lies in between, the
    day it was permitted on stands. `Date` has whole seconds.
    """
    day = moments.utc_day(server_time - max(0.0, arrived_at - attempt["stamp"]))
    possible = {day, moments.utc_day(server_time - 1.0), moments.utc_day(server_time + 1.0)}
    if attempt["usage_date"] in possible:
        return attempt
    moved = Totals(1, attempt["reserved_credits"], attempt["charged_credits"], attempt["at_risk_credits"])
    back = Totals(-1, -moved.reserved, -moved.charged, -moved.at_risk)
    money.add(cursor, (f"day:{attempt['usage_date']}",), back)
    money.add(cursor, (f"day:{day}",), moved)
    cursor.execute("UPDATE attempts SET usage_date = ? WHERE id = ?", (day, attempt["id"]))
    return cursor.execute("SELECT * FROM attempts WHERE id = ?", (attempt["id"],)).fetchone()


def _heed_limits(
    cursor: sqlite3.Connection, attempt: sqlite3.Row, verdict: Verdict, policy: Policy, moment: Moment
) -> int:
    if verdict.next is Next.SLOW_DOWN:
        return rates.slow_down(cursor, policy.limits, moment, attempt["stamp"], verdict.retry_after_seconds)
    if verdict.next is Next.STOP_DAY_CLOSED:
        cursor.execute("INSERT OR REPLACE INTO closed_days VALUES (?, ?)", (attempt["usage_date"], verdict.detail))
    elif verdict.state is not State.AMBIGUOUS:
        rates.accepted(cursor, attempt["stamp"])
    return 0


def _profile_address(enrichment: Enrichment | None) -> str | None:
    """The address of the profile that an answer names."""
    if enrichment is None or enrichment.found != State.PERSON:
        return None
    return enrichment.person.linkedin_url or None
