"""What the API answers to a request, which fault it gets, and what is charged: decided in one locked step."""

import json
import math
import random
import threading
import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from . import answers
from .answers import Answer, error
from .books import CREDITS_PATH, ENRICH_PATH, Books, Call
from .directory import Directory, Lookup
from .faults import Delivery, Endpoint, Fault, FaultChooser
from .identifiers import InvalidQuery, read_query
from .limits import Limits
from .options import SandboxOptions
from .wire import Reply, Request

_SERVED: dict[tuple[str, str], Endpoint] = {("POST", ENRICH_PATH): "enrich", ("GET", CREDITS_PATH): "credits"}
# Where the redirect fault points: a call to it in the books means that a client followed, with the key.
REDIRECTED_PATH = "/redirected"
_GARBAGE = b'{"personId": "5f0c", "firstName": \x00\xff\xfe<<< not json'


@dataclass(frozen=True)
class Decision:
    """What is answered, how it is delivered, and under which number the call is in the books."""

    reply: Reply
    delivery: Delivery
    number: int


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
            if (options.faults, options.seed) != (self._faults.faults, self._faults.seed):
                self._faults = FaultChooser(options.faults, options.seed)
                self._jitter = random.Random(f"{options.seed}/jitter")
            self._books.starting_balance = options.starting_balance
            self._options = options

    def server_time(self) -> float:
        """The time on the server's clock, which may be ahead of ours."""
        return time.time() + self._options.date_offset_seconds

    def draw_delays(self) -> tuple[float, float]:
        """How much later than it came the next call counts as arrived, and how long its answer takes from then."""
        options = self._options
        late = options.arrival_jitter_seconds * self._jitter.random()
        return late, options.latency_seconds + options.latency_jitter_seconds * self._jitter.random()

    def decide(self, request: Request) -> Decision:
        """Decides a call and enters it in the books; it stays charged whatever becomes of the answer."""
        body = _read_json(request.body)
        endpoint = _SERVED.get((request.method, request.path))
        with self._lock:
            if endpoint is None:
                reply = Reply.of_html(404, f"Cannot {request.method} this path")
                return Decision(reply, "whole", self._enter(request, body, reply.status, 0))
            if refused := self._refuse(request, endpoint):
                return Decision(refused.reply(), "whole", self._enter(request, body, refused.status, 0))
            sent = body.values() if isinstance(body, dict) else ()
            fault = self._faults.choose(endpoint, (value for value in sent if isinstance(value, str)))
            if endpoint == "enrich":
                answer = self._enrich(request, body, fault)
            else:
                answer = answers.credits_answer(self._books.balance, self._options)
            reply, charge = answer.reply(), answer.cost
            if fault is not None:
                reply, charge = self._faulty_reply(fault, answer, request), self._faulty_charge(fault, answer)
            number = self._enter(request, body, reply.status, charge, answer.lookup, fault)
            return Decision(reply, fault.effect.delivery if fault else "whole", number)

    def _refuse(self, request: Request, endpoint: Endpoint) -> Answer | None:
        """What prevents a call from being looked at: key, plan, limits."""
        options = self._options
        if request.headers.get("X-API-KEY") != options.api_key:
            return error(401)
        if not options.paid_plan:
            return error(403)
        if endpoint == "credits":
            return None
        refusal = self._limits.admit(request.arrived_monotonic, self.server_time(), options)
        if refusal is None:
            return None
        return self._rate_limited(refusal.wait_seconds) if refusal.status == 429 else error(refusal.status)

    def _enrich(self, request: Request, body: Any, fault: Fault | None) -> Answer:
        if not request.headers.get("Content-Type", "").casefold().startswith("application/json"):
            return error(400, "Malformed input: the content type must be application/json")
        if isinstance(body, list):
            return error(400, "Contacts array limit exceeded")
        if not isinstance(body, dict):
            return error(400)
        try:
            lookup = self._directory.find(read_query(body))
        except InvalidQuery as invalid:
            return error(422, str(invalid))
        shown, empty_field = lookup, None
        if fault and fault.effect.content == "wrong_person" and lookup.person:
            other = self._directory.other_person(lookup.person)
            shown = replace(lookup, person=other, organisation=other.organisation)
        elif fault and fault.effect.content == "empty_field":
            empty_field = fault.field
        answer = answers.enrichment(shown, self._options, empty_field)
        if answer.cost > self._books.balance:
            return error(402, lookup=lookup)
        return replace(answer, lookup=lookup)

    def _faulty_charge(self, fault: Fault, answer: Answer) -> float:
        effect = fault.effect
        charge = answer.cost if effect.charges else 0
        if effect.price is not None:
            charge = min(effect.price, answer.cost)
        if fault.charge is not None:
            charge = fault.charge
        return min(charge, max(0, self._books.balance))

    def _faulty_reply(self, fault: Fault, answer: Answer, request: Request) -> Reply:
        """The reply of a fault; the right one when the fault only concerns its delivery."""
        effect, reply = fault.effect, answer.reply()
        match effect.content:
            case "error" if effect.status == 429:
                return self._rate_limited(1.0).reply()
            case "error":
                text = answers.ALREADY_ENRICHED if fault.kind == "status_409_already_enriched" else None
                return error(effect.status, text).reply()
            case "html":
                return Reply.of_html(effect.status, "This page is not the answer you asked for")
            case "garbage":
                return Reply(200, _GARBAGE)
            case "empty":
                return Reply(200)
            case "redirect":
                port = request.headers.get("Host", "").rpartition(":")[2]
                return Reply(307, headers={"Location": f"http://localhost:{port}{REDIRECTED_PATH}"})
            case "huge":
                padding = b'{"padding": "' + b"x" * self._options.huge_body_bytes + b'"'
                return replace(reply, body=padding + (b"}" if reply.body == b"{}" else b", " + reply.body[1:]))
            case "unknown_shape":
                return Reply.of_json(200, answers.unknown_shape(answer.lookup or Lookup("", "miss")))
        if effect.states is None:
            return reply
        name = self._options.credit_usage_field or answers.COST_FIELD_OF_FAULTS
        return replace(answer, payload=answers.with_cost(answer.payload or {}, name, effect.states)).reply()

    def _rate_limited(self, wait_seconds: float) -> Answer:
        options = self._options
        seconds = math.ceil(wait_seconds) if options.retry_after_seconds is None else options.retry_after_seconds
        value = {
            "seconds": str(seconds),
            "date": formatdate(self.server_time() + seconds, usegmt=True),
            "junk": "soon",
            None: None,
        }[options.retry_after]
        return replace(error(429), headers={"Retry-After": value} if value else {})

    def _enter(
        self, request: Request, body: Any, status: int, charge: float, lookup: Lookup | None = None,
        fault: Fault | None = None,
    ) -> int:  # fmt: skip
        unanswered = fault is not None and fault.effect.delivery in ("stall", "reset")
        call = Call(
            number=0,
            arrived_at=request.arrived_at,
            arrived_monotonic=request.arrived_monotonic,
            method=request.method,
            path=request.path,
            status=None if unanswered else status,
            identifiers=body if isinstance(body, dict) else None,
            contact=lookup.contact if lookup else None,
            found=lookup.found if lookup else None,
            charged=charge,
            fault=fault.kind if fault else None,
            user_agent=request.headers.get("User-Agent"),
        )
        return self._books.enter(call, self._options.other_use_per_call)


def _read_json(body: bytes) -> Any:
    """The value in a body, or None when there is none or it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
