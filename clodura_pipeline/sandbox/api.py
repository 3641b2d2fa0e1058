"""What the API answers to a request, which fault befalls it, and what is charged: decided in one locked step."""

import json
import math
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, cast

from . import answers
from .books import CREDITS_PATH, ENRICH_PATH, Books, Call
from .directory import Directory, Lookup
from .faults import EFFECTS, Delivery, Effect, Endpoint, Fault, FaultChooser
from .identifiers import InvalidQuery, read_query
from .limits import Limits
from .options import SandboxOptions
from .wire import Reply, Request

_SERVED: dict[tuple[str, str], Endpoint] = {("POST", ENRICH_PATH): "enrich", ("GET", CREDITS_PATH): "credits"}
# Where the redirect fault points: a call to it in the books means that somebody followed, key and all.
REDIRECTED_PATH = "/redirected"
_GARBAGE = b'{"personId": "5f0c", "firstName": \x00\xff\xfe<<< not json'


@dataclass(frozen=True)
class Decision:
    """What is answered, how it travels, and under which number the call is in the books."""

    reply: Reply
    delivery: Delivery
    number: int


@dataclass(frozen=True)
class _Outcome:
    """What a call comes to: an answer, its price, and who was looked up."""

    reply: Reply
    payload: dict[str, Any] | None = None
    charge: int = 0
    lookup: Lookup | None = None
    delivery: Delivery = "whole"


