"""E-mail addresses: those in a cell, what kind each is, and the canonical form for comparing.

Sent is the address as written, in lower case: tags and dots included. `em:<address>` is for comparing: the plus-tag
off, the dots out and `googlemail.com` folded at Gmail only (elsewhere a dot makes another mailbox), the domain in
its ASCII (IDNA) form. A role address (`info@`) reaches many people and a disposable one no one in particular:
neither has an identifier, nor has one that was masked (`a***@`) or typed to get past a form (`asdf@`).
"""

import re
import unicodedata
from urllib.parse import unquote

import idna
import polars as pl
from disposable_email_domains import blocklist as _DISPOSABLE_DOMAINS

from clodura_pipeline.identity.cells import word_lists as lists
from clodura_pipeline.identity.cells.text import LETTERS, by_parts, read_candidates, read_distinct, tidy

# An address in its final form, short enough for every limit on its parts.
_PLAIN = r"^[a-z0-9_]+(?:[.'+_-][a-z0-9_]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}$"
# `Ann Lee <ann@x.com>`, `mailto:ann@x.com`: what stands around one address without being a part of it.
_AROUND = rf"^(?:[0-9{LETTERS} .'\"()_-]*<\s*(?:mailto:)?([^<>]*?)\s*>|mailto:(.*))$"
_INVALID, _MASKED = "", "*"
_ONE_LETTER = f"^(?:{'|'.join(f'{char}+' for char in 'abcdefghijklmnopqrstuvwxyz0123456789')})$"
_GMAIL_DOMAINS = ("gmail.com", "googlemail.com")
_QUOTED_NAME = re.compile(r"\"[^\"]*\"(?=\s*<)")
_LABEL = re.compile(r"^(?:[^\W\d_][\w ()./-]{0,30}:(?!/)\s*)+")
_COMMENT = re.compile(r"\s*\([^()]*\)\s*$|\s+[#–—-](?:\s*[^\s@#–—-][^@]*)?$")
_EDGES = " \t\"'<>()[]{}“”‘’«»‹›„`,;:!|"
# What comes before an address in an e-mail cell: SharePoint's `12;#`.
_FRONT = _EDGES + "#"
_ESCAPES = re.compile(r"%(?:0[9ad]|2[027c]|3[abce]|c2%a0)", re.I)
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ′‘", "'"))
_HIDDEN = re.compile(r"[*•●…█]")
# A guest's name in somebody else's Microsoft tenant.
_GUEST = re.compile(r"^(.+)_([^_@]+)#ext#@.*$")
_STARRED = re.compile(r"^(\*+)([^*]*)\1$")
# Between two addresses.
_BETWEEN = re.compile(r"(@[^\s@]+)\s+(?:&|\+|and|or|und|oder|et|ou|y|o|e|en|of)\s+(?=[^\s@]+@)", re.I)
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*")
_ASCII_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})")


def ascii_domain(domain: str) -> str | None:
    """A domain in its lower-case ASCII form, or None where it is none: no dot, an address of a machine, bad labels."""
    domain = domain.strip().rstrip(".").lower()
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, transitional=False).decode().rstrip(".")
        except (idna.IDNAError, UnicodeError):
            return None
    return domain if len(domain) <= 253 and _ASCII_DOMAIN.fullmatch(domain) else None


def _address_in(piece: str) -> str | None:
    """The address in lower case; `_MASKED` for a hidden one, None where the text is none."""
    address = _STARRED.sub(r"\2", _COMMENT.sub("", piece).strip(_EDGES))
    address = _LABEL.sub("", address).split("?", 1)[0].lstrip(_FRONT)
    address = _COMMENT.sub("", address).strip(_EDGES).rstrip(_EDGES + "._").lower()
    address = _GUEST.sub(r"\1@\2", address)
    local, at, domain = address.rpartition("@")
    if at and _HIDDEN.search(address) and " " not in address:
        return _MASKED
    local = unicodedata.normalize("NFC", local).translate(_APOSTROPHES)
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local) or any(c.isspace() for c in address):
        return None
    # What a Salesforce sandbox puts behind every address.
    domain = domain.rstrip(".")
    while domain.endswith(".invalid") and "." in (real := domain.removesuffix(".invalid")):
        domain = real
    return None if ascii_domain(domain) is None else f"{local}@{domain}"


def _addresses_in(text: str) -> list[str]:
    """The addresses in a line; `_INVALID` where there is none."""
    text = tidy(re.sub(r"\\[nrt]\s", " ", text))
    if "%" in text:
        text = _ESCAPES.sub(lambda match: unquote(match.group()), text)
    text = _BETWEEN.sub(r"\1 ; ", _QUOTED_NAME.sub("", text))
    pieces: list[str] = []
    for piece in re.split(r"[;,|]+|\s/\s|\s:::\s", text):  # the last is Google Contacts' own
        if brackets := re.findall(r"<([^<>]*@[^<>]*)>", piece):
            pieces.extend(brackets)
            continue
        # A space separates addresses only where each part is one: `ann lee@x.com` must not become `lee@x.com`.
        words = re.split(r"[\s/]+", piece.strip())
        pieces.extend(words if len(words) > 1 and all(re.search(r"\w@\w", word) for word in words) else [piece])
    return [address for piece in pieces if (address := _address_in(piece))] or [_INVALID]


