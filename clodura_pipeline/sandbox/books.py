"""The sandbox's books: every call, when it arrived and what was charged, as the server saw it."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

ENRICH_PATH = "/api/v1/cleanup/enrich"
CREDITS_PATH = "/api/v1/credits"


@dataclass(frozen=True)
class Call:
    """One call as the server saw it."""

    number: int
    arrived_at: float  # epoch seconds, taken when its first line was read
    arrived_monotonic: float  # the same on the clock that does not jump; its zero is the machine's
    method: str
    path: str
    status: int | None  # None: not even a status line was sent
    identifiers: Mapping[str, Any] | None  # the body, when it was a JSON object
    contact: str | None  # who was meant, equal for all identifiers of a person; None: refused before looking
    found: str | None  # person, organisation or miss, when a contact was looked up
    charged: float
    fault: str | None
    user_agent: str | None
    finished_at: float | None = None  # epoch seconds when the whole answer was written; None: it was not
    under_way: bool = True


@dataclass
class BooksView:
    """The books at one moment, or the calls after a certain number."""

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


class Books(BooksView):
    """The books while many threads write them. The balance is the starting balance less what was taken."""

    def __init__(self, starting_balance: float = 0) -> None:
        self.starting_balance = starting_balance
        self._calls: list[Call] = []
        self._taken = 0.0
        self._in_flight = 0
        self._changed = threading.Condition()

    @property
    def calls(self) -> tuple[Call, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Every call, in the order the server decided them."""
        return tuple(self._calls)

    @property
    def balance(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Credits left."""
        # Rounded, because hundredths of credits do not add up exactly in binary fractions.
        left = round(self.starting_balance - self._taken, 6)
        return int(left) if left == int(left) else left

    def view(self, after: int = 0) -> BooksView:
        """The books at this moment; only the calls above a number, when given."""
        with self._changed:
            return BooksView(tuple(self._calls[after:]), self.balance)

    def enter(self, call: Call, taken_by_others: float = 0) -> int:
        """Enters a call under the next number, which also charges it; returns the number."""
        with self._changed:
            number = len(self._calls) + 1
            self._calls.append(replace(call, number=number))
            self._taken += call.charged + taken_by_others
            self._in_flight += 1
            return number

    def end(self, number: int, finished_at: float | None) -> None:
        """Records that nothing more will be written for a call, and when its answer was written, if it was."""
        with self._changed:
            self._calls[number - 1] = replace(self._calls[number - 1], finished_at=finished_at, under_way=False)
            self._in_flight -= 1
            self._changed.notify_all()

    def wait_until_idle(self, timeout: float = 2.0) -> bool:
        """Waits until no call is under way: a client has its answer a moment before the books do."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most moments in any half-open window of so many seconds."""
    ordered = sorted(moments)
    most = begin = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[begin] >= seconds:
            begin += 1
        most = max(most, end - begin + 1)
    return most
