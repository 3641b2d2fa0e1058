"""Faults: what each kind does to a call, and which calls get one."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

FaultKind = Literal[
    "status_400",
    "status_401",
    "status_402",
    "status_403",
    "status_403_html",
    "status_404",
    "status_404_html",
    "status_409",
    "status_409_already_enriched",
    "status_422",
    "status_429",
    "status_500",
    "status_502",
    "status_503",
    "status_504",
    "stall",
    "charged_then_stall",
    "reset_before_answer",
    "charged_then_reset",
    "reset_during_answer",
    "cut_body",
    "cut_body_uncharged",
    "drip",
    "drip_headers",
    "redirect",
    "html_instead_of_json",
    "garbage_200",
    "empty_body_200",
    "huge_body",
    "wrong_cost",
    "unknown_shape",
]
Endpoint = Literal["enrich", "credits"]
Delivery = Literal["whole", "stall", "reset", "reset_midway", "cut", "drip_body", "drip_all"]
Content = Literal["answer", "error", "html", "garbage", "empty", "redirect", "huge", "wrong_cost", "unknown_shape"]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and for which calls.

    Calls are counted from 1, since the faults were set; those refused for key, plan or limits are not counted.
    """

    kind: FaultKind
    share: float = 1.0  # of the calls it applies to; shares of several faults add up
    first_n: int | None = None  # only so many calls, from `from_call` on
    from_call: int = 1
    only_calls: tuple[int, ...] = ()  # exactly these calls, when given
    matching: str | None = None  # only calls that send this text in an identifier; only those are counted then
    endpoint: Endpoint = "enrich"
    charge: int | None = None  # credits taken, in place of what the kind takes

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"no such fault: {self.kind!r}; there are: {', '.join(get_args(FaultKind))}")
        if self.endpoint not in get_args(Endpoint):
            raise ValueError(
                f"a fault's endpoint must be one of {', '.join(get_args(Endpoint))}, not {self.endpoint!r}"
            )
        if not 0 <= self.share <= 1:
            raise ValueError(f"a fault's share must lie between 0 and 1, not {self.share}")
        if self.charge is not None and self.charge < 0:
            raise ValueError(f"a fault cannot give credits back: {self.charge}")

    @classmethod
    def from_json(cls, value: Any) -> "Fault":
        """A fault from a JSON object, or from its kind alone."""
        if isinstance(value, str):
            return cls(value)  # pyright: ignore[reportArgumentType]  (checked when it is made)
        if not isinstance(value, Mapping):
            raise TypeError("a fault is an object like {'kind': 'status_503', 'share': 0.3}, or the name of a kind")
        try:
            return cls(**{**value, "only_calls": tuple(value.get("only_calls") or ())})
        except TypeError as error:
            raise ValueError(f"a fault that cannot be read: {error}") from None

    def covers(self, ordinal: int) -> bool:
        """Whether it applies to this call of those it counts (its share apart)."""
        if self.only_calls:
            return ordinal in self.only_calls
        if ordinal < self.from_call:
            return False
        return self.first_n is None or ordinal < self.from_call + self.first_n


@dataclass(frozen=True)
class Effect:
    """What a kind of fault does: what is answered, how it travels, and whether the call is charged."""

    says: str
    status: int = 200
    content: Content = "answer"
    delivery: Delivery = "whole"
    charges: bool = False


def _status(code: int, says: str, content: Content = "error") -> Effect:
    return Effect(says, status=code, content=content)


EFFECTS: dict[FaultKind, Effect] = {
    "status_400": _status(400, "malformed input"),
    "status_401": _status(401, "key refused, although it is right"),
    "status_402": _status(402, "credits exhausted, whatever the balance"),
    "status_403": _status(403, "endpoint needs a paid plan"),
    "status_403_html": _status(403, "a page of the CDN in front", "html"),
    "status_404": _status(404, "no data for this contact, as JSON, whoever is asked"),
    "status_404_html": _status(404, "unknown path, as HTML", "html"),
    "status_409": _status(409, "daily limit reached"),
    "status_409_already_enriched": _status(409, "the other meaning one user met: enriched a few minutes ago"),
    "status_422": _status(422, "invalid combination, although it is valid"),
    "status_429": _status(429, "rate limit exceeded; Retry-After as the options say"),
    "status_500": _status(500, "internal error"),
    "status_502": _status(502, "bad gateway, as HTML", "html"),
    "status_503": _status(503, "unavailable"),
    "status_504": _status(504, "gateway timeout, as HTML", "html"),
    "stall": Effect("no answer until the client gives up or stall_seconds pass", delivery="stall"),
    "charged_then_stall": Effect("charged, then no answer", delivery="stall", charges=True),
    "reset_before_answer": Effect("connection reset, not charged", delivery="reset"),
    "charged_then_reset": Effect("charged, then reset before the first byte", delivery="reset", charges=True),
    "reset_during_answer": Effect("charged, reset in the middle of the body", delivery="reset_midway", charges=True),
    "cut_body": Effect("charged, closed in the middle of the body", delivery="cut", charges=True),
    "cut_body_uncharged": Effect("closed in the middle of the body, not charged", delivery="cut"),
    "drip": Effect("the right answer, its body byte by byte", delivery="drip_body", charges=True),
    "drip_headers": Effect("the right answer, all of it byte by byte", delivery="drip_all", charges=True),
    "redirect": Effect("307 to /redirected on another host name of this server", status=307, content="redirect"),
    "html_instead_of_json": Effect("200 with an HTML page, not charged", content="html"),
    "garbage_200": Effect("200, charged, with a body that only calls itself JSON", content="garbage", charges=True),
    "empty_body_200": Effect("200 without a single byte, not charged", content="empty"),
    "huge_body": Effect("the right answer with huge_body_bytes of padding", content="huge", charges=True),
    "wrong_cost": Effect("the right answer, but it states a cost of 5", content="wrong_cost", charges=True),
    "unknown_shape": Effect("200, charged, in a shape nobody has described", content="unknown_shape", charges=True),
}


class FaultChooser:
    """Chooses at most one fault per call, from the seed and the number of the call alone. Not thread-safe."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self.faults = tuple(faults)
        self.seed = seed
        self._counted = [0] * len(self.faults)
        self._calls: dict[Endpoint, int] = {"enrich": 0, "credits": 0}

    def choose(self, endpoint: Endpoint, sent: Iterable[str]) -> Fault | None:
        """The fault of this call, if any; `sent` are the texts of its identifiers."""
        self._calls[endpoint] += 1
        drawn = random.Random(f"{self.seed}/{endpoint}/{self._calls[endpoint]}").random()
        texts = [text.casefold() for text in sent]
        chosen: Fault | None = None
        reached = 0.0
        for place, fault in enumerate(self.faults):
            if fault.endpoint != endpoint or not _matches(fault, texts):
                continue
            self._counted[place] += 1
            if not fault.covers(self._counted[place]):
                continue
            reached += fault.share
            if chosen is None and drawn < reached:
                chosen = fault
        return chosen


def _matches(fault: Fault, texts: list[str]) -> bool:
    return fault.matching is None or any(fault.matching.casefold() in text for text in texts)
