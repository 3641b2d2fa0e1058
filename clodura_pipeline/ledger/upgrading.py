"""Applies a new canonical form to the past: people are found by it as if it had always been there, and nobody is asked.

What is read anew are the questions as they were sent, the profiles that answers name, and the former identifiers
themselves, each as one more spelling. Attempts and money never move.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from clodura_pipeline.clodura.answers import read_enrichment
from clodura_pipeline.clodura.errors import UnreadableAnswer
from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.ledger import erasure as forgetting
from clodura_pipeline.ledger import server_time as moments
from clodura_pipeline.ledger.attempts import Identify
from clodura_pipeline.ledger.people import join, learn_identifier, survivor_of
from clodura_pipeline.ledger.rules.clock import Clock
from clodura_pipeline.ledger.schema import LedgerProblem

_ROWS_AT_A_TIME = 50_000


@dataclass(frozen=True)
class CanonicalForm:
    """The canonical form that callers use, handed in: the ledger stores identifiers and knows nothing of spellings.

    `read`: canonical profile, address and name at a company of each spelling, None where there is none. `spelling_of`:
    a former identifier as a spelling, None where it cannot be read again. `former_profiles`, `former_addresses`: what a
    profile's address, or an e-mail address, was in all former forms.
    """

    version: int = 1
    read: Callable[[Sequence[Identifiers]], Iterable[tuple[str | None, str | None, str | None]]] = lambda _: ()
    spelling_of: Callable[[str], Identifiers | None] = lambda _: None
    former_profiles: Callable[[str], Iterable[str]] = lambda _: ()
    former_addresses: Callable[[str], Iterable[str]] = lambda _: ()

    def addresses_of(self, sent: Sequence[str]) -> dict[str, str | None]:
        """The canonical addresses of e-mail addresses that were sent."""
        ids = self.read([Identifiers(email=address) for address in sent])
        return {address: canonical for address, (_, canonical, _) in zip(sent, ids, strict=False)}


FIRST_FORM = CanonicalForm()


def require_form(cursor: sqlite3.Connection, form: CanonicalForm) -> None:
    """What is written now is found later only if it is in the form that the ledger is in.

    Raises:
        LedgerProblem: a newer program has opened the ledger, perhaps while this one had it open.
    """
    version = _version(cursor)
    if version > form.version:
        raise LedgerProblem(
            f"The ledger is in use by a newer clodura_pipeline: its identifiers have form {version}, this one writes "
            f"form {form.version} and would buy people again whom it cannot recognise. Upgrade the package to that "
            "version or a later one and start again; nothing was changed."
        )


def bring_to_form(cursor: sqlite3.Connection, form: CanonicalForm, clock: Clock) -> None:
    """Bring the ledger to a canonical form, in the caller's transaction; at once when it has it.

    Raises:
        LedgerProblem: the ledger is of a newer form.
    """
    require_form(cursor, form)
    if _version(cursor) == form.version and not _has_answers_of_older_programs(cursor):
        return
    cursor.execute(
        "CREATE TEMP TABLE claims (identifier TEXT NOT NULL, person_key INTEGER NOT NULL, basis TEXT NOT NULL)"
    )
    cursor.execute("CREATE TEMP TABLE replaced (identifier TEXT NOT NULL)")
    _claim(cursor, _held_anew(cursor, form))
    _claim(cursor, _asked_anew(cursor, form))
    _claim(cursor, _answered_anew(cursor, form))
    cursor.execute("DELETE FROM identifiers WHERE identifier IN (SELECT identifier FROM replaced)")
    _join_by_profile(cursor)
    cursor.execute(f"UPDATE claims SET person_key = {_SURVIVOR}")
    cursor.execute("CREATE INDEX temp.claims_by_identifier ON claims (identifier)")
    _lead_to_whoever_claims_alone(cursor)
    for (identifier,) in cursor.execute(_CONTESTED).fetchall():
        _settle(cursor, identifier)
    _erase_who_is_recognised(cursor, moments.now(cursor, clock).server)
    cursor.execute("DROP TABLE claims")
    cursor.execute("DROP TABLE replaced")
    cursor.execute(f"DROP TABLE IF EXISTS {_OLDER}")
    cursor.execute("UPDATE control SET canonical_version = ?", (form.version,))


def reading_of_profiles(
    cursor: sqlite3.Connection, form: CanonicalForm, identify: Identify, attempt_id: int
) -> tuple[Identify, Callable[[str], Iterable[str]]]:
    """How the profile that an answer names is read: in this form, and in those before it.

    Not at all when the ledger was brought to a newer form while this program had it open: it would be learned in a
    former one. The next newer program reads the answer anew.
    """
    if _version(cursor) <= form.version:
        return identify, form.former_profiles
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {_OLDER} (attempt_id INTEGER PRIMARY KEY)")
    cursor.execute(f"INSERT OR IGNORE INTO {_OLDER} VALUES (?)", (attempt_id,))
    return (lambda _: None), (lambda _: ())


_OLDER = "answers_of_older_programs"


def _has_answers_of_older_programs(cursor: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return cursor.execute(query, (_OLDER,)).fetchone() is not None


# Why somebody is found by an identifier: they were before (`held`), they were asked by it and nothing stronger
# (`asked`), or it is their `profile`.
_Claim = tuple[str, int, str]

_SURVIVOR = "(SELECT coalesce(p.alias_of, p.person_key) FROM people p WHERE p.person_key = claims.person_key)"
_CONTESTED = (
    "SELECT identifier FROM claims WHERE basis <> 'profile' "
    "GROUP BY identifier HAVING min(person_key) <> max(person_key) ORDER BY identifier"
)


def _version(cursor: sqlite3.Connection) -> int:
    return cursor.execute("SELECT canonical_version FROM control").fetchone()[0]


def _claim(cursor: sqlite3.Connection, claims: Iterable[_Claim]) -> None:
    cursor.executemany("INSERT INTO claims VALUES (?, ?, ?)", claims)


def _portions(cursor: sqlite3.Connection, query: str) -> Iterator[list[sqlite3.Row]]:
    rows = cursor.execute(query)
    while portion := rows.fetchmany(_ROWS_AT_A_TIME):
        yield portion


def _held_anew(cursor: sqlite3.Connection, form: CanonicalForm) -> Iterator[_Claim]:
    """The former identifiers, to be replaced where they read differently today; one that cannot be read stays."""
    for rows in _portions(cursor, "SELECT identifier, person_key FROM identifiers"):
        known = [(row["identifier"], row["person_key"], form.spelling_of(row["identifier"])) for row in rows]
        yield from ((name, key, "held") for name, key, spelling in known if spelling is None)
        readable = [(name, key, spelling) for name, key, spelling in known if spelling is not None]
        ids = form.read([spelling for _, _, spelling in readable])
        for (name, key, _), (profile, address, _) in zip(readable, ids, strict=True):
            today = profile or address
            if today is not None:
                yield today, key, "profile" if profile else "held"
            if today not in (None, name):
                cursor.execute("INSERT INTO replaced VALUES (?)", (name,))


_QUESTIONS = """
SELECT person_key, json_extract(question, '$.linkedinUrl'), json_extract(question, '$.email') AS email,
       json_extract(question, '$.firstName'), json_extract(question, '$.lastName'),
       json_extract(question, '$.organisationName'), json_extract(question, '$.orgLinkedinUrl')
