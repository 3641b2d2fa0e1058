"""LinkedIn addresses: which pages a cell names, and the one canonical form of a person's or a company's page.

`li:<slug>` names a profile, `co:<slug>` a company (`co:school/<slug>`, `co:showcase/<slug>`); how a slug is spelt is
in `linkedin_slugs.py`. The address to send is `https://www.linkedin.com/in/<slug>` with everything outside ASCII
percent-encoded, which every HTTP API accepts and LinkedIn itself uses.
"""

import re
from itertools import takewhile
from urllib.parse import quote

import polars as pl

from clodura_pipeline.identity.cells.distinct import LETTERS, read_candidates, read_distinct
from clodura_pipeline.identity.cells.linkedin_slugs import (
    PLACEHOLDER_PEOPLE,
    SHORTEST_SLUG,
    canonical_slug,
    person_slug,
    pub_slug,
)
from clodura_pipeline.identity.cells.text import by_parts, tidy
from clodura_pipeline.identity.cells.word_lists import PLACEHOLDER_SLUGS

# Pages that name neither a person nor a company, and why they cannot be used.
OTHER_PAGES = {
    "sales_navigator": "a Sales Navigator address, which Clodura cannot look up",
    "recruiter": "a LinkedIn Recruiter address, which Clodura cannot look up",
    "search": "a LinkedIn search page, not a page of its own",
    "short_link": "a shortened address, which does not say where it leads",
    "other": "a LinkedIn address that leads to no profile or company page",
    "not_linkedin": "not a LinkedIn address",
}
_HOST = r"(?<![\w.@-])(?:[a-z0-9-]+\.)*linkedin\.(?:com|cn)\.?(?::\d+)?"
_ADDRESS = re.compile(_HOST + r"(?=[/?#\s\"'<>)\]]|$)([^\s\"<>)\]]*)(.*)", re.I | re.S)
# The same address pasted twice, or behind an archive's or a form's own prefix: the last one counts.
_NESTED = re.compile(
    r"^.*?/(?:https?:)?/*(?:[a-z0-9-]+\.)*linkedin\.(?:com|cn)(?=/(?:in|pub|company|school)/)", re.I | re.S
)
_BARE = re.compile(r"^/*((?:in|pub|company|school|showcase)/[^\s\"<>]+)(.*)$", re.I | re.S)
_SEPARATOR = re.compile(r"[,;|]+(?=\s|$|https?:|www\.|(?:[a-z]{2,3}\.)?linkedin\.)", re.I)
_BROKEN_AT_SLASH = re.compile(r"(linkedin\.(?:com|cn))\s*/\s*(in|pub|company)\s*/\s*", re.I)
_SHORT_LINK = re.compile(r"(?<![\w.-])lnkd\.in/", re.I)
_ENCODED_PAGE = re.compile(r"linkedin\.(?:com|cn)%(?:25)*2f", re.I)
_ENCODED_ADDRESS = re.compile(r"%(?:25)*(?:2f|3a)", re.I)
_RELATIVE_TARGET = re.compile(r"[?&](?:session_?redirect|url|target|dest\w*|redirect\w*)=/*((?:in|pub)/[^&\s]+)", re.I)
_PROOFPOINT_2 = re.compile(r"urldefense\.[a-z.]+/v2/url\?(?:[^\s]*&)?u=([^&\s]+)", re.I)
_PROOFPOINT_3 = re.compile(r"\S*urldefense\.[a-z.]+/v3/__(.+?)__;\S*", re.I)

_PREFIXES = frozenset({"mwlite", "m", "mobile", "comm", "public-profile", "incareer"})
_COMPANY_PREFIXES = {"company": "", "company-beta": "", "school": "school/", "edu": "school/", "showcase": "showcase/"}
_OTHER_HEADS = {"sales": "sales_navigator", "search": "search", "vsearch": "search"}
_OTHER_HEADS |= dict.fromkeys(("talent", "recruiter", "cap", "hire"), "recruiter")
_FORWARDING = {
    *("redir", "redirect", "authwall", "login", "m-login", "uas", "checkpoint", "signup", "safety", "start", "reg"),
    "reg-pop",
}
_SAFE = "-_.~'!*+@%"
# An address of a profile or a company as most are written, in lower case: its start, its path.
_PLAIN_START = r"^(?:https?://)?(?:(?:www|m|[a-z]{2})\.)?linkedin\.com/|^/"
_PLAIN_SLUG = rf"[0-9{LETTERS}_-]+"
_PLAIN_PATH = (
    rf"^(?:in|company)/{_PLAIN_SLUG}(?:%2c[0-9{LETTERS}]+)?(?:/[a-z]{{2}}(?:-[a-z]{{2}})?)?/?"
    r"(?:[?#][a-z0-9_=&%.+-]*)?$"
)
# LinkedIn's own redirect to such a page.
_PLAIN_REDIRECT = (
    r"^https?://(?:www\.)?linkedin\.com/redir/redirect\?url=https?%3a%2f%2f(?:(?:www|m|[a-z]{2})\.)?linkedin\.com%2f"
    rf"(in|company)%2f({_PLAIN_SLUG})(?:%2f)?(?:&[a-z0-9_=&.+-]*)?$"
)
_SMALL_LETTERS = [char for char in map(chr, range(0xDF, 0x180)) if char.islower()]
_ENCODED_LETTERS = {quote(char).lower(): char for char in _SMALL_LETTERS}
_ENCODED_LETTERS |= {quote(char.upper()).lower(): char for char in _SMALL_LETTERS if char.upper().lower() == char}