def read_emails(cells: pl.Series) -> pl.DataFrame:
    """Every address of these cells, in order: `row`, `kind`, `address` (to send), `identifier`, `role`.

    `kind` is `personal`, `role`, `disposable`, `masked`, `stand_in` or `invalid`. Only a personal address has an
    `identifier`. `role` is the generic word of a role address.
    """
    found = read_candidates(cells, _plain_addresses, _addresses_in).rename({"text": "address"})
    parts = found["address"].str.splitn("@", 2).struct
    found = found.with_columns(parts.field("field_0").alias("local"), parts.field("field_1").alias("domain"))
    is_ascii = pl.col("domain").str.len_bytes() == pl.col("domain").str.len_chars()
    plain = found.select(pl.when(is_ascii).then("domain")).to_series()
    domain = read_distinct(found["domain"], plain, ascii_domain)
    tag_off = pl.col("local").str.replace(r"(.)\+.*$", "$1")
    found = found.with_columns(domain.alias("domain"), tag_off.str.strip_chars_end(".").alias("base"))
    # The base without separators, and that without digits at its end.
    found = found.with_columns(pl.col("base").str.replace_all("[._'-]", "").alias("joined"))
    found = found.with_columns(pl.col("joined").str.strip_chars_end("0123456789").alias("word"))
    found = found.with_columns(_role_words(found), _is_disposable(domain).alias("disposable"))
    found = found.with_columns(_kind().alias("kind"))
    gmail = pl.col("domain").is_in(_GMAIL_DOMAINS)
    folded = pl.when(gmail).then(pl.col("base").str.replace_all(".", "", literal=True) + "@gmail.com")
    folded = folded.otherwise(pl.col("base") + "@" + pl.col("domain"))
    return found.select(
        "row",
        "kind",
        "address",
        pl.when(pl.col("kind") == "personal").then(pl.lit("em:") + folded).alias("identifier"),
        pl.when(pl.col("kind") == "role").then("role").alias("role"),
    )


def _plain_addresses(texts: pl.Series) -> pl.Series:
    def is_plain(texts: pl.Series) -> pl.Series:
        return texts.str.contains(_PLAIN) & (texts.str.len_bytes() <= 64) & ~texts.str.ends_with(".invalid")

    def within(texts: pl.Series) -> pl.Series:
        """The plain address in each text with something around it; null where there is none."""
        inner = pl.coalesce(pl.col("text").str.extract(_AROUND, place) for place in (1, 2))
        address = pl.DataFrame({"text": texts}).select(inner).to_series()
        return address.set(~is_plain(address), None)

    texts = texts.str.to_lowercase()
    return by_parts(texts, is_plain(texts), lambda plain: plain, within)


def _role_words(found: pl.DataFrame) -> pl.Series:
    """The generic word where an address names a function (`info`, `sales.uk`, `customer-service`); else null."""
    first = pl.col("base").str.extract(r"^([^._-]*?)[0-9]*[._-]", 1)
    function = pl.col("word").str.extract(f"^(.+?)(?:{'|'.join(sorted(lists.ROLE_ENDINGS))})$", 1)
    found = found.select("base", "word", first.alias("first"), function.alias("function"))
    words = pl.when(pl.col("first").is_in(lists.ROLE_WORDS)).then("base").str.replace_all("[0-9]+([._-]|$)", "$1")
    rest = words.str.replace_all("[_-]", ".").str.split(".").list.slice(1).list
    # Two letters may be initials, so only another function behind them tells.
    known = rest.eval(pl.element().is_in(lists.ROLE_WORDS)).list.all()
    known |= (pl.col("first").str.len_chars() > 2) & rest.eval(
        pl.element().is_in(lists.ROLE_WORDS | lists.REGIONS | {""})
    ).list.all()
    led = pl.col("first").is_in(lists.LEADING_ROLE_WORDS) | known
    whole = (pl.when(pl.col(word).is_in(lists.ROLE_WORDS)).then(word) for word in ("word", "function"))
    return found.select(pl.coalesce(*whole, pl.when(led).then("first")).alias("role")).to_series()


def _kind() -> pl.Expr:
    domain, joined, word = pl.col("domain"), pl.col("joined"), pl.col("word")
    # What is short may end in digits of its own.
    listed = joined.is_in(lists.NO_ADDRESS_WORDS) | (word.is_in(lists.NO_ADDRESS_WORDS) & (joined.str.len_chars() > 4))
    typed = joined.is_in(lists.TEMPLATE_LOCALS) | (word.is_in(lists.TEMPLATE_LOCALS) & (joined.str.len_chars() > 4))
    one_letter = joined.str.contains(_ONE_LETTER)
    own_domain = domain.str.extract("^([^.]*)", 1) == joined
    stand_in = listed | (typed & domain.is_in(lists.TEMPLATE_DOMAINS | lists.FREE_MAIL_DOMAINS))
    stand_in |= own_domain & (typed | one_letter | joined.is_in(lists.PLACEHOLDERS))
    stand_in |= one_letter & (joined.str.len_chars() > 3)
    kinds = {
        "invalid": pl.col("address") == _INVALID,
        "masked": pl.col("address") == _MASKED,
        "stand_in": stand_in,
        "role": pl.col("role").is_not_null(),
        "disposable": pl.col("disposable"),
    }
    return pl.coalesce(*(pl.when(holds).then(pl.lit(kind)) for kind, holds in kinds.items()), pl.lit("personal"))


def _is_disposable(domains: pl.Series) -> pl.Series:
    """Whether each domain, or one that it is part of, gives throw-away addresses."""
    listed = pl.Series(list(_DISPOSABLE_DOMAINS), dtype=pl.String).implode()
    found = domains.is_in(listed)
    while domains.str.contains(r"\..+\.").any():
        domains = domains.str.replace(r"^[^.]+\.(.+\.)", "$1")
        found |= domains.is_in(listed)
    return found
