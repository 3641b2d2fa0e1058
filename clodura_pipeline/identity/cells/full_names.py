"""Full names, split into first and last name."""

import re
from functools import cache, lru_cache

import polars as pl

from clodura_pipeline.identity.cells.distinct import read_distinct
from clodura_pipeline.identity.cells.names import clean_first_name, clean_name, plain_names, plain_word
from clodura_pipeline.identity.cells.text import tidy
from clodura_pipeline.identity.cells.word_lists import CREDENTIALS, GENERATIONS, PLACEHOLDERS, TITLES

_EAST_ASIAN = r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7af\s]+"
_TWO_PEOPLE = re.compile(r"\s(?:&|\+|and|und)\s|/|;", re.I)
# Two to four words of two letters or more; whether they are in their final form is for `plain_names` to say.
_PLAIN = r"^(\S{2,}(?: \S{2,}){0,2}) (\S{2,})$"


@cache
def _words_with_meaning() -> str:
    """A pattern of the words that the parser takes for more than a name: titles, particles, suffixes, `and`, `née`."""
    from nameparser import Lexicon  # 0.04 s, and few files have full names

    lexicon = Lexicon.default()
    fields = (lexicon.titles, lexicon.given_name_titles, lexicon.after_given_titles, lexicon.conjunctions)
    fields += (lexicon.suffix_acronyms, lexicon.suffix_words, lexicon.particles, lexicon.bound_given_names)
    words = frozenset().union(*fields, lexicon.maiden_markers, TITLES, CREDENTIALS, GENERATIONS)
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
    if parsed.title and not first:  # to the parser King and Dean are titles
        first = parsed.title
    elif parsed.title:
        first = parsed.title.split()[0]
    if first and parsed.middle:
        first = f"{first} {parsed.middle}"
    generation = next((each for each in parsed.suffix.split(",") if plain_word(each) in GENERATIONS), None)
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
    frame = names.with_columns(first=pl.col("name").str.extract(_PLAIN, 1), last=pl.col("name").str.extract(_PLAIN, 2))
    plain = ~pl.col("name").str.contains(_words_with_meaning())
    plain &= ~first.str.to_lowercase().is_in(PLACEHOLDERS) & ~last.str.to_lowercase().is_in(PLACEHOLDERS)
    return frame.select(pl.when(plain).then(first + "\n" + last)).to_series()
