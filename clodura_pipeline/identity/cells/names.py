"""People's names: cleaned for asking and showing, split where only a full name is there, folded for comparing.

Cleaned keeps case, accents and order; what is no part of the name goes (titles before a first name, credentials,
emoji). Folded is for comparing only: no case, accents, punctuation or spaces. Generations stay (`lee` and `lee
jr`): they are all that tells a father from his son at one company. So do middle names and initials: `John A. Smith`
and `John B. Smith` are two people. They belong to the first name, in what is asked too: what is asked has to say all
that the identifier is made of, for the ledger reads that anew under a later form, and a miss costs nothing while a
namesake is paid for.
"""

import re
import unicodedata

from nameparser import Lexicon, parse

from clodura_pipeline.identity.cells.text import is_name_placeholder, tidy
from clodura_pipeline.identity.cells.words import (
    CJK_FORMS,
    COMPANY_ENDINGS,
    CREDENTIALS,
    CREDENTIALS_ANYWHERE,
    GENERATIONS,
    NOBODY,
    NOBODY_FIRST,
    NOBODY_LAST,
    NOBODY_TWICE,
    SURNAMES_LIKE_ENDINGS,
    TITLE_PARTS,
    TITLES,
)

_PRONOUNS = re.compile(r"\s*[(\[](?:she|he|they|her|him|them|elle|sie|er|ella)\b[^()\[\]]*[)\]]", re.I)
_EDGES = ' \t,;:"“”„«»‹›<>[]{}|/\\*_=#+~^'
_PLAIN_WORD = re.compile(r"[^\W\d_]{2,}(?:['-][^\W\d_]{2,})*")
_WEB = re.compile(r"https?:|www\.|\.(?:com|net|org)\b", re.I)
_HONORIS_CAUSA = re.compile(r"\b([he])\.\s+([ch])\.")  # in small letters: in capitals they are initials
_BRACKETED_END = re.compile(r"(?<=\S)\s+\[[^\[\]]*\]$")
_ANY_TITLE = "|".join(sorted(TITLES, key=len, reverse=True))
_COUPLE = re.compile(rf"(?:{_ANY_TITLE})\b\.?\s*(?:&|\+|\band\b|\bund\b|\bet\b)\s*(?:{_ANY_TITLE})\b", re.I)
_AND_CO = re.compile(r"(?:[&+]|\b(?:and|und))\s*co(?:mpany)?\b", re.I)
_INITIALS = re.compile(r"[^\W\d_](?:[.\s-]+[^\W\d_])*\.?")
_LETTERS_THAT_ARE_SURNAMES = ("O", "E")
_TWO_PEOPLE = re.compile(r"\s(?:&|\+|and|und)\s|/|;", re.I)
# Letters that Unicode does not take apart into a plain letter and a mark.
_PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ħ": "h",
        "ŧ": "t",
        "ŋ": "n",
        "ĸ": "k",
    }
)
_NEITHER_LETTER_NOR_DIGIT = re.compile("[^a-z0-9]+")
_MARKS = re.compile("[\u0300-\u036f]+")  # those of Latin, Greek and Cyrillic; elsewhere marks are vowels


def fold(text: str) -> str:
    """Without case, accents, punctuation and spaces; other scripts keep their letters and vowel signs."""
    if text.isascii():
        return _NEITHER_LETTER_NOR_DIGIT.sub("", text.lower())
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = _MARKS.sub("", text.translate(_PLAIN_LETTERS))
    return unicodedata.normalize("NFC", "".join(c for c in text if unicodedata.category(c)[0] in "LMN"))


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
    """Cut off at the end: behind a comma every credential, without one those that are nobody's surname."""
    parts = [part.strip() for part in text.split(",")]
    while len(parts) > 1 and all(
        _plain_word(word) in CREDENTIALS or not _plain_word(word) for word in parts[-1].split()
    ):
        parts.pop()
    words = ", ".join(parts).split()
    while len(words) > 1 and _plain_word(words[-1]) in CREDENTIALS_ANYWHERE:
        words.pop()
    return " ".join(words).rstrip(",")


def _without_titles(words: list[str]) -> list[str]:
    """The words of a name without the titles before it; a title alone stays, it may be the name."""
    start = 0
    while start < len(words) - 1 and _is_title(words[start], behind_a_title=start > 0):
        start += 1
    return words[start:]


def _is_title(word: str, *, behind_a_title: bool = False) -> bool:
    """`Dr.`, `Dr.-Ing.` or, behind one, `rer.`: no initial, for a single letter is none of them."""
    first, *more = [part for part in re.split(r"[.-]", word.lower()) if part] or [""]
    if _plain_word(word) in TITLES or (first in TITLES and all(part in TITLES | TITLE_PARTS for part in more)):
        return True
    return behind_a_title and word.endswith(".") and _plain_word(word) in TITLE_PARTS


def is_company(name: str) -> bool:
    """Whether what stands for a person's name ends as a company's does: `Acme Robotics GmbH`, `Deutsche Bank AG`."""
    words = [re.sub(r"\W", "", word) for word in name.split()]
    last = words[-1] if words else ""
    if any(form in name for form in CJK_FORMS) or (len(words) > 1 and _AND_CO.search(name)):
        return True
    if last.lower() in COMPANY_ENDINGS:
        return len(words) > 1 or len(last) > 2
    return len(words) > 1 and last.lower() in SURNAMES_LIKE_ENDINGS and last.isupper() and not name.isupper()


