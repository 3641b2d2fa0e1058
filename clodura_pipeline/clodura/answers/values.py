"""Values of an answer as text: cleaned, taken only where their type fits the field, names and places split."""

import math
import re
from typing import Any

# Fields that may come as a number; all others are text.
_NUMERIC = frozenset(
    {"clodura_person_id", "organisation_id", "employee_size", "revenue", "founded_year", "phone", "location"}
)
_NOTHING = frozenset({"", "null", "NULL", "none", "nan", "NaN", "undefined", "N/A", "n/a", "-", "--"})
# Terminal escapes; then controls, marks that reorder text, and invisible tags. Joiners stay: some scripts need them.
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_PARTICLES = frozenset(
    {"von", "van", "de", "der", "den", "del", "della", "di", "da", "dos", "das", "do", "du", "des", "la", "le", "el"}
    | {"al", "bin", "ibn", "ben", "ter", "ten", "zu", "zum", "af", "av", "y", "e"}
)
_GENERATION = re.compile(r"(?i)(jr|sr|[ivx]{2,4}|junior|senior)\.?")
# Of the USA and Canada, where the country is often left out.
_STATES = frozenset(
    """AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY DC AB BC MB NB NL NS ON PE QC SK""".split()  # noqa: SIM905
)
LARGEST_COST_CREDITS = 1e9
"""A stated cost above this counts as this much, so that sums of credits stay exact."""


def is_filled(value: Any) -> bool:
    """Whether there is something in a value: not null, "", [], {} or what is written where nothing is known."""
    if isinstance(value, dict):
        return any(map(is_filled, value.values()))
    if isinstance(value, list):
        return any(map(is_filled, value))
    return value is not None and (not isinstance(value, str) or clean(value) is not None)


def clean(text: str) -> str | None:
    """The text without control characters, terminal escapes and marks that reorder it; None when nothing is left."""
    # JSON can hold halves of characters, which no database stores as text; the raw answer keeps them.
    text = _INVISIBLE.sub("", _ESCAPES.sub("", text)).encode("utf-8", "replace").decode()
    text = " ".join(text.split())
    return None if text in _NOTHING else text


def bare(text: str) -> str:
    """A text for comparing: without case, and for an address without scheme, host prefix and closing slash."""
    return re.sub(r"^https?://([a-z]+\.)?", "", text.strip().casefold()).rstrip("/")


def fitting_text(field: str, value: Any) -> str | None:
    """A value as the text of a field, lists joined with ", "; None when it is empty or its type does not fit."""
    if isinstance(value, list):
        parts = [fitting_text(field, item) for item in value]
        fits = all(part is not None or not is_filled(item) for part, item in zip(parts, value, strict=True))
        return ", ".join(dict.fromkeys(filter(None, parts))) or None if fits else None
    if isinstance(value, str):
        text = clean(value)
        if text and field == "domain":
            text = re.sub(r"(?i)^(https?://)?(www\.)?", "", text).split("/")[0] or None
        return text if text and (field in _NUMERIC or any(c.isalpha() for c in text)) else None
    if field not in _NUMERIC or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def credits_of(value: Any) -> float | None:
    """A number of credits from 0 up, or text that is one; else None."""
    if isinstance(value, str):
        said = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:credits?)?\s*", value, re.IGNORECASE)
        value = float(said.group(1)) if said else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:  # NaN is not
        return None
    return round(float(min(value, LARGEST_COST_CREDITS)), 6)


def split_name(full: str) -> tuple[str | None, str | None]:
    """First and last name of a full one. A single word, or a name without spaces, is taken for the last name."""
    if "," in full and not _GENERATION.fullmatch(full.split(",")[1].strip()):
        last, _, first = full.partition(",")
        return first.strip() or None, last.strip() or None
    words = full.replace(",", " ").split()
    start = len(words) - (2 if len(words) > 2 and _GENERATION.fullmatch(words[-1]) else 1)
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return " ".join(words[:start]) or None, " ".join(words[start:]) or None


def split_place(place: str) -> dict[str, str]:
    """City, state and country of `London, England, United Kingdom`, `Oslo, Norway` or `Austin, TX`; else nothing."""
    parts = [part.strip() for part in place.split(",") if part.strip()]
    if len(parts) < 2:
        return {}
    if len(parts) == 2:
        return {"city": parts[0], "state" if parts[1] in _STATES else "country": parts[1]}
    return {"city": parts[0], "state": parts[-2], "country": parts[-1]}
