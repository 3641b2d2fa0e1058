"""E-mail addresses: the one in a cell, as it is asked, and its canonical form for comparing.

Asked is the address as written, lower-case: tags and dots included. `em:<address>` is for comparing: the plus-tag
off, the dots out and `googlemail.com` folded at Gmail only (elsewhere a dot makes another mailbox), the domain in
its ASCII (IDNA) form. A role address (`info@`) reaches many people and a disposable one nobody in particular:
neither has an identifier, nor has one that was masked (`a***@`) or typed to get past a form (`asdf@`).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

import idna
from disposable_email_domains import blocklist as DISPOSABLE_DOMAINS

from clodura_pipeline.identity.cells.mailbox_words import (
    LEADING_ROLE_WORDS,
    NO_ADDRESS_WORDS,
    REGIONS,
    ROLE_ENDINGS,
    ROLE_WORDS,
    TEMPLATE_DOMAINS,
    TEMPLATE_LOCALS,
)
from clodura_pipeline.identity.cells.text import is_placeholder, tidy
from clodura_pipeline.identity.cells.words import FREE_MAIL_DOMAINS


class EmailKind(StrEnum):
    """What a cell that should hold an address holds."""

    PERSONAL = "personal"
    ROLE = "role"
    DISPOSABLE = "disposable"
    MASKED = "masked"
    STAND_IN = "stand_in"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class EmailReading:
    """One cell, read: `address` as asked, `identifier` of a personal one, `role` the generic word of a role address."""

    kind: EmailKind
    address: str | None = None
    identifier: str | None = None
    role: str | None = None
    several: bool = False


GMAIL_DOMAINS = ("gmail.com", "googlemail.com")
_QUOTED_NAME = re.compile(r"\"[^\"]*\"(?=\s*<)")
_LABEL = re.compile(r"^(?:[^\W\d_][\w ()./-]{0,30}:(?!/)\s*)+")
_COMMENT = re.compile(r"\s*\([^()]*\)\s*$|\s+[#–—-](?:\s*[^\s@#–—-][^@]*)?$")
_EDGES = " \t\"'<>()[]{}“”‘’«»‹›„`,;:!|"
# What comes before an address in an e-mail cell: SharePoint's `12;#`.
_FRONT = _EDGES + "#"
_ESCAPES = re.compile(r"%(?:0[9ad]|2[027c]|3[abce]|c2%a0)", re.I)
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ′‘", "'"))
_HIDDEN = re.compile(r"[*•●…█]")
_STARRED = re.compile(r"^(\*+)([^*]*)\1$")
_ONE_CHARACTER = re.compile(r"(.)\1*")
# Between two addresses.
_BETWEEN = re.compile(r"(@[^\s@]+)\s+(?:&|\+|and|or|und|oder|et|ou|y|o|e|en|of)\s+(?=[^\s@]+@)", re.I)
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*")
_ASCII_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})")


@lru_cache(maxsize=65536)
def ascii_domain(domain: str) -> str | None:
    """A domain in its lower-case ASCII form, or None where it is none: no dot, an address of a machine, bad labels."""
    domain = domain.strip().rstrip(".").lower()
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, transitional=False).decode().rstrip(".")
        except (idna.IDNAError, UnicodeError):
            return None
    return domain if len(domain) <= 253 and _ASCII_DOMAIN.fullmatch(domain) else None


def role_word(local: str) -> str | None:
    """The generic word when a local part names a function (`info`, `sales.uk`, `customer-service`); else None."""
    local = local.split("+", 1)[0] or local
    whole = re.sub(r"[0-9]+$", "", re.sub(r"[._'-]", "", local))
    if whole in ROLE_WORDS:
        return whole
    for ending in ROLE_ENDINGS:
        if whole.endswith(ending) and (function := whole.removesuffix(ending)) in ROLE_WORDS:
            return function
    first, *rest = (re.sub(r"[0-9]+$", "", word) for word in re.split(r"[._-]", local))
    if first not in ROLE_WORDS or not rest:
        return None
    # Two letters may be initials, so only another function behind them tells.
    known = ROLE_WORDS if len(first) <= 2 else ROLE_WORDS | REGIONS | {""}
    return first if first in LEADING_ROLE_WORDS or all(word in known for word in rest) else None


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one that it is part of, gives throw-away addresses."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in DISPOSABLE_DOMAINS for start in range(len(labels) - 1))


def _is_stand_in(local: str, domain: str) -> bool:
    """Whether the parts are an example, or what is written where there is no address, rather than being one."""
    plain = re.sub(r"[._-]", "", local.split("+", 1)[0])
    word = plain.rstrip("0123456789") if len(plain) > 4 else plain
    if plain in NO_ADDRESS_WORDS or word in NO_ADDRESS_WORDS:
        return True
    typed = plain in TEMPLATE_LOCALS or word in TEMPLATE_LOCALS
    if typed and (domain in TEMPLATE_DOMAINS or domain in FREE_MAIL_DOMAINS):
        return True
    repeated = bool(_ONE_CHARACTER.fullmatch(plain))
    if domain.split(".", 1)[0] == plain:
        return typed or repeated or is_placeholder(plain)
    return repeated and len(plain) > 3


def _read_one(piece: str) -> EmailReading | None:
    """One address, None where the text is none."""
    address = _STARRED.sub(r"\2", _COMMENT.sub("", piece).strip(_EDGES))
    address = _LABEL.sub("", address).split("?", 1)[0].lstrip(_FRONT)
    address = _COMMENT.sub("", address).strip(_EDGES).rstrip(_EDGES + "._").lower()
    local, at, domain = address.rpartition("@")
    if at and _HIDDEN.search(address) and " " not in address:
        return EmailReading(EmailKind.MASKED)
    local = unicodedata.normalize("NFC", local).translate(_APOSTROPHES)
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local) or any(c.isspace() for c in address):
        return None
    # What a Salesforce sandbox puts behind every address.
    domain = domain.rstrip(".")
    while domain.endswith(".invalid") and "." in (real := domain.removesuffix(".invalid")):
        domain = real
    ascii_form = ascii_domain(domain)
    if ascii_form is None:
        return None
    if _is_stand_in(local, ascii_form):
        return EmailReading(EmailKind.STAND_IN)
    asked = f"{local}@{domain}"
    if role := role_word(local):
        return EmailReading(EmailKind.ROLE, asked, role=role)
    if is_disposable(ascii_form):
        return EmailReading(EmailKind.DISPOSABLE, asked)
    base = local.split("+", 1)[0].rstrip(".") or local
    if ascii_form in GMAIL_DOMAINS:
        base, ascii_form = base.replace(".", "") or base, GMAIL_DOMAINS[0]
    return EmailReading(EmailKind.PERSONAL, asked, f"em:{base}@{ascii_form}")


def _pieces(text: str) -> list[str]:
    """The parts of a cell that may each be an address."""
    text = _BETWEEN.sub(r"\1 ; ", _QUOTED_NAME.sub("", text))
    pieces: list[str] = []
    for piece in re.split(r"[;,|]+|\s/\s|\s:::\s", text):  # the last is Google Contacts' own
        if brackets := re.findall(r"<([^<>]*@[^<>]*)>", piece):
            pieces.extend(brackets)
            continue
        # A space separates addresses only where each part is one: `ann lee@x.com` must not become `lee@x.com`.
        words = re.split(r"[\s/]+", piece.strip())
        pieces.extend(words if len(words) > 1 and all(re.search(r"\w@\w", word) for word in words) else [piece])
    return pieces


def read_email(text: str) -> EmailReading:
    """What a cell says: the first personal address in it, else the first of another kind, else invalid."""
    text = tidy(re.sub(r"\\[nrt]\s", " ", text))
    if "%" in text:
        text = _ESCAPES.sub(lambda match: unquote(match.group()), text)
    readings = [reading for piece in _pieces(text) if (reading := _read_one(piece))]
    if not readings:
        return EmailReading(EmailKind.INVALID)
    chosen = next((reading for reading in readings if reading.kind is EmailKind.PERSONAL), readings[0])
    several = len({reading.identifier or reading.address for reading in readings}) > 1
    return EmailReading(chosen.kind, chosen.address, chosen.identifier, chosen.role, several)


def email_id(text: str) -> str | None:
    """`em:<address>` for a personal address however spelt; None for role, disposable and broken ones."""
    return read_email(text).identifier


def clean_email(text: str) -> str | None:
    """The address to ask with, lower-case and otherwise as written; None for role, disposable and broken ones."""
    reading = read_email(text)
    return reading.address if reading.kind is EmailKind.PERSONAL else None
