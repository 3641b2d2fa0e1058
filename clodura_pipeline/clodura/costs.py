"""What an answer states that it cost, under whichever of the likely names."""

import json
import re
from typing import Any

# The name of the cost field is not documented. These say "what was used"; names that may mean a balance
# ("credits", "remainingCredits") are not among them. Compared without case and punctuation.
_COST_NAMES = frozenset(
    f"credit{plural}{verb}"
    for plural in ("", "s")
    for verb in ("used", "charged", "consumed", "deducted", "spent", "cost", "usage")
) | {"usedcredits", "chargedcredits", "consumedcredits", "deductedcredits", "spentcredits", "costincredits"}
_COST_HOLDERS = frozenset(
    {"creditusage", "creditsusage", "creditusagedetails", "creditdetails", "credits", "credit", "usage", "meta"}
)
_COST_NAMES_IN_HOLDER = _COST_NAMES | {"used", "charged", "consumed", "deducted", "spent", "cost"}
_BALANCES = frozenset({"remainingcredits", "creditsremaining", "creditbalance", "creditsbalance"})
_PLAUSIBLE_COST_CREDITS = 1_000
ABOUT_CREDITS = _COST_NAMES | _COST_HOLDERS | _BALANCES
"""Names under which an answer speaks of credits and not of anybody."""


def stated_credits(body: bytes) -> int | None:
    """The cost in credits that an answer states under a name we know; None when it states none that makes sense."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _find_cost(document, _COST_NAMES, depth=0)


def _find_cost(node: Any, names: frozenset[str], depth: int) -> int | None:
    if isinstance(node, list) and len(node) == 1:
        node = node[0]
    if not isinstance(node, dict) or depth > 3:
        return None
    for key, value in node.items():
        if plain(key) in names and (cost := whole_credits(value)) is not None:
            return cost
    for key, value in node.items():
        within = _COST_NAMES_IN_HOLDER if plain(key) in _COST_HOLDERS | _COST_NAMES else _COST_NAMES
        if key != "organisation" and (cost := _find_cost(value, within, depth + 1)) is not None:
            return cost
    return None


def whole_credits(value: Any) -> int | None:
    """A whole number from 0 to 1,000, or text that is one; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if 0 <= number <= _PLAUSIBLE_COST_CREDITS and number == int(number) else None


def plain(name: str) -> str:
    """A name without case and punctuation, for comparing."""
    return re.sub(r"[^a-z]", "", name.lower())
