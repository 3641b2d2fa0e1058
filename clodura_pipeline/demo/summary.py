"""Prints what the demo did, in a screenful: figures of the runs, and of the published file as an analyst reads it."""

import contextlib
import re
import tomllib
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.demo.runs import Finished
from clodura_pipeline.warehouse.frames import read

_QUESTIONS = Path(__file__).with_name("questions.toml")
# The first reason of most rejected rows is that nothing usable is left; the second says why.
_FIGURES = """
SELECT (SELECT count(*) FROM source_files WHERE status = 'loaded') AS files,
       (SELECT sum(records)::BIGINT FROM source_files WHERE status = 'loaded') AS records,
       (SELECT count(*) FROM rejected_contacts) AS rejected,
       (SELECT count(*) FROM contact_rows) AS usable,
       count(*) AS people, count(*) FILTER (match_status = 'person') AS persons,
       count(*) FILTER (match_status = 'organisation') AS organisations,
       count(*) FILTER (match_status = 'no_match') AS no_matches, persons + organisations + no_matches AS answered,
       (SELECT sum(credits_charged)::BIGINT FROM credit_usage) AS credits_charged,
       (SELECT list(times || ' × ' || reason) FROM (
            SELECT reasons[least(2, len(reasons))] AS reason, count(*) AS times FROM rejected_contacts GROUP BY 1
            ORDER BY times DESC, reason LIMIT 3)) AS reasons
FROM people
"""
_ADVICE = re.compile(": needs |, ")
Figures = dict[str, Any]


def print_summary(finished: Finished, console: Console, invite_to_ui: bool = True) -> Figures:
    """Read the published file, as any analyst would, and print the summary; returns the figures read."""

    def show(text: RenderableType, expand: bool = False) -> None:
        console.print(Padding(text, (0, 0, 0, 2), expand=expand))

    with contextlib.closing(duckdb.connect(finished.folder.database, read_only=True)) as connection:
        (figures,) = read(connection, _FIGURES).to_dicts()
        console.print()
        if not finished.called:
            show("[bold green]0 people called for, 0 credits: every person already has an answer.[/]\n")
        show(_table(finished, figures))
        console.print()
        for remark in finished.remarks:
            show(f"[yellow]![/] {escape(remark)}\n")
        show("[bold]Three questions to that file[/] (open it read-only):\n")
        for question in tomllib.loads(_QUESTIONS.read_text(encoding="utf-8"))["question"]:
            show(f"[bold]{question['text']}[/]")
            show(Syntax(question["sql"], "sql", background_color="default"), expand=True)
            show(escape(str(connection.sql(question["sql"]))))
    if invite_to_ui:
        show("See the graph and every run:     [bold]uv run clodura-pipeline demo --ui[/]")
    if finished.called:
        show("Run it again, without any call:  [bold]uv run clodura-pipeline demo[/]")
    return figures


def _table(finished: Finished, figures: Figures) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    days, answered, known = finished.days, figures["answered"], figures["usable"] - figures["people"]
    rate = f"match rate {figures['persons'] / max(answered, 1):.0%} of the {answered:,} people answered"
    again = sum(times - 1 for times in finished.call_log.calls_by_contact().values())
    # The most frequent reasons, without the advice that follows them.
    reasons = escape("\n".join(_ADVICE.split(reason)[0] for reason in figures["reasons"]))
    for name, number, note in (
        ("Rows", figures["records"], f"in {figures['files']} files of {days[0]} to {days[-1]}"),
        ("Rejected", figures["rejected"], reasons),
        ("People", figures["people"], f"in {figures['usable']:,} usable rows"),
        ("Called for", finished.called, f"{again} of them again: a better identifier after a miss" if again else ""),
        ("Matched", figures["persons"], rate),
        ("Company only", figures["organisations"], ""),
        ("No match", figures["no_matches"], ""),
        ("No answer yet", figures["people"] - answered, ""),
        ("Credits", finished.charged, _credits(finished, figures)),
        ("Saved", known * WORST_COST_CREDITS, f"credits at most: {known:,} rows are about people known already"),
    ):
        table.add_row(name, f"{number:,g}", note)
    for name, path in (("File", finished.folder.database), ("Page", finished.folder.report)):
        table.add_row(name, "", str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
    return table


def _credits(finished: Finished, figures: Figures) -> str:
    if not finished.charges_agree:
        return f"[red]charged by the ledger, but {finished.call_log.charged:,} by the sandbox's call log[/]"
    if not finished.charged:
        return f"charged now, as the sandbox's call log says; {figures['credits_charged']:,} in all"
    twice = len(finished.call_log.bought_more_than_once())
    return f"as the sandbox's call log says; {twice or 'none'} paid for twice"
