"""Faults: what each kind does to a call, and which calls get one."""

import random
import tomllib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, field_validator
from pydantic.dataclasses import dataclass as validated_dataclass

Endpoint = Literal["enrich", "credits"]
Delivery = Literal["whole", "stall", "reset", "reset_midway", "cut", "drip_body", "drip_all", "twice"]
Content = Literal["answer", "error", "html", "body", "redirect", "huge", "unknown_shape", "wrong_person", "empty_field"]
Credits = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)]
FaultKind = str
"""One of `EFFECTS`, which stand in faults.toml."""


@dataclass(frozen=True)
class Effect:
    """What a kind of fault does: what is answered, how it is delivered, what the call is charged."""

    says: str
    status: int = 200
    content: Content = "answer"
    delivery: Delivery = "whole"
    charges: float = 0  # the price of the answer, at most so many credits
    states: float | None = None  # the cost that the answer states
    message: str | None = None  # of an error, in place of the documented one
    body: str = ""  # sent in place of JSON, a byte for each letter


EFFECTS: dict[FaultKind, Effect] = {
    kind: TypeAdapter(Effect).validate_python(values)
    for kind, values in tomllib.loads(Path(__file__).with_name("faults.toml").read_text(encoding="utf-8")).items()
}


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

    def __init__(self, faults: tuple[Fault, ...], seed: int) -> None:
        self._faults = faults
        self._seed = seed
        self._counted: Counter[int | Endpoint] = Counter()

    def choose(self, endpoint: Endpoint, sent: Collection[object]) -> Fault | None:
        """The fault of this call, if any; `sent` are the values of its identifiers."""
        self._counted[endpoint] += 1
        left = random.Random(f"{self._seed}/{endpoint}/{self._counted[endpoint]}").random()
        chosen = None
        for place, fault in enumerate(self._faults):
            text = (fault.matching or "").casefold()
            if endpoint == fault.endpoint and (not text or any(text in str(value).casefold() for value in sent)):
                self._counted[place] += 1
                if fault.covers(self._counted[place]):
                    left -= fault.share
                    chosen = chosen or (fault if left < 0 else None)
        return chosen
