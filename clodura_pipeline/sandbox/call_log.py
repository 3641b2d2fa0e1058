"""The sandbox's call log: every call as the server saw it, when it arrived and what was charged."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

ENRICH_PATH = "/api/v1/cleanup/enrich"
CREDITS_PATH = "/api/v1/credits"


@dataclass(frozen=True)
class Call:
    """One call as the server saw it."""

    arrived_at: float  # epoch seconds, taken when its first line was read
    arrived_monotonic: float  # the same on the clock that does not jump; its zero is the machine's
    method: str
    path: str
    user_agent: str | None
    number: int = 0
    status: int | None = None  # None: not even a status line was sent
    identifiers: Mapping[str, Any] | None = None  # the body, when it was a JSON object
    contact: str | None = None  # who was meant, equal for all identifiers of a person; None: refused before looking
    found: str | None = None  # person, organisation or miss, when a contact was looked up
    charged: float = 0
    fault: str | None = None
    finished_at: float | None = None  # epoch seconds when the whole answer was written; None: it was not
    under_way: bool = True


@dataclass(frozen=True)
class CallLog:
    """The calls up to one moment, in the order the server decided them, and the balance at that moment."""

    calls: tuple[Call, ...]
    balance: float

    @property
    def charged(self) -> float:
        """Credits charged for these calls."""
        return sum(call.charged for call in self.calls)

    @property
    def in_flight(self) -> int:
        """How many of these calls are under way."""
        return sum(call.under_way for call in self.calls)

    @property
    def enrich_calls(self) -> tuple[Call, ...]:
        """The calls that can cost something."""
        return tuple(call for call in self.calls if call.path == ENRICH_PATH)

    def max_calls_within(self, seconds: float, path: str | None = ENRICH_PATH) -> int:
        """The most calls that arrived in any window [t, t + seconds), refused ones included."""
        return most_within((call.arrived_monotonic for call in self.calls if path in (None, call.path)), seconds)

    def calls_by_contact(self) -> Counter[str]:
        """How many calls were made for each contact, whatever the outcome."""
        return Counter(call.contact for call in self.enrich_calls if call.contact is not None)

    def bought_more_than_once(self) -> dict[str, int]:
        """Contacts that were charged by more than one call, with the number of these calls."""
        bought = Counter(call.contact for call in self.enrich_calls if call.contact is not None and call.charged)
        return {contact: times for contact, times in bought.items() if times > 1}

    def by_status(self) -> Counter[int | None]:
        """How many enrich calls ended with which status."""
        return Counter(call.status for call in self.enrich_calls)

    def as_json(self) -> dict[str, Any]:
        """The log as JSON holds it, with totals for people who read it."""
        totals = {
            "calls": len(self.calls),
            "charged": self.charged,
            "in_flight": self.in_flight,
            "most_in_a_second": self.max_calls_within(1.0),
            "most_in_a_minute": self.max_calls_within(60.0),
            "by_status": {str(status): count for status, count in self.by_status().items()},
        }
        return {"balance": self.balance, "totals": totals, "calls": [asdict(call) for call in self.calls]}


def most_within(times: Iterable[float], seconds: float) -> int:
    """The most times in any half-open window of so many seconds."""
    ordered = sorted(times)
    most = begin = 0
    for end, time in enumerate(ordered):
        while time - ordered[begin] >= seconds:
            begin += 1
        most = max(most, end - begin + 1)
    return most
