"""`clodura-pipeline forget`: erases one person at their request."""

import sys

import click
import duckdb

from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.errors import UserFixableError
from clodura_pipeline.graph.failures import message_for
from clodura_pipeline.graph.resources import CloduraResource, WorkingDatabase
from clodura_pipeline.identity.suppression_file import personal_identifier
from clodura_pipeline.ledger import exists
from clodura_pipeline.settings import Settings, load_settings
from clodura_pipeline.warehouse.database import working_database
from clodura_pipeline.warehouse.erasure.people import Erasure, SharedAddress, erase_person
from clodura_pipeline.warehouse.rows.landed_files import share_landed_files, take_over_landed_files
from clodura_pipeline.warehouse.rows.validation import validate

_LEFT_UNCHANGED = (
    "LEFT UNCHANGED, because it shows a later state of the ledger than this one (restored from a backup?); it may "
    "still show the person. Delete it, then materialize published_database"
)


@click.command()
@click.argument("identifier")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget(identifier: str, yes: bool) -> None:
    """Erase one person: IDENTIFIER is their e-mail address or LinkedIn profile (-: read from stdin).

    Erases them and all their rows from the ledger, the working database and the published file. What was spent stays,
    and a keyed hash, so that they are not called for when a file brings them again.
    """
    canonical = personal_identifier(sys.stdin.readline() if identifier == "-" else identifier)
    if canonical is None:
        raise click.UsageError(
            "This is neither the personal e-mail address nor the LinkedIn profile of one person. Role addresses "
            "(info@) identify no person; to never call for one, put it into the file named by CLODURA_SUPPRESSION_FILE."
        )
    settings = load_settings()
    if not yes:
        click.confirm(f"Erase everything about the person behind {canonical[3:]}? It cannot be undone", abort=True)
    _forget(settings, canonical)


def _forget(settings: Settings, identifier: str) -> None:
    if not exists(settings.ledger):
        raise click.ClickException(
            f"There is no ledger at {settings.ledger}: nothing is kept of anyone. To never call for a person, put them "
            "into the file named by CLODURA_SUPPRESSION_FILE."
        )
    published = "there is none"
    erasure: Erasure | None = None
    try:
        clodura = CloduraResource.from_settings(settings)
        clodura.suppression()  # a list that cannot be read is found out before anything is erased
        database = WorkingDatabase(database=str(settings.working_database))
        with open_ledger(settings.ledger) as ledger:
            with working_database(database, "erasing a person") as connection:
                if settings.landed_files:  # rows that only other hosts have landed lead to more identifiers
                    take_over_landed_files(connection, settings.landed_files)
                    validate(connection, ledger.erased_people())
                erasure = erase_person(connection, ledger, identifier)
                if settings.landed_files:
                    share_landed_files(connection, settings.landed_files)
                clodura.build_tables(connection, ledger, "clodura-pipeline forget")
                if settings.database.exists():
                    published = "written again" if clodura.publish(connection) else _LEFT_UNCHANGED
            is_overwritten = ledger.overwrite_removed(thoroughly=True)
    except SharedAddress:
        raise
    except (UserFixableError, duckdb.Error, OSError) as error:
        again = "\nPart of it is done. Fix this, then run the same command again." if erasure else ""
        raise click.ClickException(f"{message_for(error)}{again}") from None
    _report(settings, erasure, published, is_overwritten)


def _report(settings: Settings, erasure: Erasure, published: str, is_overwritten: bool) -> None:
    erased = erasure.ledger
    click.echo(
        f"Ledger: {erased.people} person, {erased.identifiers} identifiers and the content of {erased.calls} calls "
        "erased; what they cost stays.\n"
        f"Working database: {erasure.rows} rows of contact files erased; they count as rejected from now on.\n"
        f"Published file {settings.database}: {published}."
    )
    if not is_overwritten:
        click.secho(
            "Concurrent runs kept the ledger busy, so bytes of what was erased may stay in its files. Run the same "
            "command again when they have ended.",
            fg="yellow",
        )
    files = f": {', '.join(erasure.files)}" if erasure.files else ""
    click.echo(
        "\nNot erased, for you to do:\n"
        f"- the contact files themselves, in {settings.contacts_dir}{files}\n"
        "- backups and exports of the state folder, copies of the published file, and readers that have it open\n"
        "- Clodura"
    )
