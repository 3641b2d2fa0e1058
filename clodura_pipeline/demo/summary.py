"""Prints what the demo did, in a screenful."""

import re
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.demo.figures import QUERY, Example, Figures, read_figures
from clodura_pipeline.demo.run import Finished

_INDENT = (0, 0, 0, 2)
_ADVICE = re.compile(": needs |, ")


def print_summary(finished: Finished, console: Console, invite_to_ui: bool = True) -> Figures:
    """Read the published file and print the summary; returns what was read."""
    figures = read_figures(finished.place.database)
    console.print()
    if not finished.asked:
        console.print(
            Padding(
                "[bold green]0 people asked, 0 credits: everybody already has an answer.[/]\n", _INDENT, expand=False
            )
        )
    console.print(Padding(_table(finished, figures), _INDENT, expand=False))
    console.print()
    for remark in finished.remarks:
        console.print(Padding(f"[yellow]![/] {escape(remark)}\n", _INDENT, expand=False))
    console.print(Padding("[bold]A query to try[/] on that file (open it read-only):\n", _INDENT, expand=False))
    console.print(Padding(Syntax(QUERY, "sql", background_color="default"), _INDENT))
    console.print(Padding(_rows(figures.example), _INDENT, expand=False))
    if invite_to_ui:
        console.print(
            Padding("See the graph and every run:   [bold]uv run clodura-pipeline demo --ui[/]", _INDENT, expand=False)
        )
    if finished.asked:
        console.print(
            Padding("Run it again, asking nobody:   [bold]uv run clodura-pipeline demo[/]", _INDENT, expand=False)
        )
    return figures


def _table(finished: Finished, figures: Figures) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    people = figures.by_status
    table.add_row(
        "Rows", _number(figures.records), f"in {figures.files} files of {finished.days[0]} to {finished.days[-1]}"
    )
    table.add_row("Rejected", _number(figures.rejected), _reasons(figures))
    table.add_row("People", _number(figures.people), f"in {_number(figures.usable)} usable rows")
    table.add_row("Asked", _number(finished.asked), _asked(finished))
    table.add_row("Matched", _number(people.get("person", 0)), _rate(figures))
    table.add_row("Company only", _number(people.get("organisation", 0)), "")
    table.add_row("No match", _number(people.get("no_match", 0)), "")
    open_ones = figures.people - figures.answered
    if open_ones:
        table.add_row("No answer yet", _number(open_ones), "")
    table.add_row("Credits", _number(finished.charged), _credits(finished, figures))
    table.add_row("Saved", *_saved(figures))
    table.add_row("Checks", _number(finished.checks), "passed" if not finished.remarks else "made, see below")
    table.add_row("File", "", str(_shown(finished.place.database)))
    return table


def _reasons(figures: Figures) -> str:
    """The most frequent reasons, without the advice that follows them."""
    return escape("\n".join(f"{times} × {_ADVICE.split(reason)[0]}" for reason, times in figures.reasons))


def _asked(finished: Finished) -> str:
    again = sum(times - 1 for times in finished.books.calls_by_contact().values())
    return f"{again} of them again: a better identifier after a miss" if again else ""


def _rate(figures: Figures) -> str:
    if figures.match_rate is None:
        return ""
    return f"match rate {figures.match_rate:.0%} of the {_number(figures.answered)} people answered"


def _credits(finished: Finished, figures: Figures) -> str:
    if not finished.books_agree:
        return f"[red]charged by the ledger, but {_number(finished.books.charged)} by the sandbox's own books[/]"
    if not finished.charged:
        return f"charged now, as the sandbox's books say; {_number(figures.credits_charged)} in all"
    twice = len(finished.books.bought_more_than_once())
    return f"charged, as the sandbox's books say; {twice or 'nobody'} bought twice"


def _saved(figures: Figures) -> tuple[str, str]:
    """What rows about known people did not cost; what asking again would have cost, nobody knows exactly."""
    spared = figures.usable - figures.people
    return (
        f"≤ {_number(spared * WORST_COST_CREDITS)}",
        f"credits: {_number(spared)} rows are about people known already",
    )


def _rows(example: Example) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(example.columns):
        table.add_column(column, justify="right" if place else "left")
    for row in example.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    return table


def _number(value: int) -> str:
    return f"{value:,}"


def _shown(path: Path) -> Path:
    """The path as somebody would type it from where they are."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
