"""The slug of a page on LinkedIn: the one spelling of it, and what stands in its place without being one.

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

from clodura_pipeline.identity.cells.text import tidy
from clodura_pipeline.identity.cells.word_lists import PLACEHOLDER_PERSON_SLUGS, PLACEHOLDER_SLUGS, PLACEHOLDERS

SHORTEST_SLUG = 3  # LinkedIn's own minimum for a public profile
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


def _decoded(text: str) -> str:
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


def _slug_once(segment: str) -> str:
    """One step towards the canonical slug; repeated until nothing changes."""
    # No slug holds a percent sign of its own, so `%25C3` is `%C3` encoded once more, by a redirect or a spreadsheet.
    while "%25" in segment and (plainer := _DOUBLY_ENCODED.sub("%", segment)) != segment:
        segment = plainer
    if "%" in segment:
        segment = _decoded(next((part for part in _ENCODED_END.split(segment) if part), ""))
    segment = tidy(segment, keep_joiners=True)
    if not _TOKEN.fullmatch(segment):
        segment = _ESCAPES.sub(lambda m: m.group().upper(), segment.lower())
    return unicodedata.normalize("NFC", _JUNK.sub("", segment))


def canonical_slug(segment: str) -> str | None:
    """The one spelling of a slug, or None where it cannot be one."""
    segment = segment.split("&", 1)[0]  # a query whose question mark got lost
    for _ in range(8):
        slug = _slug_once(segment)
        if slug == segment or slug.replace("-", "").isalnum():  # letters and digits are stable after one step
            break
        segment = slug
    else:
        return None
    if slug in PLACEHOLDER_SLUGS or not _WELL_FORMED.fullmatch(slug) or not _SUBSTANCE.search(_ESCAPES.sub("", slug)):
        return None
    # A second address in the place of a slug, not a slug.
    return None if "linkedin." in slug or slug.startswith(("www.", "http%", "https%")) else slug


def person_slug(segment: str) -> str | None:
    """The slug of a profile: none that is too short to be one, stands for nothing or is a template not filled in."""
    slug = canonical_slug(segment)
    if slug is None or len(slug) < SHORTEST_SLUG or _ENCODED_BRACKET.search(slug):
        return None
    return None if re.sub("[-_.]", "", slug) in PLACEHOLDER_PEOPLE else slug


def pub_slug(parts: list[str]) -> str | None:
    """`first-last/a/b/c` as LinkedIn redirects it; None where the three parts are not there."""
    if len(parts) < 4 or not all(re.fullmatch(r"[0-9a-fA-F]{1,3}", part) for part in parts[1:4]):
        return None
    a, b, c = parts[1:4]
    name = canonical_slug(parts[0])
    return name and person_slug(f"{name}-{c.zfill(3)}{b.zfill(3)}{'' if a == '0' else a}")
