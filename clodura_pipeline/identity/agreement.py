"""Compares an answer with the request: is it about the person that was asked for.

A profile decides alone. Else a different name decides; a company alone does not say that it is the same person, and an
e-mail address stays valid evidence after its owner has changed jobs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl
from rapidfuzz import fuzz

from clodura_pipeline.clodura.answers.reader import Organisation, Person
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


_REASONS = {
    Verdict.AGREES: "the same",
    Verdict.DIFFERS: "a different one",
    Verdict.UNKNOWN: "similar, or a nickname or initials",
}


_COMPARED_TEXTS = ("asked_first", "asked_last", "first", "last", "address", "domain")


def agreements(compared: Sequence[tuple[Identifiers, Person, Organisation]]) -> list[Agreement]:
    """Compare the identifiers that were sent with the person and the organisation of the answer.

    Texts are folded for all at once: one at a time would take a thousand times as long.
    """
    texts = [
        (request.first_name, request.last_name, person.first_name, person.last_name,
         re.sub(r"[._\d-]+", " ", (request.email or "").partition("@")[0]), domain_of(organisation.domain or ""))
        for request, person, organisation in compared
    ]  # fmt: skip
    frame = pl.DataFrame(texts, dict.fromkeys(_COMPARED_TEXTS, pl.String), orient="row")
    folds = frame.select(folded(pl.all(), keep_spaces=True).fill_null("")).rows(named=True)
    asked_companies = _company_keys([request.organisation_name for request, _, _ in compared])
    companies = _company_keys([organisation.name for _, _, organisation in compared])
    found: list[Agreement] = []
    for (request, person, organisation), fold, asked_company, company in zip(
        compared, folds, asked_companies, companies, strict=True
    ):
        asked_profile, profile_found = profile_id(request.linkedin_url or ""), profile_id(person.linkedin_url or "")
        profile = None
        if asked_profile and profile_found:
            profile = Verdict.AGREES if asked_profile == profile_found else Verdict.DIFFERS
        kind, same_company = _compare_companies(request, organisation, fold.pop("domain"), asked_company, company)
        name = _compare_names(**fold)
        reasons = tuple(
            f"{what}: {_REASONS[verdict]}"
            for what, verdict in (("profile", profile), ("name", name), (kind, same_company))
            if verdict is not None
        )
        found.append(Agreement(_decide(request, profile, name, same_company), reasons))
    return found


def _company_keys(names: Sequence[str | None]) -> list[str]:
    """What stands for each company in comparing: its name without legal forms; "" where the text names no company."""
    found = read_organisations(pl.Series(names, dtype=pl.String)).drop_nulls("key").unique("row", keep="first")
    keys = dict(found.select("row", pl.col("key").str.slice(3)).iter_rows())
    return [keys.get(row, "") for row in range(len(names))]


def _decide(request: Identifiers, profile: Verdict | None, name: Verdict | None, company: Verdict | None) -> Verdict:
    if profile is not None:
        return profile
    if name is Verdict.AGREES and company is Verdict.DIFFERS:
        # By name and company alone it is a namesake; who was asked for by e-mail address may have changed jobs.
        return Verdict.UNKNOWN if request.email else Verdict.DIFFERS
    if name is Verdict.AGREES or name is Verdict.DIFFERS:
        return name
    return Verdict.DIFFERS if company is Verdict.DIFFERS else Verdict.UNKNOWN


def _compare_names(asked_first: str, asked_last: str, first: str, last: str, address: str) -> Verdict | None:
    """First and last name, folded; without them, what the e-mail address says of a name."""
    if not (first and last):
        return None
    if not (asked_first and asked_last):
        return _compare_with_address(address.split(), first.replace(" ", ""), last.replace(" ", ""))
    if bool(_LATIN.search(asked_last)) != bool(_LATIN.search(last)):
        return Verdict.UNKNOWN  # another script
    whole = fuzz.token_sort_ratio(f"{asked_first} {asked_last}", f"{first} {last}")
    if whole >= SAME_NAME_SCORE + 10:  # also in another order
        return Verdict.AGREES
    parts = {_compare_words(asked_last.replace(" ", ""), last.replace(" ", "")),
             _compare_firsts(asked_first.split()[0], first.split()[0])}  # fmt: skip
    return next((each for each in (Verdict.DIFFERS, Verdict.UNKNOWN) if each in parts), Verdict.AGREES)


def _compare_words(one: str, other: str) -> Verdict:
    """Two folded names; one that is a part of the other (`smith`, `smithjones`) is the same."""
    score = fuzz.ratio(one, other)
    if score >= SAME_NAME_SCORE or (min(len(one), len(other)) >= 4 and (one in other or other in one)):
        return Verdict.AGREES
    return Verdict.UNKNOWN if score >= SIMILAR_NAME_SCORE or min(len(one), len(other)) == 1 else Verdict.DIFFERS


def _compare_firsts(asked: str, found: str) -> Verdict:
    """Two first names by their first words; initials and nicknames say nothing."""
    if fuzz.ratio(asked, found) >= SAME_NAME_SCORE:
        return Verdict.AGREES
    shorter, longer = sorted((asked, found), key=len)
    short_form = shorter[:2] == longer[:2] or shorter in longer
    nickname = asked in NICKNAMES.get(found, "").split() or found in NICKNAMES.get(asked, "").split()
    return Verdict.UNKNOWN if short_form or nickname else _compare_words(asked, found)


def _compare_with_address(parts: list[str], first: str, last: str) -> Verdict | None:
    """`ada.byron@…` names somebody; `abyron@…` may; `sales7@…` does not."""
    words = [part for part in parts if len(part) >= 3]
    if not words or not _LATIN.search(last):
        return None
    if len(words) == 1:
        return Verdict.AGREES if len(last) >= 3 and last in words[0] else None
    scores = {name: max(fuzz.partial_ratio(word, name) for word in words) for name in (first, last)}
    if min(scores.values()) >= SAME_NAME_SCORE or (not _LATIN.search(first) and scores[last] >= SAME_NAME_SCORE):
        return Verdict.AGREES
    return Verdict.UNKNOWN if max(scores.values()) >= SIMILAR_NAME_SCORE else Verdict.DIFFERS


def _compare_companies(
    request: Identifiers, organisation: Organisation, folded_domain: str, asked_company: str, company: str
) -> tuple[str, Verdict | None]:
    """By domain or by name: one of them that agrees is enough."""
    asked_domain, domain = domain_of(request.email or ""), domain_of(organisation.domain or "")
    is_same = None
    if asked_domain and domain:  # the same, one below the other, or another country's (`acme.com`, `acme.de`)
        name, asked_name = domain.split(".")[0], asked_domain.split(".")[0]
        is_same = f".{asked_domain}".endswith(f".{domain}") or f".{domain}".endswith(f".{asked_domain}")
        is_same = is_same or (name == asked_name and len(name) >= 4)
    if is_same:
        return "domain", Verdict.AGREES
    if asked_company and company:
        in_domain = asked_company in folded_domain
        return "company", Verdict.AGREES if in_domain else _compare_words(asked_company, company)
    return "domain", Verdict.DIFFERS if is_same is False else None
