"""One person to be asked about, and the run that asks."""

import hashlib
from dataclasses import dataclass
from datetime import date

from clodura_pipeline.clodura.identifiers import Combination, Identifiers


@dataclass(frozen=True, repr=False)
class Question:
    """A person, what to send, and the first row of theirs in the partition that asks."""

    person_key: int
    identifiers: Identifiers
    file_date: date
    source_file: str

    @property
    def combination(self) -> Combination:
        """The strongest documented combination in it."""
        combination = self.identifiers.combination
        if combination is None:
            raise ValueError("a question needs a documented combination of identifiers")
        return combination

    @property
    def hash(self) -> str:
        """Equal for equal questions; tells nothing about the person."""
        return question_hash(self.identifiers)


def question_hash(identifiers: Identifiers) -> str:
    """A hash of what would be sent."""
    return hashlib.sha256(identifiers.as_json().encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Run:
    """One run as the ledger knows it. `max_credits` 0: no cap; it counts over all retries of the root run."""

    run_id: str
    root_run_id: str
    watermark: int
    max_credits: int
