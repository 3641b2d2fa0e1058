"""`clodura-pipeline answers`: the shapes of Clodura's answers, and how each name in them was read."""

from collections import Counter, defaultdict
from datetime import UTC, datetime

import click

from clodura_pipeline.clodura.answers.fields import load_answer_fields
from clodura_pipeline.clodura.answers.reader import AnswerReader
from clodura_pipeline.clodura.verdicts import judge
from clodura_pipeline.enrichment.session import open_ledger
from clodura_pipeline.ledger import Address
from clodura_pipeline.ledger.maintenance.reread import kept_answers
from clodura_pipeline.settings import load_settings

_SHAPES_SHOWN = 10


@click.command()
@click.option("--reread", is_flag=True, help="Read kept answers again with today's parser and field names.")
@click.option("--dry-run", is_flag=True, help="With --reread: only show what would change.")
def answers(reread: bool, dry_run: bool) -> None:
    """Show the shapes of Clodura's answers.

    Shown are names, types and columns, never a value. A name that no column shows can be mapped without code in the
    TOML file that CLODURA_ANSWER_FIELDS names; then `answers --reread` reads the kept answers again, without a call.
    """
    settings = load_settings()
    reader = AnswerReader(load_answer_fields(settings.answer_fields))
    if not reread and not dry_run:
        _show_shapes(settings.ledger, reader)
        return
    with open_ledger(settings.ledger) as ledger:
        counts = ledger.reread(
            lambda raw, request: judge(raw, request, datetime.now(UTC), reader), reader.version, dry_run
        )
    if counts is None:
        click.echo("Every kept answer was read with today's parser and field names: nothing to do.")
        return
    click.echo(f"{'Would change' if dry_run else 'Done'}: {counts}.")
    if not dry_run:
        click.echo("Materialize enriched_contacts and what follows it, or start any run, to publish it.")


def _show_shapes(ledger: Address, reader: AnswerReader) -> None:
    seen: Counter[tuple[str, tuple[tuple[str, str, str | None], ...]]] = Counter()
    filled: dict[tuple[str, str], int] = defaultdict(int)
    for state, body in kept_answers(ledger):
        paths = reader.paths(body)
        seen[state, tuple((one.path, one.value_type, one.column) for one in paths if one.filled)] += 1
        for one in paths:
            filled[one.path, one.value_type] += one.filled
    total = sum(seen.values())
    click.echo(f"{total} kept answers in {len(seen)} shapes, most frequent first:")
    for (state, paths), count in seen.most_common(_SHAPES_SHOWN):
        click.echo(f"\n{count} x {state}")
        for path, value_type, column in paths:
            click.echo(f"  {path:<48} {value_type:<16} {filled[path, value_type]:>6}  {column or 'not mapped'}")
    if len(seen) > _SHAPES_SHOWN:
        click.echo(f"\nand {len(seen) - _SHAPES_SHOWN} rarer shapes")
