"""People's names: cleaned for sending and showing, folded for comparing, and full names split into first and last.

Cleaned keeps case, accents and order; what is no part of the name goes (titles before a first name, credentials,
emoji). Folded is for comparing only: no case, accents, punctuation or spaces. Generations stay (`lee` and `lee
jr`): they are all that tells a father from his son at one company. So do middle names and initials: `John A. Smith`
and `John B. Smith` are two people. They belong to the first name, in what is sent too: what is sent has to say all
that the identifier is made of, for the ledger re-derives identifiers from it under a later form, and a miss costs
nothing while a namesake is paid for.
"""

import re
import unicodedata
from functools import cache, lru_cache

import polars as pl

from clodura_pipeline.identity.cells import word_lists as lists
from clodura_pipeline.identity.cells.text import (
    DATE,
    LETTERS,
    folded,
    is_name_placeholder,
    read_distinct,
    read_each_once,
    tidy,
    unwrapped,
)

_PRONOUNS = re.compile(r"\s*[(\[](?:she|he|they|her|him|them|elle|sie|er|ella)\b[^()\[\]]*[)\]]", re.I)
_EDGES = ' \t,;:"“”„«»‹›<>[]{}|/\\*_=#+~^'
_WEB = re.compile(r"https?:|www\.|\.(?:com|net|org)\b", re.I)
_HONORIS_CAUSA = re.compile(r"\b([he])\.\s+([ch])\.")  # in small letters: in capitals they are initials
_BRACKETED_END = re.compile(r"(?<=\S)\s+\[[^\[\]]*\]$")
_ANY_TITLE = "|".join(sorted(lists.TITLES, key=len, reverse=True))
_COUPLE = re.compile(rf"(?:{_ANY_TITLE})\b\.?\s*(?:&|\+|\band\b|\bund\b|\bet\b)\s*(?:{_ANY_TITLE})\b", re.I)
_AND_CO = re.compile(r"(?:[&+]|\b(?:and|und))\s*co(?:mpany)?\b", re.I)
# Nothing but initials, of letters that have capitals.
_INITIALS = r"^[\p{Lu}\p{Ll}](?:[.\s-]+[\p{Lu}\p{Ll}])*\.?$"
_LETTERS_THAT_ARE_SURNAMES = ("O", "E")
_GENERATION = rf"(?i)[\s,]({'|'.join(lists.GENERATIONS)})\W*$"
# A name in its final form: plain words, none of which can be more than a name.
_PLAIN = rf"^[{LETTERS}]{{2,}}(?:[ '-][{LETTERS}]{{2,}})*$"
_WORDS_WITH_MEANING = (
    lists.TITLES
    | lists.CREDENTIALS_ANYWHERE
    | lists.GENERATIONS.keys()
    | lists.COMPANY_ENDINGS
    | lists.SURNAMES_LIKE_ENDINGS
)
_WORD_WITH_MEANING = rf"(?i)\b(?:{'|'.join(sorted(_WORDS_WITH_MEANING))})\b"
_EAST_ASIAN = r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7af\s]+"
_TWO_PEOPLE = re.compile(r"\s(?:&|\+|and|und)\s|/|;", re.I)
# Two to four words of two letters or more; whether they are in their final form is for `plain_names` to say.
_PLAIN_FULL_NAME = r"^(\S{2,}(?: \S{2,}){0,2}) (\S{2,})$"


def _is_picture(char: str) -> bool:
    """Emoji, symbols such as ® and ★, and characters without a meaning."""
    return (
        unicodedata.category(char) in ("So", "Co", "Cs")
        or "\U0001f000" <= char <= "\U0001faff"
        or char in "\ufe0f\ufe0e"
    )


def _plain_word(word: str) -> str:
    return re.sub(r"[^\w-]", "", word).lower()


def _without_credentials(text: str) -> str:
    """Cut off at the end: behind a comma every credential, without one those that are no surname."""
    parts = [part.strip() for part in text.split(",")]
    while len(parts) > 1 and all(
        _plain_word(word) in lists.CREDENTIALS or not _plain_word(word) for word in parts[-1].split()
    ):
        parts.pop()
    words = ", ".join(parts).split()
    while len(words) > 1 and _plain_word(words[-1]) in lists.CREDENTIALS_ANYWHERE:
        words.pop()
    return " ".join(words).rstrip(",")


