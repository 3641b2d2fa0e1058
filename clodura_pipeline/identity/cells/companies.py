"""Companies: names cleaned for sending, folded without legal forms for comparing, and domains.

The folded forms are for comparing only: `on:<name>` and `dm:<domain>`; a company's LinkedIn page (`co:<slug>`) is
stronger than either. Nothing says that `on:acme` and `dm:acme.com` are one company, so they are not held to be.
"""

import re
from urllib.parse import urlsplit

import polars as pl

from clodura_pipeline.identity.cells import word_lists as lists
from clodura_pipeline.identity.cells.emails import ascii_domain
from clodura_pipeline.identity.cells.text import (
    DATE,
    LETTERS,
    filled,
    folded,
    is_name_placeholder,
    read_candidates,
    read_distinct,
    read_each_once,
    tidy,
    unwrapped,
)

_EDGES = ' \t,;:"“”„«»‹›<>[]{}|/\\*_=#~^'
_LETTER = f"[0-9{LETTERS}]"
# A company's name in its final form: an `&` may begin an HTML entity, unless a space follows.
_PLAIN_NAME = rf"^{_LETTER}(?:(?:[.,'()-]|{_LETTER}| {_LETTER}| & {_LETTER})*(?:{_LETTER}|[.)]))?$"
_PLAIN_DOMAIN = r"^(?:https?://)?(?:www\.)?((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,})/?$"
_WEB_ADDRESS = r"(?i)^(?:\S+@\S+\.\S+|(?:https?://)?[^\s/@,:()]+\.[a-z]{2,24}/?|https?://\S+|www\d?\.[^\s/@,:()]+\.[a-z]{2,24}(?:[:/?#]\S*)?)$"
# A number or a date: no letter, and no `&` (1&1 is a company).
_NUMBER = r"(?i)^[\d\s.,:;/+%€$£#()-]+(?:e[+-]?\d+)?$"
_LEGAL_FORMS_BEHIND = rf"(?: (?:{'|'.join(sorted(lists.LEGAL_FORMS))}))+$"
_LEGAL_FORM_BEFORE = rf"^(?:{'|'.join(sorted(lists.LEADING_FORMS))}) "
_NO_COMPANY_BEGINNING = rf"^(?:{'|'.join(sorted(lists.NO_COMPANY_BEGINNINGS))}) (?:.* )?(\S+)$"


def _clean_organisation(text: str) -> list[str]:
    """The companies' names in a line as they are sent and shown; an empty one where there is none."""
    names = []
    for part in re.split(r"\s*:::\s*", unwrapped(tidy(text))):  # Google Contacts' way to write several values
        # The first part of a vCard's ORG: `Acme Corp.;Sales`, where `\;` and `\,` are no separators.
        name = re.split(r"(?<!\\);", part.strip(_EDGES), maxsplit=1)[0]
        name = re.sub(r"\\([;,])", r"\1", name).strip(_EDGES)
        name = re.sub(r"^(['‘’`])(.*)\1$", r"\2", name).strip(_EDGES)
        if any(c.isalnum() for c in name) and not is_name_placeholder(name):
            names.append(name)
    return names or [""]


def domain_of(text: str) -> str | None:
    """The host of a company's website or domain, in ASCII and without `www.`; None where it names no company."""
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
    if host is None or host in lists.FREE_MAIL_DOMAINS:
        return None
    social = any(host == site or host.endswith(f".{site}") for site in lists.SOCIAL_HOSTS)
    return None if social and path.strip("/") else host


def read_domains(cells: pl.Series) -> pl.DataFrame:
    """Every line of these cells, in order: `row` and `domain`; null where it is not the domain of a company."""
    found = read_candidates(cells, _plain_domains, lambda text: [domain_of(text) or ""])
    return found.select("row", pl.when(pl.col("text") != "").then("text").alias("domain"))


