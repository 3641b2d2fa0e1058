"""LinkedIn addresses: which pages a cell names, and the one canonical form of a person's or a company's page.

`li:<slug>` names a profile, `co:<slug>` a company (`co:school/<slug>`, `co:showcase/<slug>`). The address to send is
`https://www.linkedin.com/in/<slug>` with everything outside ASCII percent-encoded, which every HTTP API accepts and
LinkedIn itself uses.

A slug is percent-decoded, NFC and lower-case, with these exceptions:

- it ends at an encoded `/`, `?` or `#` as it does at a plain one;
- an escape that stands for another delimiter, a space, a control or a broken byte (`%2C`, `%20`, `%E4`) stays an
  escape, in capitals: decoded it would change how the address is read, and normalising twice would change it again;
- LinkedIn's own member tokens (`/in/ACoAAB...`) are case-sensitive and keep their case.

An old `/pub/first-last/a/b/c` becomes what LinkedIn redirects it to, `/in/first-last-CCCBBBa`: c and b filled up
with zeros to three digits, and a left out when it is 0 (seen alike in several public converters; the three parts
are one hexadecimal member number, so the form is unique).
"""

import re
import unicodedata
from itertools import takewhile
from urllib.parse import quote

import polars as pl

from clodura_pipeline.identity.cells.text import LETTERS, by_parts, read_candidates, read_distinct, tidy
from clodura_pipeline.identity.cells.word_lists import PLACEHOLDER_PERSON_SLUGS, PLACEHOLDER_SLUGS, PLACEHOLDERS

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
# Behind a space: more of a slug, and no other address.
_GOES_ON = re.compile(r"(?!\s+(?i:https?:|www\.|[a-z0-9-]*\.?linkedin\.|\S+@))\s+(?:[\w%&+]|-\S)")
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


_SHORTEST_SLUG = 3  # LinkedIn's own minimum for a public profile
# What stands for nothing where a person's slug is expected, compared without punctuation: people who share one are
# not the same person.
PLACEHOLDER_PEOPLE = frozenset(
    re.sub("[^a-z0-9]", "", word) for word in PLACEHOLDERS | PLACEHOLDER_SLUGS | PLACEHOLDER_PERSON_SLUGS
)
# `AC?AA` and a long rest, in mixed case: a member token, where `a` and `A` are two members.
_TOKEN = re.compile(r"AC[a-z]AA[A-Za-z0-9_-]{20,}")
_ESCAPES = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ENCODED_END = re.compile("%(?:2[fF]|3[fF]|23)")
_ENCODED_BRACKET = re.compile("%(?:5[BD]|7[BD]|3[CE])")
_DOUBLY_ENCODED = re.compile(r"%25(?=[0-9a-fA-F]{2})")
_KEPT_ENCODED = frozenset('"#$%&(),/:;<=>?[\\]^`{|}')
_JUNK = re.compile(
    r"^(?:[.,;:!*'@…“”‘’«»‹›„\s]|%(?:20|0[9AD]|2[2C9]|3[BCE]|5D))+|(?:[.,;:!*'@…“”‘’«»‹›„\s]|%(?:20|0[9AD]|2[2C9]|3[BCE]|5D))+$"
)
_WELL_FORMED = re.compile(r"[A-Za-z0-9\-_.~'!*+@%\x80-\U0010ffff]{1,200}")
_SUBSTANCE = re.compile(r"[A-Za-z0-9\x80-\U0010ffff]")


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
        slug = _person_slug(rest[repeated]) if repeated < len(rest) else None
        return f"li:{slug}" if slug else "other"
    if head == "pub" and rest:
        slug = _pub_slug(rest)
        return f"li:{slug}" if slug else "search" if rest[0].lower() == "dir" else "other"
    if head in _COMPANY_PREFIXES:
        slug = _canonical_slug(rest[0]) if rest else None
        return f"co:{_COMPANY_PREFIXES[head]}{slug}" if slug else "other"
    return _OTHER_HEADS.get(head, "other")


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
        elif page.startswith("li:") and not re.search("/$|[?#]", path) and _GOES_ON.match(after):
            page = "other"  # `.../in/ann lee` is not `.../in/ann`, who is somebody else
        if page is not None:
            pages.append(page)
        match = _ADDRESS.search(after)
    return pages, forwards


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
        wrapped = text
        if match := _PROOFPOINT_2.search(text):
            text = _decoded_delimiters(match[1].replace("-", "%").replace("_", "/"))
        elif _ENCODED_ADDRESS.search(text):
            text = _decoded_delimiters(text)
        elif forwards and (match := _RELATIVE_TARGET.search(text)):
            text = f"linkedin.com/{match[1]}"
        if text == wrapped:
            break
    if _SHORT_LINK.search(text):
        return ["short_link"]
    return ["other" if forwards_at_all else "not_linkedin"]


