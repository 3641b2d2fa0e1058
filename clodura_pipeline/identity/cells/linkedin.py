"""LinkedIn addresses: what kind of page one leads to, and the one canonical form of a person's or a company's page.

`li:<slug>` names a profile; how a slug is spelt is in `slugs.py`. The address to ask with is
`https://www.linkedin.com/in/<slug>` with everything outside ASCII percent-encoded, which every HTTP API accepts and
LinkedIn itself uses.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from urllib.parse import quote

from clodura_pipeline.identity.cells.linkedin_slugs import canonical_slug, person_slug, pub_slug
from clodura_pipeline.identity.cells.text import listed, tidy


class LinkedInKind(StrEnum):
    """What an address leads to."""

    PERSON = "person"
    COMPANY = "company"
    SCHOOL = "school"
    SHOWCASE = "showcase"
    SALES_NAVIGATOR = "sales_navigator"
    RECRUITER = "recruiter"
    SEARCH = "search"
    SHORT_LINK = "short_link"
    OTHER = "other"  # on LinkedIn, but nobody's profile: a post, a group, a login page
    NOT_LINKEDIN = "not_linkedin"


@dataclass(frozen=True, slots=True)
class LinkedInReading:
    """One cell, read: `slug` only for a person or an organisation; `several` when it names more than one profile."""

    kind: LinkedInKind
    slug: str | None = None
    several: bool = False


_HOST = r"(?<![\w.@-])(?:[a-z0-9-]+\.)*linkedin\.(?:com|cn)\.?(?::\d+)?"
_ADDRESS = re.compile(_HOST + r"(?=[/?#\s\"'<>)\]]|$)([^\s\"<>)\]]*)(.*)", re.I | re.S)
# The same address pasted twice, or behind an archive's or a form's own prefix: the last one counts.
_NESTED = re.compile(
    r"^.*?/(?:https?:)?/*(?:[a-z0-9-]+\.)*linkedin\.(?:com|cn)(?=/(?:in|pub|company|school)/)", re.I | re.S
)
_BARE = re.compile(r"^/*((?:in|pub|company|school|showcase)/[^\s\"<>]+)(.*)$", re.I | re.S)
_SEPARATOR = re.compile(r"[,;|]+(?=\s|$|https?:|www\.|(?:[a-z]{2,3}\.)?linkedin\.)", re.I)
_BROKEN_AT_SLASH = re.compile(r"(linkedin\.(?:com|cn))\s*/\s*(in|pub|company)\s*/\s*", re.I)
# The way most profiles are written; it only spares such cells the search that the others need.
_USUAL = re.compile(
    r"(?:https?://)?(?:www\.|m\.|[a-z]{2}\.)?linkedin\.com/in/([^\s/?#&<>\"'(),;|\\\[\]{}]+)/?(?:[?#][a-z0-9_=&%.+-]*)?",
    re.IGNORECASE,
)
_SHORT_LINK = re.compile(r"(?<![\w.-])lnkd\.in/", re.I)
_ENCODED_PAGE = re.compile(r"linkedin\.(?:com|cn)%(?:25)*2f", re.I)
_ENCODED_ADDRESS = re.compile(r"%(?:25)*(?:2f|3a)", re.I)
_RELATIVE_TARGET = re.compile(r"[?&](?:session_?redirect|url|target|dest\w*|redirect\w*)=/*((?:in|pub)/[^&\s]+)", re.I)
_PROOFPOINT_2 = re.compile(r"urldefense\.[a-z.]+/v2/url\?(?:[^\s]*&)?u=([^&\s]+)", re.I)
_PROOFPOINT_3 = re.compile(r"\S*urldefense\.[a-z.]+/v3/__(.+?)__;\S*", re.I)

_PREFIXES = frozenset({"mwlite", "m", "mobile", "comm", "public-profile", "incareer"})
_KINDS = {
    "company": LinkedInKind.COMPANY,
    "company-beta": LinkedInKind.COMPANY,
    "school": LinkedInKind.SCHOOL,
    "edu": LinkedInKind.SCHOOL,
    "showcase": LinkedInKind.SHOWCASE,
    "sales": LinkedInKind.SALES_NAVIGATOR,
    "talent": LinkedInKind.RECRUITER,
    "recruiter": LinkedInKind.RECRUITER,
    "cap": LinkedInKind.RECRUITER,
    "hire": LinkedInKind.RECRUITER,
    "search": LinkedInKind.SEARCH,
    "vsearch": LinkedInKind.SEARCH,
}
ORGANISATION_KINDS = (LinkedInKind.COMPANY, LinkedInKind.SCHOOL, LinkedInKind.SHOWCASE)
_WRAPPERS = listed(
    """
    redir redirect authwall login uas checkpoint signup safety start reg reg-pop m-login
    """
)

_SAFE = "-_.~'!*+@%"


def _page(path: str) -> LinkedInReading | None:
    """What one path on LinkedIn leads to; None for a page that only forwards."""
    parts = [part for part in re.split(r"[?#]", path, maxsplit=1)[0].split("/") if part.strip()]
    while parts and parts[0].lower() in _PREFIXES:
        parts = parts[2:] if parts[1:2] == ["profile"] else parts[1:]
    head, rest = (parts[0].lower(), parts[1:]) if parts else ("", [])
    if head in _WRAPPERS:
        return None
    if head == "in" and rest:
        # A formula that puts the address before what has a part of it already: `/in/in/ann-lee`.
        repeated = sum(1 for _ in takewhile(lambda part: part.lower() == "in", rest))
        slug = person_slug(rest[repeated]) if repeated < len(rest) else None
        return LinkedInReading(LinkedInKind.PERSON if slug else LinkedInKind.OTHER, slug)
    if head == "pub" and rest:
        slug = pub_slug(rest)
        known = LinkedInKind.SEARCH if rest[0].lower() == "dir" else LinkedInKind.OTHER
        return LinkedInReading(LinkedInKind.PERSON, slug) if slug else LinkedInReading(known)
    kind = _KINDS.get(head, LinkedInKind.OTHER)
    if kind in ORGANISATION_KINDS:
        slug = canonical_slug(rest[0]) if rest else None
        return LinkedInReading(kind if slug else LinkedInKind.OTHER, slug)
    return LinkedInReading(kind)


def _cut_short(path: str, after: str) -> bool:
    """Whether the address may go on behind a space: `.../in/ann lee` is not `.../in/ann`, who is somebody else."""
    return (
        bool(re.match(r"\s+(?:[\w%&+]|-\S)", after))
        and not re.search(r"[/?#]$|[?#]", path)
        and not re.match(r"\s+(?:https?:|www\.|[a-z0-9-]*\.?linkedin\.|\S+@)", after, re.I)
    )


def _pages(text: str) -> tuple[list[LinkedInReading], bool]:
    """The pages a text names, in its order, and whether one of its addresses only forwards."""
    pages: list[LinkedInReading] = []
    forwards = False
    match = _ADDRESS.search(text) or _BARE.match(text)
    while match:
        path, after = match.group(1), match.group(2)
        if _ENCODED_PAGE.search(path.split("?", 1)[0]):
            path = _decoded_delimiters(path)
        nested = _NESTED.match(re.split(r"[?#]", path, maxsplit=1)[0])
        page = _page(path[nested.end() :] if nested else path)
        forwards = forwards or page is None
        if page is None:
            after = path + after  # its target may stand in its query, unencoded
        elif page.kind is LinkedInKind.PERSON and _cut_short(path, after):
            page = LinkedInReading(LinkedInKind.OTHER)
        if page is not None:
            pages.append(page)
        match = _ADDRESS.search(after)
    return pages, forwards


def _unwrapped(text: str, forwards: bool) -> str:
    """The text with one layer of redirecting taken off; unchanged where there is none."""
    if match := _PROOFPOINT_2.search(text):
        return _decoded_delimiters(match.group(1).replace("-", "%").replace("_", "/"))
    if _ENCODED_ADDRESS.search(text):
        return _decoded_delimiters(text)
    match = _RELATIVE_TARGET.search(text) if forwards else None
    return f"linkedin.com/{match.group(1)}" if match else text


def _decoded_delimiters(text: str) -> str:
    """One layer of percent-encoding of the ASCII part off; other bytes stay encoded, the slug is decoded later."""
    return re.sub(r"%([2-7][0-9a-fA-F])", lambda m: chr(int(m.group(1), 16)), text)


def read_linkedin(text: str) -> LinkedInReading:
    """What a cell says of LinkedIn: the first profile in it, else the first other page, seen through redirects."""
    if (usual := _USUAL.fullmatch(text.strip())) and (slug := person_slug(usual.group(1))):
        return LinkedInReading(LinkedInKind.PERSON, slug)
    text = tidy(text, keep_joiners=True).replace("\\", "/").strip(" \"'<>()[]{}“”‘’«»‹›„`*")
    text = _PROOFPOINT_3.sub(r" \1 ", text)  # its tail would otherwise be taken for a part of the slug
    text = _BROKEN_AT_SLASH.sub(r"\1/\2/", _SEPARATOR.sub(" ", text))
    forwards_at_all = False
    for _ in range(6):
        pages, forwards = _pages(text)
        forwards_at_all = forwards_at_all or forwards
        if pages:
            people = [page for page in pages if page.kind is LinkedInKind.PERSON]
            first = (people or pages)[0]
            return LinkedInReading(first.kind, first.slug, len({page.slug for page in people}) > 1)
        plainer = _unwrapped(text, forwards)
        if plainer == text:
            break
        text = plainer
    if _SHORT_LINK.search(text):
        return LinkedInReading(LinkedInKind.SHORT_LINK)
    return LinkedInReading(LinkedInKind.OTHER if forwards_at_all else LinkedInKind.NOT_LINKEDIN)


def linkedin_kind(text: str) -> LinkedInKind:
    """What an address leads to, as far as its spelling tells."""
    return read_linkedin(text).kind


def profile_id(text: str) -> str | None:
    """`li:<slug>` for a person's profile however spelt; None for anything else."""
    reading = read_linkedin(text)
    return f"li:{reading.slug}" if reading.kind is LinkedInKind.PERSON else None


def organisation_page(reading: LinkedInReading) -> str | None:
    """The organisation a reading names: the slug for a company, `school/<slug>` or `showcase/<slug>` for others."""
    if reading.kind not in ORGANISATION_KINDS:
        return None
    return reading.slug if reading.kind is LinkedInKind.COMPANY else f"{reading.kind}/{reading.slug}"


def company_id(text: str) -> str | None:
    """`co:<slug>` for a company's page however spelt (`co:school/<slug>`, `co:showcase/<slug>`); else None."""
    page = organisation_page(read_linkedin(text))
    return f"co:{page}" if page else None


def profile_url(identifier: str) -> str:
    """The address to ask with for a `li:` identifier."""
    return f"https://www.linkedin.com/in/{quote(identifier.removeprefix('li:'), safe=_SAFE)}"


def company_url(identifier: str) -> str:
    """The address to ask with for a `co:` identifier."""
    page = identifier.removeprefix("co:")
    if not page.startswith(("school/", "showcase/")):
        page = f"company/{page}"
    return f"https://www.linkedin.com/{quote(page, safe=_SAFE + '/')}"