FROM attempts WHERE question IS NOT NULL
"""


def _asked_anew(cursor: sqlite3.Connection, form: CanonicalForm) -> Iterator[_Claim]:
    """Whom the questions were about, by today's form of what was sent."""
    for rows in _portions(cursor, _QUESTIONS):
        ids = form.read([Identifiers(*tuple(row)[1:]) for row in rows])
        for row, (profile, address, name) in zip(rows, ids, strict=True):
            if profile is not None:
                yield profile, row["person_key"], "profile"
            if address is not None and profile is None:
                yield address, row["person_key"], "asked"
            elif address is not None and _still_leads(cursor, form, row["person_key"], row["email"], address):
                yield address, row["person_key"], "held"
            elif profile is None and name is not None:
                yield name, row["person_key"], "asked"


def _still_leads(cursor: sqlite3.Connection, form: CanonicalForm, person_key: int, sent: str, today: str) -> bool:
    """Whether an address that was sent beside a profile leads to that person still: it may have been parted since."""
    person = survivor_of(cursor, person_key)
    found = "SELECT person_key FROM identifiers WHERE identifier = ?"
    owners = (cursor.execute(found, (each,)).fetchone() for each in (today, *form.former_addresses(sent)))
    return any(owner is not None and survivor_of(cursor, owner["person_key"]) == person for owner in owners)


