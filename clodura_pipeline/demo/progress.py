"""Shows the progress of the demo's runs: a bar per day."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clodura_pipeline.sandbox import Sandbox

# What a step does; a step that is not named here keeps the words of the one before.
_STEPS = {
    "raw_contacts": "loading",
    "validated_and_rejected": "validating",
    "enrichment_plan": "planning",
    "clodura_responses": "calling",
    "enriched_contacts": "building tables",
    "published_database": "publishing",
}


class DayBars(Progress):
    """A bar per day. Calls are counted where they arrive, at the sandbox, whenever the bars are drawn."""

    def __init__(self, days: Sequence[str], sandbox: Sandbox, console: Console) -> None:
        # Set first: the bars are drawn once while Progress is being made.
        self._sandbox = sandbox
        self._calling: str | None = None  # the day whose people are being called for
        self._calls_before = 0
        super().__init__(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(32),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars = {day: self.add_task(day, start=False, total=None, note="") for day in days}

    def show(self, message: dict[str, Any]) -> None:
        """Show a message of the worker."""
        bar = self._bars[message["day"]]
        match message["kind"]:
            case "start":
                self.start_task(bar)
                self.update(bar, note="starting")
            case "step" if message["step"] in _STEPS:
                self.update(bar, note=_STEPS[message["step"]])
            case "plan":
                self._calls_before = len(self._sandbox.call_log.enrich_calls)
                self.update(bar, total=max(1, message["people"]))
                self._calling = message["day"]
            case "done":
                self._calling = None
                called = message["called"]
                note = f"{called} people called for" if called else "no calls needed"
                self.update(bar, total=max(1, called), completed=max(1, called), note=note)
                self.stop_task(bar)
            case "failed":
                self.update(bar, note="[red]failed[/]")

    def get_renderables(self) -> Iterable[RenderableType]:
        """Called by rich at each refresh."""
        if self._calling:
            calls = len(self._sandbox.call_log.enrich_calls) - self._calls_before
            self.update(self._bars[self._calling], completed=calls)
        return super().get_renderables()
