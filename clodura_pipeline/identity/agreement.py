"""Compares an answer with the request: is it about the person that was asked for.

A profile decides alone. Else a different name decides; a company alone does not say that it is the same person, and an
e-mail address stays valid evidence after its owner has changed jobs.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl
from rapidfuzz import fuzz

from clodura_pipeline.clodura.answers.enrichment import Organisation, Person
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.identity.cells.companies import domain_of, read_organisations
from clodura_pipeline.identity.cells.linkedin import profile_id
from clodura_pipeline.identity.cells.text import folded
from clodura_pipeline.identity.cells.word_lists import NICKNAMES

SAME_NAME_SCORE = 80.0
"""From here on two folded names are one: `meyer` and `meier` score 80, `king` and `ring` 75 (`fuzz.ratio`)."""
SIMILAR_NAME_SCORE = 65.0
"""From here on, below the other, nothing is said."""
_LATIN = re.compile(r"[a-z]")


class Verdict(StrEnum):
    """What a comparison says. The values are shown as `agreement`."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Agreement:
    """Whether an answer is about the person asked for, and why, in words without values."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


Compared = tuple[Identifiers, Person, Organisation]


def agreements(compared: Sequence[Compared]) -> list[Agreement]:
    """Compare the identifiers that were sent with the person and the organisation of the answer, for many at once."""
    fold, company = _Folds(compared), _CompanyKeys(compared)
    return [_agreement(fold, company, *one) for one in compared]


def _agreement(
    fold: "_Folds", company: "_CompanyKeys", request: Identifiers, person: Person, organisation: Organisation
) -> Agreement:
    profile, name = _compare_profiles(request, person), _compare_names(fold, request, person)
    kind, same_company = _compare_companies(fold, company, request, organisation)
    reasons = tuple(
        f"{what}: {_REASONS[verdict]}"
        for what, verdict in (("profile", profile), ("name", name), (kind, same_company))
        if verdict is not None
    )
    return Agreement(_decide(request, profile, name, same_company), reasons)


class _Folds:
    """Folded texts (see `cells.text.folded`), all read at once: one at a time would take a thousand times as long."""

    def __init__(self, compared: Iterable[Compared]) -> None:
        texts: set[str] = set()
        for request, person, organisation in compared:
            for text in (request.first_name, request.last_name, person.first_name, person.last_name):
                texts.update((text or "", *(text or "").split()))
            texts.update(_parts_of(request.email or ""))
            texts.add(domain_of(organisation.domain or "") or "")
        column = pl.Series("text", sorted(texts), dtype=pl.String)
        found = pl.DataFrame(column).select(folded(pl.col("text")).fill_null("")).to_series()
        self._folds = dict(zip(column, found, strict=True))

    def __call__(self, text: str) -> str:
        return self._folds[text]


class _CompanyKeys:
    """What stands for a company in comparing, without legal forms; "" where the text names none."""

    def __init__(self, compared: Iterable[Compared]) -> None:
        texts = {" ".join((name or "").split()) for request, _, organisation in compared
                 for name in (request.organisation_name, organisation.name)}  # fmt: skip
        column = pl.Series("text", sorted(texts), dtype=pl.String)
        found = read_organisations(column).drop_nulls("key").unique("row", keep="first")
        self._keys = {column[row]: key[3:] for row, key in found.select("row", "key").iter_rows()}

    def __call__(self, text: str | None) -> str:
        return self._keys.get(" ".join((text or "").split()), "")


_REASONS = {
    Verdict.AGREES: "the same",
    Verdict.DIFFERS: "a different one",
    Verdict.UNKNOWN: "similar, or a nickname or initials",
}


def _decide(request: Identifiers, profile: Verdict | None, name: Verdict | None, company: Verdict | None) -> Verdict:
    if profile is not None:
        return profile
    if name is Verdict.AGREES and company is Verdict.DIFFERS:
        # By name and company alone it is a namesake; who was asked for by e-mail address may have changed jobs.
        return Verdict.UNKNOWN if request.email else Verdict.DIFFERS
    if name is Verdict.AGREES or name is Verdict.DIFFERS:
        return name
    return Verdict.DIFFERS if company is Verdict.DIFFERS else Verdict.UNKNOWN


def _compare_profiles(request: Identifiers, person: Person) -> Verdict | None:
    asked, found = profile_id(request.linkedin_url or ""), profile_id(person.linkedin_url or "")
    if asked is None or found is None:
        return None
    return Verdict.AGREES if asked == found else Verdict.DIFFERS


def _compare_names(fold: _Folds, request: Identifiers, person: Person) -> Verdict | None:
    """First and last name; without them, what the e-mail address says of a name."""
    first, last = fold(person.first_name or ""), fold(person.last_name or "")
    if not (first and last):
        return None
    if not (request.first_name and request.last_name):
        return _compare_with_address(fold, request.email or "", first, last)
    asked_last = fold(request.last_name)
    if bool(_LATIN.search(asked_last)) != bool(_LATIN.search(last)):
        return Verdict.UNKNOWN  # another script
    whole = fuzz.token_sort_ratio(
        _words(fold, request.first_name, request.last_name), _words(fold, person.first_name, person.last_name)
    )
    if whole >= SAME_NAME_SCORE + 10:  # also in another order
        return Verdict.AGREES
    lasts, firsts = _compare_words(asked_last, last), _compare_firsts(fold, request.first_name, person.first_name or "")
    if Verdict.DIFFERS in (lasts, firsts):
        return Verdict.DIFFERS
    return Verdict.UNKNOWN if Verdict.UNKNOWN in (lasts, firsts) else Verdict.AGREES


def _words(fold: _Folds, *names: str | None) -> str:
    return " ".join(fold(word) for name in names for word in (name or "").split())


def _compare_words(one: str, other: str) -> Verdict:
    """Two folded names; one that is a part of the other (`smith`, `smithjones`) is the same."""
    score = fuzz.ratio(one, other)
    if score >= SAME_NAME_SCORE or (min(len(one), len(other)) >= 4 and (one in other or other in one)):
        return Verdict.AGREES
    return Verdict.UNKNOWN if score >= SIMILAR_NAME_SCORE or min(len(one), len(other)) == 1 else Verdict.DIFFERS


def _compare_firsts(fold: _Folds, one: str, other: str) -> Verdict:
    """Two first names by their first words; initials and nicknames say nothing."""
    asked, found = _words(fold, one).split(" ")[0], _words(fold, other).split(" ")[0]
    if fuzz.ratio(asked, found) >= SAME_NAME_SCORE:
        return Verdict.AGREES
    shorter, longer = sorted((asked, found), key=len)
    short_form = shorter[:2] == longer[:2] or (len(shorter) == 1 and longer.startswith(shorter)) or shorter in longer
    nickname = asked in NICKNAMES.get(found, "").split() or found in NICKNAMES.get(asked, "").split()
    return Verdict.UNKNOWN if short_form or nickname else _compare_words(asked, found)


def _compare_with_address(fold: _Folds, address: str, first: str, last: str) -> Verdict | None:
    """`ada.byron@…` names somebody; `abyron@…` may; `sales7@…` does not."""
    parts = [fold(part) for part in _parts_of(address)]
    words = [part for part in parts if len(part) >= 3]
    if not words or not _LATIN.search(last):
        return None
    scores = {name: max(fuzz.partial_ratio(word, name) for word in words) for name in (first, last)}
    if len(words) == 1:
        return Verdict.AGREES if len(last) >= 3 and last in words[0] else None
    if min(scores.values()) >= SAME_NAME_SCORE or (not _LATIN.search(first) and scores[last] >= SAME_NAME_SCORE):
        return Verdict.AGREES
    return Verdict.UNKNOWN if max(scores.values()) >= SIMILAR_NAME_SCORE else Verdict.DIFFERS


def _parts_of(address: str) -> list[str]:
    """What may be names in an e-mail address."""
    return re.split(r"[._-]+|\d+", address.partition("@")[0])


def _compare_companies(
    fold: _Folds, company: _CompanyKeys, request: Identifiers, organisation: Organisation
) -> tuple[str, Verdict | None]:
    """By domain or by name: one of them that agrees is enough."""
    asked_domain = domain_of(request.email) if request.email else None
    found_domain = domain_of(organisation.domain or "")
    asked, found = company(request.organisation_name), company(organisation.name)
    domains = _same_domain(asked_domain, found_domain) if asked_domain and found_domain else None
    if domains:
        return "domain", Verdict.AGREES
    if asked and found:
        in_domain = found_domain is not None and asked in fold(found_domain)
        return "company", Verdict.AGREES if in_domain else _compare_words(asked, found)
    return "domain", Verdict.DIFFERS if domains is False else None


def _same_domain(one: str, other: str) -> bool:
    """Equal, or one is below the other, or they differ in the country only (`acme.com`, `acme.de`)."""
    if one == other or one.endswith(f".{other}") or other.endswith(f".{one}"):
        return True
    return one.split(".")[0] == other.split(".")[0] and len(one.split(".")[0]) >= 4