def _plain_domains(texts: pl.Series) -> pl.Series:
    host = pl.col("host")
    frame = pl.DataFrame({"host": texts.str.to_lowercase().str.extract(_PLAIN_DOMAIN, 1)})
    usable = ~host.is_in(lists.FREE_MAIL_DOMAINS) & ~host.str.contains(r"^www\d?\.") & (host.str.len_bytes() <= 63)
    return frame.select(pl.when(usable).then(host)).to_series()


def read_organisations(cells: pl.Series) -> pl.DataFrame:
    """Every name in these cells, in order: `row`, `name`, `domain`, `key`.

    `name` is null where a line is no name. `domain` is set where the name is nothing but one (`https://acme.com/about`,
    `Booking.com`, `ann@acme.com`). `key` is what stands for the company in comparing (`on:...` or `dm:...`); it is null
    where the name says that there is no company (`self-employed`, `Freelance Designer`, `gmail.com`).
    """
    found = read_candidates(cells, _plain_names, _clean_organisation, is_name=True)
    return found.select("row").hstack(read_each_once(found["text"], _named))


def _plain_names(texts: pl.Series) -> pl.Series:
    frame = pl.DataFrame([texts.alias("text"), filled(texts, is_name=True).is_not_null().alias("filled")])
    return frame.select(pl.when(pl.col("text").str.contains(_PLAIN_NAME) & pl.col("filled")).then("text")).to_series()


def _named(names: pl.Series) -> pl.DataFrame:
    """`name`, `domain` and `key` of cleaned names."""
    name, words = pl.col("name"), pl.col("words")
    frame = pl.DataFrame({"name": names})
    nothing = (name == "") | name.str.contains(_NUMBER) | name.str.contains(DATE)
    frame = frame.select(pl.when(~nothing).then(name).alias("name"))
    frame = frame.with_columns(
        _words(name).alias("words"),
        name.str.contains(_WEB_ADDRESS).alias("is_web"),
        pl.when(name.str.contains(r"[^\x00-\x7f]|[&+]")).then(name).alias("odd"),
    )
    # Elsewhere the folded name is its words without spaces.
    joined = words.str.replace_all(" ", "", literal=True)
    frame = frame.with_columns(
        pl.when(pl.col("odd").is_null()).then(joined).otherwise(folded(pl.col("odd"))).alias("folded")
    )
    web = frame.select(pl.when("is_web").then("name")).to_series()
    frame = frame.with_columns(read_distinct(web, _plain_domains(web), domain_of).alias("domain"))
    nowhere = pl.col("folded").is_in(lists.NO_COMPANY) | (pl.col("is_web") & pl.col("domain").is_null())
    nowhere |= (~words.str.extract(_NO_COMPANY_BEGINNING, 1).is_in(lists.LEGAL_FORMS)).fill_null(False)
    # Without `the` and legal forms; one word is always left. `Smith and` is left of `Smith & Co. KG`.
    bare = words.str.replace("^the ", "").str.replace(_LEGAL_FORM_BEFORE, "").str.replace(_LEGAL_FORMS_BEHIND, "")
    bare = bare.str.replace("(?: and)+$", "").str.replace_all(" ", "", literal=True)
    key = pl.coalesce(pl.lit("dm:") + pl.col("domain"), pl.lit("on:") + bare, pl.lit("on:") + pl.col("folded"))
    return frame.select("name", "domain", pl.when(~nowhere).then(key).alias("key"))


def _words(name: pl.Expr) -> pl.Expr:
    """The folded words of a company's name: `&` and `+` are `and`, dotted abbreviations are one word."""
    text = name.str.normalize("NFKC").str.replace_many(
        dict.fromkeys(sorted(lists.CJK_FORMS, key=len, reverse=True), " ")
    )
    text = text.str.replace_all("['’`´]", "").str.replace_all(r"\s*[&+]\s*", " and ")
    text = text.str.replace_all(r"\b(\w)\.", "$1").str.replace_all(r"[^\pL\pM\pN]+", " ")
    return folded(text, keep_spaces=True)