def clean_name(text: str) -> str | None:
    """A first, last or full name as it is asked and shown; None for a placeholder, a company or what has no letter."""
    text = tidy(text)
    for _ in range(5):  # until stable: what one step uncovers, the next one sees
        before = text
        if _COUPLE.match(text) or is_company(text):
            return None
        text = _BRACKETED_END.sub("", _HONORIS_CAUSA.sub(r"\1.\2.", text))
        text = tidy("".join(c for c in _PRONOUNS.sub("", text) if not _is_picture(c))).strip(_EDGES)
        text = re.sub(r"^(['‘’`])(.*)\1$", r"\2", text).strip(_EDGES)
        text = " ".join(_without_titles(_without_credentials(text).split())).strip(_EDGES)
        if text == before:
            break
    if is_name_placeholder(text) or not any(c.isalpha() for c in text):
        return None
    return None if "@" in text or _WEB.search(text) else text


def clean_first_name(text: str) -> str | None:
    """A first name as it is asked and shown; None as well for nothing but a title."""
    name = clean_name(text)
    return None if name and all(_is_title(word) for word in name.split()) else name


def is_initials(name: str) -> bool:
    """Whether a name is nothing but initials, of letters that have capitals: too little to tell who it is."""
    return bool(_INITIALS.fullmatch(name)) and all(c.lower() != c.upper() for c in name if c.isalpha())


def fold_first_name(text: str) -> str:
    """A cleaned first name for comparing, initials set apart (`Ann E.` is not Anne); empty where there is no more."""
    if is_initials(text):
        return ""
    folded = ""
    alone = False
    for word in filter(None, map(fold, text.split())):
        before, alone = alone, len(word) == 1 and word.upper() != word
        folded += f" {word}" if folded and (before or alone) else word
    return folded


def fold_last_name(text: str) -> str:
    """A last name for comparing: a generation in one spelling (`Jr.`, `Junior`), set apart; empty for initials."""
    if is_initials(text) and text not in _LETTERS_THAT_ARE_SURNAMES:
        return ""
    words = text.replace(",", " ").split()
    generation = GENERATIONS.get(_plain_word(words[-1])) if len(words) > 1 else None
    return f"{fold(' '.join(words[:-1]))} {generation}" if generation else fold(text)


def is_nobody(first: str | None, last: str | None) -> bool:
    """Whether two cleaned names together are a stand-in: `Test User`, `LinkedIn Member`."""
    both = (fold(first or ""), fold(last or ""))
    if both in NOBODY or (both[0] == both[1] and both[0] in NOBODY_TWICE):
        return True
    return both[0] in NOBODY_FIRST and both[1] in NOBODY_LAST


def _words_with_meaning() -> frozenset[str]:
    """Every word that the parser does not take for a plain name: titles, particles, suffixes, `and`, `née`."""
    lexicon = Lexicon.default()
    fields = (lexicon.titles, lexicon.given_name_titles, lexicon.after_given_titles, lexicon.conjunctions)
    fields += (lexicon.suffix_acronyms, lexicon.suffix_words, lexicon.particles, lexicon.bound_given_names)
    return frozenset().union(*fields, lexicon.maiden_markers, TITLES, CREDENTIALS, GENERATIONS)


# A name without any of them and without punctuation is split at its ends, a hundred times faster than by the parser.
WORDS_WITH_MEANING = _words_with_meaning()
_PARTICLES = Lexicon.default().particles


def _is_plain(word: str) -> bool:
    return bool(_PLAIN_WORD.fullmatch(word)) and word.lower() not in WORDS_WITH_MEANING


def split_full_name(text: str) -> tuple[str, str] | None:
    """First and last name of a full one (`Last, First` too); None where it cannot be told or names two people."""
    name = clean_name(re.split(r"\s[|–—•·-]\s", tidy(text), maxsplit=1)[0])
    words = name.split() if name else []
    if name is None or len(words) < 2 or _TWO_PEOPLE.search(name):
        return None
    if len(words) == 2 and "," not in name and "(" not in name:
        return _both(words[0], words[1])
    if len(words) <= 4 and all(_is_plain(word) for word in words):
        return _both(" ".join(words[:-1]), words[-1])
    # `Ann van der Berg`: all between a plain first and a plain last word are particles, written small.
    if _is_plain(words[0]) and _is_plain(words[-1]) and all(word in _PARTICLES for word in words[1:-1]):
        return _both(words[0], " ".join(words[1:]))
    parsed = parse(name)
    first, last = parsed.given, parsed.family
    if parsed.title and not first:  # to the parser King and Dean are titles
        first = parsed.title
    elif parsed.title:
        first = parsed.title.split()[0]
    if first and parsed.middle:
        first = f"{first} {parsed.middle}"
    generation = next((each for each in parsed.suffix.split(",") if _plain_word(each) in GENERATIONS), None)
    if last and generation:
        last = f"{last} {generation.strip()}"
    return _both(first, last)


def _both(first: str, last: str) -> tuple[str, str] | None:
    """Both parts cleaned, or None where one of them is no name."""
    clean_first, clean_last = clean_first_name(first), clean_name(last)
    return (clean_first, clean_last) if clean_first and clean_last else None