def _is_title(word: str, *, behind_a_title: bool = False) -> bool:
    """`Dr.`, `Dr.-Ing.` or, behind one, `rer.`: no initial, for a single letter is none of them."""
    first, *more = [part for part in re.split(r"[.-]", word.lower()) if part] or [""]
    if first in lists.TITLES and all(part in lists.TITLES | lists.TITLE_PARTS for part in more):
        return True
    if _plain_word(word) in lists.TITLES:
        return True
    return behind_a_title and word.endswith(".") and _plain_word(word) in lists.TITLE_PARTS


def is_company(name: str) -> bool:
    """Whether what stands for a person's name ends as a company's does: `Acme Robotics GmbH`, `Deutsche Bank AG`."""
    words = [re.sub(r"\W", "", word) for word in name.split()]
    last = words[-1] if words else ""
    if any(form in name for form in lists.CJK_FORMS) or (len(words) > 1 and _AND_CO.search(name)):
        return True
    if last.lower() in lists.COMPANY_ENDINGS:
        return len(words) > 1 or len(last) > 2
    return len(words) > 1 and last.lower() in lists.SURNAMES_LIKE_ENDINGS and last.isupper() and not name.isupper()


def clean_name(text: str) -> str | None:
    """A first, last or full name as it is asked and shown; None for a placeholder, a company or what has no letter."""
    parts = unwrapped(tidy(text)).split(":::")  # Google Contacts' way to write several values
    text = next((part for part in parts if part.strip()), "")
    for _ in range(5):  # until stable: what one step uncovers, the next one sees
        before = text
        if _COUPLE.match(text) or is_company(text):
            return None
        text = _BRACKETED_END.sub("", _HONORIS_CAUSA.sub(r"\1.\2.", text))
        text = tidy("".join(c for c in _PRONOUNS.sub("", text) if not _is_picture(c))).strip(_EDGES)
        text = re.sub(r"^(['‘’`])(.*)\1$", r"\2", text).strip(_EDGES)
        words, titles = _without_credentials(text).split(), 0
        while titles < len(words) - 1 and _is_title(words[titles], behind_a_title=titles > 0):
            titles += 1  # a title alone stays, it may be the name
        text = " ".join(words[titles:]).strip(_EDGES)
        if text == before:
            break
    # With more digits than letters it is a number or a code.
    if (
        is_name_placeholder(text)
        or sum(map(str.isalpha, text)) < max(1, sum(map(str.isdigit, text)))
        or re.match(DATE, text)
    ):
        return None
    return None if "@" in text or _WEB.search(text) else text


def clean_first_name(text: str) -> str | None:
    """A first name as it is asked and shown; None as well for nothing but a title."""
    name = clean_name(text)
    return None if name and all(_is_title(word) for word in name.split()) else name


def plain_names(names: pl.Series) -> pl.Series:
    """The names that are in their final form, which `clean_name` returns unchanged; null for all others."""
    name = pl.col("name")
    plain = name.str.contains(_PLAIN) & ~name.str.contains(_WORD_WITH_MEANING)
    plain &= ~name.str.to_lowercase().str.replace_all(" ", "", literal=True).is_in(lists.PLACEHOLDERS)
    return pl.DataFrame({"name": names}).select(pl.when(plain).then("name")).to_series()


def read_names(cells: pl.Series, part: str) -> pl.DataFrame:
    """`<part>_name` (to send) and `<part>_folded` (for comparing) of each cell; `part` is `first` or `last`.

    The folded form is null for initials: too little to say who it is.
    """
    clean = clean_first_name if part == "first" else clean_name
    fold = _folded_first_name if part == "first" else _folded_last_name

    def read(names: pl.Series) -> pl.DataFrame:
        cleaned = read_distinct(names, plain_names(names), clean)
        named = pl.DataFrame({f"{part}_name": cleaned})
        return named.with_columns(fold(pl.col(f"{part}_name")).alias(f"{part}_folded"))

    return read_each_once(cells.cast(pl.String), read)


def _folded_first_name(name: pl.Expr) -> pl.Expr:
    """Words joined, initials set apart: `Ann E.` is not Anne."""
    words = pl.lit(" ") + folded(name, keep_spaces=True) + pl.lit(" ")
    apart = words.str.replace_all(r" (\p{Ll})\b", "|$1|").str.replace_all(" ", "", literal=True)
    apart = apart.str.replace_all(r"\|+", " ").str.strip_chars(" ")
    return pl.when(~name.str.contains(_INITIALS)).then(apart)


