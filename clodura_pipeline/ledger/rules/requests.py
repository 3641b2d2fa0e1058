"""One person to call for, and the run that calls."""

import hashlib
from dataclasses import dataclass
from datetime import date

from clodura_pipeline.clodura.identifiers import Combination, Identifiers

_KEY_MASK = (1 << 63) - 1


def person_key(canonical_identifier: str) -> int:
    """The key of a person that the ledger does not know yet: 63 bits of a hash of their strongest canonical identifier.

    Every process computes the same number without asking the ledger. The warehouse computes it for all people at once,
    in SQL: see `PERSON_KEY_SQL`, which a test holds against this function. Of a million people, two share a key with a
    probability of 5e-8.
    """
    digest = hashlib.md5(canonical_identifier.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:16], 16) & _KEY_MASK


PERSON_KEY_SQL = "(('0x' || md5({})[1:16])::UBIGINT & 9223372036854775807)::BIGINT"
"""`person_key` in DuckDB, of the column named in the braces."""


@dataclass(frozen=True, repr=False)
class EnrichmentRequest:
    """One person to call for.

    `person_key`: of the person as the caller knows them; the ledger may know them by an older one. `sent_ids`: the
    canonical identifiers in what is sent; no person with an answer may have one of them. `other_ids`: what else files
    say of who they are. `file_date`, `source_file`: of the person's first row in the partition that calls.
    """

    person_key: int
    identifiers: Identifiers
    sent_ids: tuple[str, ...]
    other_ids: tuple[str, ...]
    file_date: date
    source_file: str

    @property
    def combination(self) -> Combination:
        """The strongest documented combination in it."""
        combination = self.identifiers.combination
        if combination is None:
            raise ValueError("a request needs a documented combination of identifiers")
        return combination

    @property
    def hash(self) -> str:
        """Equal for equal requests; says nothing about the person."""
        return request_hash(self.identifiers.as_json())


def request_hash(request_json: str) -> str:
    """A hash of what is sent."""
    return hashlib.sha256(request_json.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Run:
    """One run that calls.

    `cap_scope`: what its cap counts over: the backfill, or the root run of its retries. `max_credits` 0: no cap.
    `watermark`: the newest attempt when it started; it decides what "starts after it was sent" means.
    """

    run_id: str
    cap_scope: str
    max_credits: int
    first_day: str = ""
    last_day: str = ""
    watermark: int = 0
