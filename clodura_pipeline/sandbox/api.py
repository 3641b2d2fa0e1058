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
from .answers import error
from .call_log import CREDITS_PATH, ENRICH_PATH, Call, CallLog
from .directory import Directory
from .faults import Delivery, Endpoint, Fault, FaultChooser
from .identifiers import InvalidQuery, read_query
from .limits import Limits
from .options import SandboxOptions
from .wire import Reply, Request

_SERVED: dict[tuple[str, str], Endpoint] = {("POST", ENRICH_PATH): "enrich", ("GET", CREDITS_PATH): "credits"}
# Where the redirect fault points: a call to it in the call log means that a client followed, with the key.
REDIRECTED_PATH = "/redirected"
_GARBAGE = b'{"personId": "5f0c", "firstName": \x00\xff\xfe<<< not json'


@dataclass(frozen=True)
class Decision:
    """What is answered, how it is delivered, and the number of the call in the call log."""

    reply: Reply
    delivery: Delivery
    number: int


class Api:
    """Decides and logs every call. The balance is the starting balance less what was taken.

    `options` may be replaced at any time; the next call obeys them.
    """

    def __init__(self, directory: Directory, options: SandboxOptions) -> None:
        self.directory = directory
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._taken = 0.0
        self._in_flight = 0
        self._limits = Limits()
        self._options = options
        self._faults = FaultChooser(options.faults, options.seed)
        self._jitter = random.Random(f"{options.seed}/jitter")

    @property
    def options(self) -> SandboxOptions:
        """The options in force; assign changed ones. Other faults restart their counting."""
        return self._options

    @options.setter
    def options(self, options: SandboxOptions) -> None:
        with self._changed:
            if (options.faults, options.seed) != (self._options.faults, self._options.seed):
                self._faults = FaultChooser(options.faults, options.seed)
            self._options = options

    @property
    def call_log(self) -> CallLog:
        """Every call up to this moment, and the balance."""
        with self._changed:
            return CallLog(tuple(self._calls), self._balance())

    def wait_until_idle(self, timeout_seconds: float = 2.0) -> bool:
        """Wait until no call is under way: a client has its answer a moment before the call log does."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout_seconds)

    def server_time(self) -> float:
        """The time on the server's clock, which may be ahead of ours."""
        return time.time() + self.options.date_offset_seconds

    def draw_delays(self) -> tuple[float, float]:
        """How much later than it came the next call counts as arrived, and how long its answer takes from then."""
        options = self.options
        late = options.arrival_jitter_seconds * self._jitter.random()
        return late, options.latency_seconds + options.latency_jitter_seconds * self._jitter.random()

    def decide(self, request: Request) -> Decision:
        """Decide a call and log it; it stays charged whatever becomes of the answer."""
        body = _read_json(request.body)
        endpoint = _SERVED.get((request.method, request.path))
        fault: Fault | None = None
        with self._changed:
            if endpoint is None:
                reply = answers.page(404, f"Cannot {request.method} this path")
            elif (refused := self._refuse(request, endpoint)) is not None:
                reply = refused
            else:
                sent = body.values() if isinstance(body, dict) else ()
                fault = self._faults.choose(endpoint, (value for value in sent if isinstance(value, str)))
                if endpoint == "enrich":
                    reply = self._enrich(request, body, fault)
                else:
                    reply = answers.credits_left(self._balance(), self.options)
                if fault is not None:
                    reply = self._faulty_reply(fault, reply, request)
            return Decision(reply, fault.effect.delivery if fault else "whole", self._log(request, body, reply, fault))

    def end(self, number: int, finished_at: float | None) -> None:
        """Log that nothing more will be written for a call, and when its answer was written, if it was."""
        with self._changed:
            self._calls[number - 1] = replace(self._calls[number - 1], finished_at=finished_at, under_way=False)
            self._in_flight -= 1
            self._changed.notify_all()

    def _balance(self) -> float:
        # Rounded, because hundredths of credits do not add up exactly in binary fractions.
        left = round(self.options.starting_balance - self._taken, 6)
        return int(left) if left == int(left) else left

    def _refuse(self, request: Request, endpoint: Endpoint) -> Reply | None:
        """What prevents a call from being looked at: key, plan, limits."""
        if request.headers.get("X-API-KEY") != self.options.api_key:
            return error(401)
        if not self.options.paid_plan:
            return error(403)
        if endpoint == "credits":
            return None
        refusal = self._limits.refusal(request.arrived_monotonic, self.server_time(), self.options)
        if refusal is None:
            return None
        status, wait_seconds = refusal
        return self._rate_limited(wait_seconds) if status == 429 else error(status)

    def _enrich(self, request: Request, body: Any, fault: Fault | None) -> Reply:
        if not request.headers.get("Content-Type", "").casefold().startswith("application/json"):
            return error(400, "Malformed input: the content type must be application/json")
        if isinstance(body, list):
            return error(400, "Contacts array limit exceeded")
        if not isinstance(body, dict):
            return error(400)
        try:
            lookup = self.directory.find(read_query(body))
        except InvalidQuery as invalid:
            return error(422, str(invalid))
        shown, content = lookup, fault.effect.content if fault else None
        if content == "wrong_person" and lookup.person:
            other = self.directory.other_person(lookup.person)
            shown = replace(lookup, person=other, organisation=other.organisation)
        reply = answers.enrichment(shown, self.options, fault.field if fault and content == "empty_field" else None)
        return error(402, lookup=lookup) if reply.cost > self._balance() else reply

    def _faulty_reply(self, fault: Fault, right: Reply, request: Request) -> Reply:
        """The reply of a fault and its charge; the right reply when the fault only concerns its delivery."""
        effect = fault.effect
        cost = right.cost if effect.charges else 0
        if effect.price is not None:
            cost = min(effect.price, right.cost)
        if fault.charge is not None:
            cost = fault.charge
        reply = self._faulty_content(fault, right, request)
        return replace(reply, cost=min(cost, max(0, self._balance())), lookup=right.lookup)

    def _faulty_content(self, fault: Fault, right: Reply, request: Request) -> Reply:
        effect = fault.effect
        match effect.content:
            case "error" if effect.status == 429:
                return self._rate_limited(1.0)
            case "error":
                return error(effect.status, effect.message)
            case "html":
                return answers.page(effect.status, "This page is not the answer you asked for")
            case "garbage":
                return Reply(200, _GARBAGE)
            case "empty":
                return Reply(200, b"")
            case "redirect":
                port = request.headers.get("Host", "").rpartition(":")[2]
                return Reply(307, b"", headers={"Location": f"http://localhost:{port}{REDIRECTED_PATH}"})
            case "huge":
                return replace(right, payload=right.body() + b" " * self.options.huge_body_bytes)
            case "unknown_shape":
                return Reply(200, answers.unknown_shape(right.lookup))
        if effect.states is None:
            return right
        name = self.options.credit_usage_field or answers.COST_FIELD_OF_FAULTS
        return replace(right, payload=answers.with_value(right.payload, name, effect.states))

    def _rate_limited(self, wait_seconds: float) -> Reply:
        options = self.options
        seconds = math.ceil(wait_seconds) if options.retry_after_seconds is None else options.retry_after_seconds
        value = {
            "seconds": str(seconds),
            "date": formatdate(self.server_time() + seconds, usegmt=True),
            "junk": "soon",
            None: None,
        }[options.retry_after]
        return replace(error(429), headers={"Retry-After": value} if value else {})

    def _log(self, request: Request, body: Any, reply: Reply, fault: Fault | None) -> int:
        """Log a call under the next number, which also charges it; returns the number."""
        unanswered = fault is not None and fault.effect.delivery in ("stall", "reset")
        call = Call(
            number=len(self._calls) + 1,
            arrived_at=request.arrived_at,
            arrived_monotonic=request.arrived_monotonic,
            method=request.method,
            path=request.path,
            status=None if unanswered else reply.status,
            identifiers=body if isinstance(body, dict) else None,
            contact=reply.lookup.contact if reply.lookup else None,
            found=reply.lookup.found if reply.lookup else None,
            charged=reply.cost,
            fault=fault.kind if fault else None,
            user_agent=request.headers.get("User-Agent"),
        )
        self._calls.append(call)
        self._taken += call.charged + self.options.other_use_per_call
        self._in_flight += 1
        return call.number


def _read_json(body: bytes) -> Any:
    """The value in a body, or None when there is none or it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
