"""Values of an answer and its shape: text that fits a field, JSON that stands for an object, paths with types."""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clodura_pipeline.clodura.answers.fields import ORGANISATION, PERSON, AnswerFields, Meaning

Place = tuple[str | int, ...]
"""Keys and positions in lists, from the top of the answer."""

# Fields that may come as a number; all others are text.
_NUMERIC = frozenset({"clodura_person_id", "organisation_id", "employee_size", "revenue", "founded_year", "phone"})
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
_LINKEDIN_PAGE = re.compile(r"(?i)linkedin\.com/(?:(in|pub)|company|school|showcase)/")
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
    if isinstance(value, dict | list):
        return any(map(is_filled, value.values() if isinstance(value, dict) else value))
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
        page_of = linkedin_page_of(text)
        if (field == "domain" and page_of) or (field == "linkedin_url" and page_of == ORGANISATION):
            return None
        if text and field == "domain":
            text = re.sub(r"(?i)^(https?://)?(www\.)?", "", text).split("/")[0]
            text = None if " " in text else text
        return text if text and (field in _NUMERIC or any(c.isalpha() for c in text)) else None
    if field not in _NUMERIC or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def linkedin_page_of(value: Any) -> str | None:
    """Whether an address of LinkedIn shows a person or an organisation; None for any other value."""
    page = _LINKEDIN_PAGE.search(value) if isinstance(value, str) else None
    return None if page is None else PERSON if page[1] else ORGANISATION


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
    if len(parts) < 2 or any(c.isdigit() for c in place):  # a street or a postal code
        return {}
    if len(parts) == 2:
        return {"city": parts[0], "state" if parts[1] in _STATES else "country": parts[1]}
    return {"city": parts[0], "state": parts[-2], "country": parts[-1]}


def plainer(value: Any, fields: AnswerFields) -> Any:
    """JSON in a text, or a list of names with values, as the object that it stands for."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            decoded = json.loads(value, parse_constant=lambda _: None)
        except ValueError:
            return value
        return decoded if isinstance(decoded, dict | list) else value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        pairs = [_pair(item, fields) for item in value]
        return dict(filter(None, pairs)) if all(pairs) and len(dict(filter(None, pairs))) == len(pairs) else value
    return value


def _pair(item: Mapping[str, Any], fields: AnswerFields) -> tuple[str, Any] | None:
    """Name and value of an object that holds nothing else: `{"key": "firstName", "value": "Ada"}`."""
    names = [v for k, v in item.items() if isinstance(v, str) and fields.is_among(k, "names.pair_names")]
    values = [v for k, v in item.items() if fields.is_among(k, "names.pair_values")]
    return (names[0], values[0]) if len(names) == len(values) == 1 and len(item) == 2 else None


def looked_into(value: Any, fields: AnswerFields) -> Any:
    """The value itself; for an object the first of the names in it that hold a value: `{"id": 3, "name": "London"}`."""
    if isinstance(value, list):
        return [looked_into(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    return next((v for k, v in value.items() if fields.is_among(k, "names.values") and is_filled(v)), value)


def current_job(jobs: Iterable[Any], fields: AnswerFields) -> Any:
    """The one job of a list that is marked as the present one, else the only one that has not ended; else None."""

    def said(job: Mapping[str, Any], words: str) -> list[Any]:
        return [value for key, value in job.items() if fields.is_among(key, words) and is_filled(value)]

    jobs = [job for job in jobs if isinstance(job, dict)]
    marked = [job for job in jobs if True in said(job, "names.current")]
    ended = [job for job in jobs if False in said(job, "names.current")
             or any(str(value).lower() not in ("present", "now") for value in said(job, "names.ended"))]  # fmt: skip
    candidates = marked or [job for job in jobs if job not in ended]
    return candidates[0] if len(candidates) == 1 else None


@dataclass(frozen=True)
class Leaf:
    """A value that is read as a whole: its meaning (None: not known), and its text where a field of a part takes it."""

    place: Place
    value: Any
    meaning: Meaning | None
    text: str | None = None
    late: bool = False

    @property
    def part(self) -> str | None:
        """The part that it is of, as its meaning has it; None where that is not known."""
        return self.meaning.part if self.meaning else None

    @property
    def known(self) -> Meaning:
        """Its meaning, of one that has a meaning."""
        assert self.meaning
        return self.meaning

    def within(self, places: Collection[Place]) -> bool:
        """Whether it stands below one of the places."""
        return any(self.place[:length] in places for length in range(len(self.place)))


def places_around(leaves: Iterable[Leaf]) -> set[Place]:
    """The places of all objects and lists that hold one of the leaves."""
    return {leaf.place[:length] for leaf in leaves for length in range(len(leaf.place))}


@dataclass(frozen=True)
class Area:
    """An object of the answer: whose it was taken for, and whether a name said so. `beside`: it was not read."""

    place: Place
    part: str | None
    named: bool
    beside: bool = False


@dataclass(frozen=True)
class AnswerPath:
    """A path of an answer, `[]` for lists. `column`: what shows it, as `Meaning.column`; None: not mapped."""

    path: str
    value_type: str
    filled: bool
    column: str | None


def paths_of(leaves: Iterable[Leaf]) -> tuple[AnswerPath, ...]:
    """The paths of an answer in its order. One that occurs several times in a list is listed once."""
    found: dict[tuple[str, str], AnswerPath] = {}
    for leaf in leaves:
        key = path_of(leaf.place), _type_of(leaf.value)
        known = found.get(key, AnswerPath(*key, filled=False, column=None))
        column = known.column or (leaf.meaning.column if leaf.meaning else None)
        found[key] = AnswerPath(*key, known.filled or is_filled(leaf.value), column)
    return tuple(found.values())


def path_of(place: Place) -> str:
    """A dotted path. A key that is no plain word may be somebody's address, as in an answer keyed by what was sent."""
    path = ""
    for step in place:
        name = step if isinstance(step, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", step) else "?"
        path += "[]" if isinstance(step, int) else "." * bool(path) + name
    return path


def _type_of(value: object) -> str:
    if isinstance(value, list):
        inner = sorted({_type_of(item) for item in value})
        return f"list of {' or '.join(inner)}" if inner else "list"
    names = {bool: "boolean", int: "number", float: "number", str: "text", dict: "object", type(None): "null"}
    return names[type(value)]