def _folded_last_name(name: pl.Expr) -> pl.Expr:
    """A generation in one spelling (`Jr.`, `Junior`), set apart."""
    generation = name.str.extract(_GENERATION, 1).str.to_lowercase().replace(lists.GENERATIONS)
    whole = pl.when(generation.is_null()).then(folded(name))
    whole = whole.otherwise(folded(name.str.replace(_GENERATION, "")) + " " + generation)
    return pl.when(~name.str.contains(_INITIALS) | name.is_in(_LETTERS_THAT_ARE_SURNAMES)).then(whole)


def is_stand_in(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """Whether folded names together stand for no known person (`Test User`); null where one of them is missing."""
    function = first.is_in(lists.FUNCTION_FIRST_WORDS) & last.is_in(lists.FUNCTION_LAST_WORDS)
    return (
        (first.is_in(lists.STAND_INS_TWICE) & (first == last)) | (first + " " + last).is_in(lists.STAND_INS) | function
    )


@cache
def _words_with_meaning() -> str:
    """A pattern of the words that the parser takes for more than a name: titles, particles, suffixes, `and`, `née`."""
    from nameparser import Lexicon  # 0.04 s, and few files have full names

    lexicon = Lexicon.default()
    fields = (lexicon.titles, lexicon.given_name_titles, lexicon.after_given_titles, lexicon.conjunctions)
    fields += (lexicon.suffix_acronyms, lexicon.suffix_words, lexicon.particles, lexicon.bound_given_names)
    words = frozenset().union(*fields, lexicon.maiden_markers, lists.TITLES, lists.CREDENTIALS, lists.GENERATIONS)
    return rf"(?i)\b(?:{'|'.join(sorted(word for word in words if word.isalpha()))})\b"


@lru_cache(100_000)  # 1 ms each, and the portions of a large file repeat names
def split_full_name(text: str) -> tuple[str, str] | None:
    """First and last name of a full one (`Last, First` too); None where it is unclear or names two people."""
    name = clean_name(re.split(r"\s[|–—•·-]\s", tidy(text), maxsplit=1)[0])
    words = re.split(r"[\s・]+", name) if name else []
    if name is None or len(words) < 2 or _TWO_PEOPLE.search(name):
        return None
    if re.fullmatch(_EAST_ASIAN, name):
        # The family name is first, unless a middle dot separates the words: so a foreign name is written in Japanese.
        return _both(*(words if "・" in name else reversed(words))) if len(words) == 2 else None
    if len(words) == 2 and "," not in name and "(" not in name:
        return _both(words[0], words[1])
    from nameparser import parse

    parsed = parse(name)
    first, last = parsed.given, parsed.family
    if parsed.title:  # to the parser King and Dean are titles
        first = parsed.title.split()[0] if first else parsed.title
    if first and parsed.middle:
        first = f"{first} {parsed.middle}"
    generation = next((each for each in parsed.suffix.split(",") if _plain_word(each) in lists.GENERATIONS), None)
    if last and generation:
        last = f"{last} {generation.strip()}"
    return _both(first, last)


def _both(first: str, last: str) -> tuple[str, str] | None:
    """Both parts cleaned, or None where one of them is no name."""
    clean_first, clean_last = clean_first_name(first), clean_name(last)
    return (clean_first, clean_last) if clean_first and clean_last else None


def split_full_names(cells: pl.Series) -> pl.DataFrame:
    """`first` and `last` for each cell; null where a full name cannot be split."""
    split = read_distinct(cells, _plain_splits(cells), lambda text: "\n".join(split_full_name(text) or ()) or None)
    parts = split.str.splitn("\n", 2)
    return pl.DataFrame({"first": parts.struct.field("field_0"), "last": parts.struct.field("field_1")})


def _plain_splits(cells: pl.Series) -> pl.Series:
    """First and last name, with a line break between, of names that consist of plain words."""
    first, last = pl.col("first"), pl.col("last")
    names = pl.DataFrame({"name": plain_names(cells)})
    frame = names.with_columns(
        first=pl.col("name").str.extract(_PLAIN_FULL_NAME, 1), last=pl.col("name").str.extract(_PLAIN_FULL_NAME, 2)
    )
    plain = ~pl.col("name").str.contains(_words_with_meaning())
    plain &= ~first.str.to_lowercase().is_in(lists.PLACEHOLDERS) & ~last.str.to_lowercase().is_in(lists.PLACEHOLDERS)
    return frame.select(pl.when(plain).then(first + "\n" + last)).to_series()
