"""The spellings of headers, ours and a user's own, and what a single header means by them."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.identity.cells import LANDED_COLUMNS

# Parts of a name with a column of their own, and the landed column that they are joined to.
NAME_PARTS = {
    "middle_name": "first_name",
    "particle": "last_name",
    "second_last_name": "last_name",
    "generation": "last_name",
}
HANDLE = "linkedin_handle"
BUILT_IN = Path(__file__).with_name("header_spellings.toml")
_SPELLED_COLUMNS = (*LANDED_COLUMNS, HANDLE, *NAME_PARTS)
_MAX_HEADER_CHARS = 300  # longer cells are text; questions in forms have up to about 100
_CUSTOM_FIELD = re.compile(r"__p?c$")  # Salesforce marks fields that a customer added: "LinkedIn__c"
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")
_BRACKETS = re.compile(r"[(\[（]([^()\[\]（）]*)[)\]）]")
# Ranks: a user's spelling wins over ours, whatever ours means; a bare handle is used where there is no address.
_OURS, _HANDLES, CONTEXTUAL_RANK = 10_000, 20_000, 30_000


class BadSpellings(UserFixableError, ValueError):
    """A file of header spellings that cannot be used; says which one, why, and what is expected."""


@dataclass(frozen=True)
class Meaning:
    """What one header means: a landed column or a part of a name.

    `order` is smaller for a better spelling; `guest` is the word for a guest of an event, empty for anybody else.
    """

    column: str
    key: str
    order: tuple[int, int] = (0, 0)
    guest: str = ""
    handle: bool = False


class ContextualSpelling:
    """Spellings that mean a column only in a file that has certain other headers or columns."""

    def __init__(self, rule: Mapping[str, Any], own_keys: frozenset[str]) -> None:
        self.column: str = rule["column"]
        self.keys = _keys(rule["spellings"]) - own_keys
        self._any_of, self._all_of, self._none_of = (_keys(rule.get(of, ())) for of in ("any_of", "all_of", "none_of"))
        self._found = frozenset(rule.get("found", ()))  # landed columns, one of which the file must have

    def holds(self, present: frozenset[str], found: frozenset[str]) -> bool:
        return (
            self._all_of <= present
            and self._none_of.isdisjoint(present)
            and (not self._any_of or not self._any_of.isdisjoint(present))
            and (not self._found or not self._found.isdisjoint(found))
        )


class HeaderSpellings:
    """All spellings, ready to be looked up: those of `header_spellings.toml` after a user's own."""

    def __init__(self, own: Mapping[str, Sequence[str]]) -> None:
        table = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
        self._columns: dict[str, tuple[str, int]] = {}  # key -> column, rank
        for source, first_rank in ((own, 0), (table, _OURS)):
            for column in _SPELLED_COLUMNS:
                for rank, spelling in enumerate(source.get(column, ()), _HANDLES if column == HANDLE else first_rank):
                    self._columns.setdefault(key_of(spelling), (column, rank))
        self.words = frozenset(
            word for column in _SPELLED_COLUMNS for one in table.get(column, ()) for word in words_of(one)
        )
        own_keys = _keys(one for listed in own.values() for one in listed)
        self.guests = tuple(map(key_of, table["guests"]))
        self.exclusive = _keys(table["exclusive"]) - own_keys
        self.family_name_first = _keys(table["family_name_first"])
        self.contextual = tuple(ContextualSpelling(rule, own_keys) for rule in table["contextual"])
        self._wrappers = _keys(table["wrappers"])
        self._form_words, self._remarks = _keys(table["form_words"]), _keys(table["remarks"])
        self._possessives, self._form_endings = _keys(table["possessives"]), _keys(table["form_endings"])
        self._unused = _keys(table["unused"])
        self._path_endings = {key: frozenset(columns) for key, columns in table["path_endings"].items()}
        self.meaning_of = lru_cache(maxsize=1 << 15)(self._meaning_of)

    def _meaning_of(self, header: str) -> tuple[str, Meaning | None]:
        """A header's key, and what it means by itself: as it is written, else without what forms and paths add."""
        if len(header) > _MAX_HEADER_CHARS:
            return "", None
        words = words_of(header)
        if "".join(words) in self._unused:
            return "".join(words), None
        meaning = self._meaning_of_words(words) or self._meaning_of_words(self._without_form_words(header))
        if meaning is None and "." in header and words[-1:] and (columns := self._path_endings.get(words[-1])):
            inner = self._meaning_of_words(words[:-1])
            meaning = inner if inner and inner.column in columns else None
        return (meaning.key if meaning else "".join(words)), meaning

    def _without_form_words(self, header: str) -> list[str]:
        """A header's words without what a form adds to them: "What is your email? (required)" is "email"."""
        if bracket := _BRACKETS.search(header):
            inside, before = words_of(bracket[1]), words_of(header[: bracket.start()])
            own, named = self._meaning_of_words(before), self._meaning_of_words(inside)
            if "".join(inside) in self._remarks or (own and named and own.column == named.column):
                header = header[: bracket.start()] + header[bracket.end() :]
        words = words_of(header)
        owner = next((at for at, word in enumerate(words) if word not in self._form_words), len(words))
        if words[owner : owner + 1] and words[owner] in self._possessives and len(words) > owner + 1:
            return words[owner + 1 : -1 if owner and words[-1] in self._form_endings else None]
        return words

    def _meaning_of_words(self, words: Sequence[str]) -> Meaning | None:
        guest = ""
        for skipped in range(len(words)):
            if skipped and words[skipped - 1] in self.guests:
                guest = words[skipped - 1]
            elif skipped and words[skipped - 1] not in self._wrappers:
                return None
            key = "".join(words[skipped:])
            if found := self._columns.get(key):
                column, rank = found
                handle = column == HANDLE
                return Meaning("linkedin_url" if handle else column, key, (rank, skipped), guest, handle)
        return None


