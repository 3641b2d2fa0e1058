"""Finds the encoding of a text that is not UTF-8 by its names, and says where it is doubtful.

Each encoding of one byte a letter is tried, and the text that it makes is judged by the letters that stand side by side
in names of its languages (`letters.toml`). charset-normalizer distinguishes East Asian encodings.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from charset_normalizer import from_bytes

_ENCODINGS = tomllib.loads(Path(__file__).with_name("encodings.toml").read_text(encoding="utf-8"))
_ONE_BYTE: dict[str, tuple[str, str, float]] = {codec: tuple(known) for codec, known in _ENCODINGS["one_byte"].items()}
_EAST_ASIAN: dict[str, str] = _ENCODINGS["east_asian"]
_LETTERS = tomllib.loads(Path(__file__).with_name("letters.toml").read_text(encoding="utf-8"))  # by script
_PAIR = re.compile(r"(\S\S)(\d+)")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_CELL = re.compile(rb'[^,;\t\r\n"]*[\x80-\xff][^,;\t\r\n"]*')
_WORD = re.compile(r"[^ \n]+")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
_SEARCHED_BYTES = 1 << 22  # from the first letter beyond ASCII on
_JUDGED_CELLS, _JUDGED_BYTES, _SAMPLE_BYTES = 300, 50, 1 << 16
_MIN_NAMES = 3  # different ones; with fewer, a language is a guess
# Natural logarithms of how likely a letter is beside its neighbour, where the lists have no such pair.
_RARE, _FOREIGN, _SYMBOL, _UNDEFINED = math.log(4e-4), math.log(2e-5), math.log(1e-6), math.log(1e-7)
_MIN_WRITTEN = 0.8  # share of a language's pairs that an encoding can write, else it is no encoding of the language
_LIST_SHARE = 0.97  # the rest is for names of other languages
_OTHER_CASE = math.log(1e-2)  # a capital within a word, or a small letter within capitals
_SIGN, _LONE_LETTER = math.log(3e-3), {"latin": math.log(5e-3)}
_WITHIN_WORDS, _BEFORE_WORDS, _AFTER_WORDS = "’·\xa0", "“«‘¿¡§„", "”»®™©€“’ºª²³"
_SIGNS = f"{_WITHIN_WORDS}{_BEFORE_WORDS}{_AFTER_WORDS}–—…•°½\u200e\u200f"
_MIN_LEAD = 4.0  # natural logarithm by which the best encoding must be likelier than the next
_MIN_MEAN = -8.8  # of each letter; below, a text that is not Latin is none of `_ONE_BYTE`
_NOT_LATIN_SHARE = 0.55  # of the letters that are not ASCII; in Western names it is a fifth
_MAX_CHAOS = 10.0  # percent of unlikely neighbours, as charset-normalizer counts them
_MIN_CHAOS_LEAD = 4.0  # percent that the second best encoding must be behind


def detect_encoding(data: bytes) -> tuple[str, str, bool]:
    """The encoding that explains best a text that is not UTF-8: codec, name, and whether another may be meant."""
    first = _NOT_ASCII.search(data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    cells = sorted(set(_CELL.findall(data, start, start + _SEARCHED_BYTES)))
    judged = cells[:: -(-len(cells) // _JUDGED_CELLS)]
    firsts = [found.start() if (found := _NOT_ASCII.search(cell)) else 0 for cell in judged]
    sample = b"\n".join(  # the part of each cell around its first letter: a cell may be a long text
        cell[max(at - _JUDGED_BYTES, 0) : at + _JUDGED_BYTES] for cell, at in zip(judged, firsts, strict=True)
    )
    letters = len(_NOT_ASCII.findall(sample))
    codecs: dict[str, str] = {}  # by the text that a codec makes, the one that is met most
    likelihoods: dict[str, float] = {}
    for codec in sorted(_ONE_BYTE, key=lambda codec: -_ONE_BYTE[codec][2]):
        text = sample.decode(codec, "replace")
        codecs.setdefault(text, codec)
        likelihoods[text] = max(likelihoods.get(text, -math.inf), _likelihood(text, codec))
    (best, text), (second, _) = sorted(((value, text) for text, value in likelihoods.items()), reverse=True)[:2]
    codec = codecs[text]
    if best / letters < _MIN_MEAN and letters > 3 and letters > len(sample) * _NOT_LATIN_SHARE:
        return _east_asian(b"\n".join(judged)[:_SAMPLE_BYTES], len(cells))
    few = len(cells) < _MIN_NAMES and codec != "cp1252"
    return codec, _ONE_BYTE[codec][0], few or best - second < _MIN_LEAD


def _likelihood(text: str, codec: str) -> float:
    """How likely names are to be so, as a natural logarithm; each word is judged by the language that fits it best."""
    _, script, frequency = _ONE_BYTE[codec]
    languages = _languages_of(codec)
    return frequency + sum(
        max(sum(_likelihood_of_letter(word, at, script, pairs) for at in beyond) for pairs in languages)
        for word in _WORD.findall(text)
        if (beyond := [at for at, letter in enumerate(word) if not letter.isascii()])
    )


def _likelihood_of_letter(text: str, at: int, script: str, pairs: Mapping[str, float]) -> float:
    """The likelihood of what stands at a place, by its neighbours on both sides."""
    letter, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if letter == "\ufffd" or not (letter.isprintable() or letter in _SIGNS):
        return 2 * _UNDEFINED
    if not letter.isalpha() or letter in "ºª":
        return 2 * _likelihood_of_sign(letter, before, after)
    if not before.isalpha() and not after.isalpha():
        return 2 * _LONE_LETTER.get(script, _RARE)
    if script != "latin" and ("a" <= before.lower() <= "z" or "a" <= after.lower() <= "z"):
        return 2 * _SYMBOL
    small = letter.lower()[0]
    unknown = _RARE if small in pairs else _FOREIGN
    case = 0.0
    if letter.isupper() and before.islower():
        case = 2 * _OTHER_CASE
    elif letter.islower() and before.isupper() and after.isupper():
        case = _OTHER_CASE
    left = before.lower()[:1] if before.isalpha() else "^"
    right = after.lower()[:1] if after.isalpha() else "$"
    # Where letters beyond ASCII follow each other, each pair counts once.
    counted = right if script == "latin" or not after.isalpha() else None
    return case + pairs.get(left + small, unknown) + (pairs.get(small + counted, unknown) if counted else 0.0)


def _likelihood_of_sign(sign: str, before: str, after: str) -> float:
    in_word, at_word = before.isalpha() and after.isalpha(), before.isalpha() or after.isalpha()
    if sign not in _SIGNS or (in_word and sign not in _WITHIN_WORDS):
        return _SYMBOL
    beside = sign in _WITHIN_WORDS or (sign in _BEFORE_WORDS and after.isalpha()) or sign in _AFTER_WORDS
    return _SIGN if beside or not at_word else _RARE


@lru_cache(maxsize=len(_ONE_BYTE))
def _languages_of(codec: str) -> list[dict[str, float]]:
    """For each language of an encoding, the natural logarithms of its pairs of letters.

    A letter by itself stands for being known to the language.
    """
    script = _ONE_BYTE[codec][1]
    languages = [{pair: int(share) / 1000 for pair, share in _PAIR.findall(text)} for text in _LETTERS[script].values()]
    others = {pair: sum(one.get(pair, 0.0) for one in languages) / len(languages) for one in languages for pair in one}
    known: list[dict[str, float]] = []
    for one in languages:
        written = sum(
            share for pair, share in one.items() if "?" not in pair.encode(codec, "replace").decode("latin-1")
        )
        if written >= sum(one.values()) * _MIN_WRITTEN:
            letters = {letter for pair in one for letter in pair if not letter.isascii()}
            smoothed = {
                pair: one.get(pair, 0.0) * _LIST_SHARE + share * (1 - _LIST_SHARE) for pair, share in others.items()
            }
            logarithms = {pair: max(math.log(share), _FOREIGN) for pair, share in smoothed.items()}
            known.append(dict.fromkeys(letters, 0.0) | logarithms)
    return known


def _east_asian(sample: bytes, names: int) -> tuple[str, str, bool]:
    found = from_bytes(sample, cp_isolation=list(_EAST_ASIAN), threshold=0.5, language_threshold=0)
    scores = [(one.encoding, one.percent_chaos, one.percent_coherence) for one in found if one.encoding in _EAST_ASIAN]
    if len(_IDEOGRAPH.findall(sample.decode("euc_kr", "ignore"))) * 5 > names:  # Korean names are written in Hangul
        scores = [score for score in scores if score[0] != "euc_kr"]
    if not scores:
        return "cp1252", "Windows-1252", True
    (best, chaos, coherence), *others = scores
    close = any(one[1] - chaos < _MIN_CHAOS_LEAD and coherence - one[2] < _MIN_CHAOS_LEAD for one in others)
    return best, _EAST_ASIAN[best], close or chaos >= _MAX_CHAOS or names < _MIN_NAMES
