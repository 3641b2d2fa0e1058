"""`clodura-pipeline export`: a table or view of the published file as CSV that is safe to open in a spreadsheet."""

import contextlib
from pathlib import Path

import click
import duckdb

from clodura_pipeline.private_files import replace_file
from clodura_pipeline.settings import load_settings
from clodura_pipeline.warehouse.tables.table import quoted

# What spreadsheets take for the start of a formula, full-width forms and leading white space included.
_FORMULA = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"


@click.command()
@click.argument("name")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def export(name: str, target: Path) -> None:
    """Write a published table or view as CSV.

    NAME is a table or view, e.g. file_results or crm_updates. Text that a spreadsheet would run as a formula
    (`=HYPERLINK(...)`, `@SUM(...)`) gets an apostrophe in front: contact files and answers may hold such text.
    """
    database = load_settings().database
    if not database.is_file():
        raise click.ClickException(f"There is no published file at {database}. Start a run first.")
    if target.exists():
        raise click.ClickException(f"{target} exists already and is not overwritten. Name a new file.")
    with duckdb.connect(database, read_only=True) as connection:
        columns = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND NOT internal "
            "ORDER BY column_index",
            [name],
        ).fetchall()
        if not columns:
            known = connection.execute(
                "SELECT DISTINCT table_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1"
            ).fetchall()
            raise click.ClickException(f"There is no table or view {name}. Known: {', '.join(n for (n,) in known)}.")
        safe = ", ".join(
            f"CASE WHEN regexp_matches(\"{column}\"::VARCHAR, '{_FORMULA}') THEN '''' || \"{column}\"::VARCHAR "
            f'ELSE "{column}"::VARCHAR END AS "{column}"'
            if kind not in ("BIGINT", "INTEGER", "DOUBLE", "DATE", "BOOLEAN")
            else f'"{column}"'
            for column, kind in columns
        )
        partial = target.with_name(f".partial-{target.name}")  # the ending says whether it is packed
        try:
            connection.execute(f"COPY (SELECT {safe} FROM {name}) TO {quoted(partial)} (FORMAT csv, HEADER)")
            replace_file(partial, target, 0o600)
        except (duckdb.IOException, OSError) as error:
            raise click.ClickException(f"{target} could not be written: {error}") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    click.echo(f"{target} holds contact data: keep it safe.")
