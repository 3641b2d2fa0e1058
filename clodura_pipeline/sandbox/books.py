"""The sandbox's books: every call, when it arrived and what was charged, as the server saw it."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

ENRICH_PATH = "/api/v1/cleanup/enrich"
CREDITS_PATH = "/api/v1/credits"


@dataclass(frozen=True)
class Call:
    """One call as the server saw it."""

    number: int
    arrived_at: float  # epoch seconds, taken when its first bytes were read
    arrived_monotonic: float  # the same moment on the clock that does not jump; its zero is the machine's
    method: str
    path: str
    status: int | None  # None: not even a status line was sent
    identifiers: Mapping[str, Any] | None  # the body, when it was a JSON object
    contact: str | None  # who was meant, the same for every identifier of theirs; None: refused before looking
    found: str | None  # person, organisation or miss, when somebody was looked up
    charged: int
    fault: str | None
    user_agent: str | None
    finished_at: float | None = None  # epoch seconds when the answer was written; None: it was not, or not wholly
    under_way: bool = True


@dataclass(frozen=True)
class BooksView:
    """The books at one moment, or the calls after a number of them. What tests ask is asked here."""

    calls: tuple[Call, ...]
    balance: int

    @property
    def charged(self) -> int:
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
        """The most calls that arrived in any window [t, t + seconds); refused ones count, for they arrived."""
        return most_within((call.arrived_monotonic for call in self.calls if path in (None, call.path)), seconds)

    def charged_by_contact(self) -> Counter[str]:
        """Credits by contact."""
        charged: Counter[str] = Counter()
        for call in self.enrich_calls:
            if call.contact is not None and call.charged:
                charged[call.contact] += call.charged
        return charged

    def calls_by_contact(self) -> Counter[str]:
        """How often each contact was asked, whatever came of it."""
        return Counter(call.contact for call in self.enrich_calls if call.contact is not None)

    def bought_more_than_once(self) -> dict[str, int]:
        """Contacts that were charged by more than one call, with the number of these calls."""
        bought = Counter(call.contact for call in self.enrich_calls if call.contact is not None and call.charged)
        return {contact: times for contact, times in bought.items() if times > 1}

    def by_status(self) -> Counter[int | None]:
        """How many enrich calls ended with which status."""
        return Counter(call.status for call in self.enrich_calls)

    def as_json(self) -> dict[str, Any]:
        """The books as JSON holds them, with totals for people who read them."""
        totals = {
            "calls": len(self.calls),
            "charged": self.charged,
            "in_flight": self.in_flight,
            "most_in_a_second": self.max_calls_within(1.0),
            "most_in_a_minute": self.max_calls_within(60.0),
            "by_status": {str(status): count for status, count in self.by_status().items()},
        }
        return {"balance": self.balance, "totals": totals, "calls": [asdict(call) for call in self.calls]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "BooksView":
        """The books that `as_json` gave."""
        return cls(tuple(Call(**call) for call in value["calls"]), value["balance"])


@dataclass
class Books:
    """The books while many threads write them. The balance is what was there at the start less what was charged."""

    starting_balance: int = 0
    _calls: list[Call] = field(default_factory=list)
    _charged: int = 0
    _in_flight: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call, in the order the server took them up."""
        with self._changed:
            return tuple(self._calls)

    @property
    def balance(self) -> int:
        """Credits left."""
        with self._changed:
            return self.starting_balance - self._charged

    @property
    def charged(self) -> int:
        """Credits charged in all."""
        with self._changed:
            return self._charged

    @property
    def in_flight(self) -> int:
        """Calls taken up and not ended."""
        with self._changed:
            return self._in_flight

    def view(self, after: int = 0) -> BooksView:
        """The books at this moment; only the calls above a number, when given."""
        with self._changed:
            return BooksView(tuple(self._calls[after:]), self.starting_balance - self._charged)

    def max_calls_within(self, seconds: float, path: str | None = ENRICH_PATH) -> int:
        """The most calls that arrived in any window of so many seconds."""
        return self.view().max_calls_within(seconds, path)

    def enter(self, call: Call) -> int:
        """Enters a call under the next number, which also charges it; returns the number."""
        with self._changed:
            number = len(self._calls) + 1
            self._calls.append(replace(call, number=number))
            self._charged += call.charged
            self._in_flight += 1
            return number

    def end(self, number: int, finished_at: float | None) -> None:
        """Notes that nothing more will be written for a call, and when its answer was written, if it was."""
        with self._changed:
            self._calls[number - 1] = replace(self._calls[number - 1], finished_at=finished_at, under_way=False)
            self._in_flight -= 1
            self._changed.notify_all()

    def wait_until_idle(self, timeout: float = 2.0) -> bool:
        """Waits until no call is under way: a client has its answer a moment before the books know."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)

    def save(self, path: Path) -> None:
        """Writes the books to a JSON file."""
        path.write_text(json.dumps(self.view().as_json()), encoding="utf-8")


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most moments in any half-open window of so many seconds."""
    ordered = sorted(moments)
    most = begin = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[begin] >= seconds:
            begin += 1
        most = max(most, end - begin + 1)
    return most
