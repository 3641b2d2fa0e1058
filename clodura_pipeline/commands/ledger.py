"""`clodura-pipeline ledger`: checks, backs up and exports the ledger."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from clodura_pipeline.ledger.audit import Audit

_DAYS_SHOWN = 14
_FILE = click.Path(dir_okay=False, path_type=Path)
# The modules behind the commands are imported when one runs, so that --help does not wait for them.


@click.group(short_help="Check, back up or export the ledger.")
def ledger() -> None:
    """Check, back up or export the ledger: the file in CLODURA_STATE_DIR that holds every paid answer.

    All three may be used during runs.
    """


@ledger.command()
@click.argument("file", required=False, type=_FILE)
def check(file: Path | None) -> None:
    """Verify the ledger and its sums; FILE: a backup to check instead. Changes nothing."""
    from clodura_pipeline.ledger.audit import audit_file

    with _explained():
        path = file or _ledger_path()
        audit = audit_file(path)
    click.echo(f"{path}\n")
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
    """Copy the ledger to TARGET, which must not exist yet, in one consistent state."""
    from clodura_pipeline.ledger.audit import audit_file
    from clodura_pipeline.ledger.backup import backup as copy_ledger

    with _explained():
        path = _ledger_path()
        copy_ledger(path, target)
        audit = audit_file(target)
    click.echo(
        f"{target}: {audit.calls} calls, {audit.charged:g} credits, copied. It holds people's data: keep it safe.\n\n"
        "To restore it, end all runs, move ledger.sqlite, ledger.sqlite-wal and ledger.sqlite-shm out of\n"
        f"{path.parent}, copy this file there as ledger.sqlite, and run `clodura-pipeline ledger check`.\n"
        "Answers paid after this copy are not in it and would be paid for again; a published file that shows later\n"
        "answers is left unchanged until the ledger has caught up. Repeat erasures that were requested since."
    )
    if not audit.sound:
        raise click.ClickException("Its sums do not agree: see `clodura-pipeline ledger check`.")


@ledger.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--raw", is_flag=True, help="The bytes of Clodura's answers too.")
def export(folder: Path, raw: bool) -> None:
    """Write attempts, people, identifiers, readings and runs to FOLDER as Parquet, in one consistent state."""
    from clodura_pipeline.ledger.backup import export as export_ledger

    with _explained():
        counts = export_ledger(_ledger_path(), folder, raw)
    for table, count in counts.items():
        click.echo(f"{folder / table}.parquet: {count} rows")
    click.echo("They hold people's data: keep them safe.")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    from clodura_pipeline.errors import UserFixableError

    try:
        yield
    except UserFixableError as error:
        raise click.ClickException(str(error)) from None


def _ledger_path() -> Path:
    from clodura_pipeline.ledger import FILE_NAME
    from clodura_pipeline.settings import load_settings

    return load_settings().state_dir / FILE_NAME


def _show_sums(audit: "Audit") -> None:
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
    if audit.by_day:
        click.echo(f"\n{'UTC day':<12} {'calls':>8} {'charged':>8} {'at risk':>8}")
    for day in audit.by_day[-_DAYS_SHOWN:]:
        click.echo(f"{day.day:<12} {day.calls:>8} {day.charged:>8g} {day.at_risk:>8g}")
    if len(audit.by_day) > _DAYS_SHOWN:
        click.echo(f"and {len(audit.by_day) - _DAYS_SHOWN} earlier days")
    click.echo()
