"""`clodura-pipeline ledger`: checks, backs up, exports and moves the ledger."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from clodura_pipeline.ledger import Address, LedgerUrl
from clodura_pipeline.ledger.maintenance.audit import Audit, audit_ledger
from clodura_pipeline.ledger.maintenance.copies import backup as back_up_ledger
from clodura_pipeline.ledger.maintenance.copies import copy_ledger
from clodura_pipeline.ledger.maintenance.copies import export as export_ledger
from clodura_pipeline.settings import load_settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def ledger() -> None:
    """Check, back up, export or move the ledger: the database that holds every paid answer.

    It is the file in CLODURA_STATE_DIR, or on PostgreSQL with CLODURA_LEDGER_URL. All but moving may be used during
    runs.
    """


@ledger.command()
@click.argument("file", required=False, type=_FILE)
def check(file: Path | None) -> None:
    """Verify the ledger and its sums; FILE: a backup to check instead. Changes nothing."""
    address, console = file or load_settings().ledger, Console(stderr=True)
    audit = audit_ledger(
        address,
        lambda rules: track(rules, "Checking", console=console, transient=True, disable=not console.is_terminal),
    )
    click.echo(f"{address}\n")
    if audit.ledger_id:
        _show_sums(audit)
    if audit.sound:
        click.echo("Sound: the file is whole, every rule holds, and all sums agree.")
        return
    for error in audit.problems:
        click.secho(f"WRONG: {error.rule}: {error.where}", fg="red")
        click.echo(f"  {error.remedy}")
    raise click.exceptions.Exit(1)


@ledger.command()
@click.argument("target", type=_FILE)
def backup(target: Path) -> None:
    """Copy the ledger to a file while runs go on.

    TARGET is a SQLite file that must not exist yet; the copy shows one consistent state.
    """
    address = load_settings().ledger
    back_up_ledger(address, target)
    audit = audit_ledger(target)
    restoring = f"run `clodura-pipeline ledger copy {target.name} postgresql://…` with an\nempty database"
    if isinstance(address, Path):
        restoring = (
            f"move ledger.sqlite, ledger.sqlite-wal and ledger.sqlite-shm out of\n{address.parent}, copy this file "
            "there as ledger.sqlite"
        )
    click.echo(
        f"{target}: {audit.calls} calls, {audit.charged:g} credits, copied. It holds people's data: keep it safe.\n\n"
        f"To restore it, end all runs, {restoring}, and run `clodura-pipeline ledger check`.\n"
        "Answers paid after this copy are not in it and would be paid for again; a published file that shows later\n"
        "answers is left unchanged until the ledger has caught up. Repeat erasures that were requested since."
    )
    if not audit.sound:
        raise click.ClickException("Its sums do not agree: see `clodura-pipeline ledger check`.")


@ledger.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--raw", is_flag=True, help="The bytes of Clodura's answers too.")
def export(folder: Path, raw: bool) -> None:
    """Write the ledger's tables as Parquet.

    Attempts, people, identifiers, readings and runs go to FOLDER, in one consistent state.
    """
    counts = export_ledger(load_settings().ledger, folder, raw)
    for table, count in counts.items():
        click.echo(f"{folder / table}.parquet: {count} rows")
    click.echo("They hold people's data: keep them safe.")


@ledger.command()
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str) -> None:
    """Move the ledger to another file or server.

    TARGET holds no ledger yet; both ends are checked. Each is a SQLite file or a postgresql:// URL; the word
    CLODURA_LEDGER_URL stands for the ledger of the settings, so that no password is on the command line. End all runs
    first.
    """
    addresses = [_address_of(source), _address_of(target)]
    audit = copy_ledger(*addresses)
    _show_sums(audit)
    click.echo(
        f"Copied to {addresses[1]}; both ends are sound and equal. From now on let every host use the copy\n"
        f"(CLODURA_LEDGER_URL, or CLODURA_STATE_DIR for a file), and move {addresses[0]} away:\n"
        "runs on both would pay for the same people twice."
    )


def _address_of(text: str) -> Address:
    if text == "CLODURA_LEDGER_URL":
        return load_settings().ledger
    return LedgerUrl(text) if text.startswith(("postgresql://", "postgres://")) else Path(text)


def _show_sums(audit: Audit) -> None:
    environment = {"live": "the live API", "loopback": "a sandbox", None: "no call was made yet"}[audit.environment]
    states = ", ".join(f"{count} {state}" for state, count in audit.by_state)
    erased = f", {audit.erased_people} erased" if audit.erased_people else ""
    lines = (
        ("answers of", environment),
        ("people", f"{audit.people}{erased}"),
        ("calls", f"{audit.calls}" + (f" ({states})" if states else "")),
        ("credits", f"{audit.charged:g} charged, {audit.reserved:g} reserved, {audit.at_risk:g} at risk"),
        ("raw answers", f"{audit.kept_raw} kept"),
    )
    for name, value in lines:
        click.echo(f"{name:<12} {value}")
    click.echo()
