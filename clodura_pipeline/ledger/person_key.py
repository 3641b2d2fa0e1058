"""`person_key`: the number of a person, computed from their strongest canonical identifier when it is first needed."""

import hashlib


def person_key(canonical_identifier: str) -> int:
    """The key of a person that the ledger does not know yet: 63 bits of a hash of their strongest canonical identifier.

    Every process computes the same number without asking the ledger. The warehouse computes it for all people at once,
    in SQL: `PERSON_KEY_SQL`, which a test holds against this function. Of a million people, two share a key with a
    probability of 5e-8.
    """
    digest = hashlib.md5(canonical_identifier.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:16], 16) & ((1 << 63) - 1)


PERSON_KEY_SQL = "(('0x' || md5({})[1:16])::UBIGINT & 9223372036854775807)::BIGINT"
"""`person_key` in DuckDB, of the column named in the braces."""
