"""Turns the bytes of a text file into UTF-8, saying which encoding they were in and which lines are no text in it."""

import codecs
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from clodura_pipeline.intake.encodings.detection import detect_encoding
from clodura_pipeline.intake.unreadable import UnreadableFile

# Longest first: the mark of UTF-32 LE begins with that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_SAMPLE = 1 << 16
_JAPANESE_ESCAPE = re.compile(rb"\x1b\$[@B]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_GUESSED = "read as {label} by its letters: look at the names; where they are wrong, save the file as UTF-8"
_DOUBTFUL = (
    "its encoding is doubtful, and {label} is only the likeliest: look at the names, and save the file as UTF-8; until "
    "then no credits are spent on it"
)
_TWICE = (
    "letters stand as two signs each, as when UTF-8 is read as Windows-1252 and saved again: look at the names, and "
    "export the file again"
)
# Ã and Å, each followed by what the second byte of a letter in UTF-8 becomes; searched as bytes, which is fast.
_READ_TWICE = re.compile(
    rb"\xc3[\x83\x85](?:\xc2[\x80-\xbf]|\xe2\x80[\x93-\xba]|\xe2\x82\xac|\xe2\x84\xa2|\xc5[\x92\x93\xa0\xa1\xb8]"
    rb"|\xc5[\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c])"
)
_SEARCHED = 1 << 24  # bytes; a file in a wrong encoding shows it early


@dataclass(frozen=True)
class Text:
    """The text of a file in UTF-8.

    Where `valid` is false, bytes that are no text in the file's encoding stand in it as lone surrogates, so that the
    records that hold them, and only these, can be recognised and shown as they are.
    """

    utf8: bytes
    valid: bool
    encoding: str
    notes: tuple[str, ...] = ()  # what speaks against the encoding, for people to look into
    encoding_is_doubtful: bool = False

    def lines(self) -> Iterator[str]:
        """The lines, each with the \\n it ends in."""
        return io.TextIOWrapper(io.BytesIO(self.utf8), encoding="utf-8", errors="surrogatepass", newline="\n")

    def broken(self, text: str) -> bool:
        """Whether a piece of this text holds bytes that are no text."""
        return not self.valid and is_broken(text)


def is_broken(text: str) -> bool:
    """Whether a text holds lone surrogates: bytes that were no text, or half a character."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def shown(text: str) -> str:
    """A text for keeping: bytes that were no text written as \\xNN, so that nothing is lost and tables can hold it."""
    if not is_broken(text):
        return text

    def written(found: re.Match[str]) -> str:
        point = ord(found[0])
        return f"\\x{point - 0xDC00:02x}" if 0xDC00 <= point <= 0xDCFF else f"\\u{point:04x}"

    return _SURROGATE.sub(written, text)


def decode(data: bytes) -> Text:
    """Decide the encoding of a whole file: its mark, else UTF-8 or UTF-16, else what its letters speak for."""
    for mark, codec, label in _MARKS:
        if data.startswith(mark):
            while data.startswith(mark):  # twice where a program adds it to a file that has it
                data = data[len(mark) :]
            return _decoded(data, codec, label)
    if codec := _utf16_without_mark(data[:_SAMPLE]):
        return _decoded(data, codec, "UTF-16")
    if _JAPANESE_ESCAPE.search(data[:_SAMPLE]) and data.isascii():
        return _decoded(data, "iso2022_jp_ext", "ISO-2022-JP")
    if is_utf8(data):
        return _with_doubts(Text(data, True, "UTF-8"))
    if _is_mostly_utf8(data):
        return _decoded(data, "utf-8", "UTF-8")
    codec, label, is_doubtful = detect_encoding(data)
    text = _decoded(data, codec, label)
    if codec == "cp1252" and not is_doubtful:
        return text
    note = (_DOUBTFUL if is_doubtful else _GUESSED).format(label=label)
    return replace(text, notes=(note,), encoding_is_doubtful=is_doubtful)


def _utf16_without_mark(sample: bytes) -> str | None:
    # Headers and delimiters are Latin in nearly all files, so every second byte of UTF-16 is often 0; in other
    # encodings NUL is an accident.
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    many = max(len(sample) * 0.15, 4)
    if odd > many and odd > even * 10:
        return "utf-16-le"
    if even > many and even > odd * 10:
        return "utf-16-be"
    return None


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8, without making text of them."""
    offsets = pa.py_buffer(struct.pack("=2q", 0, len(data)))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether a text is UTF-8 with faults: in other encodings, lines that are valid UTF-8 beyond ASCII are rare."""
    valid = invalid = 0
    for line in data.split(b"\n"):
        if line.isascii():
            continue
        try:
            line.decode()
            valid += 1
        except UnicodeDecodeError:
            invalid += 1
    return valid > 0 and valid * 4 >= invalid


def _decoded(data: bytes, codec: str, label: str) -> Text:
    if codec == "utf-8" and is_utf8(data):
        return _with_doubts(Text(data, True, label))
    if codec.startswith("utf-32"):
        try:
            return Text(data.decode(codec).encode(), True, label)
        except UnicodeDecodeError:
            raise UnreadableFile("is marked as UTF-32 and is not valid in it; save it as UTF-8") from None
    if codec.startswith("utf-16"):
        even = len(data) & ~1
        text = data[:even].decode(codec, "surrogatepass") + "".join(chr(0xDC00 + byte) for byte in data[even:])
    else:
        text = data.decode(codec, "surrogateescape")
    utf8 = text.encode("utf-8", "surrogatepass")
    return _with_doubts(Text(utf8, is_utf8(utf8), label))


def _with_doubts(text: Text) -> Text:
    return replace(text, notes=(_TWICE,)) if _READ_TWICE.search(text.utf8, 0, _SEARCHED) else text
