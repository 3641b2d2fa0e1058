"""Prints what the demo did, in a screenful: figures of the runs, and of the published file as an analyst reads it."""

import contextlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table

from clodura_pipeline.clodura.identifiers import WORST_COST_CREDITS
from clodura_pipeline.demo.runs import Finished

_QUESTIONS = Path(__file__).with_name("questions.toml")
_ADVICE = re.compile(": needs |, ")

# The first reason of most rejected rows is that nothing usable is left; the second says why.
_REASONS = """
SELECT reason, count(*)::BIGINT AS times
FROM (SELECT reasons[least(2, len(reasons))] AS reason FROM rejected_contacts)
GROUP BY reason ORDER BY times DESC, reason LIMIT 3
"""
_COUNTS = """
SELECT (SELECT count(*) FROM source_files WHERE status = 'loaded') AS files,
       (SELECT coalesce(sum(records), 0)::BIGINT FROM source_files WHERE status = 'loaded') AS records,
       (SELECT count(*) FROM rejected_contacts) AS rejected,
       (SELECT count(*) FROM contact_rows) AS usable,
       (SELECT count(DISTINCT person_key) FROM contact_rows) AS people,
       (SELECT coalesce(sum(credits_charged), 0)::BIGINT FROM credit_usage) AS credits_charged
"""
_STATUSES = "SELECT match_status, count(DISTINCT person_key) FROM enriched_contacts GROUP BY 1"


@dataclass(frozen=True)
class Answer:
    """A question, its SQL, and what that returns."""

    question: str
    sql: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Figures:
    """The state of all contacts, over all runs."""

    files: int
    records: int
    rejected: int
    usable: int
    people: int
    credits_charged: int
    reasons: list[tuple[str, int]]
    by_status: dict[str, int]  # people
    answers: list[Answer]

    @property
    def answered(self) -> int:
        """People who have an answer: the denominator of the match rate."""
        return sum(self.by_status.get(status, 0) for status in ("person", "organisation", "no_match"))


def read_figures(database: Path) -> Figures:
    """Read the published file, as any analyst would."""
    with contextlib.closing(duckdb.connect(database, read_only=True)) as connection:
        counts = connection.execute(_COUNTS).fetchall()[0]
        reasons = connection.execute(_REASONS).fetchall()
        statuses = dict(connection.execute(_STATUSES).fetchall())
        answers: list[Answer] = []
        for question in tomllib.loads(_QUESTIONS.read_text(encoding="utf-8"))["question"]:
            result = connection.execute(question["sql"])
            columns = [column[0] for column in result.description or []]
            answers.append(Answer(question["text"], question["sql"], columns, result.fetchall()))
        return Figures(*counts, reasons=reasons, by_status=statuses, answers=answers)


def print_summary(finished: Finished, console: Console, invite_to_ui: bool = True) -> Figures:
    """Read the published file and print the summary; returns what was read."""
    figures = read_figures(finished.folder.database)

    def show(text: RenderableType, expand: bool = False) -> None:
        console.print(Padding(text, (0, 0, 0, 2), expand=expand))

    console.print()
    if not finished.called:
        show("[bold green]0 people called for, 0 credits: every person already has an answer.[/]\n")
    show(_table(finished, figures))
    console.print()
    for remark in finished.remarks:
        show(f"[yellow]![/] {escape(remark)}\n")
    show("[bold]Three questions to that file[/] (open it read-only):\n")
    for answer in figures.answers:
        show(f"[bold]{answer.question}[/]")
        show(Syntax(answer.sql, "sql", background_color="default"), expand=True)
        show(_rows(answer))
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

    def row(name: str, number: int | float | str, note: str = "") -> None:
        table.add_row(name, number if isinstance(number, str) else f"{number:,}", note)

    status, answered, known = figures.by_status, figures.answered, figures.usable - figures.people
    rate = f"match rate {status.get('person', 0) / max(answered, 1):.0%} of the {answered:,} people answered"
    again = sum(times - 1 for times in finished.call_log.calls_by_contact().values())
    row("Rows", figures.records, f"in {figures.files} files of {finished.days[0]} to {finished.days[-1]}")
    # The most frequent reasons, without the advice that follows them.
    row("Rejected", figures.rejected, escape("\n".join(f"{n} × {_ADVICE.split(why)[0]}" for why, n in figures.reasons)))
    row("People", figures.people, f"in {figures.usable:,} usable rows")
    row("Called for", finished.called, f"{again} of them again: a better identifier after a miss" if again else "")
    row("Matched", status.get("person", 0), rate if answered else "")
    row("Company only", status.get("organisation", 0))
    row("No match", status.get("no_match", 0))
    if figures.people > answered:
        row("No answer yet", figures.people - answered)
    row("Credits", f"{finished.charged:g}", _credits(finished, figures))
    row("Saved", f"≤ {known * WORST_COST_CREDITS:,}", f"credits: {known:,} rows are about people known already")
    row("Checks", finished.checks, "made, see below" if finished.remarks else "passed")
    for name, path in (("File", finished.folder.database), ("Page", finished.folder.report)):
        row(name, "", str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
    return table


def _credits(finished: Finished, figures: Figures) -> str:
    if not finished.charges_agree:
        return f"[red]charged by the ledger, but {finished.call_log.charged:,} by the sandbox's call log[/]"
    if not finished.charged:
        return f"charged now, as the sandbox's call log says; {figures.credits_charged:,} in all"
    twice = len(finished.call_log.bought_more_than_once())
    return f"as the sandbox's call log says; {twice or 'none'} paid for twice"


def _rows(answer: Answer) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(answer.columns):
        table.add_column(column, justify="right" if place else "left")
    for row in answer.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    return table
