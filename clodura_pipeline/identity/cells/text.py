"""What every cell goes through before it is read: Unicode, invisible characters, spaces, placeholders."""

import html
import re
import unicodedata

# Controls and format characters nobody sees: they come along with copied text, and would make two equal cells differ.
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


def listed(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


# What people and programs write where nothing is known (compared lower-case, without spaces).
PLACEHOLDERS = listed(
    """
    n/a n.a. n.a #n/a #na #name? #value! #ref! #error! na null (null) none nil nan undefined unknown tbd tba tbc
    - -- --- — – _ __ . .. ... ? ?? ??? * / // \\ x xx xxx xxxx 0 notprovided notavailable notapplicable notset
    noname noemail nomail nolinkedin unbekannt keine keineangabe k.a. k.a inconnu desconocido sconosciuto blank
    (blank) empty (empty) [null] [none] <null> <none> [object,object] [objectobject] test missing private/hidden
    hidden
    """
)
# Words among them that are somebody's name too: in a name they are placeholders only when not written as a name is.
_ALSO_NAMES = listed(
    """
    na nan nil null none test x
    """
)

NAMES_LIKE_PLACEHOLDERS = [word.capitalize() for word in sorted(_ALSO_NAMES)]


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


def is_placeholder(text: str) -> bool:
    """Whether a tidied cell says, in one way or another, that nothing is known."""
    return not text or text.lower().replace(" ", "") in PLACEHOLDERS


def is_name_placeholder(text: str) -> bool:
    """The same for a person's name, where `Na`, `Null` or `Test` as names are written may be real."""
    return is_placeholder(text) and text not in NAMES_LIKE_PLACEHOLDERS
