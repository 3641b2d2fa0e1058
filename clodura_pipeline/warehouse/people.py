"""Works out who each row is about, and gets every person's key from the ledger."""

import duckdb
import polars as pl

from clodura_pipeline.contacts.canonical import CANONICAL_VERSION, email_id
from clodura_pipeline.contacts.identity import People, resolve
from clodura_pipeline.enrichment.ledger import Ledger
from clodura_pipeline.tables import IDENTITY_CONFLICTS
from clodura_pipeline.warehouse.database import get_state, set_state, transaction
from clodura_pipeline.warehouse.frames import insert, read

_QUESTION_COLUMNS = (
    "linkedin_url",
    "email",
    "first_name",
    "last_name",
    "organisation_name",
    "organisation_linkedin_url",
    "set_aside",
)


def identify_people(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Resolve all validated rows to people and register them, unless nothing changed since that was done.

    Identity is a matter of all rows ever seen, not of one day: an address of today can join people of last week. An
    answer can join people too, which the ledger's alias sequence tells.
    """
    if get_state(connection, "people_of") == _version(connection, ledger):
        return
    people = resolve(read(connection, "SELECT * FROM validated_contacts"))
    in_conflict = filter(None, (email_id(address) for address in people.conflicts["email"]))
    keys = ledger.register(people.identifiers.select("person", "identifier").iter_rows(), in_conflict)
    with transaction(connection):
        _store(connection, people, keys)
        set_state(connection, "people_of", _version(connection, ledger))


def _version(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> str:
    rows_version = get_state(connection, "rows_version")
    return f"{rows_version}/{CANONICAL_VERSION}/{ledger.ledger_id}/{ledger.alias_sequence()}"


def _store(connection: duckdb.DuckDBPyConnection, people: People, keys: dict[str, int]) -> None:
    by_label = pl.DataFrame(
        {"person": list(keys), "person_key": list(keys.values())}, schema={"person": pl.String, "person_key": pl.Int64}
    )
    connection.execute("DELETE FROM contact_people")
    rows = people.rows.join(by_label, on="person", how="left")
    insert(connection, "contact_people", rows.select("source_file", "source_row", "person_key"))
    connection.execute("DELETE FROM people_questions")
    insert(
        connection,
        "people_questions",
        _one_question_each(people.questions.join(by_label, on="person", how="left")).select(
            "person_key", *_QUESTION_COLUMNS
        ),
    )
    connection.execute("DELETE FROM identity_conflicts")
    conflicts = people.conflicts.rename({"kind": "identifier", "rows": "row_count"}, strict=False)
    insert(connection, "identity_conflicts", conflicts.select(IDENTITY_CONFLICTS.names))


def _one_question_each(questions: pl.DataFrame) -> pl.DataFrame:
    """One question per key: groups that an answer showed to be one person are asked with the union of what they know.

    What the group with the strongest identifier knows goes first; first and last name stay together.
    """
    strength = (
        pl.when(pl.col("linkedin_url").is_not_null()).then(0).when(pl.col("email").is_not_null()).then(1).otherwise(2)
    )
    named = pl.col("first_name").is_not_null() & pl.col("last_name").is_not_null()
    single = questions.filter(pl.len().over("person_key") == 1)
    several = questions.filter(pl.len().over("person_key") > 1).sort("person_key", strength, "person")
    merged = several.group_by("person_key", maintain_order=True).agg(
        *(
            pl.col(name).drop_nulls().first()
            for name in ("linkedin_url", "email", "organisation_name", "organisation_linkedin_url")
        ),
        *(pl.col(name).filter(named).first() for name in ("first_name", "last_name")),
        pl.col("set_aside").explode().drop_nulls().unique(maintain_order=True),
    )
    columns = ("person_key", *_QUESTION_COLUMNS)
    return pl.concat([single.select(columns), merged.select(columns)], how="vertical_relaxed")
