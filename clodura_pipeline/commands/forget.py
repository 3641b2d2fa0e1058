"""`clodura-pipeline forget`: erases one person at their wish."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from clodura_pipeline.settings import Settings
    from clodura_pipeline.warehouse.erasure.people import Forgot

_RUN_ID = "clodura-pipeline forget"
_LEFT_ALONE = (
    "LEFT ALONE, for it shows a later state of the ledger than there is here (restored from a back-up?); it may still "
    "show them. Delete it, then materialize published_database"
)


@click.command()
@click.argument("identifier")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget(identifier: str, yes: bool) -> None:
    """Erase one person: IDENTIFIER is an e-mail address or a LinkedIn profile of theirs (-: read from stdin).

    From the ledger, the working database and the published file, with all rows of theirs; kept are what was spent, and
    a keyed hash by which they are known when a file brings them again, so that they are not asked.
    """
    from clodura_pipeline.identity.suppression import personal_identifier
    from clodura_pipeline.settings import SettingsError, load_settings

    meant = personal_identifier(sys.stdin.readline() if identifier == "-" else identifier)
    if meant is None:
        raise click.UsageError(
            "This is neither the personal e-mail address nor the LinkedIn profile of one person. Role addresses "
            "(info@) identify nobody; to have one never asked, put it into the file named by CLODURA_SUPPRESSION_FILE."
        )
    try:
        settings = load_settings()
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None
    if not yes:
        click.confirm(f"Erase everything about the person behind {meant[3:]}? It cannot be undone", abort=True)
    _forget(settings, meant)


def _forget(settings: "Settings", identifier: str) -> None:
    # Imported late: whoever only wants --help does not wait for them.
    import duckdb

    from clodura_pipeline.graph.failures import words_for
    from clodura_pipeline.graph.partitions import utc_now
    from clodura_pipeline.graph.resources import LedgerResource, WorkingDatabase
    from clodura_pipeline.identity.suppression import Suppression, SuppressionProblem, read_suppression
    from clodura_pipeline.ledger import FILE_NAME, LedgerProblem
    from clodura_pipeline.warehouse.analyst_tables import bring_up_to_date
    from clodura_pipeline.warehouse.database import DatabaseBusy, NewerDatabase, NotCompacted, working_database
    from clodura_pipeline.warehouse.erasure.people import Forgot, SharedAddress, forget_person
    from clodura_pipeline.warehouse.publication import UnwritableFile, publish

    path = settings.state_dir / FILE_NAME
    if not path.is_file():
        raise click.ClickException(
            f"There is no ledger at {path}: nothing is kept of anybody. To have somebody never asked, put them into "
            "the file named by CLODURA_SUPPRESSION_FILE."
        )
    published = "there is none"
    forgot: Forgot | None = None
    try:
        suppression = read_suppression(settings.suppression_file) if settings.suppression_file else Suppression()
        with LedgerResource(state_dir=str(settings.state_dir)).open() as journal:
            database = WorkingDatabase(database=str(settings.working_database))
            with working_database(database, "forgetting somebody") as connection:
                forgot = forget_person(connection, journal, identifier)
                bring_up_to_date(connection, journal, suppression, _RUN_ID, utc_now())
                if settings.database.exists():
                    written = publish(connection, settings.database)
                    published = "written anew" if written else _LEFT_ALONE
            wiped = journal.wipe(thoroughly=True)
    except SharedAddress as problem:
        raise click.ClickException(str(problem)) from None
    except (
        LedgerProblem, DatabaseBusy, NewerDatabase, NotCompacted, UnwritableFile, SuppressionProblem, duckdb.Error,
        OSError,
    ) as problem:  # fmt: skip
        again = "\nPart of it is done. Mend this, then run the same command again." if forgot else ""
        raise click.ClickException(f"{words_for(problem)}{again}") from None
    _tell(settings, forgot, published, wiped)


def _tell(settings: "Settings", forgot: "Forgot", published: str, wiped: bool) -> None:
    erased = forgot.ledger
    click.echo(
        f"Ledger: {erased.people} person, {erased.identifiers} identifiers and the content of {erased.calls} calls "
        "erased; what they cost stays in the books.\n"
        f"Working database: {forgot.rows} rows of contact files erased; they count as rejected from now on.\n"
        f"Published file {settings.database}: {published}."
    )
    if not wiped:
        click.secho(
            "Runs kept the ledger busy, so bytes of what was erased may still stand in its files: run the same command "
            "again when they have ended.",
            fg="yellow",
        )
    click.echo(
        "\nNot reached, and yours to see to:\n"
        f"- the contact files themselves, in {settings.contacts_dir}"
        + (f": {', '.join(forgot.files)}" if forgot.files else "")
        + "\n- back-ups and exports of the state folder, copies of the published file, and readers that have it open\n"
        "- Clodura"
    )
