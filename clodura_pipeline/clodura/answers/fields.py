"""What the names in Clodura's answers mean: the table `fields.toml`, and a user's own paths to columns."""

import difflib
import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from clodura_pipeline.errors import UserFixableError

TABLE = Path(__file__).with_name("fields.toml")
PERSON, ORGANISATION, CREDITS, ANSWER, ENVELOPE = "person", "organisation", "credits", "answer", "envelope"
PARTS = (PERSON, ORGANISATION)
_MATCHED = ("first_name", "last_name", "linkedin_url", "name")  # their columns begin with `matched_`
_NOT_OF_A_TOPIC = ("clodura_person_id", "organisation_id", "full_name", "name", "answer")
LONGEST_NAME = 200
"""Letters of a name that are looked at: prefixes are taken off one by one, so that the work grows as its square."""
PLACE_FIELDS = ("city", "state", "country")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")


class BadAnswerFields(UserFixableError):
    """The file that CLODURA_ANSWER_FIELDS points to cannot be used; the message names the file and the line."""


@dataclass(frozen=True)
class Meaning:
    """What a name means: a field of the person or the organisation, the cost, or something known without a column.

    `rank`: lower for a better spelling, below 0 for a user's path (`mapped`). `explicit`: the name itself says whose
    field it is (`companyCity`). `generic`: it means this only inside a contact (`title`, `id`).
    """

    part: str
    field: str
    rank: int = 0
    explicit: bool = False
    generic: bool = False
    mapped: bool = False

    @property
    def column(self) -> str:
        """The column that shows it. `answer`: only the JSON in that column; `envelope`: none, it is about the call."""
        if self.part == CREDITS:
            return "credits_charged"
        if self.field == ANSWER:
            return ANSWER
        prefix = "organisation_" if self.part == ORGANISATION else ""
        fields = {"full_name": _MATCHED[:2], "location": PLACE_FIELDS}.get(self.field, (self.field,))
        return ", ".join("matched_" * (one in _MATCHED) + prefix + one.removeprefix(prefix) for one in fields)


KNOWN_IN_ANSWER = Meaning(ANSWER, ANSWER)
IN_ENVELOPE = Meaning(ENVELOPE, ENVELOPE)


def plain(name: str) -> str:
    """A name without case, accents and punctuation, for comparing."""
    if name.isascii():
        return re.sub(r"[^a-z0-9#]", "", name.lower())
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return unicodedata.normalize("NFC", "".join(c for c in folded if c.isalnum()))


class AnswerFields:
    """The table of names, ready for look-ups; `mapped` holds a user's own paths, which come before the table."""

    def __init__(self, table: Mapping[str, Any], mapped: Mapping[tuple[str, ...], Meaning] | None = None) -> None:
        self.mapped = dict(mapped or {})
        self.hash = hashlib.sha256(repr((table, sorted(self.mapped.items(), key=repr))).encode()).hexdigest()[:12]
        self._words = {
            f"{group}.{name}": frozenset(map(plain, words.split() if isinstance(words, str) else words))
            for group in ("names", "credits", "envelope")
            for name, words in table[group].items()
        }
        self._endings = ("", *sorted(self._words["names.endings"], key=lambda ending: (-len(ending), ending)))
        self._whose = dict.fromkeys(self._words["names.fillers"] | self._words["names.topics"], "")
        self._whose |= {word: part for part in PARTS for word in self._words[f"names.{part}"]}
        self._prefix = re.compile("|".join(sorted(map(re.escape, self._whose), key=len, reverse=True)))
        self._spellings = {part: self._ranked(table, part) for part in PARTS}
        cached = lru_cache(maxsize=50_000)  # a ledger's answers repeat a few dozen names
        self.meaning, self.holder, self.is_among = cached(self._meaning), cached(self._holder), cached(self._is_among)
        self.is_position = cached(self._is_position)

    def _ranked(self, table: Mapping[str, Any], part: str) -> dict[str, Meaning]:
        ranked: dict[str, Meaning] = {}
        places = [(field, table[PERSON][field]) for field in (*PLACE_FIELDS, "location")]  # spelt alike for both
        for field, spellings in (*table[part].items(), *places):
            for rank, key in enumerate(map(plain, spellings)):
                prefix = self._prefix.match(key)
                says_company = bool(prefix) and part == self._whose[prefix.group()] == ORGANISATION
                generic = key in self._words["names.generic"]
                ranked.setdefault(key, Meaning(part, field, rank, explicit=says_company, generic=generic))
        return ranked

    def _meaning(self, name: str, part: str) -> Meaning | None:
        """What a name means in a person or an organisation: as it stands, else without its prefixes and endings."""
        for key, prefix, whose, of_topic in self._stripped(name):
            for ending in self._endings:
                found = self._spellings[part].get(key[: len(key) - len(ending)]) if key.endswith(ending) else None
                if found and whose in ("", part) and not (of_topic and found.field in _NOT_OF_A_TOPIC):
                    return replace(found, explicit=True, generic=False) if whose else found
            if key in self._endings and part == ORGANISATION == self._whose.get(prefix):  # `company` alone is its name
                return Meaning(part, "name", 90, explicit=True)
        return None

    def _holder(self, name: str) -> str | None:
        """Whose object one of this name is: `enrichedContact`, `companyDetails`; None when the name does not say."""
        for key, prefix, whose, _ in self._stripped(name):
            if prefix and (not key or key in self._words["names.holder_endings"]):
                return whose or None
        return None

    def _is_position(self, name: str) -> bool:
        """Whether a list or an object of this name holds jobs of a person: `experience`, `currentPositions`."""
        stripped = self._stripped(name)
        return any(key in self._words["names.positions"] and whose != ORGANISATION for key, _, whose, _ in stripped)

    def _stripped(self, name: str) -> Iterator[tuple[str, str, str, bool]]:
        """A name as it stands, then without its prefixes: what is left, the last prefix, whose it is, if of a topic."""
        key, whose, of_topic = plain(name[:LONGEST_NAME]), "", False
        yield key, "", whose, of_topic
        while match := self._prefix.match(key):
            key, prefix = key[match.end() :], match.group()
            whose = self._whose[prefix] or whose
            of_topic = (of_topic or prefix in self._words["names.topics"]) and not whose
            yield key, prefix, whose, of_topic

    def _is_among(self, name: str, *lists: str) -> bool:
        """Whether a name stands in one of these lists of the table."""
        key = plain(name)
        return any(key in self._words[one] for one in lists)

    def has_word(self, name: str, words: str) -> bool:
        """Whether one of the name's words stands in this list of the table."""
        return self.is_among(name, words) or any(self.is_among(word, words) for word in _WORD.findall(name))

    def starts_with(self, name: str, words: str) -> bool:
        """Whether a name starts with one of this list of the table: `accountId`, `errorMessage`."""
        return plain(name).startswith(tuple(self._words[words]))

    def is_credits(self, name: str) -> bool:
        """Whether a name speaks of credits, used or left."""
        key = plain(name)
        return any(word in key for word in self._words["credits.words"])

    def is_cost(self, name: str, holder: str | None) -> bool:
        """Whether a name states what was used; `holder`: the name of the object on money that it stands in."""
        key, words = plain(name), self._words
        if any(word in key for word in words["credits.left"]) and not (holder and key == "total"):
            return False
        if any(word in key + plain(holder or "") for word in words["credits.periods"]):
            return False
        in_cost = holder is not None and self.is_cost(holder, None)
        if self.is_credits(name):
            verb = any(verb in key for verb in words["credits.verbs"])
            return verb or in_cost or (holder is not None and not self.is_credits(holder))
        return holder is not None and (key in words["credits.verbs"] or (in_cost and key in words["credits.amounts"]))