class Api:
    """Decides every call. Options may be replaced at any time; the next call obeys them."""

    def __init__(self, directory: Directory, options: SandboxOptions, books: Books) -> None:
        self._directory = directory
        self._books = books
        self._lock = threading.Lock()
        self._limits = Limits()
        self._options = options
        self._faults = FaultChooser(options.faults, options.seed)
        self._jitter = random.Random(f"{options.seed}/jitter")
        books.starting_balance = options.starting_balance

    @property
    def options(self) -> SandboxOptions:
        """The options in force."""
        return self._options

    @options.setter
    def options(self, options: SandboxOptions) -> None:
        with self._lock:
            if options.seed != self._options.seed:
                self._jitter = random.Random(f"{options.seed}/jitter")
            if (options.faults, options.seed) != (self._faults.faults, self._faults.seed):
                self._faults = FaultChooser(options.faults, options.seed)
            self._books.starting_balance = options.starting_balance
            self._options = options

    def patch(self, changes: Mapping[str, Any]) -> SandboxOptions:
        """Replaces some options by values as JSON holds them; ValueError or TypeError says what is wrong."""
        self.options = self._options.patched(changes)
        return self._options

    def server_time(self) -> float:
        """The time on the server's clock, which may be ahead of ours."""
        return time.time() + self._options.date_offset_seconds

    def draw_delays(self) -> tuple[float, float]:
        """How much later than it came the next call counts as arrived, and how long its answer takes from then."""
        options = self._options
        late = options.arrival_jitter_seconds * self._jitter.random()
        return late, options.latency_seconds + options.latency_jitter_seconds * self._jitter.random()

    def decide(self, request: Request) -> Decision:
        """Decides a call and enters it in the books; whatever becomes of the answer, what is charged is charged."""
        body = _read_json(request.body)
        endpoint = _SERVED.get((request.method, request.path))
        with self._lock:
            outcome = self._refuse(request, endpoint)
            fault = None
            if outcome is None and endpoint is not None:
                outcome = self._enrich(request, body) if endpoint == "enrich" else self._show_credits()
                fault = self._faults.choose(endpoint, _texts(body))
                if fault is not None:
                    outcome = self._befall(outcome, fault, request)
            if outcome is None:
                outcome = _Outcome(Reply.of_html(404, f"Cannot {request.method} this path"))
            number = self._enter(request, body, outcome, fault)
        return Decision(outcome.reply, outcome.delivery, number)

    def _refuse(self, request: Request, endpoint: Endpoint | None) -> _Outcome | None:
        """What keeps a call from being looked at: key, plan, limits."""
        options = self._options
        if endpoint is None:
            return None
        if request.headers.get("x-api-key") != options.api_key:
            return _error(401)
        if not options.paid_plan:
            return _error(403)
        if endpoint == "credits":
            return None
        refusal = self._limits.admit(request.arrived_monotonic, self.server_time(), options)
        if refusal is None:
            return None
        return self._rate_limited(refusal.wait_seconds) if refusal.status == 429 else _error(refusal.status)

    def _enrich(self, request: Request, body: Any) -> _Outcome:
        if not request.headers.get("content-type", "").casefold().startswith("application/json"):
            return _error(400, "Malformed input: the content type must be application/json")
        if isinstance(body, list):
            return _error(400, "Contacts array limit exceeded")
        if not isinstance(body, dict):
            return _error(400)
        try:
            query = read_query(body)
        except InvalidQuery as error:
            return _error(422, str(error))
        lookup = self._directory.find(query)
        answer = answers.enrichment(lookup, self._options)
        if answer.cost > self._books.balance:
            return replace(_error(402), lookup=lookup)
        return _Outcome(Reply.of_json(answer.status, answer.payload), answer.payload, answer.cost, lookup)

    def _show_credits(self) -> _Outcome:
        answer = answers.credits_answer(self._books.balance, self._options)
        return _Outcome(Reply.of_json(answer.status, answer.payload), answer.payload)

    def _befall(self, outcome: _Outcome, fault: Fault, request: Request) -> _Outcome:
        """What becomes of an outcome under a fault."""
        effect = EFFECTS[fault.kind]
        charge = fault.charge if fault.charge is not None else outcome.charge if effect.charges else 0
        return replace(
            outcome,
            reply=self._instead(effect, fault, request) or self._altered(outcome, effect),
            charge=min(charge, max(0, self._books.balance)),
            delivery=effect.delivery,
        )

    def _instead(self, effect: Effect, fault: Fault, request: Request) -> Reply | None:
        """The reply of a fault that has nothing to do with the answer, or None for the other faults."""
        match effect.content:
            case "error" if effect.status == 429:
                return self._rate_limited(1.0).reply
            case "error":
                text = answers.ALREADY_ENRICHED if fault.kind == "status_409_already_enriched" else None
                return Reply.of_json(effect.status, answers.error(effect.status, text))
            case "html":
                return Reply.of_html(effect.status, "This page is not the answer you asked for")
            case "garbage":
                return Reply(200, _GARBAGE)
            case "empty":
                return Reply(200)
            case "redirect":
                port = request.headers.get("host", "").rpartition(":")[2]
                return Reply(307, headers={"Location": f"http://localhost:{port}{REDIRECTED_PATH}"})
            case _:
                return None

    def _altered(self, outcome: _Outcome, effect: Effect) -> Reply:
        """The answer as a fault changes it; unchanged when the fault only concerns how it travels."""
        reply, payload = outcome.reply, outcome.payload or {}
        match effect.content:
            case "huge":
                padding = b'{"padding": "' + b"x" * self._options.huge_body_bytes + b'"'
                return replace(reply, body=padding + (b"}" if reply.body == b"{}" else b", " + reply.body[1:]))
            case "wrong_cost":
                return Reply.of_json(reply.status, answers.with_wrong_cost(payload, self._options))
            case "unknown_shape":
                return Reply.of_json(200, answers.unknown_shape(outcome.lookup or Lookup("nobody", "miss")))
            case _:
                return reply

    def _rate_limited(self, wait_seconds: float) -> _Outcome:
        options = self._options
        seconds = math.ceil(wait_seconds) if options.retry_after_seconds is None else options.retry_after_seconds
        value = {
            "seconds": str(seconds),
            "date": formatdate(self.server_time() + seconds, usegmt=True),
            "junk": "soon",
            None: None,
        }[options.retry_after]
        return _Outcome(Reply.of_json(429, answers.error(429), {"Retry-After": value} if value else None))

    def _enter(self, request: Request, body: Any, outcome: _Outcome, fault: Fault | None) -> int:
        lookup = outcome.lookup
        call = Call(
            number=0,
            arrived_at=request.arrived_at,
            arrived_monotonic=request.arrived_monotonic,
            method=request.method,
            path=request.path,
            status=None if outcome.delivery in ("stall", "reset") else outcome.reply.status,
            identifiers=cast(Mapping[str, Any], body) if isinstance(body, dict) else None,
            contact=lookup.contact if lookup else None,
            found=lookup.found if lookup else None,
            charged=outcome.charge,
            fault=fault.kind if fault else None,
            user_agent=request.headers.get("user-agent"),
        )
        return self._books.enter(call)


def _error(status: int, message: str | None = None) -> _Outcome:
    return _Outcome(Reply.of_json(status, answers.error(status, message)))


def _read_json(body: bytes) -> Any:
    """The value in a body, or None when there is none or it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _texts(body: Any) -> list[str]:
    return [value for value in body.values() if isinstance(value, str)] if isinstance(body, dict) else []
