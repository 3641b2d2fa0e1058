"""Works out who each row is about, and gets every person's key from the ledger."""

from collections.abc import Sequence

import duckdb
import polars as pl

from clodura_pipeline.clodura.identifiers import IDENTIFIER_FIELDS
from clodura_pipeline.identity import canonical
from clodura_pipeline.identity.matching import People, resolve
from clodura_pipeline.ledger import Ledger, Registered
from clodura_pipeline.warehouse.database import get_state, set_state, transaction
from clodura_pipeline.warehouse.erasure.requests import heed_wishes, read_anew_if_form_changed
from clodura_pipeline.warehouse.frames import insert, read
from clodura_pipeline.warehouse.ledger_projection import begin_anew_if_restored
from clodura_pipeline.warehouse.tables import IDENTITY_CONFLICTS

PARTED = "email: known with another LinkedIn profile, so it is not sent with this one"
_QUESTION_COLUMNS = (*IDENTIFIER_FIELDS, "set_aside")


def identify_people(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Resolve all validated rows to people and register them, unless nothing changed since that was done.

    Identity is a matter of all rows ever seen, not of one day: an address of today can join people of last week. An
    answer can join people too, which the ledger's alias sequence tells.
    """
    begin_anew_if_restored(connection, ledger)
    heed_wishes(connection, ledger)
    read_anew_if_form_changed(connection, ledger)
    if get_state(connection, "people_of") == _version(connection, ledger, ledger.alias_sequence()):
        return
    contacts = read(connection, "SELECT * FROM validated_contacts")
    people = resolve(contacts)
    in_conflict = list(filter(None, (canonical.email_id(address) for address in people.conflicts["email"])))
    registered = ledger.identify(people.identifiers.select("person", "identifier").iter_rows(), in_conflict)
    with transaction(connection):
        _store(connection, contacts, people, registered, in_conflict)
        # The sequence of the registration itself: a rival's joining right after it must be seen the next time.
        set_state(connection, "people_of", _version(connection, ledger, registered.alias_sequence))
        set_state(connection, "witness", ledger.leave_witness())


def _version(connection: duckdb.DuckDBPyConnection, ledger: Ledger, alias_sequence: int) -> str:
    version = canonical.CANONICAL_VERSION
    return f"{get_state(connection, 'rows_version')}/{version}/{ledger.ledger_id}/{alias_sequence}"


def _store(
    connection: duckdb.DuckDBPyConnection,
    contacts: pl.DataFrame,
    people: People,
    registered: Registered,
    in_conflict: Sequence[str],
) -> None:
    keys = registered.keys
    by_label = pl.DataFrame(
        {"person": list(keys), "person_key": list(keys.values())}, schema={"person": pl.String, "person_key": pl.Int64}
    )
    connection.execute("DELETE FROM contact_people")
    rows = _with_parted_rows_at_home(people.rows.join(by_label, on="person", how="left"), contacts, registered)
    insert(connection, "contact_people", rows.select("source_file", "source_row", "person_key"))
    connection.execute("DELETE FROM people_questions")
    questions = _without_parted_addresses(people.questions, registered).join(by_label, on="person", how="left")
    insert(
        connection,
        "people_questions",
        _one_question_each(questions, in_conflict).select("person_key", *_QUESTION_COLUMNS),
    )
    connection.execute("DELETE FROM identity_conflicts")
    conflicts = people.conflicts.rename({"kind": "identifier", "rows": "row_count"}, strict=False)
    insert(connection, "identity_conflicts", conflicts.select(IDENTITY_CONFLICTS.names))


def _with_parted_rows_at_home(rows: pl.DataFrame, contacts: pl.DataFrame, registered: Registered) -> pl.DataFrame:
    """Rows with nothing but an address that leads to somebody else's answer are about that person."""
    if not registered.parted:
        return rows
    owners = pl.DataFrame(registered.parted, schema=["person", "email_id", "owner"], orient="row")
    ids = contacts.select("source_file", "source_row", "profile_id", "email_id")
    found = rows.join(ids, on=["source_file", "source_row"], how="left").join(
        owners, on=["person", "email_id"], how="left", nulls_equal=False
    )
    at_home = pl.when(pl.col("profile_id").is_null()).then(pl.coalesce("owner", "person_key")).otherwise("person_key")
    return found.with_columns(at_home.alias("person_key"))


def _without_parted_addresses(questions: pl.DataFrame, registered: Registered) -> pl.DataFrame:
    """An address that is known to lead to another profile is not sent with this one."""
    labels = [label for label, _, _ in registered.parted]
    is_parted = pl.col("person").is_in(labels)
    return questions.with_columns(
        pl.when(is_parted).then(None).otherwise(pl.col("email")).alias("email"),
        pl.when(is_parted)
        .then(pl.concat_list(pl.col("set_aside").fill_null([]), pl.lit([PARTED], dtype=pl.List(pl.String))))
        .otherwise(pl.col("set_aside"))
        .alias("set_aside"),
    )


def _one_question_each(questions: pl.DataFrame, in_conflict: Sequence[str]) -> pl.DataFrame:
    """One question per key: groups that an answer showed to be one person are asked with the union of what they know.

    What the group with the strongest identifier knows goes first; first and last name stay together. An address in
    conflict, of which the person was asked before that showed, is not sent with a profile again.
    """
    strength = (
        pl.when(pl.col("linkedin_url").is_not_null()).then(0).when(pl.col("email").is_not_null()).then(1).otherwise(2)
    )
    named = pl.col("first_name").is_not_null() & pl.col("last_name").is_not_null()
    single = questions.filter(pl.len().over("person_key") == 1)
    several = questions.filter(pl.len().over("person_key") > 1).sort("person_key", strength, "person")
    with_profile = pl.col("linkedin_url").is_not_null().any().over("person_key")
    several = several.with_columns(
        pl.when(~(with_profile & pl.col("person").is_in(in_conflict))).then("email").alias("email")
    )
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
