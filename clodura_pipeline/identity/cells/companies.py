"""Companies: names cleaned for asking, folded without legal forms for comparing, and domains.

The folded forms are for comparing only: `on:<name>` and `dm:<domain>`; a company's LinkedIn page (`co:<slug>`) is
stronger than either. Nothing says that `on:acme` and `dm:acme.com` are one company, so they are not held to be.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import urlsplit

from clodura_pipeline.identity.cells.emails import ascii_domain
from clodura_pipeline.identity.cells.names import fold
from clodura_pipeline.identity.cells.text import is_name_placeholder, tidy
from clodura_pipeline.identity.cells.words import (
    CJK_FORMS,
    FREE_MAIL_DOMAINS,
    LEADING_FORMS,
    LEGAL_FORMS,
    NO_COMPANY,
    NO_COMPANY_BEGINNINGS,
    SOCIAL_HOSTS,
)

_EDGES = ' \t,;:"“”„«»‹›<>[]{}|/\\*_=#~^'
_LONGEST_FORM = max(len(form) for form in LEGAL_FORMS)
_BARE_DOMAIN = re.compile(r"(?:https?://)?[^\s/@,:()]+\.[a-z]{2,24}/?", re.I)
_WEB_ADDRESS = re.compile(r"(?:https?://\S+|www\d?\.[^\s/@,:()]+\.[a-z]{2,24}(?:[:/?#]\S*)?)", re.I)


def clean_organisation(text: str) -> str | None:
    """A company's name as it is asked and shown; None for a placeholder or what holds neither letter nor digit."""
    text = tidy(text).strip(_EDGES)
    text = re.sub(r"^(['‘’`])(.*)\1$", r"\2", text).strip(_EDGES)
    if is_name_placeholder(text) or not any(c.isalnum() for c in text):
        return None
    return None if _WEB_ADDRESS.fullmatch(text) and domain_of(text) is None else text


def is_no_company(text: str) -> bool:
    """Whether it is written where somebody has no employer: `self-employed`, `Freelance Designer`, `gmail.com`."""
    if fold(text) in NO_COMPANY or (_BARE_DOMAIN.fullmatch(text) and domain_of(text) is None):
        return True
    words = _words(re.sub(r"(?i)\bself[ -]employed\b", "selfemployed", text))
    return len(words) > 1 and words[0] in NO_COMPANY_BEGINNINGS and (words[-1],) not in LEGAL_FORMS


def _words(text: str) -> list[str]:
    """The folded words of a company's name: `&` and `+` are `and`, dotted abbreviations are one word."""
    text = unicodedata.normalize("NFKC", text)
    for form in CJK_FORMS:
        text = text.replace(form, " ")
    text = re.sub(r"['’`´]", "", re.sub(r"\s*[&+]\s*", " and ", text))
    text = re.sub(r"\b(\w)\.", r"\1", text)
    text = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return [word for part in text.split() if (word := fold(part))]


def fold_organisation(text: str) -> str:
    """A company's name for comparing: folded, without legal forms; never empty where something was there."""
    words = _words(text)
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    if len(words) > 1 and (words[0],) in LEADING_FORMS:
        words = words[1:]
    shortened = True
    while shortened:
        shortened = False
        for length in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
            if tuple(words[-length:]) in LEGAL_FORMS:
                words, shortened = words[:-length], True
                break
    # `Smith &` is left of `Smith & Co. KG`.
    while len(words) > 1 and words[-1] == "and":
        words = words[:-1]
    return "".join(words) or fold(text)


@lru_cache(maxsize=65536)
def domain_of(text: str) -> str | None:
    """The host of a company's website or domain, in ASCII and without `www.`; None where it says no company."""
    text = tidy(text).strip(_EDGES).split(" ", 1)[0].rstrip(",;")
    if "@" in text and "/" not in text:
        text = text.rsplit("@", 1)[1]
    text = re.sub(r"^(?:https?:?/*|//)", "", text, flags=re.I)
    try:
        parts = urlsplit(f"//{text}")
        host, path = parts.hostname or "", parts.path
    except ValueError:
        return None
    host = ascii_domain(re.sub(r"^(?:www\d?\.)+", "", host))
    if host is None or host in FREE_MAIL_DOMAINS:
        return None
    social = any(host == site or host.endswith(f".{site}") for site in SOCIAL_HOSTS)
    return None if social and path.strip("/") else host


def domain_in_name(text: str) -> str | None:
    """The domain where a company's name is nothing but one (`https://acme.com/about`, `Booking.com`)."""
    return domain_of(text) if _BARE_DOMAIN.fullmatch(text) or _WEB_ADDRESS.fullmatch(text) else None


def company_key(page: str | None, name: str | None, domain: str | None) -> str | None:
    """What stands for a company in `name_id`: its page (`co:`), else its name (`on:`), else its domain (`dm:`)."""
    if page:
        return page
    if name and not is_no_company(name):
        bare = domain_in_name(name)
        return f"dm:{bare}" if bare else f"on:{fold_organisation(name)}"
    return f"dm:{domain}" if domain else None