@lru_cache(maxsize=1)
def built_in_table() -> dict[str, Any]:
    """The table of names that comes with the package."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def load_answer_fields(path: Path | None) -> AnswerFields:
    """The table, with the paths of the file that CLODURA_ANSWER_FIELDS points to; raises `BadAnswerFields`."""
    if path is None:
        return AnswerFields(built_in_table())
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return AnswerFields(built_in_table(), _mapped(tomllib.loads(text)))
    except OSError as error:
        problem = f" cannot be read: {error.strerror}."
    except UnicodeDecodeError:
        problem = " is not valid UTF-8 text."
    except tomllib.TOMLDecodeError as error:
        where = str(error).replace("at end of document", f"at end of document, line {len(text.splitlines())}")
        problem = f" is not valid TOML: {where}."
    except _Misfit as misfit:
        pattern = re.compile(rf'^\s*\[?\s*"?{re.escape(misfit.word)}\b')
        line = next((number for number, one in enumerate(text.splitlines(), 1) if pattern.match(one)), 1)
        problem = f", line {line}: {misfit}"
    raise BadAnswerFields(f"CLODURA_ANSWER_FIELDS: {path}{problem}")


class _Misfit(Exception):
    """A word of the file that cannot be; its line is found by the word."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(why)
        self.word = word


def _mapped(document: Mapping[str, Any]) -> dict[tuple[str, ...], Meaning]:
    """The paths of a user's file with their fields."""
    mapped: dict[tuple[str, ...], Meaning] = {}
    for section, columns in document.items():
        if section not in (*PARTS, CREDITS) or not isinstance(columns, dict):
            raise _Misfit(section, f'"{section}" is no section. {_nearest(section, [*PARTS, CREDITS])}')
        for column, paths in columns.items():
            listed = [paths] if isinstance(paths, str) else paths
            field = _field_of(section, column)
            if not isinstance(listed, list) or not all(isinstance(one, str) and path_parts(one) for one in listed):
                raise _Misfit(column, f'{column} must be a path such as "data.contact.title", or a list of paths.')
            for rank, one in enumerate(listed):
                meaning = Meaning(section, field, rank - len(listed), explicit=True, mapped=True)
                if mapped.setdefault(path_parts(one), meaning).column != meaning.column:
                    raise _Misfit(column, f'"{one}" is mapped to two columns. Keep one of them.')
    return mapped


def _field_of(section: str, column: str) -> str:
    """The field that a column of a section means, with and without the prefixes it has in `enriched_contacts`."""
    fields = ["used"] if section == CREDITS else [*built_in_table()[section], *PLACE_FIELDS]
    bare = column.removeprefix("matched_")
    spellings = {column, bare, bare.removeprefix("organisation_") if section == ORGANISATION else bare}
    for field in fields:
        if field != ANSWER and (field in spellings or (column == "id" and field.endswith("_id"))):
            return field
    raise _Misfit(column, f'"{column}" is no column of [{section}]. {_nearest(column, fields)}')


def path_parts(path: str) -> tuple[str, ...]:
    """A dotted path as its names. Lists (`[]`) count for nothing, so that one in place of an object is read too."""
    return tuple(part for part in path.replace("[]", "").split(".") if part)


def _nearest(word: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(word, valid, 1)
    return f'Did you mean "{near[0]}"?' if near else f"Expected one of {', '.join(valid)}."
