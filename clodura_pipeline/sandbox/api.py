"""What the API answers to a request, within its limits and with which fault, and what that costs: in one step."""

import json
import math
import random
import threading
import time
from collections import Counter, deque
from dataclasses import replace
from datetime import UTC, date, datetime
from email.message import Message
from email.utils import formatdate
from typing import Any

from . import replies
from .call_log import CREDITS_PATH, ENRICH_PATH, Call, CallLog
from .directory import Directory, InvalidQuery
from .faults import Endpoint, Fault, FaultChooser
from .options import SandboxOptions
from .replies import Reply, error

_SERVED: dict[tuple[str, str], Endpoint] = {("POST", ENRICH_PATH): "enrich", ("GET", CREDITS_PATH): "credits"}


class Limits:
    """Counts the calls let through and refuses those above a limit; refused calls do not count. Not thread-safe."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque()
        self._days: Counter[date] = Counter()

    def refusal(self, arrived: float, server_time: float, options: SandboxOptions) -> tuple[int, float] | None:
        """Count a call that arrived at a monotonic time; or the status of its refusal and the seconds to wait."""
        today = datetime.fromtimestamp(server_time, UTC).date()
        if options.requests_per_day and self._days[today] >= options.requests_per_day:
            return 409, 0.0
        if self._arrivals:
            # Threads may come here in another order than their calls arrived, by fractions of a millisecond.
            arrived = max(arrived, self._arrivals[-1])
        while self._arrivals and self._arrivals[0] <= arrived - 60.0:
            self._arrivals.popleft()
        for most, seconds in ((options.requests_per_minute, 60.0), (options.requests_per_second, 1.0)):
            # The call before which `most` others have come is the one that has to leave the window first.
            if most and len(self._arrivals) >= most and arrived - self._arrivals[-most] < seconds:
                return 429, self._arrivals[-most] + seconds - arrived
        self._arrivals.append(arrived)
        self._days[today] += 1
        return None


class Api:
    """Decides and logs every call. The balance is the starting balance less what was taken.

    `options` may be replaced at any time; the next call obeys them.
    """

    def __init__(self, directory: Directory, options: SandboxOptions) -> None:
        self.directory = directory
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._taken = 0.0
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
            return self._changed.wait_for(lambda: not any(call.under_way for call in self._calls), timeout_seconds)

    def server_time(self) -> float:
        """The time on the server's clock, which may be ahead of ours."""
        return time.time() + self.options.date_offset_seconds

    def draw_delays(self) -> tuple[float, float]:
        """How much later than it came the next call counts as arrived, and how long its answer takes from then."""
        options = self.options
        late = options.arrival_jitter_seconds * self._jitter.random()
        return late, options.latency_seconds + options.latency_jitter_seconds * self._jitter.random()

    def decide(self, call: Call, headers: Message, content: bytes) -> tuple[int, Reply]:
        """The number of a call in the call log, and its reply; it stays charged whatever becomes of that."""
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        with self._changed:
            reply, fault = self._reply(call, headers, body)
            call = replace(
                call,
                number=len(self._calls) + 1,
                status=None if reply.delivery in ("stall", "reset") else reply.status,
                identifiers=body if isinstance(body, dict) else None,
                contact=reply.lookup.contact if reply.lookup else None,
                found=reply.lookup.found if reply.lookup else None,
                charged=reply.cost,
                fault=fault.kind if fault else None,
            )
            self._calls.append(call)
            self._taken += call.charged + self.options.other_use_per_call
            return call.number, reply

    def end(self, number: int, finished_at: float | None) -> None:
        """Log that nothing more will be written for a call, and when its answer was written, if it was."""
        with self._changed:
            self._calls[number - 1] = replace(self._calls[number - 1], finished_at=finished_at, under_way=False)
            self._changed.notify_all()

    def _balance(self) -> float:
        # Rounded, because hundredths of credits do not add up exactly in binary fractions.
        left = round(self.options.starting_balance - self._taken, 6)
        return int(left) if left == int(left) else left

    def _reply(self, call: Call, headers: Message, body: Any) -> tuple[Reply, Fault | None]:
        endpoint = _SERVED.get((call.method, call.path))
        if endpoint is None:
            return replies.page(404, f"Cannot {call.method} this path"), None
        if refused := self._refuse(call, headers, endpoint):
            return refused, None
        fault = self._faults.choose(endpoint, body.values() if isinstance(body, dict) else ())
        if endpoint == "credits":
            reply = replies.credits_left(self._balance(), self.options)
        else:
            reply = self._enrich(headers, body, fault)
        if fault is None:
            return reply, None
        cost = min(fault.effect.charges, reply.cost) if fault.charge is None else fault.charge
        cost, delivery = min(cost, max(0, self._balance())), fault.effect.delivery
        faulty = self._faulty_content(fault, reply, headers)
        return replace(faulty, cost=cost, lookup=reply.lookup, delivery=delivery), fault

    def _refuse(self, call: Call, headers: Message, endpoint: Endpoint) -> Reply | None:
        """What prevents a call from being looked at: key, plan, limits."""
        if headers.get("X-API-KEY") != self.options.api_key:
            return error(401)
        if not self.options.paid_plan:
            return error(403)
        if endpoint == "credits":
            return None
        refusal = self._limits.refusal(call.arrived_monotonic, self.server_time(), self.options)
        if refusal is None:
            return None
        status, wait_seconds = refusal
        return self._rate_limited(wait_seconds) if status == 429 else error(status)

    def _enrich(self, headers: Message, body: Any, fault: Fault | None) -> Reply:
        if not headers.get("Content-Type", "").casefold().startswith("application/json"):
            return error(400, "Malformed input: the content type must be application/json")
        if isinstance(body, list):
            return error(400, "Contacts array limit exceeded")
        if not isinstance(body, dict):
            return error(400)
        try:
            lookup = self.directory.find(body)
        except InvalidQuery as invalid:
            return error(422, str(invalid))
        shown, content = lookup, fault.effect.content if fault else None
        if content == "wrong_person" and lookup.person:
            other = self.directory.other_person(lookup.person)
            shown = replace(lookup, person=other, organisation=other.organisation)
        reply = replies.enrichment(shown, self.options, fault.field if fault and content == "empty_field" else None)
        return replace(error(402) if reply.cost > self._balance() else reply, lookup=lookup)

    def _faulty_content(self, fault: Fault, right: Reply, headers: Message) -> Reply:
        effect = fault.effect
        match effect.content:
            case "error":
                return self._rate_limited(1.0) if effect.status == 429 else error(effect.status, effect.message)
            case "html":
                return replies.page(effect.status, "This page is not the answer you asked for")
            case "body":
                return Reply(200, effect.body.encode("latin-1"))
            case "redirect":
                # A call to this path in the call log means that a client followed, with the key.
                port = headers.get("Host", "").rpartition(":")[2]
                return Reply(307, b"", headers={"Location": f"http://localhost:{port}/redirected"})
            case "huge":
                return replace(right, payload=right.body() + b" " * self.options.huge_body_bytes)
            case "unknown_shape":
                return Reply(200, replies.unknown_shape(right.lookup))
        if effect.states is None:
            return right
        name = self.options.credit_usage_field or "creditsUsed"
        return replace(right, payload=replies.with_value(right.payload, name, effect.states))

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
