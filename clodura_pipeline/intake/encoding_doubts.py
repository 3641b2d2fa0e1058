"""Sees by the letters of a text that its encoding was rather another one: what is written there is nobody's name."""

import re

_OTHER = (
    "symbols stand within words where letters belong, as when Mac Roman, Windows-1250 or ISO 8859-15 is read as "
    "Windows-1252: look at the names, and save the file as UTF-8"
)
_TWICE = (
    "letters stand as two signs each, as when UTF-8 is read as Windows-1252 and saved again: look at the names, and "
    "export the file again"
)
_LETTER = r"[^\W\d_]"
# What the letters of other encodings become; not the signs that words have: apostrophes, dashes, the dot of "col·lega".
_WITHIN = rf"{_LETTER}[€¢£¤¥¦§¨¬¯±²³¶¸¹¼½¾¿¡†‡ˆ‰‹›„‚ƒ˜÷«»©]{_LETTER}"
_FIRST = rf"(?<!\w)[£¯¦±¶]{_LETTER}{{2}}"  # "£ukasz"; a price is a number
_LAST = rf"{_LETTER}{{3}}[³¹](?!\w)"  # "Pawe³"; "m³" is shorter
_CAPITAL = r"[A-Za-zÀ-ÿ][ŸŠŽ][a-zà-ÿ]"  # "JŸrgen"
_FOREIGN = re.compile("|".join((_WITHIN, _FIRST, _LAST, _CAPITAL)))
# Ã and Å, each followed by what the second byte of a letter in UTF-8 becomes; searched as bytes, which is fast.
_READ_TWICE = re.compile(
    rb"\xc3[\x83\x85](?:\xc2[\x80-\xbf]|\xe2\x80[\x93-\xba]|\xe2\x82\xac|\xe2\x84\xa2|\xc5[\x92\x93\xa0\xa1\xb8]"
    rb"|\xc5[\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c])"
)
_SEARCHED = 1 << 24  # bytes; a file in a wrong encoding shows it early


def doubts(utf8: bytes, encoding: str) -> tuple[str, ...]:
    """Notes on a text that was most likely written in another encoding than it was read in."""
    if utf8.isascii():
        return ()
    if encoding == "Windows-1252":
        return (_OTHER,) if _FOREIGN.search(utf8[:_SEARCHED].decode("utf-8", "ignore")) else ()
    return (_TWICE,) if _READ_TWICE.search(utf8, 0, _SEARCHED) else ()
