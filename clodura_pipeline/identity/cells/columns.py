"""Whole columns read at once: plain spellings by polars expressions, each other value once by a Python function.

For every kind of cell there is one function in Python that says what it means (`read_linkedin`, `read_email`, ...).
The expressions here are a short cut for the spellings that nearly all cells have; a property test holds both
against each other. An expression that is not sure says so (`plain` is false), and the Python function decides.
"""

import re
from collections.abc import Callable, Sequence

import polars as pl

from clodura_pipeline.identity.cells import companies, emails, linkedin, mailbox_words, names, words
from clodura_pipeline.identity.cells import linkedin_slugs as slugs
from clodura_pipeline.identity.cells.text import PLACEHOLDERS

_TEXT = pl.col("text")
_PLACEHOLDER_WORDS = [word for word in PLACEHOLDERS if word.isalnum()]


def _read(
    frame: pl.DataFrame,
    fast: dict[str, pl.Expr],
    slow: Callable[[str], Sequence[object]],
    schema: dict[str, pl.DataType],
) -> pl.DataFrame:
    """One row per `text`, in order: `fast` where `plain` holds, `slow` over the unique others, nulls for nulls."""
    frame = frame.with_columns(pl.col("plain").fill_null(False))
    odd = frame.filter(~pl.col("plain") & _TEXT.is_not_null())["text"].unique()
    table = pl.DataFrame([slow(text) for text in odd], schema=schema, orient="row").with_columns(odd.alias("text"))
    quick = frame.select(
        "text", *(pl.when("plain").then(fast[name]).cast(kind).alias(name) for name, kind in schema.items())
    )
    if table.is_empty():
        return quick.drop("text")
    both = quick.join(table, on="text", how="left", maintain_order="left", suffix="_slow")
    # A value is in the table or plain, never both.
    return both.select(pl.coalesce(f"{name}_slow", name).alias(name) for name in schema)


def _nothing(kind: type[pl.DataType] = pl.String) -> pl.Expr:
    return pl.lit(None, dtype=kind)


def _either(texts: Sequence[str]) -> str:
    """An alternation of literal texts, the longest first."""
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


def _frame(values: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"text": values.cast(pl.String)})


def read_linkedin(values: pl.Series) -> pl.DataFrame:
    """`kind`, `page` (`li:...` for a person, `co:...` for an organisation) and `several` for each cell."""
    slug, person, path = pl.col("slug"), pl.col("person"), pl.col("path")
    bare = _TEXT.str.strip_chars(" <>\"'").str.to_lowercase()
    # Whatever else stands before the path leaves a text that does not fit the pattern.
    path_of = bare.str.replace(r"^(?:https?://)?(?:(?:www|m|[a-z]{2})\.)?linkedin\.com/|^/", "")
    frame = _frame(values).with_columns(path=path_of)
    head = path.str.splitn("/", 2)
    frame = frame.with_columns(
        head.struct.field("field_0").eq("in").alias("person"),
        head.struct.field("field_1").str.extract("^([a-z0-9_-]+)", 1).alias("slug"),
    )
    pattern = r"^(?:in|company)/[a-z0-9_-]+(?:/[a-z]{2}(?:-[a-z]{2})?)?/?(?:[?#][a-z0-9_=&%.+-]*)?$"
    # Member tokens keep their case, so they are left to the Python function.
    plain = path.str.contains(pattern) & (slug.str.len_bytes() <= 100) & slug.str.contains("[a-z0-9]")
    plain &= ~slug.is_in(list(slugs.PLACEHOLDER_SLUGS)) & ~slug.str.contains("^ac[a-z]aa")
    plain &= ~person | (
        ~slug.str.replace_all("[_-]", "").is_in(list(slugs.PLACEHOLDER_PEOPLE)) & (slug.str.len_bytes() >= 3)
    )

    def slow(text: str) -> Sequence[object]:
        reading = linkedin.read_linkedin(text)
        if reading.kind is linkedin.LinkedInKind.PERSON:
            return str(reading.kind), f"li:{reading.slug}", reading.several
        page = linkedin.organisation_page(reading)
        return str(reading.kind), f"co:{page}" if page else None, reading.several

    fast = {
        "kind": pl.when(person).then(pl.lit("person")).otherwise(pl.lit("company")),
        "page": pl.when(person).then(pl.lit("li:")).otherwise(pl.lit("co:")) + slug,
        "several": pl.lit(False),
    }
    schema = {"kind": pl.String(), "page": pl.String(), "several": pl.Boolean()}
    return _read(frame.with_columns(plain=plain), fast, slow, schema)


_ONE_CHARACTER = rf"^(?:{'|'.join(f'{char}+' for char in 'abcdefghijklmnopqrstuvwxyz0123456789')})$"


