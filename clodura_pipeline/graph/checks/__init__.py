"""Asset checks: each with what holds when it passes, its figures, and a message that says what to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from clodura_pipeline.graph.step import CheckStep


class Finding(NamedTuple):
    """What a check found: a problem or none, figures, and what to say instead of `Check.holds` where it passes."""

    problem: str
    figures: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Check:
    """A check of an asset. `holds`: what is so when it passes; `blocks`: the run fails when it does not."""

    asset: str
    name: str
    holds: str
    find: Callable[[CheckStep], Finding]
    is_error: bool
    blocks: bool


def check(
    asset: str, holds: str, *, is_error: bool = False, blocks: bool = False, name: str | None = None
) -> Callable[[Callable[[CheckStep], Finding]], Check]:
    """Makes a function a check of this asset, by default under the function's name, whose failure is a warning."""
    return lambda find: Check(asset, name or find.__name__, holds, find, is_error or blocks, blocks)
