"""What could not be read: a whole file, or single records of it, with the reason."""

import re
from dataclasses import dataclass, field

from clodura_pipeline.errors import UserFixableError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """A text for logs and messages: control characters and changes of direction are written as \\xNN or \\uNNNN."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


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
