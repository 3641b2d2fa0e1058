"""Recognises which of a file's headers are our columns, whoever exported the file and however they are spelt."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LANDED_COLUMNS = (
    "contact_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "linkedin_url",
    "organisation_name",
    "organisation_linkedin_url",
    "organisation_domain",
)
# A list is one of people when it has at least one of these; a company or an id alone says nothing about a person.
_ABOUT_A_PERSON = frozenset({"first_name", "last_name", "full_name", "email", "linkedin_url"})
_BUILT_IN = Path(__file__).with_name("header_spellings.toml")
_CUSTOM_FIELD = re.compile(r"__p?c$")  # Salesforce marks fields that a customer added: "LinkedIn__c"
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")


@dataclass(frozen=True)
class HeaderMatch:
    """What a file's headers mean.

    `headers` are as in the file, `names` the same made unique ("Email", "Email_2"), `columns` the positions to take
    each of our columns from (the first that is not empty), and `mapping` the same in names, for people.
    """

    headers: tuple[str, ...]
    names: tuple[str, ...]
    columns: dict[str, tuple[int, ...]]

    @property
    def mapping(self) -> dict[str, str]:
        return {self.names[position]: column for column, used in self.columns.items() for position in used}

    @property
    def usable(self) -> bool:
        return not _ABOUT_A_PERSON.isdisjoint(self.columns)


class BadSpellings(ValueError):
    """A file of header spellings that cannot be used; says which one, why, and what is expected."""


def match_headers(headers: Sequence[str], extra_spellings: Mapping[str, tuple[str, ...]] | None = None) -> HeaderMatch:
    """Find our columns among a file's headers; `extra_spellings` come before the built-in ones."""
    known = _known(_frozen(extra_spellings or {}))
    words = [_words(header) for header in headers]
    found = known.ordinary(words, claimed=frozenset())
    beside = known.beside_others(words, taken=frozenset(found))
    claimed = frozenset(position for positions in beside.values() for position in positions)
    if claimed:
        found = known.ordinary(words, claimed) | beside
    columns = {column: found[column] for column in LANDED_COLUMNS if column in found}
    return HeaderMatch(tuple(headers), _unique(headers), columns)


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
        if not isinstance(listed, list) or not all(isinstance(one, str) and _key(_words(one)) for one in listed):
            raise BadSpellings(f'{path}: {column} must be a list of headers, such as {column} = ["Correo"]')
    taken: dict[str, str] = {}
    for column, listed in spellings.items():
        for one in listed:
            if taken.setdefault(_key(_words(one)), column) != column:
                raise BadSpellings(
                    f'{path}: "{one}" stands under both {taken[_key(_words(one))]} and {column}; keep one'
                )
    return {column: tuple(listed) for column, listed in spellings.items()}


@dataclass(frozen=True)
class _Beside:
    column: str
    keys: frozenset[str]
    any_of: frozenset[str]
    all_of: frozenset[str]

    def holds(self, present: frozenset[str]) -> bool:
        return self.all_of <= present and (not self.any_of or not self.any_of.isdisjoint(present))


@dataclass(frozen=True)
class _Known:
    wrappers: frozenset[str]
    spellings: dict[str, tuple[str, int]]  # key -> column, rank within the column
    beside: tuple[_Beside, ...]

    def ordinary(self, headers: Sequence[list[str]], claimed: frozenset[int]) -> dict[str, tuple[int, ...]]:
        """For each column the positions of its best spelling; the same spelling may stand there several times."""
        best: dict[str, tuple[tuple[int, int], list[int]]] = {}
        for position, words in enumerate(headers):
            meaning = None if position in claimed else self._meaning(words)
            if meaning is None:
                continue
            column, rank = meaning
            if column not in best or rank < best[column][0]:
                best[column] = (rank, [position])
            elif rank == best[column][0]:
                best[column][1].append(position)
        return {column: tuple(positions) for column, (_, positions) in best.items()}

    def beside_others(self, headers: Sequence[list[str]], taken: frozenset[str]) -> dict[str, tuple[int, ...]]:
        """The columns that only the company of other headers gives a meaning, where nothing better was found."""
        keys = [_key(words) for words in headers]
        claims: dict[str, tuple[int, ...]] = {}
        for rule in self.beside:
            positions = tuple(position for position, key in enumerate(keys) if key in rule.keys)
            if positions and rule.column not in taken and rule.column not in claims and rule.holds(frozenset(keys)):
                claims[rule.column] = positions
        return claims

    def _meaning(self, words: list[str]) -> tuple[str, tuple[int, int]] | None:
        for skipped in range(len(words)):
            if skipped and words[skipped - 1] not in self.wrappers:
                return None
            if found := self.spellings.get(_key(words[skipped:])):
                return found[0], (found[1], skipped)
        return None


def _words(header: str) -> list[str]:
    """The words of a header without case, accents and punctuation; "firstName" has two."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", _CUSTOM_FIELD.sub("", header))
        if not unicodedata.combining(letter)
    )
    return [word.casefold() for word in _WORD_BORDER.split(plain) if word]


def _key(words: Iterable[str]) -> str:
    return "".join(words)


def _frozen(spellings: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((column, tuple(listed)) for column, listed in spellings.items())


@lru_cache(maxsize=8)
def _known(extra: tuple[tuple[str, tuple[str, ...]], ...]) -> _Known:
    table = tomllib.loads(_BUILT_IN.read_text(encoding="utf-8"))
    own = dict(extra)
    if unknown := sorted(set(own) - set(LANDED_COLUMNS)):
        raise BadSpellings(f"no columns of ours: {', '.join(unknown)}; expected some of {', '.join(LANDED_COLUMNS)}")
    spellings: dict[str, tuple[str, int]] = {}
    for source, first_rank in ((own, 0), (table, 10_000)):  # a user's spelling wins over ours, whatever ours means
        for column in LANDED_COLUMNS:
            for rank, spelling in enumerate(source.get(column, ())):
                spellings.setdefault(_key(_words(spelling)), (column, first_rank + rank))
    beside = tuple(
        _Beside(
            rule["column"],
            _keys(rule["spellings"]) - _keys(one for listed in own.values() for one in listed),
            _keys(rule.get("any_of", ())),
            _keys(rule.get("all_of", ())),
        )
        for rule in table["beside"]
    )
    return _Known(_keys(table["wrappers"]), spellings, beside)


def _keys(spellings: Iterable[str]) -> frozenset[str]:
    return frozenset(_key(_words(spelling)) for spelling in spellings)


def _unique(headers: Sequence[str]) -> tuple[str, ...]:
    """Every header once: the second "Email" is "Email_2", a column without a header "column_5"."""
    taken = {header for header in headers if header.strip()}
    used: set[str] = set()
    names = []
    for position, header in enumerate(headers, start=1):
        base = header if header.strip() else f"column_{position}"
        name, number = base, 1
        while name in used or (name != header and name in taken):
            number += 1
            name = f"{base}_{number}"
        used.add(name)
        names.append(name)
    return tuple(names)
