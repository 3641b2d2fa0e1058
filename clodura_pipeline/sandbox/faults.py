"""Faults: what each kind does to a call, and which calls get one."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass as validated_dataclass

Endpoint = Literal["enrich", "credits"]
Delivery = Literal["whole", "stall", "reset", "reset_midway", "cut", "drip_body", "drip_all", "twice"]
Content = Literal[
    "answer", "error", "html", "garbage", "empty", "redirect", "huge", "unknown_shape", "wrong_person", "empty_field"
]
Credits = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)]
FaultKind = str
"""One of `EFFECTS`."""


@dataclass(frozen=True)
class Effect:
    """What a kind of fault does: what is answered, how it is delivered, what the call is charged."""

    says: str
    status: int = 200
    content: Content = "answer"
    delivery: Delivery = "whole"
    charges: bool = False  # the price of the answer; else nothing
    states: float | None = None  # the cost that the answer states
    price: float | None = None  # charged in place of the answer's price
    message: str | None = None  # of an error, in place of the documented one


def _status(code: int, says: str, content: Content = "error") -> Effect:
    return Effect(says, status=code, content=content)


EFFECTS: dict[FaultKind, Effect] = {
    "status_400": _status(400, "malformed input"),
    "status_401": _status(401, "key refused, although it is right"),
    "status_402": _status(402, "credits exhausted, whatever the balance"),
    "status_403": _status(403, "endpoint needs a paid plan"),
    "status_403_html": _status(403, "a page of the CDN in front", "html"),
    "status_404": _status(404, "no data for this contact, as JSON, for any contact"),
    "status_404_html": _status(404, "unknown path, as HTML", "html"),
    "status_409": _status(409, "daily limit reached"),
    "status_409_already_enriched": Effect(
        "the other meaning one user met: enriched a few minutes ago", status=409, content="error",
        message="This contact was already enriched a few minutes ago",
    ),
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
    "second_response": Effect("the right answer, twice: the second belongs to no call", delivery="twice", charges=True),
    "redirect": Effect("307 to /redirected on another host name of this server", status=307, content="redirect"),
    "html_instead_of_json": Effect("200 with an HTML page, not charged", content="html"),
    "garbage_200": Effect("200, charged, with a body that only calls itself JSON", content="garbage", charges=True),
    "empty_body_200": Effect("200 without a single byte, not charged", content="empty"),
    "huge_body": Effect("the right answer, followed by huge_body_bytes of spaces", content="huge", charges=True),
    "wrong_cost": Effect("the right answer, but it states a cost of 5", charges=True, states=5),
    "fractional_cost": Effect("the right answer, stating and charging 0.5 credits", states=0.5, price=0.5),
    "unknown_shape": Effect("200, charged, in a shape described nowhere", content="unknown_shape", charges=True),
    "wrong_person": Effect("another person's data, charged", content="wrong_person", charges=True),
    "field_empty_after": Effect(
        "from call from_call on, `field` is empty in every answer", content="empty_field", charges=True
    ),
}  # fmt: skip


@validated_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Fault:
    """One thing that goes wrong, and for which calls.

    Calls are counted from 1, since the faults were set; those refused for key, plan or limits are not counted.
    """

    kind: FaultKind
    share: Annotated[float, Field(strict=True, ge=0, le=1)] = 1.0  # of the calls it applies to; shares add up
    first_n: int | None = None  # only so many calls, from `from_call` on
    from_call: int = 1
    only_calls: tuple[int, ...] = ()  # exactly these calls, when given
    matching: str | None = None  # only calls that send this text in an identifier; only those are counted then
    endpoint: Endpoint = "enrich"
    charge: Annotated[Credits, Field(ge=0)] | None = None  # credits taken, in place of what the kind takes
    field: str = "personTitle"  # of field_empty_after; dots nest: organisation.industry

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: FaultKind) -> FaultKind:
        if kind not in EFFECTS:
            raise ValueError(f"no such fault: {kind!r}; there are: {', '.join(EFFECTS)}")
        return kind

    @property
    def effect(self) -> Effect:
        """What it does."""
        return EFFECTS[self.kind]

    def covers(self, ordinal: int) -> bool:
        """Whether it applies to this call of those it counts, its share apart."""
        if self.only_calls:
            return ordinal in self.only_calls
        return ordinal >= self.from_call and (self.first_n is None or ordinal < self.from_call + self.first_n)


class FaultChooser:
    """Chooses at most one fault per call, from the seed and the number of the call alone. Not thread-safe."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._faults = tuple(faults)
        self._seed = seed
        self._counted = [0] * len(self._faults)
        self._calls: dict[Endpoint, int] = {"enrich": 0, "credits": 0}

    def choose(self, endpoint: Endpoint, sent: Iterable[str]) -> Fault | None:
        """The fault of this call, if any; `sent` are the texts of its identifiers."""
        self._calls[endpoint] += 1
        drawn = random.Random(f"{self._seed}/{endpoint}/{self._calls[endpoint]}").random()
        texts = [text.casefold() for text in sent]
        chosen, reached = None, 0.0
        for place, fault in enumerate(self._faults):
            matches = fault.matching is None or any(fault.matching.casefold() in text for text in texts)
            if fault.endpoint != endpoint or not matches:
                continue
            self._counted[place] += 1
            if not fault.covers(self._counted[place]):
                continue
            reached += fault.share
            if chosen is None and drawn < reached:
                chosen = fault
        return chosen
