"""What could not be read: a whole file, or single records of it, with the reason."""

import unicodedata
from dataclasses import dataclass, field

from clodura_pipeline.errors import UserFixableError


def escaped(text: str) -> str:
    """A text for logs and messages: characters that are not seen, or change the direction, as \\xNN or \\uNNNN."""
    return "".join(one.encode("unicode_escape").decode() if is_unseen(one) else one for one in text)


def is_unseen(character: str) -> bool:
    """Whether a character is a control, a format character, half of one, or a line break."""
    return unicodedata.category(character)[0] == "C" or unicodedata.category(character) in ("Zl", "Zp")


class UnreadableFile(UserFixableError):
    """A file that cannot be read at all: what is wrong, where, and what to do now; never what cells hold."""

    def __init__(self, reason: str) -> None:
        self.reason = escaped(reason)
        super().__init__(self.reason)


@dataclass(frozen=True)
class UnreadableRecord:
    """A record that could not be read: its position, the reason, and its text."""

    source_row: int
    reason: str
    text: str = field(repr=False)
