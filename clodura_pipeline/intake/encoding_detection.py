"""Finds the encoding of a text that is not UTF-8 by its letters, and says where it is doubtful.

Latin encodings are told apart by letters that names have in one and not in the other; charset-normalizer, which knows
frequencies of letters, guesses among them, and is right among the encodings of other scripts.
"""

import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

_LABELS = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1254": "Windows-1254",
    "mac_roman": "Mac Roman",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp1253": "Windows-1253",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp932": "Shift-JIS",
    "gb18030": "GBK",
    "big5": "Big5",
    "euc_kr": "EUC-KR",  # not cp949: with its rare syllables, any Japanese could be Korean
}
_NOT_LATIN = list(_LABELS)[4:]
# What the letters of other encodings become when they are read as Windows-1252.
_LETTER = r"[^\W\d_]"
_SYMBOLS = (
    re.compile(  # symbols within words; not the signs that words have: apostrophes, dashes, the dot of "col·lega"
        rf"{_LETTER}[€¢£¤¥¦§¨¬¯±²³¶¸¹¼½¾¿¡†‡ˆ‰‹›„‚ƒ˜÷«»©“”•™…]{_LETTER}"
        rf"|(?<!\w)[£¯¦±¶]{_LETTER}{{2}}"  # "£ukasz"; a price is a number
        rf"|{_LETTER}{{3}}[³¹](?!\w)"  # "Pawe³"; "m³" is shorter
        r"|[A-Za-zÀ-ÿ][ŸŠŽ][a-zà-ÿ]"  # "JŸrgen"
        r"|[ªº][a-z]"  # "ªtefan"
    )
)
_CENTRAL_EUROPEAN = re.compile(
    r"[aeiouyáéíó]ø|ø[aouáéíi]|ì[a-z]|ù[a-z]|è[kaouáí]|œ[bcdfghjklmnprstwz]|ñ[bcdfghjklmnpqrstvwxz]|iæ\b|õ[^e\W]|û[cksz]"
    rf"|ã[bcdfghjklmnprstvz]|[ªº][a-z]|{_LETTER}[¹³¿¼]{_LETTER}|{_LETTER}{{3}}[³¹](?!\w)|(?<!\w)[£¯]{_LETTER}{{2}}"
)
_TURKISH = re.compile(r"[a-zçöü]þ|[A-ZÇÖÜ]Þ|Ý[A-ZÇÖÜ]|[bcçdfghjklmnpprsþtvyz]ý[bcçdfghjklmnprsþtvyz]|[ao]ð[aulýi]|OÐ")
_ICELANDIC = re.compile(r"ð(?:ur|r|rún|ný|björg|mund)|dóttir|Þ[óo]r|sson\b")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_SEGMENT = re.compile(rb'[^,;\t\r\n"]*[\x80-\xff][^,;\t\r\n"]*')
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
_SEARCHED_BYTES = 1 << 22  # from the first letter beyond ASCII on
_MIN_NAMES = 3  # different ones; with fewer, a language is a guess
_NOT_LATIN_SHARE = 0.55  # of the letters that are not ASCII; in Western names it is a fifth
_FOREIGN_LETTER = re.compile(rb"(?<=[A-Za-z\x80-\xff])[\x80-\xff]|[\x80-\xff](?=[A-Za-z\x80-\xff])")
_MAX_CHAOS = 10.0  # percent of unlikely neighbours, as charset-normalizer counts them
_MIN_LEAD = 4.0  # percent that the second best encoding must be behind


@dataclass(frozen=True)
class DetectedEncoding:
    """The encoding that explains a text best, and whether another one may be meant."""

    codec: str
    is_doubtful: bool = False

    @property
    def label(self) -> str:
        return _LABELS[self.codec]


def detect_encoding(data: bytes) -> DetectedEncoding:
    """The encoding of a text that is not UTF-8: Windows-1252 where nothing speaks against it."""
    first = _NOT_ASCII.search(data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    names = set(_SEGMENT.findall(data, start, start + _SEARCHED_BYTES))
    sample = b"\n".join(sorted(names))
    high = len(_FOREIGN_LETTER.findall(sample))
    letters = len(re.findall(rb"[A-Za-z]", sample))
    if high > 3 and high > (high + letters) * _NOT_LATIN_SHARE:
        return _not_latin(sample, len(names))
    western = sample.decode("cp1252", "replace")
    symbols = len(_SYMBOLS.findall(western)) + western.count("\ufffd")
    if symbols and len(re.findall(rb"[\x80-\x9f]", sample)) > high * 0.7:
        return DetectedEncoding("mac_roman", is_doubtful=len(names) < _MIN_NAMES)
    central = len(_CENTRAL_EUROPEAN.findall(western))
    turkish = len(_TURKISH.findall(western)) - len(_ICELANDIC.findall(western))
    if turkish > central and turkish > 0:
        return DetectedEncoding("cp1254", is_doubtful=turkish < _MIN_NAMES)
    if central:
        return DetectedEncoding("cp1250", is_doubtful=central < _MIN_NAMES)
    return DetectedEncoding("cp1252", is_doubtful=symbols > 0)


def _not_latin(sample: bytes, names: int) -> DetectedEncoding:
    found = from_bytes(sample, cp_isolation=_NOT_LATIN, threshold=0.5, language_threshold=0)
    scores = [(one.encoding, one.percent_chaos, one.percent_coherence) for one in found if one.encoding in _LABELS]
    if len(_IDEOGRAPH.findall(sample.decode("euc_kr", "ignore"))) * 5 > names:  # Korean names are written in Hangul
        scores = [score for score in scores if score[0] != "euc_kr"]
    if not scores:
        return DetectedEncoding("cp1252", is_doubtful=True)
    (best, chaos, coherence), *others = scores
    close = any(one[1] - chaos < _MIN_LEAD and coherence - one[2] < _MIN_LEAD for one in others)
    return DetectedEncoding(best, close or chaos >= _MAX_CHAOS or names < _MIN_NAMES)