def _page(path: str) -> str | None:
    """The page that one path on LinkedIn leads to; None for a page that only forwards."""
    parts = [part for part in re.split(r"[?#]", path, maxsplit=1)[0].split("/") if part.strip()]
    while parts and parts[0].lower() in _PREFIXES:
        parts = parts[2:] if parts[1:2] == ["profile"] else parts[1:]
    head, rest = (parts[0].lower(), parts[1:]) if parts else ("", [])
    if head in _FORWARDING:
        return None
    if head == "in":
        # A formula that puts the address before what has a part of it already: `/in/in/ann-lee`.
        repeated = sum(1 for _ in takewhile(lambda part: part.lower() == "in", rest))
        slug = person_slug(rest[repeated]) if repeated < len(rest) else None
        return f"li:{slug}" if slug else "other"
    if head == "pub" and rest:
        slug = pub_slug(rest)
        return f"li:{slug}" if slug else "search" if rest[0].lower() == "dir" else "other"
    if head in _COMPANY_PREFIXES:
        slug = canonical_slug(rest[0]) if rest else None
        return f"co:{_COMPANY_PREFIXES[head]}{slug}" if slug else "other"
    return _OTHER_HEADS.get(head, "other")


def _cut_short(path: str, after: str) -> bool:
    """Whether the address may go on behind a space: `.../in/ann lee` is not `.../in/ann`, who is somebody else."""
    return (
        bool(re.match(r"\s+(?:[\w%&+]|-\S)", after))
        and not re.search(r"[/?#]$|[?#]", path)
        and not re.match(r"\s+(?:https?:|www\.|[a-z0-9-]*\.?linkedin\.|\S+@)", after, re.I)
    )


def _pages(text: str) -> tuple[list[str], bool]:
    """The pages that a text names, in its order, and whether one of its addresses only forwards."""
    pages: list[str] = []
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
        elif page.startswith("li:") and _cut_short(path, after):
            page = "other"
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


def pages_in(text: str) -> list[str]:
    """The pages that a text names, behind redirects too: `li:...`, `co:...` or a key of `OTHER_PAGES`; one at least."""
    text = tidy(text, keep_joiners=True).replace("\\", "/").strip(" \"'<>()[]{}“”‘’«»‹›„`*")
    if "urldefense" in text.lower():
        text = _PROOFPOINT_3.sub(r" \1 ", text)  # its tail would otherwise be taken for a part of the slug
    text = _BROKEN_AT_SLASH.sub(r"\1/\2/", _SEPARATOR.sub(" ", text))
    forwards_at_all = False
    for _ in range(6):
        pages, forwards = _pages(text)
        forwards_at_all = forwards_at_all or forwards
        if pages:
            return pages
        plainer = _unwrapped(text, forwards)
        if plainer == text:
            break
        text = plainer
    if _SHORT_LINK.search(text):
        return ["short_link"]
    return ["other" if forwards_at_all else "not_linkedin"]


def read_linkedin(cells: pl.Series) -> pl.DataFrame:
    """Every page that these cells name, in order: `row` and `page`, see `pages_in`."""
    return read_candidates(cells, _plain_pages, pages_in).rename({"text": "page"})


def _plain_pages(texts: pl.Series) -> pl.Series:
    path, slug = pl.col("path"), pl.col("slug")
    texts = texts.str.strip_chars(" <>\"'").str.to_lowercase()
    texts = by_parts(texts, texts.str.contains("%", literal=True), _partly_decoded, lambda others: others)
    frame = pl.DataFrame({"path": texts.str.replace(_PLAIN_START, "")}).with_columns(
        path.str.extract("^[a-z]+/([^/?#]+)", 1).alias("slug")
    )
    is_person = path.str.starts_with("in/")
    plain = path.str.contains(_PLAIN_PATH) & slug.str.contains(rf"[0-9{LETTERS}]") & (slug.str.len_chars() <= 100)
    # A member token keeps its case.
    plain &= ~slug.is_in(PLACEHOLDER_SLUGS) & ~slug.str.contains("^ac[a-z]aa")
    unnamed = slug.str.replace_all("[_-]", "").is_in(PLACEHOLDER_PEOPLE) | (slug.str.len_chars() < SHORTEST_SLUG)
    kind = pl.when(is_person).then(pl.lit("li:")).otherwise(pl.lit("co:"))
    return frame.select(pl.when(plain & ~(is_person & unnamed)).then(kind + slug.str.replace("%2c", "%2C"))).to_series()


def _partly_decoded(texts: pl.Series) -> pl.Series:
    """Texts without what encodes plain letters or redirects to a plain page."""
    return texts.str.replace_many(_ENCODED_LETTERS).str.replace(_PLAIN_REDIRECT, "$1/$2")


def profile_id(text: str) -> str | None:
    """`li:<slug>` for the first profile in a text however spelt; None where there is none."""
    return next((page for page in pages_in(text) if page.startswith("li:")), None)


def page_url(identifier: str) -> str:
    """The address to send for a `li:` or `co:` identifier."""
    kind, page = identifier.split(":", 1)
    folder = "in/" if kind == "li" else "" if page.startswith(("school/", "showcase/")) else "company/"
    return f"https://www.linkedin.com/{folder}{quote(page, safe=_SAFE + '/')}"


def page_urls(identifiers: pl.Series) -> pl.Series:
    """The address to send for each `li:` or `co:` identifier."""
    page = pl.col("page").str.slice(3)
    folder = pl.when(pl.col("page").str.starts_with("li:")).then(pl.lit("in/")).otherwise(pl.lit("company/"))
    sent = page.str.replace_many(_SMALL_LETTERS, [quote(char) for char in _SMALL_LETTERS])
    plain = pl.when(sent.str.contains("^[a-zA-Z0-9_%-]+$")).then(pl.lit("https://www.linkedin.com/") + folder + sent)
    return read_distinct(identifiers, pl.DataFrame({"page": identifiers}).select(plain).to_series(), page_url)