def read_emails(values: pl.Series) -> pl.DataFrame:
    """`kind`, `address` (to ask with), `identifier` (`em:...`), `role` and `several` for each cell."""
    address, local, domain, base = pl.col("address"), pl.col("local"), pl.col("domain"), pl.col("base")
    unwrapped = _TEXT.str.strip_chars(" ").str.replace(r"^[A-Za-z0-9 .]*<([^<>]+)>$", "$1")
    frame = _frame(values).with_columns(address=unwrapped.str.to_lowercase())
    frame = frame.with_columns(address.str.splitn("@", 2).struct.rename_fields(["local", "domain"]).alias("parts"))
    frame = frame.unnest("parts").with_columns(local.str.splitn("+", 2).struct.field("field_0").alias("base"))
    special = list(
        mailbox_words.ROLE_WORDS
        | mailbox_words.NO_ADDRESS_WORDS
        | mailbox_words.TEMPLATE_LOCALS
        | set(_PLACEHOLDER_WORDS)
    )
    disposable = pl.Series(list(emails.DISPOSABLE_DOMAINS), dtype=pl.String).implode()
    plain = address.str.contains(
        r"^[a-z0-9]+(?:[._'-][a-z0-9]+)*(?:\+[a-z0-9]+)?@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z][a-z]+$"
    )
    plain &= (
        (local.str.len_bytes() <= 64)
        & (domain.str.len_bytes() <= 63)
        & (domain.str.count_matches(".", literal=True) <= 3)
    )
    plain &= ~base.str.extract("^([a-z]+)", 1).is_in(special).fill_null(False)
    squeezed = base.str.replace_all("[._'-]", "")
    word = squeezed.str.strip_chars_end("0123456789")
    plain &= ~word.is_in(special) & ~word.str.contains(rf"(?:{'|'.join(mailbox_words.ROLE_ENDINGS)})$")
    plain &= ~squeezed.str.contains(_ONE_CHARACTER) & (squeezed != domain.str.extract("^([^.]*)", 1))
    plain &= ~domain.str.ends_with(".invalid")
    for labels in (2, 3, 4):
        end = domain.str.split(".").list.tail(labels).list.join(".") if labels < 4 else domain
        plain &= ~end.is_in(disposable)
    gmail = domain.is_in(list(emails.GMAIL_DOMAINS))
    folded = (
        pl.when(gmail).then(base.str.replace_all(".", "", literal=True) + "@gmail.com").otherwise(base + "@" + domain)
    )

    def slow(text: str) -> Sequence[object]:
        reading = emails.read_email(text)
        return str(reading.kind), reading.address, reading.identifier, reading.role, reading.several

    fast = {"kind": pl.lit("personal"), "address": address, "identifier": pl.lit("em:") + folded}
    fast |= {"role": _nothing(), "several": pl.lit(False)}
    text = pl.String()
    schema = {"kind": text, "address": text, "identifier": text, "role": text, "several": pl.Boolean()}
    return _read(frame.with_columns(plain=plain), fast, slow, schema)


_NAME_WORDS = words.TITLES | words.CREDENTIALS_ANYWHERE | set(words.GENERATIONS)
_NAME_WORDS |= words.COMPANY_ENDINGS | words.SURNAMES_LIKE_ENDINGS
_HAS_NAME_WORD = rf"\b(?:{_either([word for word in _NAME_WORDS if word.isascii()])})\b"


_HAS_PARSED_WORD = (
    rf"\b(?:{_either([word for word in names.WORDS_WITH_MEANING if word.isascii() and word.isalpha()])})\b"
)


def _plain_name(text: pl.Expr, pattern: str) -> pl.Expr:
    """Whether a name consists of plain words, none of which could be more than a name."""
    lower = text.str.to_lowercase()
    plain = text.str.contains(pattern) & text.str.contains("[A-Za-z]") & ~lower.str.contains(_HAS_NAME_WORD)
    return plain & ~lower.str.replace_all(" ", "", literal=True).is_in(_PLACEHOLDER_WORDS)


def _read_names(values: pl.Series, cleaned: Callable[[str], str | None], folded: Callable[[str], str]) -> pl.DataFrame:
    def slow(text: str) -> Sequence[object]:
        name = cleaned(text)
        return name, (folded(name) or None) if name else None

    plain = _plain_name(_TEXT, "^[A-Za-z0-9]+(?:[ '-][A-Za-z0-9]+)*$")
    plain &= ~_TEXT.str.contains("(?:^|[ -])[A-Za-z](?:[ -]|$)")
    fast = {"cleaned": _TEXT, "folded": _TEXT.str.to_lowercase().str.replace_all("[ '-]", "")}
    return _read(_frame(values).with_columns(plain=plain), fast, slow, {"cleaned": pl.String(), "folded": pl.String()})


def read_first_names(values: pl.Series) -> pl.DataFrame:
    """`cleaned` and `folded` for each cell."""
    return _read_names(values, names.clean_first_name, names.fold_first_name)