_ANSWERS = """
SELECT person_key, json_extract(answer, '$.person.linkedin_url') AS address, NULL AS raw FROM attempts
WHERE state = 'person' AND json_extract(answer, '$.person.linkedin_url') IS NOT NULL
UNION ALL SELECT person_key, NULL, raw FROM attempts WHERE state = 'person' AND answer IS NULL AND raw IS NOT NULL
"""


def _answered_anew(cursor: sqlite3.Connection, form: CanonicalForm) -> Iterator[_Claim]:
    """Whom the answers were about, by today's form of the profiles they name."""
    for rows in _portions(cursor, _ANSWERS):
        named = [(row["person_key"], row["address"] or _profile_in(row["raw"])) for row in rows]
        ids = form.read([Identifiers(linkedin_url=address) for _, address in named])
        for (key, _), (profile, _, _) in zip(named, ids, strict=True):
            if profile is not None:
                yield profile, key, "profile"


def _profile_in(raw: bytes) -> str | None:
    """The address of the profile in an answer of which only the bytes are kept."""
    try:
        return read_enrichment(raw, {}).person.linkedin_url
    except UnreadableAnswer:
        return None


def _join_by_profile(cursor: sqlite3.Connection) -> None:
    """A person is their profile: whoever has the same one under today's form is one."""
    new = cursor.execute(
        "SELECT DISTINCT c.identifier, c.person_key FROM claims c LEFT JOIN identifiers i USING (identifier) "
        "WHERE c.basis = 'profile' AND i.person_key IS NOT c.person_key ORDER BY c.identifier, c.person_key"
    ).fetchall()
    for row in new:
        learn_identifier(cursor, row["person_key"], row["identifier"])


def _lead_to_whoever_claims_alone(cursor: sqlite3.Connection) -> None:
    cursor.execute(
        "INSERT OR IGNORE INTO identifiers SELECT identifier, min(person_key) FROM claims WHERE basis <> 'profile' "
        "GROUP BY identifier HAVING min(person_key) = max(person_key)"
    )


def _settle(cursor: sqlite3.Connection, identifier: str) -> None:
    """Several people turn out to share an address, or a name at a company.

    They are one, with the one profile among them. Where they have several profiles it joins none of these: it leads to
    who was asked by it and nothing stronger, for that answer is its own, else to who is nothing but it, else to nobody.
    """
    claims = cursor.execute("SELECT person_key, basis FROM claims WHERE identifier = ?", (identifier,)).fetchall()
    asked = {survivor_of(cursor, row["person_key"]) for row in claims if row["basis"] == "asked"}
    everybody = sorted({survivor_of(cursor, row["person_key"]) for row in claims})
    with_profile = {key for key in everybody if _has_profile(cursor, key)}
    if len(with_profile) < 2:
        joined = everybody
    else:
        own = [key for key in everybody if key in asked or key not in with_profile]
        own.sort(key=lambda key: (key not in asked, key in with_profile, key))
        joined = own[:1] + [key for key in own[1:] if not with_profile & {key, own[0]}]
    cursor.execute("DELETE FROM identifiers WHERE identifier = ?", (identifier,))
    for key in joined[1:]:
        join(cursor, joined[0], key)
    if joined:
        cursor.execute("INSERT INTO identifiers VALUES (?, ?)", (identifier, survivor_of(cursor, joined[0])))


def _has_profile(cursor: sqlite3.Connection, person_key: int) -> bool:
    found = cursor.execute(
        "SELECT 1 FROM people p JOIN identifiers i ON i.person_key = p.person_key "
        "WHERE (p.person_key = :key OR p.alias_of = :key) AND i.identifier LIKE 'li:%' LIMIT 1",
        {"key": person_key},
    )
    return found.fetchone() is not None


def _erase_who_is_recognised(cursor: sqlite3.Connection, now: float) -> None:
    """Whom today's form shows to be somebody who was erased at their wish is erased too."""
    forgotten = forgetting.forgotten(cursor)
    if forgotten:
        names = cursor.execute("SELECT DISTINCT identifier FROM claims")
        recognised = [name for (name,) in names if name in forgotten]
        if recognised:
            forgetting.forget(cursor, now, recognised)
