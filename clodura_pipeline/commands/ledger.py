"""`clodura-pipeline ledger`: what was bought, held up to its rules, backed up, written out."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from clodura_pipeline.ledger import Audit

_DAYS_SHOWN = 14
_FILE = click.Path(dir_okay=False, path_type=Path)
# The modules behind the commands are imported when one runs: whoever only wants --help does not wait for them.


@click.group()
def ledger() -> None:
    """Check, back up or export the ledger: the file in CLODURA_STATE_DIR that holds all that was bought.

    All three may be used while runs go on.
    """


@ledger.command()
@click.argument("file", required=False, type=_FILE)
def check(file: Path | None) -> None:
    """Verify the ledger and add up its books; FILE: a back-up to look at instead. Changes nothing."""
    from clodura_pipeline.ledger import audit_file

    with _explained():
        path = file or _ledger_path()
        audit = audit_file(path)
    click.echo(f"{path}\n")
    if audit.ledger_id:
        _show_books(audit)
    if audit.sound:
        click.echo("Sound: the file is whole, every rule holds, and the books add up.")
        return
    for problem in audit.problems:
        click.secho(f"WRONG: {problem.rule}: {problem.where}", fg="red")
        click.echo(f"  {problem.remedy}")
    raise click.exceptions.Exit(1)


@ledger.command()
@click.argument("target", type=_FILE)
def backup(target: Path) -> None:
    """Copy the ledger to TARGET, which must not be there yet, as it is at one moment."""
    from clodura_pipeline.ledger import audit_file
    from clodura_pipeline.ledger import backup as copy_ledger

    with _explained():
        path = _ledger_path()
        copy_ledger(path, target)
        audit = audit_file(target)
    click.echo(
        f"{target}: {audit.calls} calls, {audit.charged} credits, as of now. It holds people's data: keep it safe.\n\n"
        "To restore it: end all runs, move ledger.sqlite, ledger.sqlite-wal and ledger.sqlite-shm out of\n"
        f"{path.parent}, copy this file there as ledger.sqlite, and run `clodura-pipeline ledger check`.\n"
        "What is bought after this copy is not in it and would be bought again; a published file that shows later\n"
        "answers is left alone until the ledger has caught up. Forget again whoever was forgotten since."
    )
    if not audit.sound:
        raise click.ClickException("The books in it do not add up: see `clodura-pipeline ledger check`.")


@ledger.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--raw", is_flag=True, help="The bytes of Clodura's answers too.")
def export(folder: Path, raw: bool) -> None:
    """Write attempts, people, identifiers, readings and runs to FOLDER as Parquet, all as of one moment."""
    from clodura_pipeline.ledger import export as export_ledger

    with _explained():
        counts = export_ledger(_ledger_path(), folder, raw)
    for table, count in counts.items():
        click.echo(f"{folder / table}.parquet: {count} rows")
    click.echo("They hold people's data: keep them safe.")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    from clodura_pipeline.ledger import LedgerProblem
    from clodura_pipeline.settings import SettingsError

    try:
        yield
    except (LedgerProblem, SettingsError) as problem:
        raise click.ClickException(str(problem)) from None


def _ledger_path() -> Path:
    from clodura_pipeline.ledger import FILE_NAME
    from clodura_pipeline.settings import load_settings

    return load_settings().state_dir / FILE_NAME


def _show_books(audit: "Audit") -> None:
    world = {"live": "the live API", "loopback": "a sandbox", None: "nobody was asked yet"}[audit.world]
    states = ", ".join(f"{count} {state}" for state, count in audit.by_state)
    erased = f", {audit.forgotten} forgotten" if audit.forgotten else ""
    lines = (
        ("answers of", world),
        ("people", f"{audit.people}{erased}"),
        ("calls", f"{audit.calls}" + (f" ({states})" if states else "")),
        ("credits", f"{audit.charged} charged, {audit.reserved} reserved, {audit.at_risk} at risk"),
        ("raw answers", f"{audit.kept_raw} kept"),
    )
    for name, value in lines:
        click.echo(f"{name:<12} {value}")
    if audit.by_day:
        click.echo(f"\n{'UTC day':<12} {'calls':>8} {'charged':>8} {'at risk':>8}")
    for day in audit.by_day[-_DAYS_SHOWN:]:
        click.echo(f"{day.day:<12} {day.calls:>8} {day.charged:>8} {day.at_risk:>8}")
    if len(audit.by_day) > _DAYS_SHOWN:
        click.echo(f"and {len(audit.by_day) - _DAYS_SHOWN} days before")
    click.echo()