def read_last_names(values: pl.Series) -> pl.DataFrame:
    """`cleaned` and `folded` for each cell."""
    return _read_names(values, names.clean_name, names.fold_last_name)


def split_full_names(values: pl.Series) -> pl.DataFrame:
    """`first` and `last` for each cell; null where a full name cannot be split."""
    word = "[A-Za-z]{2,}(?:['-][A-Za-z]{2,})*"
    first, last = pl.col("first"), pl.col("last")
    frame = _frame(values).with_columns(
        first=_TEXT.str.extract("^(.+) [^ ]+$", 1), last=_TEXT.str.extract(" ([^ ]+)$", 1)
    )
    plain = _plain_name(_TEXT, f"^{word}(?: {word}){{1,3}}$") & ~_TEXT.str.to_lowercase().str.contains(_HAS_PARSED_WORD)
    for part in (first, last):
        plain &= ~part.str.to_lowercase().is_in(_PLACEHOLDER_WORDS)

    def slow(text: str) -> Sequence[object]:
        return names.split_full_name(text) or (None, None)

    return _read(
        frame.with_columns(plain=plain),
        {"first": first, "last": last},
        slow,
        {"first": pl.String(), "last": pl.String()},
    )


_USUAL_FORMS = [
    "inc",
    "corp",
    "ltd",
    "limited",
    "llc",
    "llp",
    "plc",
    "gmbh",
    "ag",
    "bv",
    "ab",
    "as",
    "sa",
    "srl",
    "sarl",
]
_DOTTED_FORMS = [r"s\.a", r"b\.v", r"n\.v", r"s\.r\.l", r"s\.l", r"s\.p\.a"]


def read_organisations(values: pl.Series) -> pl.DataFrame:
    """`cleaned`, `key` (`on:...` or `dm:...`) and `domain` (where the name is nothing but one) for each cell."""
    lower = _TEXT.str.to_lowercase()
    # The commonest legal forms, once; names with two of them or with rarer ones are left to the Python function.
    form = "|".join([_either(_USUAL_FORMS), *_DOTTED_FORMS])
    bare = lower.str.replace(rf"(?:,? (?:{form}))?\.?$", "")
    frame = _frame(values).with_columns(lower=lower, bare=bare)
    frame = frame.with_columns(joined=pl.col("bare").str.replace_all(" ", "", literal=True))
    lower, bare, joined = pl.col("lower"), pl.col("bare"), pl.col("joined")
    first_words = [
        *{form[0] for form in words.LEADING_FORMS if form[0].isascii()},
        "the",
        "self",
        *words.NO_COMPANY_BEGINNINGS,
    ]
    last_words = [*{form[-1] for form in words.LEGAL_FORMS if form[-1].isascii()}, "and"]
    plain = lower.str.contains(rf"^[a-z0-9]+(?: [a-z0-9]+)*(?:,? (?:{form})\.?)?$")
    plain &= ~bare.str.extract("([^ ]+)$", 1).is_in(last_words) & ~bare.str.extract("^([^ ]+)", 1).is_in(first_words)
    plain &= ~joined.is_in(_PLACEHOLDER_WORDS) & ~lower.str.replace_all("[ ,.]", "").is_in(list(words.NO_COMPANY))
    plain &= ~lower.str.replace_all(" ", "", literal=True).is_in(_PLACEHOLDER_WORDS) & ~joined.is_in(
        list(words.NO_COMPANY)
    )

    def slow(text: str) -> Sequence[object]:
        name = companies.clean_organisation(text)
        return (name, companies.company_key(None, name, None), companies.domain_in_name(name)) if name else (None,) * 3

    fast = {"cleaned": _TEXT, "key": pl.lit("on:") + joined, "domain": _nothing()}
    return _read(
        frame.with_columns(plain=plain), fast, slow, {"cleaned": pl.String(), "key": pl.String(), "domain": pl.String()}
    )


def read_domains(values: pl.Series) -> pl.DataFrame:
    """`domain` for each cell that holds a company's website or domain."""
    label = "[a-z0-9]+(?:-[a-z0-9]+)*"
    address, host = pl.col("address"), pl.col("host")
    frame = _frame(values).with_columns(address=_TEXT.str.to_lowercase())
    bare = (
        address.str.strip_prefix("https://").str.strip_prefix("http://").str.strip_prefix("www.").str.strip_suffix("/")
    )
    frame = frame.with_columns(host=bare)
    plain = host.str.contains(rf"^(?:{label}\.)+[a-z][a-z]+$") & (host.str.len_bytes() <= 63)
    plain &= ~host.str.contains(r"^www\d?\.") & ~host.is_in(list(words.FREE_MAIL_DOMAINS))

    def slow(text: str) -> Sequence[object]:
        return (companies.domain_of(text),)

    return _read(frame.with_columns(plain=plain), {"domain": host}, slow, {"domain": pl.String()})