def words_of(header: str) -> list[str]:
    """The words of a header without case, accents and punctuation; "firstName" has two."""
    decomposed = unicodedata.normalize("NFKD", _CUSTOM_FIELD.sub("", header))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return [word.casefold() for word in _WORD_BORDER.split(plain) if word]


def key_of(spelling: str) -> str:
    """What two spellings of the same header have in common."""
    return "".join(words_of(spelling))


def _keys(spellings: Iterable[str]) -> frozenset[str]:
    return frozenset(map(key_of, spellings))


def load_spellings(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a user's own spellings: a TOML file of lines such as `email = ["Correo laboral"]`."""
    try:
        spellings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadSpellings(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSpellings(f"{path} cannot be read: it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSpellings(f'{path} is not valid TOML: {error}. Expected lines like: email = ["Correo"]') from None
    taken: dict[str, str] = {}
    for column, listed in spellings.items():
        if column not in LANDED_COLUMNS:
            raise BadSpellings(f'{path}: "{column}" is no landed column; expected one of {", ".join(LANDED_COLUMNS)}')
        if not isinstance(listed, list) or not all(isinstance(one, str) and key_of(one) for one in listed):
            raise BadSpellings(f'{path}: {column} must be a list of headers, such as {column} = ["Correo"]')
        for one in listed:
            if taken.setdefault(key_of(one), column) != column:
                raise BadSpellings(f'{path}: "{one}" stands under both {taken[key_of(one)]} and {column}; keep one')
    return {column: tuple(listed) for column, listed in spellings.items()}


def header_spellings(extra: Mapping[str, Sequence[str]]) -> HeaderSpellings:
    """Our spellings with `extra` ones before them; built once for each set of these."""
    return _built(tuple((column, tuple(listed)) for column, listed in extra.items()))


@lru_cache(maxsize=8)
def _built(extra: tuple[tuple[str, tuple[str, ...]], ...]) -> HeaderSpellings:
    return HeaderSpellings(dict(extra))
