"""What holds for any input: documented errors only, bounds on time, nothing lost, and the same result twice."""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from shutil import rmtree

import duckdb

from clodura_pipeline.clodura.identifiers import Identifiers
from clodura_pipeline.clodura.verdicts import RawAnswer, State, judge
from clodura_pipeline.intake.contact_file import ContactRows, UnreadableFile, read_contacts
from clodura_pipeline.intake.files import find_files
from clodura_pipeline.intake.unreadable import is_unseen
from clodura_pipeline.ledger import ErasedPeople
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.rows.landing import Days, land
from clodura_pipeline.warehouse.rows.validation import validate
from tests.fuzz import values

DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAX_SECONDS = 20  # for a file of a few kilobytes, on a busy machine too
ANSWERED = {State.PERSON, State.ORGANISATION, State.NO_MATCH, State.UNRECOGNISED}


def check_file(random: Random, folder: Path) -> str:
    """A file is read, or refused with a reason; each record is a row or unreadable; twice gives the same."""
    location = folder / "list.csv"
    location.write_bytes(values.contact_file(random))
    started = time.monotonic()
    first = _read(location)
    assert time.monotonic() - started < MAX_SECONDS, "took too long"
    second = _read(location)
    if isinstance(first, str):
        assert first == second
        return "refused"
    assert isinstance(second, ContactRows)
    positions = [*first.rows["source_row"], *(record.source_row for record in first.unreadable)]
    assert sorted(positions) == list(range(1, first.records + 1)), "records are lost or doubled"
    assert first.rows.equals(second.rows)
    assert (first.unreadable, first.mapping, first.notes) == (second.unreadable, second.mapping, second.notes)
    text = "".join((*first.notes, first.format, *(record.reason + record.text for record in first.unreadable)))
    text.encode()
    return first.format.split(",")[0]


def _read(location: Path) -> ContactRows | str:
    try:
        return read_contacts(location)
    except UnreadableFile as error:
        assert not any(map(is_unseen, error.reason)), ascii(error.reason)
        return error.reason


def check_answer(random: Random, folder: Path) -> str:
    """An answer has a verdict with an explained cost, the same one twice; nothing is free that was not a miss."""
    body = values.answer(random)
    started = time.monotonic()
    verdicts = [judge(RawAnswer(200, body), Identifiers(email="ann@acme.example"), NOW) for _ in range(2)]
    assert time.monotonic() - started < MAX_SECONDS, "took too long"
    verdict = verdicts[0]
    assert verdict == verdicts[1]
    assert verdict.state in ANSWERED
    assert verdict.charged_credits >= 0
    assert (verdict.enrichment is None) == (verdict.state is State.UNRECOGNISED)
    if verdict.state is State.UNRECOGNISED:
        assert verdict.charged_credits + verdict.at_risk_credits > 0 or verdict.cost_basis == "stated"
    return verdict.state.value


def check_tables(random: Random, folder: Path) -> str:
    """Landed and validated twice: records = rows + unreadable = validated + rejected."""
    contacts, state = folder / "contacts", folder / "state"
    for old in (contacts, state):
        rmtree(old, ignore_errors=True)
    contacts.mkdir()
    for number in range(8):
        (contacts / f"list{number}-{DAY}.csv").write_bytes(values.contact_file(random))
    database = _Database(str(state / "working.duckdb"))
    figures: list[tuple[str, int, int, int, int, int]] = []
    for _ in range(2):
        land(lambda: working_database(database), find_files(contacts), Days(DAY, DAY, None), lambda _: DAY, {}, NOW)
        with working_database(database) as connection:
            if random.random() < 0.5:
                connection.execute("UPDATE landed_files SET validated = false")
            validate(connection, ErasedPeople())
            figures = connection.execute(_FIGURES).fetchall()
    assert all(records == landed + unreadable for _, records, landed, unreadable, _, _ in figures)
    assert all(landed + unreadable == validated + rejected for _, _, landed, unreadable, validated, rejected in figures)
    return f"{len(figures)} files"


_FIGURES = """
SELECT source_file, records, rows_landed, records_unreadable,
       (SELECT count(*) FROM validated_contacts AS v WHERE v.source_file = f.source_file),
       (SELECT count(*) FROM rejected_contacts AS r WHERE r.source_file = f.source_file)
FROM source_files AS f WHERE status = 'loaded'
  AND rows_landed = (SELECT count(*) FROM raw_contacts AS c WHERE c.source_file = f.source_file)
"""


class _Database:
    """A DuckDB file, as Dagster's resource offers it."""

    def __init__(self, database: str) -> None:
        self.database = database

    def get_connection(self) -> "closing[duckdb.DuckDBPyConnection]":
        """The open database."""
        return closing(duckdb.connect(self.database))


ORACLES: dict[str, Callable[[Random, Path], str]] = {
    "files": check_file,
    "answers": check_answer,
    "tables": check_tables,
}