def _decoded_slug(text: str) -> str:
    """Percent-escapes decoded, but for those that stand for a delimiter, white space, a control or a broken byte."""

    def run(match: re.Match[str]) -> str:
        out = []
        for char in bytes.fromhex(match.group().replace("%", "")).decode("utf-8", "surrogateescape"):
            if "\udc80" <= char <= "\udcff":
                out.append(f"%{ord(char) - 0xDC00:02X}")
            elif char in _KEPT_ENCODED or char.isspace() or unicodedata.category(char) == "Cc":
                out.append("".join(f"%{byte:02X}" for byte in char.encode()))
            else:
                out.append(char)
        return "".join(out)

    return _ESCAPES.sub(run, text)


def _canonical_slug(segment: str) -> str | None:
    """The one spelling of a slug, or None where it cannot be one."""
    slug = segment.split("&", 1)[0]  # a query whose question mark got lost
    for _ in range(8):  # until nothing changes
        before = slug
        # No slug holds a percent sign of its own: `%25C3` is `%C3` encoded once more, by a redirect or a spreadsheet.
        while (plainer := _DOUBLY_ENCODED.sub("%", slug)) != slug:
            slug = plainer
        if "%" in slug:
            slug = _decoded_slug(next((part for part in _ENCODED_END.split(slug) if part), ""))
        slug = tidy(slug, keep_joiners=True)
        if not _TOKEN.fullmatch(slug):
            slug = _ESCAPES.sub(lambda escapes: escapes.group().upper(), slug.lower())
        slug = unicodedata.normalize("NFC", _JUNK.sub("", slug))
        if slug == before or slug.replace("-", "").isalnum():  # letters and digits are stable after one step
            break
    else:
        return None
    if slug in PLACEHOLDER_SLUGS or not _WELL_FORMED.fullmatch(slug) or not _SUBSTANCE.search(_ESCAPES.sub("", slug)):
        return None
    # A second address in the place of a slug, not a slug.
    return None if "linkedin." in slug or slug.startswith(("www.", "http%", "https%")) else slug


def _person_slug(segment: str) -> str | None:
    """The slug of a profile: none that is too short to be one, stands for nothing or is a template not filled in."""
    slug = _canonical_slug(segment)
    if slug is None or len(slug) < _SHORTEST_SLUG or _ENCODED_BRACKET.search(slug):
        return None
    return None if re.sub("[-_.]", "", slug) in PLACEHOLDER_PEOPLE else slug


def _pub_slug(parts: list[str]) -> str | None:
    """`first-last/a/b/c` as LinkedIn redirects it; None where the three parts are not there."""
    if len(parts) < 4 or not all(re.fullmatch(r"[0-9a-fA-F]{1,3}", part) for part in parts[1:4]):
        return None
    a, b, c = parts[1:4]
    name = _canonical_slug(parts[0])
    return name and _person_slug(f"{name}-{c.zfill(3)}{b.zfill(3)}{'' if a == '0' else a}")


def read_linkedin(cells: pl.Series) -> pl.DataFrame:
    """Every page that these cells name, in order: `row` and `page`, see `pages_in`."""
    return read_candidates(cells, _plain_pages, pages_in).rename({"text": "page"})


def _plain_pages(texts: pl.Series) -> pl.Series:
    path, slug = pl.col("path"), pl.col("slug")
    texts = texts.str.strip_chars(" <>\"'").str.to_lowercase()
    texts = by_parts(
        texts,
        texts.str.contains("%", literal=True),
        lambda encoded: encoded.str.replace_many(_ENCODED_LETTERS).str.replace(_PLAIN_REDIRECT, "$1/$2"),
        lambda others: others,
    )
    frame = pl.DataFrame({"path": texts.str.replace(_PLAIN_START, "")}).with_columns(
        path.str.extract("^[a-z]+/([^/?#]+)", 1).alias("slug")
    )
    is_person = path.str.starts_with("in/")
    plain = path.str.contains(_PLAIN_PATH) & slug.str.contains(rf"[0-9{LETTERS}]") & (slug.str.len_chars() <= 100)
    # A member token keeps its case.
    plain &= ~slug.is_in(PLACEHOLDER_SLUGS) & ~slug.str.contains("^ac[a-z]aa")
    unnamed = slug.str.replace_all("[_-]", "").is_in(PLACEHOLDER_PEOPLE) | (slug.str.len_chars() < _SHORTEST_SLUG)
    kind = pl.when(is_person).then(pl.lit("li:")).otherwise(pl.lit("co:"))
    return frame.select(pl.when(plain & ~(is_person & unnamed)).then(kind + slug.str.replace("%2c", "%2C"))).to_series()


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
