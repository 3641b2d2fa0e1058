"""Shows how the demo's runs go: a progress bar per day."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from clodura_pipeline.demo.work import Message
from clodura_pipeline.sandbox import Books

# What a step is doing, in words; steps that are not named here keep the words of the one before.
_DOING = {
    "raw_contacts": "loading",
    "validated_and_rejected": "validating",
    "enrichment_plan": "planning",
    "clodura_responses": "asking",
    "enriched_contacts": "building tables",
    "published_database": "publishing",
}


class Bars:
    """A progress bar per day. How many have been asked is counted where they arrive: at the sandbox."""

    def __init__(self, days: Sequence[str], books: Books, console: Console) -> None:
        self._books = books
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(32),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks = {day: self._progress.add_task(day, start=False, total=None, note="") for day in days}
        self._waiting = list(days)
        self._day = days[0]
        self._to_ask: int | None = None
        self._calls_before = 0

    def __enter__(self) -> "Bars":
        self._progress.start()
        self._start_next()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def take(self, message: Message) -> None:
        """Show a message of the worker."""
        kind = message["kind"]
        if kind == "step" and (doing := _DOING.get(message["step"])):
            self._update(note=doing)
        elif kind == "plan":
            self._to_ask = message["to_ask"]
            self._calls_before = self._calls()
            self._update(total=max(1, message["to_ask"]))
        elif kind == "done":
            self._finish(message["asked"])
        elif kind == "failed":
            self._update(note="[red]failed[/]")

    def watch(self) -> None:
        """Show how many have been asked so far."""
        if self._to_ask:
            asked = min(self._to_ask, self._calls() - self._calls_before)
            self._update(completed=asked)

    def _start_next(self) -> None:
        self._to_ask = None
        if self._waiting:
            self._day = self._waiting.pop(0)
            self._progress.start_task(self._tasks[self._day])
            self._update(note="starting")

    def _finish(self, asked: int) -> None:
        total = max(1, asked)
        self._update(total=total, completed=total, note=f"{asked} people asked" if asked else "nobody left to ask")
        self._progress.stop_task(self._task)
        self._start_next()

    @property
    def _task(self) -> TaskID:
        return self._tasks[self._day]

    def _update(self, **changes: Any) -> None:
        self._progress.update(self._task, **changes)

    def _calls(self) -> int:
        return len(self._books.view().enrich_calls)
