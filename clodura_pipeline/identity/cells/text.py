"""Text of any cell: tidied, placeholders, the folded form for comparing, and how a column of cells is read.

An expression costs 20 to 200 ns a cell, a Python function 10 to 100 µs. So each kind of cell has one expression that
recognises values that are in their final form already (`plain`), and one Python function for all other spellings,
which is called once for each distinct value. What is decided of a value in its final form (is it a role address?
which company is it?) is an expression only.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import unquote

import polars as pl

from clodura_pipeline.identity.cells import word_lists as lists

# Letters with one spelling in Unicode: Latin and Cyrillic, without characters that a normal form would replace.
LETTERS = r"a-zA-Z\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{24f}\x{400}-\x{52f}"
# Control and format characters: they come along with copied text, and would make two equal cells differ.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f]"
)
# U+200C and U+200D are invisible too, but within non-Latin words and emoji they carry meaning.
_JOINERS = re.compile("[\u200c\u200d]+")
_STRAY_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
# Full-width letters, digits and punctuation, as Japanese and Chinese keyboards write them.
_FULL_WIDTH = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
# White space and invisible characters at the ends of a cell.
_BLANKS = (
    " \t\r\n\v\f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
# Letters that Unicode does not take apart into a plain letter and a mark, and those with two small forms.
_PLAIN_LETTERS = dict(zip("øłđðıħŧŋĸς", "olddihtnkσ", strict=True)) | {"þ": "th", "æ": "ae", "œ": "oe", "ß": "ss"}
_MARKS = "[\u0300-\u036f]+"  # those of Latin, Greek and Cyrillic; elsewhere marks are vowels


# Error values of spreadsheets in any language, in lower case and without spaces: `#wert!`, `#¡valor!`, `err:502`.
_SPREADSHEET_ERROR = r"^(?:#[¡¿]?[\w/]+[!?]|#?err:?\d{3})$"
_MONTH = "(?:" + "|".join(sorted(lists.MONTHS)) + r")\w*\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th|\.|er|º)?"
# `2026-11-22T10:00:00Z`, `22 Nov 2026`, `22. März 2026, 10:00`, `November 22nd, 2026`, `10:30 PM`.
DATE = (
    rf"(?i)^(?:\d{{4}}-\d\d-\d\d[t ][\d:.,+z-]+|{_DAY}[ /-](?:de )?{_MONTH}[ ,/-]{{1,2}}(?:de )?\d{{2,4}}(?:[ ,]+\d.*)?"
    rf"|{_MONTH} {_DAY}(?:, ?| )\d{{4}}(?:[ ,]+\d.*)?|\d{{1,2}}:\d\d(?::\d\d)? ?[ap]\.?m\.?)$"
)
_WRAPPERS = (
    (re.compile(r'^="(.*)"$'), r"\1"),  # how spreadsheets keep text from being read as a number
    (re.compile(r'^=HYPERLINK\(\s*"[^"]*"\s*[,;]\s*"([^"]*)"\s*\)$', re.I), r"\1"),
    (re.compile(r"^\[([^\[\]]+)\]\(\S+\)$"), r"\1"),  # a link in Markdown
    (re.compile(r"\s*\((?:https?://|mailto:)[^()\s]+\)(?:,.*)?$"), ""),  # Notion: the name of a page and its address
    (re.compile(r"</?(?:a|b|br|div|em|font|i|li|p|span|strong|u|ul)\b[^<>]*>", re.I), " "),
)
# Bytes of UTF-8 in quoted-printable, as vCards write them, and the encoded words of e-mail headers.
_QUOTED_PRINTABLE = re.compile(r"(?:=[0-9A-F]{2})*(?:=[C-F][0-9A-F](?:=[89AB][0-9A-F])+)(?:=[0-9A-F]{2})*")
_ENCODED_WORDS = re.compile(r"=\?[\w-]+\?[bq]\?[^?]*\?=", re.I)


_LONGEST_PLACEHOLDER = max(map(len, lists.PLACEHOLDERS | lists.EXACT_PLACEHOLDERS))


def tidy(text: str, *, keep_joiners: bool = False) -> str:
    """The text in NFC and plain width, HTML entities resolved, invisible characters removed, white space collapsed."""
    while "&" in text and (plainer := _ENTITY.sub(lambda match: html.unescape(match.group()), text)) != text:
        text = plainer
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    if not text.isascii():
        text = text.translate(_FULL_WIDTH)
    # A joiner next to a plain letter is a stray; joiners elsewhere matter to addresses only.
    text = (_STRAY_JOINERS if keep_joiners else _JOINERS).sub("", text)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def unwrapped(text: str) -> str:
    """A tidied text without what programs wrap a value in: links, formulas, HTML tags, encodings of e-mail."""
    if _ENCODED_WORDS.search(text):
        with suppress(HeaderParseError, LookupError, ValueError):
            text = str(make_header(decode_header(text)))
    text = _QUOTED_PRINTABLE.sub(lambda match: unquote(match.group().replace("=", "%")), text)
    for pattern, replacement in _WRAPPERS:
        text = pattern.sub(replacement, text)
    return tidy(text)


def is_name_placeholder(text: str) -> bool:
    """Whether a tidied name says, in one way or another, that nothing is known.

    `Na`, `Null` or `Test`, as names are written, may be real.
    """
    squeezed = text.lower().replace(" ", "")
    nothing = not text or squeezed in lists.PLACEHOLDERS or text in lists.EXACT_PLACEHOLDERS
    return text not in lists.NAMES_LIKE_PLACEHOLDERS and (nothing or bool(re.match(_SPREADSHEET_ERROR, squeezed)))


def filled(cells: pl.Series, *, is_name: bool = False) -> pl.Series:
    """The texts without blanks at their ends; null where they are blank or a placeholder."""
    texts = cells.cast(pl.String).str.strip_chars(_BLANKS)
    # Without its spaces a placeholder is short or begins with `#`: most cells need no closer look.
    size = texts.str.len_chars() - texts.str.count_matches(" ", literal=True)
    short = texts.filter((size <= _LONGEST_PLACEHOLDER) | texts.str.starts_with("#")).unique()
    squeezed = short.str.to_lowercase().str.replace_all(" ", "", literal=True)
    nothing = squeezed.is_in(list(lists.PLACEHOLDERS)) | short.is_in(list(lists.EXACT_PLACEHOLDERS)) | (short == "")
    nothing |= squeezed.str.contains(_SPREADSHEET_ERROR)
    if is_name:
        nothing &= ~short.is_in(list(lists.NAMES_LIKE_PLACEHOLDERS))
    is_nothing = texts.is_in(short.filter(nothing).implode())
    return pl.DataFrame([texts.alias("text"), is_nothing.alias("nothing")]).select(
        pl.when(~pl.col("nothing")).then("text").alias(cells.name)
    )[:, 0]


def folded(text: pl.Expr, *, keep_spaces: bool = False) -> pl.Expr:
    """Without case, accents, punctuation and spaces; null where nothing is left.

    Other scripts keep their letters and vowel signs.
    """

    def plain(texts: pl.Series) -> pl.Series:
        texts = texts.str.to_lowercase()
        if not keep_spaces:
            return texts.str.replace_all(r"[^\pL\pM\pN]+", "")
        texts = texts.str.replace_all(r"[^\pL\pM\pN\s]+", "").str.replace_all(r"\s{2,}|[\s--\x{20}]", " ")
        return texts.str.strip_chars(" ")

    def accented(texts: pl.Series) -> pl.Series:
        texts = texts.str.normalize("NFKD").str.to_lowercase().str.normalize("NFKD").str.replace_many(_PLAIN_LETTERS)
        return plain(texts.str.replace_all(_MARKS, "")).str.normalize("NFC")

    return text.map_batches(
        lambda texts: by_parts(texts, texts.str.len_bytes() == texts.str.len_chars(), plain, accented), pl.String
    ).replace("", None)


def by_parts(
    texts: pl.Series,
    condition: pl.Series,
    where_true: Callable[[pl.Series], pl.Series],
    otherwise: Callable[[pl.Series], pl.Series],
) -> pl.Series:
    """The texts changed by one function where a condition holds, by another elsewhere: neither works for nothing."""
    condition = condition.fill_null(False)
    if condition.all():
        return where_true(texts)
    places = pl.concat([condition.arg_true(), (~condition).arg_true()])
    changed = pl.concat([where_true(texts.filter(condition)), otherwise(texts.filter(~condition))])
    return changed.gather(places.arg_sort())


def read_distinct(values: pl.Series, plain: pl.Series, read: Callable[[str], str | None]) -> pl.Series:
    """What each value says: `plain` where that is not null, else what `read` returns."""
    frame = pl.DataFrame({"text": values, "plain": plain}, schema={"text": pl.String, "plain": pl.String})
    others = frame.filter(pl.col("plain").is_null() & pl.col("text").is_not_null())["text"].unique()
    if others.is_empty():
        return frame["plain"]
    table = pl.DataFrame({"text": others, "read": pl.Series([read(text) for text in others], dtype=pl.String)})
    joined = frame.join(table, on="text", how="left", maintain_order="left")
    return joined.select(pl.coalesce("plain", "read")).to_series()


def read_each_once(values: pl.Series, read: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """The columns that `read` makes of the values, computed for each distinct value once: names repeat."""
    distinct = values.unique()
    table = read(distinct).with_columns(distinct.alias("text"))
    frame = pl.DataFrame({"text": values}, schema={"text": pl.String})
    return frame.join(table, on="text", how="left", maintain_order="left", nulls_equal=True).drop("text")


def read_candidates(
    cells: pl.Series,
    plain: Callable[[pl.Series], pl.Series],
    read: Callable[[str], Sequence[str]],
    *,
    is_name: bool = False,
) -> pl.DataFrame:
    """`row` and `text` of every value in these cells, in order: a cell holds one or more lines, a line values.

    Args:
        plain: each line that is one value in its final form as that; null for all others.
        read: the values in any other line. None of them holds a line break.
        is_name: see `filled`.
    """
    lines = _lines(pl.DataFrame({"text": cells.cast(pl.String)}).with_row_index("row").drop_nulls())
    lines = lines.with_columns(filled(lines["text"], is_name=is_name)).drop_nulls()
    values = read_distinct(lines["text"], plain(lines["text"]), lambda text: "\n".join(read(text)))
    return _lines(lines.with_columns(values.alias("text")))


def _lines(frame: pl.DataFrame) -> pl.DataFrame:
    """A row for each line of `text`."""
    if not frame["text"].str.contains("\n", literal=True).any():
        return frame
    return frame.with_columns(pl.col("text").str.split("\n")).explode("text")
