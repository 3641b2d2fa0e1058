"""The spellings of headers, ours and a user's own, and what a single header means by them."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clodura_pipeline.identity.cells import LANDED_COLUMNS

# Parts of a name with a column of their own, and the column of ours that they are joined to.
NAME_PARTS = {
    "middle_name": "first_name",
    "particle": "last_name",
    "second_last_name": "last_name",
    "generation": "last_name",
}
HANDLE = "linkedin_handle"
BUILT_IN = Path(__file__).with_name("header_spellings.toml")
_CUSTOM_FIELD = re.compile(r"__p?c$")  # Salesforce marks fields that a customer added: "LinkedIn__c"
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")
# Ranks: a user's spelling wins over ours, whatever ours means; a bare handle is used where there is no address.
_OURS, _HANDLES, BESIDE_RANK = 10_000, 20_000, 30_000


class BadSpellings(ValueError):
    """A file of header spellings that cannot be used; says which one, why, and what is expected."""


@dataclass(frozen=True)
class Meaning:
    """What one header means: a column of ours or a part of a name, and whose it is.

    `order` is smaller for a better spelling; `whose` is the word for a guest of an event, empty for anybody else.
    """

    column: str
    key: str
    order: tuple[int, int] = (0, 0)
    whose: str = ""
    handle: bool = False


@dataclass(frozen=True)
class Beside:
    """Spellings that mean a column only in the company of others."""

    column: str
    keys: frozenset[str]
    any_of: frozenset[str]
    all_of: frozenset[str]
    none_of: frozenset[str]
    found: frozenset[str]  # columns of ours, one of which the file must have

    def holds(self, present: frozenset[str], found: frozenset[str]) -> bool:
        return (
            self.all_of <= present
            and self.none_of.isdisjoint(present)
            and (not self.any_of or not self.any_of.isdisjoint(present))
            and (not self.found or not self.found.isdisjoint(found))
        )


@dataclass(frozen=True)
class Known:
    """All spellings, ready to be looked up."""

    spellings: dict[str, tuple[str, int]]  # key -> column, rank
    wrappers: frozenset[str]
    guests: tuple[str, ...]
    questions: tuple[tuple[str, ...], ...]
    yours: frozenset[str]
    endings: frozenset[str]
    marks: re.Pattern[str]
    alone: frozenset[str]
    beside: tuple[Beside, ...]

    def read(self, header: str) -> tuple[str, Meaning | None]:
        """A header's key, and what it means by itself: as it stands, else without what a form adds to it."""
        for words in (words_of(header), self._without_asking(header)):
            if meaning := self._meaning(words):
                return meaning.key, meaning
        return key_of(words), None

    def _without_asking(self, header: str) -> list[str]:
        """A header's words without what a form adds to them: "What is your email? (required)" is "email"."""
        words = words_of(self.marks.sub("", header))
        for question in self.questions:
            length = len(question)
            if tuple(words[:length]) == question and words[length : length + 1] and words[length] in self.yours:
                return words[length + 1 :][: -1 if words[-1] in self.endings else None]
        return words[1:] if len(words) > 1 and words[0] in self.yours else words

    def _meaning(self, words: Sequence[str]) -> Meaning | None:
        whose = ""
        for skipped in range(len(words)):
            if skipped and words[skipped - 1] in self.guests:
                whose = words[skipped - 1]
            elif skipped and words[skipped - 1] not in self.wrappers:
                return None
            key = key_of(words[skipped:])
            if found := self.spellings.get(key):
                column, rank = found
                handle = column == HANDLE
                return Meaning("linkedin_url" if handle else column, key, (rank, skipped), whose, handle)
        return None


def words_of(header: str) -> list[str]:
    """The words of a header without case, accents and punctuation; "firstName" has two."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", _CUSTOM_FIELD.sub("", header))
        if not unicodedata.combining(letter)
    )
    return [word.casefold() for word in _WORD_BORDER.split(plain) if word]


def key_of(words: Iterable[str]) -> str:
    """What two spellings of the same header have in common."""
    return "".join(words)


def load_spellings(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a user's own spellings: a TOML file of lines such as `email = ["Correo laboral"]`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as trouble:
        kind = trouble.strerror if isinstance(trouble, OSError) else "it is not UTF-8 text"
        raise BadSpellings(f"{path} cannot be read: {kind}") from None
    try:
        spellings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise BadSpellings(f'{path} is not valid TOML: {trouble}. Expected lines like: email = ["Correo"]') from None
    for column, listed in spellings.items():
        if column not in LANDED_COLUMNS:
            raise BadSpellings(f'{path}: "{column}" is no column of ours; expected one of {", ".join(LANDED_COLUMNS)}')
        if not isinstance(listed, list) or not all(isinstance(one, str) and key_of(words_of(one)) for one in listed):
            raise BadSpellings(f'{path}: {column} must be a list of headers, such as {column} = ["Correo"]')
    taken: dict[str, str] = {}
    for column, listed in spellings.items():
        for one in listed:
            key = key_of(words_of(one))
            if taken.setdefault(key, column) != column:
                raise BadSpellings(f'{path}: "{one}" stands under both {taken[key]} and {column}; keep one')
    return {column: tuple(listed) for column, listed in spellings.items()}


def known_spellings(extra: Mapping[str, tuple[str, ...]]) -> Known:
    """Our spellings with `extra` ones before them."""
    return _known(tuple((column, tuple(listed)) for column, listed in extra.items()))


@lru_cache(maxsize=8)
def _known(extra: tuple[tuple[str, tuple[str, ...]], ...]) -> Known:
    table = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    own = dict(extra)
    if unknown := sorted(set(own) - set(LANDED_COLUMNS)):
        raise BadSpellings(f"no columns of ours: {', '.join(unknown)}; expected some of {', '.join(LANDED_COLUMNS)}")
    spellings: dict[str, tuple[str, int]] = {}
    ours = (*LANDED_COLUMNS, HANDLE, *NAME_PARTS)
    for source, columns, first_rank in ((own, LANDED_COLUMNS, 0), (table, ours, _OURS)):
        for column in columns:
            for rank, spelling in enumerate(source.get(column, ()), _HANDLES if column == HANDLE else first_rank):
                spellings.setdefault(key_of(words_of(spelling)), (column, rank))
    own_keys = _keys(one for listed in own.values() for one in listed)
    return Known(
        spellings,
        _keys(table["wrappers"]),
        tuple(key_of(words_of(word)) for word in table["guests"]),
        tuple(tuple(words_of(one)) for one in table["questions"]),
        _keys(table["yours"]),
        _keys(table["endings"]),
        re.compile(rf"[(\[（]\s*(?:{'|'.join(map(re.escape, table['marks']))})\s*[)\]）]", re.IGNORECASE),
        _keys(table["alone"]) - own_keys,
        tuple(_beside(rule, own_keys) for rule in table["beside"]),
    )


def _beside(rule: Mapping[str, list[str]], own_keys: frozenset[str]) -> Beside:
    any_of, all_of, none_of = (_keys(rule.get(name, ())) for name in ("any_of", "all_of", "none_of"))
    column = str(rule["column"])
    return Beside(
        column, _keys(rule["spellings"]) - own_keys, any_of, all_of, none_of, frozenset(rule.get("found", ()))
    )


def _keys(spellings: Iterable[str]) -> frozenset[str]:
    return frozenset(key_of(words_of(spelling)) for spelling in spellings)
